"""What both servers are asked, step by step.

The words are chosen to show how a server refuses, and to leave nothing behind: no password is
guessed, no message is begun, nothing is sent to anybody, but for the last steps, which need
`--send`.  A step that needs what there is not (TLS, a login, a recipient) is left out.

`{user}`, `{domain}`, `{to}` are the login, its domain, the recipient; `^A` stands for byte 0x01 and
is encoded in base64 with the rest of the word that begins with `b64:`.
"""

from dataclasses import dataclass
from enum import Enum


class Action(Enum):
    GREETING = "greeting"  # listen
    LINE = "line"  # send `line`
    STARTTLS = "starttls"
    LOGIN = "login"  # never shown
    MESSAGE = "message"  # DATA and a message


class Needs(Enum):
    NOTHING = 0
    TLS = 1
    LOGIN = 2
    SEND = 3


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    line: str = ""
    action: Action = Action.LINE
    needs: Needs = Needs.NOTHING


_TLS, _LOGIN, _SEND = Needs.TLS, Needs.LOGIN, Needs.SEND
_TOKEN = "auth=Bearer eyJ.x.y"  # noqa: S105 - nobody's

DIALOGUE: tuple[Step, ...] = (
    Step("greeting", action=Action.GREETING),
    Step("EHLO before TLS", "EHLO doctor.invalid"),
    Step("NOOP", "NOOP"),
    Step("unknown command", "KAIRAN"),
    Step("MAIL before TLS", "MAIL FROM:<probe@doctor.invalid>"),
    Step("RSET", "RSET"),
    Step("AUTH before TLS", "AUTH LOGIN"),
    Step("STARTTLS with an argument", "STARTTLS now"),
    Step("STARTTLS", "STARTTLS", Action.STARTTLS),
    Step("EHLO after TLS", "EHLO doctor.invalid", needs=_TLS),
    Step("STARTTLS again", "STARTTLS", needs=_TLS),
    Step("MAIL before login", "MAIL FROM:<probe@doctor.invalid>", needs=_TLS),
    Step("RSET before login", "RSET", needs=_TLS),
    Step("RCPT before MAIL", "RCPT TO:<probe@doctor.invalid>", needs=_TLS),
    Step("DATA before MAIL", "DATA", needs=_TLS),
    Step("AUTH without mechanism", "AUTH", needs=_TLS),
    Step("unknown mechanism", "AUTH KAIRAN", needs=_TLS),
    Step("AUTH LOGIN, given up", "AUTH LOGIN", needs=_TLS),
    Step("XOAUTH2: not base64", "AUTH XOAUTH2 %%%", needs=_TLS),
    Step(
        "XOAUTH2: wrong order", f"AUTH XOAUTH2 b64:{_TOKEN}^Auser=a@doctor.invalid^A^A", needs=_TLS
    ),
    Step("XOAUTH2: no user", f"AUTH XOAUTH2 b64:user=^A{_TOKEN}^A^A", needs=_TLS),
    Step("XOAUTH2: user is no address", f"AUTH XOAUTH2 b64:user=a^A{_TOKEN}^A^A", needs=_TLS),
    Step(
        "XOAUTH2: no Bearer", "AUTH XOAUTH2 b64:user=a@doctor.invalid^Aauth=eyJ.x.y^A^A", needs=_TLS
    ),
    Step(
        "XOAUTH2: no token", "AUTH XOAUTH2 b64:user=a@doctor.invalid^Aauth=Bearer ^A^A", needs=_TLS
    ),
    Step("login", action=Action.LOGIN, needs=_LOGIN),
    Step("login again", "AUTH LOGIN", needs=_LOGIN),
    Step("MAIL too large", "MAIL FROM:<{user}> SIZE=999999999", needs=_LOGIN),
    Step("RSET after size", "RSET", needs=_LOGIN),
    Step("MAIL malformed", "MAIL FROM:nobody", needs=_LOGIN),
    Step("MAIL as somebody else", "MAIL FROM:<probe@doctor.invalid>", needs=_LOGIN),
    Step("RSET after MAIL", "RSET", needs=_LOGIN),
    Step("MAIL", "MAIL FROM:<{user}>", needs=_LOGIN),
    Step("MAIL twice", "MAIL FROM:<{user}>", needs=_LOGIN),
    Step("DATA before RCPT", "DATA", needs=_LOGIN),
    Step("RCPT malformed", "RCPT TO:nobody", needs=_LOGIN),
    Step("RCPT outside", "RCPT TO:<probe@doctor.invalid>", needs=_LOGIN),
    Step("RCPT unknown", "RCPT TO:<kairan-doctor-nobody@{domain}>", needs=_LOGIN),
    Step("RSET after RCPT", "RSET", needs=_LOGIN),
    Step("MAIL to send", "MAIL FROM:<{user}>", needs=_SEND),
    Step("RCPT to send", "RCPT TO:<{to}>", needs=_SEND),
    Step("message", action=Action.MESSAGE, needs=_SEND),
    Step("QUIT", "QUIT"),
)
