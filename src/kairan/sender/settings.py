"""The sender's settings, each with its unit and reason."""

from dataclasses import dataclass, replace

from kairan.relay.settings import RelaySettings


@dataclass(frozen=True, slots=True)
class SenderSettings:
    # Of one transaction: what HVE takes.  A server that says less (RFC 9422, RCPTMAX), or refuses
    # one more, is given less.
    recipients_max: int = 50
    # Held sessions at once.  Four saturate a server 50 ms away; Exchange Online is known to refuse
    # more than three for ordinary accounts, and then we stay below.
    sessions_max: int = 4
    # A session is closed and opened anew, between two messages, after so many messages or so long.
    session_messages_max: int = 1_000
    session_age_seconds: float = 1_800.0
    # How long a session without work is held: below the five minutes after which servers close.
    session_idle_seconds: float = 120.0
    # What is refused for now is tried again so often in all, first after this pause, then twice as
    # long each time: 2, 4, 8, 16 s pass over a throttle of Exchange, which asks for seconds.
    tries_max: int = 5
    retry_pause_seconds: float = 2.0
    # For the answer to a whole message (RFC 5321 section 4.5.3.2.6).  Who does not wait so long has
    # recipients of whom nobody knows whether they got it.
    answer_timeout_seconds: float = 600.0
    # Of each wait for the server, and how long what is refused for now is tried again; 0: as RFC 5321
    # section 4.5.3.2 has them, and all tries.  For who cannot wait, such as a web page.
    timeout_seconds: float = 0.0
    # What we call ourselves in EHLO; empty: the machine's own name.
    hostname: str = ""


# Of the relay's: each is a wait for one answer, or for the network.
_WAITS = (
    "connect_timeout_seconds",
    "tls_timeout_seconds",
    "greeting_timeout_seconds",
    "command_timeout_seconds",
    "data_timeout_seconds",
    "block_timeout_seconds",
    "dot_timeout_seconds",
    "idle_answer_timeout_seconds",
)


def relay_settings(settings: SenderSettings) -> RelaySettings:
    relay = RelaySettings(
        hostname=settings.hostname,
        sessions_max=settings.sessions_max,
        recipients_max=settings.recipients_max,
        messages_max=settings.session_messages_max,
        age_seconds=settings.session_age_seconds,
        idle_seconds=settings.session_idle_seconds,
        dot_timeout_seconds=settings.answer_timeout_seconds,
    )
    most = settings.timeout_seconds
    waits = {name: min(getattr(relay, name), most) for name in _WAITS} if most else {}
    return replace(relay, **waits)
