"""A driver for the server engine, three ways to feed it, and transcripts as files.

The driver knows two accounts and few people, so that a transcript reads by itself:
senders and recipients whose local part is `refused` are refused, the password is `right`,
and `broken` as a subject makes the end of the message fail.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kairan.mail.reply import Reply
from kairan.outcomes import catalogue as outcomes
from kairan.outcomes.outcome import Outcome
from kairan.smtp.sasl.mechanisms import (
    MECHANISMS,
)
from kairan.smtp.sasl.step import (
    Challenge,
    Credentials,
    Mechanism,
)
from kairan.smtp.server import answers
from kairan.smtp.server.engine import ServerEngine
from kairan.smtp.server.events import (
    Auth,
    AuthLine,
    ContentPiece,
    Data,
    Ehlo,
    Mail,
    Quit,
    Rcpt,
    Refused,
    Reset,
    ServerEvent,
    StartTls,
)
from kairan.smtp.server.policy import SessionPolicy

TRANSCRIPTS = Path(__file__).parent / "transcripts"
PEER = "192.0.2.7"

HVE = SessionPolicy(
    hostname="mail.kairan.test",
    mechanisms=("LOGIN", "PLAIN"),
    size_max=10_485_760,
    recipients_max=50,
)
DEVICE = SessionPolicy(
    hostname="mail.kairan.test",
    mechanisms=("LOGIN", "PLAIN"),
    size_max=1_000,
    recipients_max=50,
    needs_tls=False,
    auth_needs_tls=False,
    needs_auth=False,
    errors_max=5,
    idle_commands_max=10,
)
POLICIES = {"hve": HVE, "device": DEVICE}


def feedings(octets: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """The same octets whole, one by one, and with the beginning of a next line behind them."""
    yield "whole", [octets]
    yield "byte by byte", [octets[n : n + 1] for n in range(len(octets))]
    yield "trailing", [octets + b"NOO"]


@dataclass
class Talk:
    """One session of the engine with a driver that answers at once."""

    policy: SessionPolicy = HVE
    secure: bool = False
    authenticated: bool = False
    events: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    output: bytes = b""
    buffered_max: int = 0

    def __post_init__(self) -> None:
        self.engine = ServerEngine(self.policy, peer=PEER, secure=self.secure)
        self.engine.authenticated = self.authenticated
        self._mechanism: Mechanism | None = None
        self._body = b""
        self._bare = False

    @property
    def replies(self) -> list[str]:
        return self.output.decode("ascii").splitlines()

    def say(self, *pieces: bytes) -> "Talk":
        for piece in pieces:
            self.engine.receive(piece)
            while (event := self.engine.next_event()) is not None:
                self._handle(event)
            self.output += self.engine.take_output()
            self.buffered_max = max(self.buffered_max, self.engine.buffered)
        return self

    def _handle(self, event: ServerEvent) -> None:
        engine = self.engine
        match event:
            case Ehlo(name, extended):
                self._note(f"{'EHLO' if extended else 'HELO'} {name}")
            case StartTls():
                self._note("STARTTLS")
                engine.answer(answers.STARTTLS_READY)
                engine.tls_ready()
            case Auth(mechanism, initial):
                self._note(f"AUTH {mechanism}")
                self._mechanism = MECHANISMS[mechanism]()
                self._step(initial)
            case AuthLine(line):
                self._note("AUTH line")
                self._step(line)
            case Mail(command):
                self._note(f"MAIL {command.sender or '<>'}")
                self._body = b""
                refused = command.sender.startswith("refused@")
                engine.answer(outcomes.SENDER_NOT_YOURS.reply if refused else answers.SENDER_OK)
            case Rcpt(command):
                self._note(f"RCPT {command.recipient}")
                refused = command.recipient.startswith("refused@")
                reply = outcomes.RECIPIENT_UNKNOWN.reply if refused else answers.RECIPIENT_OK
                engine.answer(reply)
            case Data():
                self._note("DATA")
            case ContentPiece():
                self._take(event)
            case Reset():
                self._note("RSET")
            case Quit():
                self._note("QUIT")
            case Refused(outcome, verb, fatal):
                self._note(f"refused {outcome.key} at {verb or '?'}{' fatal' if fatal else ''}")

    def _note(self, text: str) -> None:
        self.events.append(text)

    def _step(self, line: bytes | None) -> None:
        assert self._mechanism is not None
        match self._mechanism.step(line):
            case Challenge(text):
                self.engine.ask(text)
            case Credentials(_, "later"):
                self.engine.answer(outcomes.AUTH_THROTTLED.reply)
            case Credentials(_, "right"):
                self.engine.answer(answers.AUTHENTICATED)
            case Credentials():
                self.engine.answer(outcomes.AUTH_UNSUCCESSFUL.reply)
            case Outcome() as outcome:
                self.engine.answer(outcome.reply)

    def _take(self, event: ContentPiece) -> None:
        body = self._body = self._body + event.piece
        if event.message_end:
            bare = " with bare line endings" if self.engine.bare_line_ending else ""
            self._note(f"message of {len(body)}{bare}")
            self._end(body, bare=bool(bare))
        elif event.chunk_end:
            self.engine.answer(answers.chunk_received(len(body)))

    def _end(self, body: bytes, *, bare: bool) -> None:
        if bare:
            self.engine.answer(outcomes.BARE_LINE_ENDING.reply)
        elif b"Subject: broken" in body:
            self.engine.answer(outcomes.SPOOL_FAILED.reply)
        else:
            self.messages.append(body)
            self.engine.answer(Reply.of(250, "2.6.0", "Queued"))


@dataclass(frozen=True)
class Transcript:
    """A file of transcripts/: what a client sends, and what must come of it.

    # text       a comment
    policy: hve    or device; then any of the words `tls` and `authenticated`
    split: no    the session is fed line by line only, for it depends on where pieces end
    C: text      a line from the client, with CRLF; \\xHH and the like are octets
    B: text      octets from the client, as they are
    S: text      a line from us
    E: text      an event for the driver, in the order of the events
    """

    name: str
    policy: SessionPolicy
    secure: bool
    authenticated: bool
    splits: bool
    lines: tuple[bytes, ...]
    replies: tuple[str, ...]
    events: tuple[str, ...]

    def talk(self) -> Talk:
        return Talk(self.policy, secure=self.secure, authenticated=self.authenticated)


def read_transcript(path: Path) -> Transcript:
    parts: dict[str, list[str]] = {"C": [], "S": [], "E": [], "policy": [], "split": []}
    lines: list[bytes] = []
    for line in path.read_text(encoding="ascii").splitlines():
        kind, _, text = line.partition(": ")
        if kind in {"C", "B"}:
            octets = text.encode().decode("unicode_escape").encode("latin-1")
            lines.append(octets + b"\r\n" if kind == "C" else octets)
        elif kind == "C:":
            lines.append(b"\r\n")
        elif kind and not kind.startswith("#"):
            parts[kind].append(text)
    policy, *state = parts["policy"][0].split()
    return Transcript(
        path.stem,
        POLICIES[policy],
        secure="tls" in state,
        authenticated="authenticated" in state,
        splits=parts["split"] != ["no"],
        lines=tuple(lines),
        replies=tuple(parts["S"]),
        events=tuple(parts["E"]),
    )


def transcripts() -> list[Transcript]:
    return [read_transcript(path) for path in sorted(TRANSCRIPTS.glob("server_*.txt"))]
