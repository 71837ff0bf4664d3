"""Whatever strangers wrote: no command hands it to the terminal as it is."""

import asyncio
import json
import socketserver
import threading
import time
from pathlib import Path

import pytest

from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.runtime.logs import line
from kairan.runtime.visible import visible
from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.shard import SqliteSpool
from kairan.trace.record import Trace
from kairan.trace.settings import TraceSettings

HOSTILE = (
    "\x1b]0;title\x07 \x1b[2J \x9b31m \x85 \x7f \x00 \u202e txt.exe \u2066 \u2028 \ufeff "
    "\U000e0041 \x08\x08 \rforged"
)
MARK = "txt.exe"  # is printable, and so must be found wherever the text is shown


def is_harmless(text: str) -> bool:
    return all(c == "\n" or c.isprintable() for c in text.replace("\r\n", "\n"))


def strings_in(value):
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from strings_in(item)
        case dict():
            for name, item in value.items():
                yield name
                yield from strings_in(item)


def check(answer, *, as_json: bool, shows: bool = True):
    assert is_harmless(answer.out), ascii(answer.out)
    assert is_harmless(answer.err), ascii(answer.err)
    if as_json:
        texts = list(strings_in(json.loads(answer.out)))
        assert all(map(is_harmless, texts))
    if shows:
        assert MARK in answer.out + answer.err


@pytest.mark.parametrize("character", HOSTILE)
def test_a_character_is_shown_as_itself_or_by_its_number(character):
    shown = visible(character)
    assert shown == character if character.isprintable() else shown.startswith("\\")
    assert is_harmless(shown)
    assert "\n" not in visible("\n")


def test_letters_of_any_script_and_japanese_blanks_stay():
    for text in ("山田　太郎", "Zoë", "Дмитрий", "שלום", "é"):
        assert visible(text) == text


def test_a_line_of_the_log_is_harmless():
    written = line(None, "info", {"event": HOSTILE, "reply": HOSTILE, "to": HOSTILE})
    assert is_harmless(written)
    assert "\n" not in written


async def _append(path: Path) -> None:
    content = f"Subject: {HOSTILE}\r\nX: \udcff\r\n\r\n".encode("utf-8", "surrogateescape")
    spool = await SqliteSpool.open(path, SpoolSettings(free_octets_min=0, free_inodes_min=0))
    envelope = Envelope(
        sender=Address(f"{HOSTILE}@example.com"),
        recipients=(Recipient(Address(f"{HOSTILE}@example.com")),),
        arrived=time.time(),
        message_id=f"<{HOSTILE}>",
        size=len(content),
    )
    await spool.append(envelope, content)
    (lease,) = await spool.wait_lease(1)
    await spool.defer(lease.job, due=time.time() + 60, detail=HOSTILE, delayed=False)
    await spool.close()


@pytest.fixture
def stored(shell):
    asyncio.run(_append(shell.place / "data" / "spool" / "shard-0"))
    trace = Trace(shell.place / "data" / "trace" / "trace-0.db", TraceSettings())
    fields = ("message_id", "sender", "recipient", "detail", "client")
    trace.record("FAIL", **dict.fromkeys(fields, HOSTILE))
    trace.close()
    return shell


@pytest.mark.parametrize("words", [("queue", "list"), ("queue", "show", "0-1"), ("trace",)])
@pytest.mark.parametrize("as_json", [False, True])
def test_queue_and_trace(stored, words, as_json):
    check(stored(*words, *(["--json"] if as_json else [])), as_json=as_json)


def test_the_header_that_is_shown_has_its_lines(stored):
    assert stored.done("queue", "show", "0-1", "--json").json["header"].count("\n") >= 2


LOG_LINES = (
    f"Nov 26 10:00:00 mx postfix/smtp[1]: A1: to=<x@example.com>, relay=x, status=bounced (host x "
    f"said: 550 5.1.1 {HOSTILE} (in reply to RCPT TO command))\n"
    f'time=2026-11-26T10:00:00Z level=info event=x reply="550 5.9.9 {HOSTILE}"\n'
)


@pytest.mark.parametrize("as_json", [False, True])
def test_doctor_explain_and_log(shell, as_json):
    more = ["--json"] if as_json else []
    for text in (f"550 5.9.9 {HOSTILE}", f"535 5.7.139 {HOSTILE}", HOSTILE):
        check(shell("doctor", "explain", text, *more), as_json=as_json, shows=False)
    file = shell.place / "mail.log"
    file.write_text(LOG_LINES)
    check(shell("doctor", "log", file, *more), as_json=as_json, shows=False)


@pytest.mark.parametrize(
    "words",
    [
        ("queue", "show", HOSTILE),
        ("trace", "--since", HOSTILE),
        ("mailbox", "show", HOSTILE),
        ("account", "add", HOSTILE, "--generate"),
        ("doctor", "probe", HOSTILE),
        (HOSTILE,),
        ("queue", "list", f"--{HOSTILE}"),
        ("check-config", "-c", HOSTILE.replace("\0", "")),
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_errors(shell, words, debug):
    check(shell(*(["--debug"] if debug else []), *words), as_json=False)


class _Rude(socketserver.StreamRequestHandler):
    """A server every line of which is an attack on the terminal."""

    timeout = 5

    def handle(self) -> None:
        said = HOSTILE.replace("\r", "").encode()
        self.wfile.write(b"220 " + said + b"\r\n")
        for command in self.rfile:
            verb = command[:4].upper()
            if verb == b"EHLO":
                self.wfile.write(b"250-" + said + b"\r\n250-" + said + b"\r\n250 AUTH PLAIN\r\n")
            elif verb == b"QUIT":
                self.wfile.write(b"221 " + said + b"\r\n")
                return
            else:
                self.wfile.write(b"550 5.9.9 " + said + b"\r\n")


@pytest.fixture
def rude():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Rude) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize("as_json", [False, True])
def test_doctor_probe_and_compare(shell, rude, as_json):
    more = ["--json"] if as_json else []
    check(shell("doctor", "probe", rude, *more), as_json=as_json)
    check(
        shell("doctor", "compare", rude, rude, "--all", *more),
        as_json=as_json,
    )
