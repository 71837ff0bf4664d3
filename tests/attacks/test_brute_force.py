"""Guessing passwords, finding out accounts, locking a printer out.

That unknown accounts cost the same hash is tested in tests/auth, by counting hashes.
"""

import concurrent.futures

import pytest

from kairan.intake.settings import IntakeSettings
from kit.live import PASSWORD, PRINTER, running_service

# 1,000 guesses: each worker lets some through to the hash, the rest hears 454 at once.
GUESSES, SESSIONS = 1_000, 50


@pytest.fixture(scope="module")
def besieged(tmp_path_factory):
    with running_service(tmp_path_factory.mktemp("besieged") / "k") as running:
        yield running


def proxied(service, source):
    client = service.client("proxy")
    client.say(f"PROXY TCP4 {source} 127.0.0.1 1 587\r\n".encode())
    client.reply()
    client.ask(b"EHLO x")
    client.ask(b"STARTTLS")
    client.start_tls()
    client.ask(b"EHLO x")
    return client


def guess(service, source, name):
    """One session of a guesser: what it hears."""
    with proxied(service, source) as client:
        return [client.auth(name, f"guess {n}")[:9] for n in range(GUESSES // SESSIONS)]


def test_a_thousand_guesses_from_many_addresses_do_not_lock_the_printer_out(besieged):
    with proxied(besieged, "192.0.2.1") as printer:
        printer.login()
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        sources = [f"198.51.{n}.7" for n in range(SESSIONS)]
        heard = [pool.submit(guess, besieged, source, PRINTER) for source in sources]
        answers = [answer for session in heard for answer in session.result()]
    assert len(answers) == GUESSES
    assert set(answers) <= {"535 5.7.3", "454 4.7.0"}
    with proxied(besieged, "192.0.2.1") as printer:
        printer.login()


def test_a_thousand_guesses_from_one_address_are_slowed_and_hurt_only_that_address(besieged):
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        names = [f"user{n:03}@kairan.test" for n in range(SESSIONS)]
        heard = [pool.submit(guess, besieged, "203.0.113.9", name) for name in names]
        answers = [answer for session in heard for answer in session.result()]
    assert answers.count("454 4.7.0") > GUESSES / 2
    with proxied(besieged, "203.0.113.9") as attacker:
        # What it has earned meanwhile on a slow machine is spent first.
        assert "454" in (attacker.auth(names[0], "guess")[:3] for _ in range(10))
        # Even the right password does not help an address that is closed.
        assert attacker.auth("payroll@kairan.test", PASSWORD)[:3] in {"454", "535"}
    with proxied(besieged, "192.0.2.99") as somebody_else:
        somebody_else.login("payroll@kairan.test")


def test_known_and_unknown_accounts_hear_the_same_words(besieged):
    texts = set()
    for number, name in enumerate([PRINTER, "nobody@kairan.test", "nobody", "user001@kairan.test"]):
        with proxied(besieged, f"192.0.2.{100 + number}") as client:
            texts.add(client.auth(name, "wrong").partition(" [")[0])
    assert texts == {"535 5.7.3 Authentication unsuccessful"}


def test_a_session_that_only_guesses_is_ended(besieged):
    """Not at once: who is put off with 454 and hung up on would come back with a handshake."""
    limits = IntakeSettings()
    with proxied(besieged, "192.0.2.120") as client:
        answers = []
        while not (answer := client.auth(PRINTER, "guess")).startswith("421"):
            answers.append(answer[:3])
        assert set(answers) == {"535", "454"}
        assert limits.errors_max < len(answers) <= limits.errors_max + limits.idle_commands_max
        assert answer.startswith("421 4.7.0 Too many commands without a message")
        assert client.rest() == b""
