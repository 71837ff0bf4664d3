"""Who writes logs, how we know, and where each says whose message it was."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

_ADDRESS = r"(?P<who>[^\s<>@\"',;=()\[\]]{1,64}@[^\s<>@\"',;:()\[\]\\]{1,255})"

# Tried in this order on the refusal's own line: who logged in says more than who is named as sender.
# The first character stands alone, so that `re` can skip to it; and what is rare has a hint,
# without which its pattern is not tried.
_LOGIN = re.compile(
    r"[sSaAuUlL](?<!\w[sSaAuUlL])(?i:asl_username|ccount|ser(?:[-_ ]?name)?|ogin)"
    rf"[\"']?[=: ]+[\"'<]?{_ADDRESS}"
)
_SENDER = re.compile(
    r"[fFsSmMe](?<!\w[fFsSmMe])(?i:rom|ender|ail ?from|nvelope-from)"
    rf"[\"']?[=: ]+[\"'<]*{_ADDRESS}"
)
_SASL = re.compile(rf"sasl_username={_ADDRESS}")
_REJECTED = re.compile(rf"<{_ADDRESS}>: Sender address rejected")
_SEND_AS = re.compile(rf"{_ADDRESS} not allowed to send as")
_HINTS: Mapping[re.Pattern[str], str] = {
    _SASL: "sasl_username",
    _REJECTED: "Sender address rejected",
    _SEND_AS: "not allowed to send as",
}


@dataclass(frozen=True, slots=True)
class Format:
    """`marks`: what its lines look like; `accounts`: where they name the account or sender."""

    name: str
    marks: re.Pattern[bytes]
    accounts: tuple[re.Pattern[str], ...] = (_SEND_AS, _LOGIN, _SENDER)


FORMATS: Mapping[str, Format] = {
    one.name: one
    for one in (
        Format(
            "postfix",
            re.compile(rb"postfix[\w./-]*\[\d+\]: "),
            (_SEND_AS, _SASL, _REJECTED, _SENDER),
        ),
        Format("sendmail", re.compile(rb"(?:sendmail|sm-mta|sm-msp-queue)\[\d+\]: ")),
        Format("msmtp", re.compile(rb"\bhost=\S+ tls=(?:on|off) auth=(?:on|off) ")),
        Format(
            "kairan",
            re.compile(
                rb"^time=\S+ level=\w+ event=|\"event\": \"(?:REFUSE|DEFER|FAIL)\"", re.MULTILINE
            ),
        ),
        Format(
            "dotnet",
            re.compile(
                rb"System\.Net\.Mail\.|MailKit\.|SmtpCommandException|   at [\w.]+\(.*\) in "
            ),
        ),
        Format(
            "java",
            re.compile(rb"(?:jakarta|javax)\.mail\.|com\.sun\.mail|org\.eclipse\.angus|\n\tat "),
        ),
        Format("python", re.compile(rb"smtplib\.|Traceback \(most recent call last\)")),
        Format(
            "nodemailer", re.compile(rb"nodemailer|responseCode: \d|ESOCKET|EAUTH|    at .*\.js:\d")
        ),
        Format(
            "csv",
            re.compile(
                rb"\A(?:\xef\xbb\xbf)?[^\r\n]{0,400}[,;\t][^\r\n]{0,400}\r?\n(?=[^\r\n]*[,;\t])"
            ),
        ),
    )
}
AUTO = "auto"
ANY = Format("mixed", re.compile(rb""), (_SEND_AS, _REJECTED, _LOGIN, _SENDER))

# A handful of marks tells; a CSV is known by its first line alone, so it is asked last.
_MARKS_COUNTED = 50
_SAMPLE_OCTETS = 256 * 1024


def detect(head: bytes) -> Format:
    """By what the log's beginning holds most of; two kinds in one file are `mixed`."""
    sample = head[:_SAMPLE_OCTETS]
    counts = {name: _count(one.marks, sample) for name, one in FORMATS.items() if name != "csv"}
    name, most = max(counts.items(), key=lambda item: item[1])
    if most:
        others = sum(counts.values()) - most
        return FORMATS[name] if others < most / 4 else ANY
    return FORMATS["csv"] if _has_columns(sample) else ANY


def _count(marks: re.Pattern[bytes], sample: bytes) -> int:
    return sum(1 for _ in islice(marks.finditer(sample), _MARKS_COUNTED))


def _has_columns(sample: bytes) -> bool:
    """The same number of separators, two at least, in its first two lines."""
    first, second = [*sample.split(b"\n", 2), b"", b""][:2]
    return any(
        2 <= first.count(separator) <= second.count(separator) for separator in (b",", b";", b"\t")
    )


def account_in(line: str, patterns: tuple[re.Pattern[str], ...]) -> str:
    if "@" not in line:
        return ""
    for pattern in patterns:
        if _HINTS.get(pattern, "") in line and (found := pattern.search(line)):
            return found["who"].rstrip(".").lower()
    return ""
