"""docs/errors.md and docs/errors.ja.md, made from the catalogue.

    python -m kairan.outcomes > docs/errors.md
    python -m kairan.outcomes ja > docs/errors.ja.md

The place of an entry in its page is its key, in both languages and for good: replies and other
people's pages point there.
"""

from collections.abc import Iterator
from datetime import date
from typing import Literal

from kairan.outcomes.catalogue import CATALOGUE, TOPICS, outcomes_of
from kairan.outcomes.dates import MILESTONES, Milestone
from kairan.outcomes.http_api import API_PROBLEMS, ApiProblem
from kairan.outcomes.outcome import PROFILES, ByToken, Outcome, Text
from kairan.outcomes.scim_endpoint import SCIM_PROBLEMS, ScimProblem
from kairan.outcomes.sources import in_japanese
from kairan.outcomes.token_endpoint import PROBLEMS, Problem

Language = Literal["en", "ja"]

_HEAD = Text(
    en="""\
# Every refusal, its causes and its remedies

([日本語](errors.ja.md)) Find the code of the reply, then its words: several refusals share a code. The key is what logs and
traces call it. Or give `kairan doctor explain` the whole line. Made from the catalogue by `python -m kairan.outcomes`.
""",
    ja="""\
# 拒否応答の一覧：原因と対処

（[English](errors.md)）応答のコードを探し、次に文面を照合してください。同じコードを複数の応答が使うことがあります。キーは、
ログと追跡での呼び名です。応答の行全体を `kairan doctor explain` に渡して調べることもできます。このページは
`python -m kairan.outcomes ja` で作成されています。
""",
)
_TABLE = Text(
    en="## By code\n\n| code | key | words |\n|---|---|---|",
    ja="## コード順の一覧\n\n| コード | キー | 文面 |\n|---|---|---|",
)
_TITLES = {
    "connection": "リスナー、TLS、セッション",
    "commands": "順序が違う、未知の、または書式が誤っているコマンド",
    "authentication": "パスワードによるログインと、その前にある制御",
    "oauth": "トークンによるログイン（XOAUTH2、High Volume Email の新旧両方のコード）",
    "sender": "送信者：エンベロープの送信者と From ヘッダー",
    "recipients": "受信者と、送信が制限されたグループ",
    "lists": "リストの規則：サイズ、承認、送信時間帯",
    "message": "メッセージ自体の問題",
    "limits": "量と速度の制限：アカウント、サーバー、Exchange Online",
    "delivery": "受け付けた後に配信できなかったメッセージ（追跡と配信不能通知の文面）",
    "peers": "次のサーバーの応答（追跡と配信不能通知の文面）",
    "exchange": "Exchange Online だけが返す応答：組織、送信者、Exchange Online 自体の問題",
    "clients": "ログインを始められなかったクライアント側のメッセージ",
    "upstream": "アカウントでログインして送信する先のサービス（High Volume Email など、追跡とキューの文面）",
    "handshakes": "失敗した TLS ハンドシェイク（クライアントには応答できないため、ログに記録）",
}
_CAUSES = Text("Causes", "原因")
_REMEDIES = Text("Remedies", "対処")
_WITH_TOKEN = Text("Where it was a token (XOAUTH2)", "トークン（XOAUTH2）の場合")
_SOURCE = Text("Source", "出典")
_EDITION = Text("Edition", "版")
_TOKEN_ENDPOINT = Text(
    en="""
## When the issuer gives no token

The service's own issuer answers with `error` and `error_description` (RFC 6749 section 5.2).

| error | HTTP | what it says | what to do |
|---|---|---|---|""",
    ja="""
## 発行者がトークンを発行しない場合

本サービスの発行者は `error` と `error_description` で応答します（RFC 6749 section 5.2）。

| error | HTTP | 意味 | 対処 |
|---|---|---|---|""",
)
_SCIM_ENDPOINT = Text(
    en="""
## When the SCIM endpoint makes no change

Who pushes people and groups gets an error of RFC 7644 section 3.12; Entra shows its `detail` in the provisioning log.

| key | HTTP | scimType | what it says | what to do |
|---|---|---|---|---|""",
    ja="""
## SCIM エンドポイントが変更を受け付けない場合

ユーザーとグループのプロビジョニング元には RFC 7644 section 3.12 のエラーを返します。Entra ではプロビジョニング ログに `detail` が表示されます。

| キー | HTTP | scimType | 意味 | 対処 |
|---|---|---|---|---|""",
)
_HTTP_API = Text(
    en="""
## When the HTTP API does not do what was asked

The answer is a problem document (RFC 9457) with `key`, causes and remedies. A message that is refused has the key and the code of the
entries above.

| key | HTTP | what it says | what to do |
|---|---|---|---|""",
    ja="""
## HTTP API が要求を実行しない場合

応答は `key`、原因、対処を含む problem document（RFC 9457）です。メッセージの拒否では、上記の項目のキーとコードを返します。

| キー | HTTP | 意味 | 対処 |
|---|---|---|---|""",
)
_DATES = Text(
    en="\n## Dates\n\n| from | what | source |\n|---|---|---|",
    ja="\n## 日程\n\n| 開始日 | 内容 | 出典 |\n|---|---|---|",
)
_OPEN = Text("open", "未定")
_AS_OF = Text("as of", "確認日")


