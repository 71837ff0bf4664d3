"""Reply: one answer of an SMTP server, ours or a peer's."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Reply:
    """RFC 5321 section 4.2 with the enhanced status code of RFC 2034 (empty where none belongs).

    `lines` are the texts after code and enhanced code: printable, no CR or LF.  `is_ours`: the
    catalogue's words, which no report may give out as those of a peer.
    """

    code: int
    enhanced: str
    lines: tuple[str, ...]
    # Made once, and asked for often: of a message's replies seven times whether they are positive.
    wire: bytes = field(init=False, repr=False, compare=False)
    is_positive: bool = field(init=False, repr=False, compare=False)
    is_ours: bool = field(default=False, repr=False, compare=False, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "wire", _render(self.code, self.enhanced, self.lines))
        object.__setattr__(self, "is_positive", self.code < 400)

    @classmethod
    def of(cls, code: int, enhanced: str, *lines: str) -> "Reply":
        return cls(code, enhanced, lines or ("",))

    @property
    def text(self) -> str:
        return " ".join(self.lines)

    @property
    def is_transient(self) -> bool:
        return 400 <= self.code < 500

    @property
    def is_permanent(self) -> bool:
        return self.code >= 500

    def __str__(self) -> str:
        return f"{self.code} {self.enhanced} {self.text}".replace("  ", " ").strip()


def _render(code: int, enhanced: str, lines: tuple[str, ...]) -> bytes:
    status = f"{enhanced} " if enhanced else ""
    if len(lines) == 1 and lines[0]:
        return f"{code} {status}{lines[0]}\r\n".encode()
    *first, last = lines
    rendered = [f"{code}-{status}{line}\r\n" for line in first]
    rendered.append(f"{code} {status}{last}".rstrip(" ") + "\r\n")
    return "".join(rendered).encode()
