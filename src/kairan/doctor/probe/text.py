"""A probe as a person reads it, line by line, and as a program does."""

from collections.abc import Iterator, Mapping
from typing import Any

from kairan.doctor.answer import Language, Line, Verdict, say
from kairan.doctor.probe.step import ProbeMeaning, ProbeReport, ProbeStep, StepMark
from kairan.outcomes.outcome import Text

_NAMES: Mapping[str, Text] = {
    "name": Text("name resolution", "名前解決"),
    "connect": Text("TCP connection", "TCP 接続"),
    "greeting": Text("greeting", "最初の応答"),
    "ehlo": Text("EHLO", "EHLO"),
    "starttls": Text("STARTTLS", "STARTTLS"),
    "certificate": Text("certificate", "証明書"),
    "tls": Text("TLS", "TLS"),
    "ehlo-tls": Text("EHLO after TLS", "TLS 後の EHLO"),
    "mechanisms": Text("login offered", "認証方式"),
    "token": Text("getting a token", "トークン取得"),
    "auth": Text("login", "ログイン"),
    "mail": Text("sender", "送信者"),
    "rcpt": Text("recipient", "受信者"),
    "message": Text("test message", "テスト メッセージ"),
    "quit": Text("QUIT", "QUIT"),
}
_MARKS: Mapping[StepMark, tuple[Text, str]] = {
    StepMark.OK: (Text("ok", "正常"), "green"),
    StepMark.WARNING: (Text("warning", "警告"), "yellow"),
    StepMark.PROBLEM: (Text("PROBLEM", "問題"), "bold red"),
    StepMark.UNCLEAR: (Text("unclear", "不明"), "yellow"),
    StepMark.SKIPPED: (Text("skipped", "未実施"), "dim"),
}
_VERDICTS: Mapping[Verdict, tuple[Text, str]] = {
    Verdict.HEALTHY: (
        Text("Healthy, as far as was asked.", "調べた範囲では正常です。"),
        "bold green",
    ),
    Verdict.PROBLEM: (Text("A problem was found.", "問題が見つかりました。"), "bold red"),
    Verdict.UNCLEAR: (Text("It could not be told.", "判定できませんでした。"), "bold yellow"),
}
_CAUSES = Text("Likely causes", "考えられる原因")
_REMEDIES = Text("What to do", "対処")
_MARK_COLUMNS = 8


def lines_of(report: ProbeReport, language: Language) -> Iterator[Line]:
    yield Line(f"{report.host}:{report.port}", "bold")
    for step in report.steps:
        yield _step_line(step, language)
    for step in report.steps:
        for meaning in step.meanings:
            yield from _meaning_lines(step, meaning, language)
    text, style = _VERDICTS[report.verdict]
    yield Line("")
    yield Line(say(text, language), style)


def record_of(report: ProbeReport, language: Language) -> dict[str, Any]:
    return {
        "host": report.host,
        "port": report.port,
        "verdict": report.verdict.name.lower(),
        "steps": [_step_record(step, language) for step in report.steps],
    }


def _step_line(step: ProbeStep, language: Language) -> Line:
    text, style = _MARKS[step.mark]
    time = "" if step.mark is StepMark.SKIPPED else f"{step.milliseconds:.0f} ms"
    line = f"{say(text, language):<{_MARK_COLUMNS}} {time:>9}  {say(_NAMES[step.name], language)}"
    return Line(f"{line}: {step.said}" if step.said else line, style)


def _meaning_lines(step: ProbeStep, meaning: ProbeMeaning, language: Language) -> Iterator[Line]:
    yield Line("")
    yield Line(
        f"{say(_NAMES[step.name], language)} [{meaning.key}]: {say(meaning.when, language)}", "bold"
    )
    for title, texts in ((_CAUSES, meaning.causes), (_REMEDIES, meaning.remedies)):
        if texts:
            yield Line(f"  {say(title, language)}:")
            yield from (Line(f"    - {say(text, language)}") for text in texts)


def _step_record(step: ProbeStep, language: Language) -> dict[str, Any]:
    return {
        "step": step.name,
        "verdict": step.mark.value,
        "milliseconds": round(step.milliseconds, 1),
        "said": step.said,
        "meaning": [
            {
                "key": meaning.key,
                "when": say(meaning.when, language),
                "causes": [say(text, language) for text in meaning.causes],
                "remedies": [say(text, language) for text in meaning.remedies],
            }
            for meaning in step.meanings
        ],
    }