def page(language: Language) -> str:
    """The whole reference page, ending in a newline."""
    return "\n".join(_lines(language)) + "\n"


def _lines(language: Language) -> Iterator[str]:
    yield _in(_HEAD, language)
    yield _in(_TABLE, language)
    yield from map(_row, sorted(CATALOGUE.values(), key=lambda one: (one.code, one.enhanced)))
    for topic in TOPICS:
        assert topic.__doc__
        title = topic.__doc__.splitlines()[0].rstrip(".")
        yield f"\n## {title if language == 'en' else _TITLES[topic.__name__.rpartition('.')[2]]}"
        for outcome in outcomes_of(topic):
            yield from _outcome_lines(outcome, language)
    yield _in(_TOKEN_ENDPOINT, language)
    yield from (_problem_line(problem, language) for problem in PROBLEMS)
    yield _in(_SCIM_ENDPOINT, language)
    yield from (_scim_problem_line(problem, language) for problem in SCIM_PROBLEMS)
    yield _in(_HTTP_API, language)
    yield from (_api_problem_line(problem, language) for problem in API_PROBLEMS)
    yield _in(_DATES, language)
    yield from (_milestone_line(milestone, language) for milestone in MILESTONES)


def _row(outcome: Outcome) -> str:
    words = outcome.text.replace("|", "\\|").replace("<", "\\<")
    return f"| `{outcome.code} {outcome.enhanced}` | [{outcome.key}](#{outcome.key}) | {words} |"


def _outcome_lines(outcome: Outcome, language: Language) -> Iterator[str]:
    yield f'\n<a id="{outcome.key}"></a>\n'
    yield f"### `{outcome.code} {outcome.enhanced}` {outcome.key}\n"
    yield f"    {outcome.reply}\n"
    yield f"{_in(outcome.when, language)}\n"
    yield from _numbered(_CAUSES, outcome.causes, language)
    yield from _numbered(_REMEDIES, outcome.remedies, language)
    if outcome.by_token:
        yield from _by_token_lines(outcome.by_token, language)
    editions = ", ".join(outcome.profiles)
    edition = "" if outcome.profiles == PROFILES else f" {_in(_EDITION, language)}: {editions}."
    yield f"\n*{_in(_SOURCE, language)}: {_source(outcome.source, language)}.{edition}*"


def _numbered(title: Text, texts: tuple[Text, ...], language: Language) -> Iterator[str]:
    yield f"- **{_in(title, language)}**"
    yield from (f"    {n}. {_in(text, language)}" for n, text in enumerate(texts, 1))


def _by_token_lines(by_token: ByToken, language: Language) -> Iterator[str]:
    yield f"- **{_in(_WITH_TOKEN, language)}**: {_in(by_token.when, language)}"
    texts = (*by_token.causes, *by_token.remedies)
    yield from (f"    {n}. {_in(text, language)}" for n, text in enumerate(texts, 1))


def _in(text: Text, language: Language) -> str:
    return text.ja if language == "ja" else text.en


def _source(source: str, language: Language) -> str:
    return in_japanese(source) if language == "ja" else source


def _problem_line(problem: Problem, language: Language) -> str:
    name = f'<a id="{problem.key}"></a>`{problem.error}`'
    what, remedy = _in(problem.what, language), _in(problem.remedy, language)
    return f"| {name} | {problem.status} | {what} | {remedy} |"


def _scim_problem_line(problem: ScimProblem, language: Language) -> str:
    name = f'<a id="{problem.key}"></a>`{problem.key}`'
    kind = f"`{problem.scim_type}`" if problem.scim_type else ""
    what, remedy = _in(problem.what, language), _in(problem.remedy, language)
    return f"| {name} | {problem.status} | {kind} | {what} | {remedy} |"


def _api_problem_line(problem: ApiProblem, language: Language) -> str:
    name = f'<a id="{problem.key}"></a>`{problem.key}`'
    what, remedy = _in(problem.what, language), _in(problem.remedy, language)
    return f"| {name} | {problem.status} | {what} | {remedy} |"


def _milestone_line(milestone: Milestone, language: Language) -> str:
    is_open = milestone.earliest == date.max
    day = _in(_OPEN, language) if is_open else milestone.earliest.isoformat()
    source = f"{_source(milestone.source, language)} ({_in(_AS_OF, language)} {milestone.as_of.isoformat()})"
    return f"| {f'~~{day}~~' if milestone.withdrawn else day} | {_in(milestone.what, language)} | {source} |"
