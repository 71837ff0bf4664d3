"""The page docs/tour.md, made of what really stands on terminals.

    PYTHONPATH=tests .venv/bin/python -m tour.tour > docs/tour.md

One demo; what changes something is typed once, what shows something on terminals of 80 and of 120
columns, in English and in Japanese.  Terminals that show the same are shown once.
"""

import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kairan.runtime.files import locked
from kit.terminal import on_terminal, plain_text, shown_on_terminal

SOURCE = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
LANGUAGES = {"English": "en_US.UTF-8", "Japanese": "ja_JP.UTF-8"}
COLUMNS = (80, 120)
SECONDS_MAX = 60
# Workers look every half second what is paused; a busy machine takes longer.
LOOKED_AT_SECONDS = 3
# Always the same, for it stands in the output, and a table may break it anywhere.
FOLDER = Path("/tmp/kairan-tour")
USER = "user001@kairan.test"
MESSAGE_ID = "first@kairan.test"

Variant = tuple[int, str]  # columns, language
ALL: Sequence[Variant] = [(columns, language) for columns in COLUMNS for language in LANGUAGES]


@dataclass(frozen=True, slots=True)
class Screen:
    """What was typed, and what each terminal then showed."""

    typed: str
    shown: dict[Variant, str]


@dataclass(frozen=True, slots=True)
class Step:
    title: str
    text: str
    screens: Sequence[Screen]


def page() -> str:
    """All of it; what is no output is ours."""
    with _folder() as folder:
        steps = list(_steps(folder))
    lines = [_INTRODUCTION]
    for step in steps:
        lines += [f"## {step.title}", step.text]
        for screen in step.screens:
            lines += list(_blocks(screen))
    return "\n\n".join(lines) + "\n"


def masked(text: str) -> str:
    """Without what differs from run to run and from machine to machine: numbers, identifiers, who it
    was, and the widths they make.
    """
    for pattern, word in _DIFFERENT:
        text = pattern.sub(word, text)
    return text


_DIFFERENT = [
    (re.compile(pattern), word)
    for pattern, word in (
        (r"by \S+ \(uid \d+\)", "(who)"),
        (r"\b[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4}\b", "(day)"),
        (r"[\d.]+ (?:s|min|h) (old|ago)\b", r"(age) \1"),
        (r"from \S+ \(\[", "from (host) (["),
        (r"issuer key  \S+", "issuer key (id)"),
        (r"session=[0-9A-F]+(?:\s+[0-9A-F]+\b)?", "session=(id)"),
        (r"\b[a-z0-9]{24}\b", "(password)"),
        (r"[0-9A-F]{12,}|[0-9a-f]{12,}", "(id)"),
        (r"[\d.,:]*\d(?: (?:s|min|h|d)\b)?", "#"),
        (r"# [GMT]iB", "#"),
        (r"\s+", " "),
    )
]


@contextmanager
def _folder() -> Iterator[Path]:
    """For one tour at a time; that of another user is not touched."""
    with locked(FOLDER.with_suffix(".lock")):
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(mode=0o700)
        try:
            yield FOLDER
        finally:
            shutil.rmtree(FOLDER)


_INTRODUCTION = """\
# A tour

From nothing to a look into the queue, as it stands on a terminal: all of it is real output, made by `python -m tour.tour` and kept
true by a test. What terminals of 80 and 120 columns, in English and in Japanese, show alike is shown once. `kairan` is
`.venv/bin/kairan` of the checkout; the lines of the log, which `make run` prints too, are left out."""


def _steps(folder: Path) -> Iterator[Step]:
    with _demo(folder) as ready:
        yield Step(
            "Start",
            "An organisation of 200 people, two accounts and some groups, with certificates and a port of its own.",
            [Screen("make run", dict.fromkeys(ALL, ready))],
        )
        yield from _tour(_Terminal(folder))


