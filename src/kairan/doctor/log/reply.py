"""What a line of a log says was refused: its reply, or the fault of the network, and the cause.

A number alone is no reply: versions, addresses, sizes and HTTP have the same shape.  Two codes side
by side are one; an enhanced code alone needs a word of refusal on its line, a basic code alone a
word right before it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from kairan.doctor.log.find import NETWORK_WORDS, TOKEN_REFUSED
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.classify.classify import classify
from kairan.outcomes.entra import refusals_in
from kairan.runtime.kept import kept

# Each pattern begins with the digit itself, which `re` skips to; what must not stand before it is
# looked at behind it.  The other way round costs ten times as much.
_SUBJECT_DETAIL = r"\.[0-7]\.\d{1,3}(?![\d.]*\d)"
_BOTH = re.compile(
    rf"[45](?<![\d.][45])\d\d(?:[ \-:,;#'\"(|]|b(?=['\"])){{1,6}}[45]{_SUBJECT_DETAIL}"
)
_ENHANCED = re.compile(rf"[45](?<![\d.\w/-][45])(?<!dsn=[45])(?<!ersion [45]){_SUBJECT_DETAIL}")
_DSN = re.compile(rf"dsn=\"?[45]{_SUBJECT_DETAIL}")
_OF_REFUSAL = [
    "dsn=",
    "stat=",
    "status=",
    "said",
    "respon",
    "repl",
    "smtp",
    "mail",
    "reject",
    "refus",
    "denied",
    "recipient",
    "sender",
    "authenticat",
    "unsuccessful",
    "認証",
    "送信",
]
# Basic codes that SMTP has.  Those that HTTP has too need mail to be named on the line.
_CODES = frozenset(
    map(
        str, (421, 430, *range(432, 433), *range(441, 459), 471, *range(500, 505), *range(521, 539))
    )
) | frozenset(map(str, (*range(550, 556), 571)))
_CODE = re.compile(r"[45](?<![\w.:-][45])\d\d(?=[ \-:,;)'\"]|$)")
_BEFORE_CODE = re.compile(
    r"(?:(?:said|repl(?:y|ied)|respon[sd]\w*|returned|server|smtp\w*|error|reject\w*|refused to talk to me|login|fail\w*|"
    r"code|exception|status|msg)\b[^0-9\r\n]{0,16}|^\W{0,8}|[<>]{2,3} ?|<[-*~=]{1,3} ?|\(|S: )$",
    re.IGNORECASE,
)
# A version has its product's name before it: "MailKit 4.3.0".
_BEFORE_ENHANCED = re.compile(
    r"(?:[:(<'\"#=\[|,;\-]|^|said|code|status|error|dsn|returned|response)\s*$", re.IGNORECASE
)
# An excerpt of a dialogue: the server's side, as clients and people write it.
_IN_DIALOGUE = re.compile(r"(?:<[-*~=<]{1,3}|\b(?:S|[Ss]erver|SERVER(?: -> CLIENT)?):) ?$")
_BEFORE_CSV_CODE = re.compile(r"(?:SMTP|error|ERR|エラー)\D{0,20}$", re.IGNORECASE)
_BEFORE_CHARACTERS = 40
_HTTP_TOO = frozenset({"421", "451", "500", "501", "502", "503", "504"})
_OF_MAIL = re.compile(
    r"smtp|mail|rcpt|postfix|refused to talk to me|invalid login|AUTH |:(?:25|465|587)\b|port(?:\W{1,3}|\s)(?:25|465|587)\b",
    re.IGNORECASE,
)

_OF_HTTP = re.compile(r"\bHTTP|\b(?:GET|POST|PUT) ")

_COMMAND_UNKNOWN = ("500", "502")
_AROUND_AUTH = 400

# Our own lines name the rule.
_RULE = re.compile(
    r"\brule=(?P<key>[a-z0-9-]+)|\"detail\": \"(?P<detail>[a-z0-9-]+) (?:at=\S+ )?reply="
)
GOOD_NEWS = (b"status=sent", b"stat=Sent", b"status=delivered")

NETWORK_CAUSES = frozenset(
    {
        "name-lookup-failed",
        "peer-unreachable",
        "peer-dropped",
        "peer-tls-failed",
        "greeting-never-came",
        "tls-before-starttls",
        "starttls-required",
    }
)
_TOKEN_REFUSED = TOKEN_REFUSED.decode()
_NETWORK = tuple(word.decode() for word in NETWORK_WORDS)
# Phrases as the catalogue knows them stand close around the word that was found.
_AROUND_CHARACTERS = 120

# Different kinds of reply, of at most _TELLING_CHARACTERS each: a large site's log of a year has
# some hundreds.
_KINDS_KEPT = 4_096
_TELLING_CHARACTERS = 300
# Exchange puts host, time and session there, Postfix a peer's address; what follows may tell.
_IN_BRACKETS = re.compile(r"\[[^\]]*\]?")
_VARIABLE = re.compile(r"\S*[@<>]\S*")
_CODES_CHARACTERS = 16  # "550-5.7.705 " and what Python puts between; behind it figures vary
# The spam filter's verdict (AS780090) is the one number behind the codes that means something.
_SPAM_FILTER = "(AS"
_NO_DIGITS = {ord(digit): None for digit in "0123456789"}


@dataclass(frozen=True, slots=True)
class LineReply:
    """`cause`: a key of the catalogue, or the codes as they stand; `at`: where the reply begins.

    `is_of_mail`: False for a fault of the network that may be another program's.
    """

    cause: str
    at: int
    is_of_mail: bool = True


def said_in(line: str, *, near: Callable[[], str], is_csv: bool) -> LineReply | None:
    """None: no refusal.  `near`: what the line goes on from, asked only for a network fault."""
    rule = _RULE.search(line) if "rule=" in line or '"detail"' in line else None
    if rule and (key := rule["key"] or rule["detail"]) in CATALOGUE:
        return LineReply(key, rule.start())
    if _TOKEN_REFUSED in line and (token := next(refusals_in(line), None)):
        return LineReply(token.outcome.key, line.index(_TOKEN_REFUSED))
    at = _reply_at(line, is_csv=is_csv)
    if at is not None:
        cause = cause_of_reply(line[at : at + _TELLING_CHARACTERS])
        return LineReply(_cause_at_auth(line, at, near) or cause, at)
    return _network(line, near)


def _reply_at(line: str, *, is_csv: bool) -> int | None:
    if both := _BOTH.search(line):
        return both.start()
    lower = line.lower()
    if any(word in lower for word in _OF_REFUSAL):
        for enhanced in _ENHANCED.finditer(line):
            before = line[max(0, enhanced.start() - _BEFORE_CHARACTERS) : enhanced.start()]
            if _BEFORE_ENHANCED.search(before):
                return enhanced.start()
        if dsn := _DSN.search(line):
            return dsn.start()
    return _basic_at(line, is_csv=is_csv)


def _basic_at(line: str, *, is_csv: bool) -> int | None:
    for found in _CODE.finditer(line):
        code, at = found[0], found.start()
        before = line[max(0, at - _BEFORE_CHARACTERS) : at]
        is_of_mail = code not in _HTTP_TOO or _is_of_mail(line) or _IN_DIALOGUE.search(before)
        names_it = _BEFORE_CODE.search(before) or (is_csv and _BEFORE_CSV_CODE.search(before))
        if code in _CODES and is_of_mail and names_it:
            return at
    return None


def _cause_at_auth(line: str, at: int, near: Callable[[], str]) -> str:
    """That a reply answers AUTH stands before it, in a dialogue on the line above."""
    if not line.startswith(_COMMAND_UNKNOWN, at):
        return ""
    above = near().rstrip("\r\n").rpartition("\n")[2]
    judged = classify(f"{above}\n{line[max(0, at - _AROUND_AUTH) : at + _TELLING_CHARACTERS]}")
    return judged.key if judged.part.lacks_auth else ""


def _is_of_mail(line: str) -> bool:
    return bool(_OF_MAIL.search(line)) and not _OF_HTTP.search(line)


def cause_of_reply(reply: str) -> str:
    """Replies of one kind are judged once; what differs in each is left out of the comparison."""
    kind = _IN_BRACKETS.sub("", reply) if "[" in reply else reply
    if "<" in kind or "@" in kind:
        kind = _VARIABLE.sub("", kind)
    if _SPAM_FILTER not in kind:
        kind = reply[:_CODES_CHARACTERS] + kind[_CODES_CHARACTERS:].translate(_NO_DIGITS)
    cause = _kept.get(kind)
    if cause is None:
        if len(_kept) >= _KINDS_KEPT:
            _kept.clear()  # hardly ever; starting again costs less than keeping an order
        cause = _kept[kind] = _judge(reply)
    return cause


_kept: dict[str, str] = {}


def _judge(reply: str) -> str:
    judged = classify(reply)
    code = "" if judged.part.code is None else str(judged.part.code)
    return judged.decided or f"{code} {judged.part.enhanced}".strip() or "?"


def _network(line: str, near: Callable[[], str]) -> LineReply | None:
    found = next((at for word in _NETWORK if (at := line.find(word)) >= 0), None)
    if found is None:
        return None
    around = line[max(0, found - _AROUND_CHARACTERS) : found + _AROUND_CHARACTERS]
    key = network_cause(around)
    if not key:
        return None
    is_of_mail = bool(_OF_MAIL.search(line) or _OF_MAIL.search(near()))
    return LineReply(key, found, is_of_mail)


@kept(octets=4 * 1024 * 1024, key_octets=2 * _AROUND_CHARACTERS + 64)
def network_cause(around: str) -> str:
    """Of that many characters around a word of the network's; empty: none of them."""
    keys = classify(around).keys
    return next((key for key in keys if key in NETWORK_CAUSES), "")
