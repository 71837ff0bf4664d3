"""Who writes logs, how we know, and where each says whose message it was."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
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


class FormatName(StrEnum):
    """What can be asked for; AUTO looks."""

    AUTO = "auto"
    POSTFIX = "postfix"
    SENDMAIL = "sendmail"
    EXIM = "exim"
    MSMTP = "msmtp"
    SSMTP = "ssmtp"
    KAIRAN = "kairan"
    DOTNET = "dotnet"
    JAVA = "java"
    PYTHON = "python"
    NODEMAILER = "nodemailer"
    PHPMAILER = "phpmailer"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class LogFormat:
    """`marks`: what its lines look like; `accounts`: where they name the account or sender.

    `failure`: a line that reports a failure, with or without a reply; what follows `label` is told
    of it.  `words`: one of them is in each such line that may have no code.
    """

    name: str
    marks: re.Pattern[bytes]
    accounts: tuple[re.Pattern[str], ...] = (_SEND_AS, _LOGIN, _SENDER)
    failure: re.Pattern[str] | None = None
    words: tuple[bytes, ...] = ()


FORMATS: Mapping[str, LogFormat] = {
    one.name: one
    for one in (
        LogFormat(
            FormatName.POSTFIX,
            re.compile(rb"postfix[\w./-]*\[\d+\]: "),
            (_SEND_AS, _SASL, _REJECTED, _SENDER),
            re.compile(
                r"(?P<label>SASL [\w-]{0,20} ?authentication fail(?:ure|ed))"
                r"|status=(?P<status>deferred|bounced|expired|undeliverable)"
                r"|\]: (?P<fatal>fatal|panic): "
                r"|(?P<handshake>SSL_(?:accept|connect) error)"
            ),
            (
                b" authentication fail",
                b"]: fatal: ",
                b"]: panic: ",
                b"SSL_accept error",
                b"SSL_connect error",
            ),
        ),
        LogFormat(
            FormatName.SENDMAIL,
            re.compile(rb"(?:sendmail|sm-mta|sm-msp-queue)\[\d+\]: "),
            failure=re.compile(r"stat=(?P<label>(?!Sent|queued)[\w -]{1,40})"),
        ),
        LogFormat(
            FormatName.EXIM,
            re.compile(
                rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?(?: [+-]\d{4})?(?: \[\d{1,9}\])? "
                rb"(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4} |H=|SMTP |login authenticator)"
            ),
            # Exim's specification, chapter 52, and the words of its receive.c, acl.c and deliver.c.
            failure=re.compile(
                r" (?P<label>(?:temporarily )?rejected (?:after DATA|by [\w -]{1,30}|connection|[A-Z]{4}\b))"
                r"| \*\* (?P<failed>\S{1,320}(?: <\S{1,320}>)? [A-Z]=)"
                r"| == \S{1,320} [^\r\n]{0,400}?(?P<deferred>defer \(-?\d{1,4}\))"
                r"|(?P<login>authenticator failed)"
            ),
            words=(b" rejected ", b" ** ", b" defer (", b"authenticator failed"),
        ),
        LogFormat(
            FormatName.MSMTP,
            re.compile(rb"\bhost=\S+ tls=(?:on|off) auth=(?:on|off) "),
            failure=re.compile(r"exitcode=(?P<label>EX_(?!OK\b)\w{1,20})"),
            words=(b"exitcode=EX_",),
        ),
        LogFormat(
            FormatName.SSMTP,
            re.compile(rb"\bs(?:SMTP|smtp)\[\d+\]: "),
            # As ssmtp.c ends when it has not sent.
            failure=re.compile(
                r"\bs(?:SMTP|smtp)\[\d+\]: (?P<label>Cannot open|Unable to [a-z]{1,10}|Connection lost|Timeout"
                r"|Invalid response|(?:SSL|STARTTLS) not working|Server didn't [a-z]{1,8}|Authorization failed)"
            ),
            words=(b"sSMTP[", b"ssmtp["),
        ),
        LogFormat(
            FormatName.KAIRAN,
            re.compile(
                rb"\btime=[\dT:.-]+Z level=\w+ event=|\"event\": \"(?:REFUSE|DEFER|FAIL)\""
                rb"|\"what\": \"login|\"MESSAGE\":\[\d"
            ),
            words=(b" rule=", b'"rule": ', b" event=delivery.tried ", b'"MESSAGE":['),
        ),
        LogFormat(
            FormatName.DOTNET,
            re.compile(
                rb"System\.Net\.Mail\.|MailKit\.|SmtpCommandException|   at [\w.]+\(.*\) in "
            ),
            failure=re.compile(
                r"(?:System\.Net\.Mail|MailKit(?:\.\w{1,20}){0,3})\.(?P<label>\w{1,60}Exception)\b"
            ),
            words=(b"System.Net.Mail.", b"MailKit."),
        ),
        LogFormat(
            FormatName.JAVA,
            re.compile(rb"(?:jakarta|javax)\.mail\.|com\.sun\.mail|org\.eclipse\.angus|\n\tat "),
            failure=re.compile(
                r"(?:(?:jakarta|javax)\.mail|com\.sun\.mail|org\.eclipse\.angus)(?:\.[a-z]{1,20}){0,4}"
                r"\.(?P<label>\w{1,60}Exception)\b"
            ),
            words=(b".mail.", b"org.eclipse.angus."),
        ),
        LogFormat(
            FormatName.PYTHON,
            re.compile(rb"smtplib\.|Traceback \(most recent call last\)"),
            failure=re.compile(r"smtplib\.(?P<label>SMTP[A-Z][a-z]\w{1,60})\b"),
            words=(b"smtplib.SMTP",),
        ),
        LogFormat(
            FormatName.NODEMAILER,
            re.compile(rb"nodemailer|responseCode: \d|ESOCKET|EAUTH|    at .*\.js:\d"),
            failure=re.compile(r"code: '(?P<label>E[A-Z\d]{2,20})'"),
            words=(b"code: 'E",),
        ),
        LogFormat(
            FormatName.PHPMAILER,
            re.compile(
                rb"SERVER -(?:>|&gt;) CLIENT:|CLIENT -(?:>|&gt;) SERVER:|SMTP E(?:RROR|rror): "
            ),
            failure=re.compile(
                r"SMTP (?:ERROR|Error): (?P<label>Failed to connect|Could not (?:connect|authenticate)"
                r"|data not accepted|The following \w{1,10}|[A-Z][\w ]{1,20} command failed)"
                r"|(?P<connect>SMTP connect\(\) failed)"
            ),
            words=(b"SMTP ERROR: ", b"SMTP Error: ", b"SMTP connect() failed"),
        ),
        LogFormat(
            FormatName.CSV,
            re.compile(
                rb"\A(?:\xef\xbb\xbf)?[^\r\n]{0,400}[,;\t][^\r\n]{0,400}\r?\n(?=[^\r\n]*[,;\t])"
            ),
        ),
    )
}
ANY = LogFormat(
    "mixed",
    re.compile(rb""),
    (_SEND_AS, _REJECTED, _LOGIN, _SENDER),
    words=tuple(dict.fromkeys(word for one in FORMATS.values() for word in one.words)),
)

# A handful of marks tells; a CSV is known by its first line alone, so it is asked last.
_MARKS_COUNTED = 50
_SAMPLE_OCTETS = 256 * 1024


def detect(head: bytes) -> LogFormat:
    """By what the log's beginning holds most of; two kinds in one file are `mixed`."""
    sample = head[:_SAMPLE_OCTETS]
    counts = {
        name: _count(one.marks, sample) for name, one in FORMATS.items() if name != FormatName.CSV
    }
    name, most = max(counts.items(), key=lambda item: item[1])
    if most:
        others = sum(counts.values()) - most
        return FORMATS[name] if others < most / 4 else ANY
    return FORMATS[FormatName.CSV] if _has_columns(sample) else ANY


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


def failure_in(line: str, log: LogFormat) -> re.Match[str] | None:
    """What a line reports as failed; in a log of several formats, by the format of the line."""
    if log.failure is not None:
        return log.failure.search(line)
    if log is not ANY:
        return None
    marked = (one for one in FORMATS.values() if any(word.decode() in line for word in one.words))
    found = (one.failure.search(line) for one in marked if one.failure)
    return next((one for one in found if one), None)