def _tour(terminal: "_Terminal") -> Iterator[Step]:
    account = terminal.demo["accounts"][0]
    server = f"{terminal.demo['smtp_host']}:{terminal.demo['smtp_port']}"
    login = f"--auth-user {account['address']} --auth-password {account['password']}"
    swaks = f"swaks --silent 2 --server {server} --tls \\\n  {login}"
    send = f"{swaks} \\\n  --from {account['address']} --to {USER}"
    first = terminal.once(f"{send} --h-Message-Id '<{MESSAGE_ID}>' --h-Subject First --body Hello")
    terminal.wait_delivered()
    yield Step(
        "A first message",
        "swaks says nothing, for it was told to show errors alone. The message is in the mailbox, with the field that says how it came.",
        [first, terminal.once(f"cat demo/maildir/{USER}/new/*")],
    )
    refused = terminal.once(f"{swaks} \\\n  --from payroll@kairan.test --to {USER}")
    reply = re.search(r"\d{3} \d\.\d+\.\d+ .*", refused.shown[ALL[0]])
    assert reply is not None, refused
    yield Step(
        "A refusal",
        "An account sends as itself and its aliases; this one tries another.",
        [refused],
    )
    yield Step(
        "The doctor",
        "What was refused, why, and what to do; without any configuration, on any machine.",
        [terminal.each(f'kairan doctor explain "{reply[0].strip()}"')],
    )
    yield Step(
        "Where is it?",
        "Each step of a message leaves an event.",
        [terminal.each(f"kairan trace --message-id {MESSAGE_ID}")],
    )
    paused = terminal.once("kairan queue pause --route kairan.test")
    time.sleep(LOOKED_AT_SECONDS)
    second = terminal.once(f"{send} --h-Subject Second")
    waiting = terminal.each("kairan queue list")
    status = terminal.each("kairan status")
    yield Step(
        "The queue",
        "A route is paused; what comes meanwhile is accepted and waits.",
        [paused, second, waiting, status, terminal.once("kairan queue resume --all")],
    )


class _Terminal:
    """Commands in the folder of the tour."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.demo = json.loads((folder / "demo" / "demo.json").read_text(encoding="utf-8"))

    def each(self, typed: str) -> Screen:
        """On each terminal."""
        shown = {one: self._show(typed, one[0], LANGUAGES[one[1]]) for one in ALL}
        return Screen(typed, shown)

    def once(self, typed: str) -> Screen:
        """Programs of others know few locales."""
        return Screen(typed, dict.fromkeys(ALL, self._show(typed, 80, "C.UTF-8")))

    def wait_delivered(self) -> None:
        new = self._folder / "demo" / "maildir" / USER / "new"
        deadline = time.monotonic() + SECONDS_MAX
        while not (new.is_dir() and list(new.iterdir())):
            assert time.monotonic() < deadline, "nothing was delivered"
            time.sleep(0.05)
        time.sleep(
            1
        )  # the trace's events go to disk together, a quarter of a second after the first

    def _show(self, typed: str, columns: int, locale: str) -> str:
        environment = {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "LC_ALL": locale,
            "TZ": "Asia/Tokyo",
            "KAIRAN_CONFIG": "demo/kairan.toml",
        }
        _, shown = shown_on_terminal(
            ["sh", "-c", typed], columns=columns, folder=self._folder, environment=environment
        )
        return shown


@contextmanager
def _demo(folder: Path) -> Iterator[str]:
    """Until it is left: `make run` of this checkout; what it shows up to the line that ends its text."""
    words = ["make", "--no-print-directory", "-C", str(SOURCE), "-o", ".venv/installed"]
    words += ["run", f"DEMO={folder / 'demo'}", f"BIN={BIN}"]
    with on_terminal(words, folder=folder) as (process, ours):
        octets = b""
        while b"event=service.ready" not in octets:
            octets += os.read(ours, 65_536)
        try:
            shown = plain_text(octets)
            ended = shown.index("Stop with Ctrl-C.") + len("Stop with Ctrl-C.")
            command = shown.partition("\n")[0].replace(str(BIN), ".venv/bin")
            text = shown[shown.index("ready:") : ended]
            yield f"{command.replace(str(folder / 'demo'), 'demo')}\n{text}"
        finally:
            process.send_signal(signal.SIGINT)
            os.killpg(process.pid, signal.SIGINT)
            process.wait(SECONDS_MAX)


def _blocks(screen: Screen) -> Iterator[str]:
    """One for all terminals that showed the same."""
    groups: dict[str, list[Variant]] = {}
    for variant, shown in screen.shown.items():
        groups.setdefault(_shape(shown), []).append(variant)
    for number, variants in enumerate(groups.values()):
        shown = screen.shown[variants[0]]
        if len(groups) > 1:
            yield f"{_named(variants)}:"
        typed = f"$ {screen.typed}" if number == 0 else ""
        yield "\n".join(("```text", *filter(None, (typed, _trimmed(shown))), "```"))


def _shape(shown: str) -> str:
    """Line for line, but for what another second would have shown."""
    return "\n".join(masked(line) for line in shown.splitlines())


def _named(variants: Sequence[Variant]) -> str:
    widths = " and ".join(str(columns) for columns in dict.fromkeys(one for one, _ in variants))
    languages = " and ".join(dict.fromkeys(language for _, language in variants))
    return f"{widths} columns, {languages}"


def _trimmed(shown: str) -> str:
    return "\n".join(line.rstrip() for line in shown.rstrip().splitlines())


def can_be_made() -> bool:
    return all(shutil.which(program) for program in ("make", "swaks"))


if __name__ == "__main__":
    print(page(), end="")
