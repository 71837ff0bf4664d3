"""What is measured: one row of SCENARIOS each, and the numbers it yields."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from bench.load import Load, TargetListener
from bench.settings import BenchSettings

# How it is measured: mail for a while · the same with the next hop asleep · idle sessions ·
# large messages · one message to a list · by password and by token in turns · beside guessing ·
# for minutes at a part of what can be drained · by HTTP, with and without keys, and by SMTP in turns ·
# with the console open and closed in turns.
Kind = Literal[
    "mail", "intake", "idle", "large", "list", "token", "guessing", "steady", "api", "console"
]

EVERY_KIND: frozenset[Kind] = frozenset(get_args(Kind))
# The others compare Kairan with itself.
OF_ANY_SERVICE: frozenset[Kind] = frozenset({"mail", "intake", "idle", "large", "list"})


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    about: str
    kind: Kind
    login: bool  # through the listener with TLS and login, else the plain one
    pipeline: bool = False
    apart: bool = False
    messages_per_session: int = 0  # 0: sessions are held


SCENARIOS = (
    # First: later, memory that a load has left free would hide what the sessions take.
    Scenario("idle", "idle TLS sessions, logged in", "idle", login=True),
    Scenario("plain", "no TLS, no login, held sessions", "mail", login=False),
    Scenario("plain-pipelined", "the same, pipelined", "mail", login=False, pipeline=True),
    Scenario(
        "plain-apart", "the content and its dot in two writes", "mail", login=False, apart=True
    ),
    Scenario("login", "STARTTLS + AUTH, held sessions", "mail", login=True),
    Scenario("login-pipelined", "the same, pipelined", "mail", login=True, pipeline=True),
    Scenario(
        "session-per-message",
        "a new TLS session and login for each message",
        "mail",
        login=True,
        messages_per_session=1,
    ),
    Scenario("intake-plain", "plain, next hop asleep: intake alone", "intake", login=False),
    Scenario("intake-tls", "TLS, next hop asleep: intake alone", "intake", login=True),
    Scenario("large", "messages of 10 MB at once, STARTTLS + AUTH", "large", login=True),
    Scenario("list", "one message to a static list", "list", login=True),
    Scenario(
        "token-per-message",
        "as session-per-message by XOAUTH2, beside AUTH PLAIN in turns",
        "token",
        login=True,
        messages_per_session=1,
    ),
    Scenario("guessing", "paced mail, quiet, then beside wrong passwords", "guessing", login=True),
    Scenario("api", "POST /v1/messages, held connections, beside SMTP in turns", "api", login=True),
    Scenario(
        "console", "SMTP at full rate, the console open over a long trace", "console", login=True
    ),
    Scenario("steady", "50, 80, 100 % of the drained rate for a minute each", "steady", login=True),
)


@dataclass(frozen=True, slots=True)
class Metric:
    key: str
    title: str
    format: Callable[[float], str]


def whole(value: float) -> str:
    return f"{value:,.0f}"


def fine(value: float) -> str:
    return f"{value:,.1f}"


def hundredths(value: float) -> str:
    return f"{value:,.2f}"


# In the order of the table's columns; a sample holds those that its kind measures.
METRICS = (
    Metric("accepted_rate", "accepted/s", whole),
    Metric("password_rate", "AUTH PLAIN accepted/s", whole),
    Metric("token_ratio", "XOAUTH2 : AUTH PLAIN", hundredths),
    Metric("keyed_rate", "with Idempotency-Key accepted/s", whole),
    Metric("smtp_rate", "SMTP accepted/s", whole),
    Metric("api_ratio", "HTTP : SMTP", hundredths),
    Metric("closed_rate", "console closed accepted/s", whole),
    Metric("console_ratio", "open : closed", hundredths),
    Metric("search_p99_ms", "search p99 ms", whole),
    Metric("page_p99_ms", "messages page p99 ms", whole),
    Metric("overview_p99_ms", "overview p99 ms", whole),
    Metric("web_us", "web process µs/message", whole),
    Metric("workers_us", "workers µs/message", whole),
    Metric("smtp_us", "by SMTP µs/message", whole),
    Metric("web_share", "web : workers, processor", hundredths),
    Metric("drained_rate", "drained/s", whole),
    Metric("p50_ms", "p50 ms", fine),
    Metric("p99_ms", "p99 ms", fine),
    Metric("quiet_p99_ms", "quiet p99 ms", fine),
    Metric("slowdown", "p99 : quiet", hundredths),
    Metric("new_p99_ms", "new sessions p99 ms", fine),
    Metric("quiet_new_p99_ms", "quiet new p99 ms", fine),
    Metric("new_slowdown", "new p99 : quiet", hundredths),
    Metric("guess_rate", "guesses/s", whole),
    Metric("guesses_535", "answered 535", whole),
    Metric("guesses_454", "answered 454", whole),
    Metric("guesses_other", "answered else", whole),
    Metric("guessers_ended", "hung up on", whole),
    Metric("accepted_50", "50 % offered: accepted/s", whole),
    Metric("age_50_s", "50 % offered: oldest s", hundredths),
    Metric("accepted_80", "80 % offered: accepted/s", whole),
    Metric("age_80_s", "80 % offered: oldest s", hundredths),
    Metric("accepted_100", "100 % offered: accepted/s", whole),
    Metric("age_100_s", "100 % offered: oldest s", hundredths),
    Metric("seconds", "seconds", hundredths),
    Metric("peak_mib", "memory MiB", whole),
    Metric("growth_mib", "growth MiB", whole),
    Metric("session_kib", "KiB/session", whole),
    Metric("failed", "failed", whole),
    Metric("lost", "lost", whole),
    Metric("load_us", "load µs", whole),
)

Sample = dict[str, float]


def load_of(scenario: Scenario, settings: BenchSettings) -> Load:
    """Of a scenario of kind `mail` or `intake`."""
    return Load(
        connections=settings.connections,
        seconds=settings.load_seconds,
        octets=settings.message_octets,
        messages_per_session=scenario.messages_per_session,
        pipeline=scenario.pipeline,
        apart=scenario.apart,
        recipient_range=settings.list_members,
    )


def large_load(settings: BenchSettings) -> Load:
    """As many sessions as messages: all are under way at the same time."""
    return Load(
        connections=settings.large_messages,
        messages=settings.large_messages,
        octets=settings.large_octets,
        recipient_range=settings.list_members,
    )


def listener_of(
    scenario: Scenario, *, plain: TargetListener, login: TargetListener
) -> TargetListener:
    return login if scenario.login else plain
