"""What a server said it can do, read from its EHLO reply once."""

from dataclasses import dataclass

from kairan.mail.reply import Reply


@dataclass(frozen=True, slots=True)
class Capabilities:
    """RFC 5321 section 4.1.1.1.  `size_max` None: no SIZE; 0: SIZE without a limit."""

    pipelining: bool = False  # RFC 2920
    starttls: bool = False  # RFC 3207
    eightbitmime: bool = False  # RFC 6152
    smtputf8: bool = False  # RFC 6531
    dsn: bool = False  # RFC 3461
    chunking: bool = False  # RFC 3030
    binarymime: bool = False  # RFC 3030
    auth: frozenset[str] = frozenset()  # RFC 4954
    size_max: int | None = None  # RFC 1870
    recipients_max: int | None = None  # RFC 9422, RCPTMAX
    messages_max: int | None = None  # RFC 9422, MAILMAX


NO_CAPABILITIES = Capabilities()

_FLAGS = {
    "PIPELINING": "pipelining",
    "STARTTLS": "starttls",
    "8BITMIME": "eightbitmime",
    "SMTPUTF8": "smtputf8",
    "DSN": "dsn",
    "CHUNKING": "chunking",
    "BINARYMIME": "binarymime",
}


def _number(text: str) -> int | None:
    """RFC 1870 section 3: up to twenty digits."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None


def _limits(words: list[str]) -> dict[str, int]:
    """RFC 9422 section 4: unknown or ill-formed limits are ignored, and none is zero."""
    pairs = (word.partition("=") for word in words)
    numbers = ((name.upper(), _number(value)) for name, _, value in pairs)
    return {name: number for name, number in numbers if number}


def read_capabilities(reply: Reply) -> Capabilities:
    """The first line is the server's name; unknown keywords mean nothing to us."""
    flags: dict[str, bool] = {}
    limits: dict[str, int] = {}
    size: int | None = None
    auth: set[str] = set()
    for line in reply.lines[1:]:
        # "AUTH=LOGIN" is what servers before RFC 2554 said, and some still say beside "AUTH".
        keyword, *words = line.replace("AUTH=", "AUTH ", 1).split() or [""]
        match keyword.upper():
            case "AUTH":
                auth.update(word.upper() for word in words)
            case "SIZE":
                size = (_number(words[0]) if words else None) or 0
            case "LIMITS":
                limits.update(_limits(words))
            case name if name in _FLAGS:
                flags[_FLAGS[name]] = True
    return Capabilities(
        auth=frozenset(auth),
        size_max=size,
        recipients_max=limits.get("RCPTMAX"),
        messages_max=limits.get("MAILMAX"),
        **flags,
    )
