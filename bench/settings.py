"""How much is measured, and with what."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BenchSettings:
    rounds: int = 3  # of which the median counts: one disturbed round does not show
    load_seconds: float = 10.0  # long enough that start and end weigh little at 300 messages/s
    connections: int = 50  # what the sketch and Postfix were first compared with
    message_octets: int = 4096
    workers: int = 2  # of Kairan and of a baseline
    idle_sessions: int = 5_000
    # Postfix has a process for each session, about 2 MiB each: fewer, and the share of one counts.
    idle_sessions_postfix: int = 500
    large_messages: int = 200
    large_octets: int = 10_000_000
    list_members: int = 10_000
    # RFC 5321 section 4.5.3.2.6.  Postfix expands a list before it answers: 100,000 take it longer.
    list_answer_seconds: float = 600.0
    # Guessing: mail far below what the service can take, so that its p99 says how it is treated
    # and not how busy it is; held sessions, and as many new ones a second as make a p99.
    paced_sessions: int = 10
    paced_rate: float = 100.0
    paced_new_rate: float = 20.0
    guess_rate: float = 1100.0  # a thousand are answered though the first wait for their hash
    guess_sessions: int = 50
    steady_seconds: float = 60.0  # long enough for a queue that grows to show
    trace_events: int = 1_000_000  # a week of 70,000 messages a day
    trace_file: str = ""  # where the filled trace is kept, to be taken again by the next run
    # What has not arrived when nothing came for so long is reported as lost, and the run goes on.
    # More than Kairan's first retry takes: 60 s.
    drain_quiet_seconds: float = 90.0
    enforce_floors: bool = True


# For a test run: everything is touched, nothing is measured.
QUICK = BenchSettings(
    rounds=1,
    load_seconds=1.0,
    connections=10,
    idle_sessions=100,
    idle_sessions_postfix=20,
    large_messages=5,
    list_members=500,
    steady_seconds=1.0,
    trace_events=2_000,
    enforce_floors=False,
)

# Organisation of the test: one sender, numbered mailboxes, one list of all of them.
DOMAIN = "bench.test"
USER = f"payroll@{DOMAIN}"
PASSWORD = "correct horse battery staple"
MAILBOX = f"user%d@{DOMAIN}"
LIST = f"everyone@{DOMAIN}"

# Whose passwords are guessed: names that exist and names that do not, in turn.
GUESSED = f"{USER},nobody%d@{DOMAIN}"
