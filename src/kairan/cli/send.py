"""kairan send: one message to many, or a message for each row, through a submission service."""

import asyncio
import csv
import hashlib
import signal
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any

import typer

from kairan.cli.doctor.options import LangOption, language
from kairan.cli.errors import BadInputError
from kairan.cli.identity import identity_named, read_identities
from kairan.cli.options import ConfigOption, JsonOption, examples, one_command, with_option_lists
from kairan.cli.output import ROWS_MAX, print_json, print_table, progress, say
from kairan.cli.send_advice import DirectoryFacts, known_of
from kairan.doctor.answer import Language
from kairan.outcomes import catalogue
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.causes import outcome_of
from kairan.outcomes.outcome import Text
from kairan.relay.next_hop import TlsPolicy
from kairan.relay.tokens.identity import Identity, identity_of
from kairan.runtime.counted import counted
from kairan.runtime.operator_error import FAILED, OperatorError
from kairan.runtime.visible import visible
from kairan.sender.addresses import address_of
from kairan.sender.async_sender import AsyncSender, in_flight_max
from kairan.sender.journal import IN_FLIGHT, Journal, JournalEntry, JournalError
from kairan.sender.mailing import (
    Limits,
    Mailing,
    OneMessage,
    Personalised,
    Progress,
    Run,
    first_message,
)
from kairan.sender.merge import Template
from kairan.sender.message import Message, MessageError
from kairan.sender.plan import Plan, PlanFacts, plan
from kairan.sender.result import Result, State
from kairan.sender.rows import DataRow, RowError, addresses_of, rows_of
from kairan.sender.settings import SenderSettings

app = one_command()

_SETTINGS = SenderSettings()
_SECONDS = {"s": 1, "min": 60, "h": 3_600}
# Of a preview: a person reads it.
_PREVIEW_OCTETS_MAX = 20_000
_HIDDEN_RECIPIENTS = "undisclosed-recipients:;"  # RFC 5322 section 3.4: a group of nobody


class NotSentError(OperatorError):
    """Nothing was sent, and later it may be."""

    exit_code = FAILED


def _files(flag: str, what: str) -> Any:
    return typer.Option(flag, metavar="FILE", help=what, show_default=False)


@dataclass(frozen=True, slots=True)
class Server:
    server: Annotated[
        str, typer.Option(metavar="HOST[:PORT]", help="Where to send; port 587 without one.")
    ] = ""
    ca: Annotated[Path | None, _files("--ca", "Trust this authority alone.")] = None
    user: Annotated[str, typer.Option(metavar="U", help="The account to log in with.")] = ""
    password_file: Annotated[Path | None, _files("--password-file", "Holds its password.")] = None
    identity: Annotated[
        str, typer.Option(metavar="NAME", help="Log in with tokens, as this [[identity]].")
    ] = ""
    config: ConfigOption = None
    tls: Annotated[
        TlsPolicy | None,
        typer.Option(help="In place of: implicit on port 465, else require.", show_default=False),
    ] = None


@dataclass(frozen=True, slots=True)
class ContentOptions:
    sender: Annotated[
        str, typer.Option("--from", metavar="A", help="Who it is from; a name may be before <A>.")
    ] = ""
    eml: Annotated[Path | None, _files("--eml", "The message as it is.")] = None
    subject: Annotated[str, typer.Option(metavar="S", help="Of a message made here.")] = ""
    text: Annotated[str, typer.Option(metavar="T", help="Its text.")] = ""
    html: Annotated[Path | None, _files("--html", "Its text in HTML.")] = None
    attach: Annotated[
        list[Path] | None, typer.Option("--attach", metavar="FILE", help="Goes with it; repeats.")
    ] = None
    template: Annotated[
        Path | None, _files("--template", "A message for each row: .eml with Jinja's {{ column }}.")
    ] = None


@dataclass(frozen=True, slots=True)
class Recipients:
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="A", help="Named in the header; repeats.")
    ] = None
    cc: Annotated[list[str] | None, typer.Option("--cc", metavar="A", help="Likewise.")] = None
    bcc: Annotated[
        list[str] | None, typer.Option("--bcc", metavar="A", help="Nobody sees who else; repeats.")
    ] = None
    to_file: Annotated[Path | None, _files("--to-file", "An address a line, none shown.")] = None
    data: Annotated[
        str, typer.Option(metavar="FILE", help="Rows: .csv, .jsonl, .parquet; a database's URL.")
    ] = ""
    encoding: Annotated[
        str,
        typer.Option(metavar="NAME", help="What --data and --to-file are in: cp932; else UTF-8."),
    ] = ""
    query: Annotated[str, typer.Option(metavar="SQL", help="What to ask the database.")] = ""
    to_column: Annotated[
        str, typer.Option(metavar="NAME", help="Has the address; email, address, mail or to.")
    ] = ""


@dataclass(frozen=True, slots=True)
class Course:
    journal: Annotated[
        Path | None, _files("--journal", "Remembers who has it: run again to go on.")
    ] = None
    results: Annotated[
        Path | None, _files("--results", "Written at the end: a CSV row for each recipient.")
    ] = None
    rate: Annotated[
        str, typer.Option(metavar="N/s|min|h", help="At most so many recipients in that time.")
    ] = ""
    at: Annotated[
        str, typer.Option(metavar="TIME", help="Begin then: 2026-11-23T08:00. Past: at once.")
    ] = ""
    test: Annotated[
        str, typer.Option(metavar="A", help="Send the first message to this address alone.")
    ] = ""
    stop_after: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Take no more after N that failed.")
    ] = None
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Send nothing; show the plan and a message.")
    ] = False


@app.command(
    epilog=examples(
        "kairan send --server mail.example.com --to-file staff.txt --eml closed.eml",
        "kairan send --server mail.example.com --template slip.eml.j2 --data staff.csv --dry-run",
    )
)
@with_option_lists
def send(
    server: Server = Server(),
    content: ContentOptions = ContentOptions(),
    recipients: Recipients = Recipients(),
    course: Course = Course(),
    lang: LangOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a message to many, or a message for each row.

    Exit codes: 0 all sent, 1 some refused or unknown (or not tried), 2 the input must change. Where the service's configuration is at hand (-c), its directory says whether a list would do.
    """
    shown = AnswerStyle(language(lang), as_json=as_json)
    try:
        with _named_files():
            order = _order(content, recipients, course)
        known = known_of(order.everyone(), server.config)
        if course.dry_run:
            _show(order, known, shown, wants_each_result=course.results is not None)
            return
        if not as_json:
            for advice in known.advice:
                say(shown.of(advice.text), to_operator=True)
        code = _send(server, order, course, known, shown)
    except (MessageError, RowError, JournalError) as error:
        raise BadInputError(str(error)) from error
    raise typer.Exit(code)


@dataclass(frozen=True, slots=True)
class AnswerStyle:
    """How the answer is to look."""

    language: Language
    as_json: bool

    def of(self, text: Text) -> str:
        return str(getattr(text, self.language))


# What is to be sent.


@dataclass(frozen=True, slots=True)
class SendOrder:
    """`first`: the message, or the first row's.  `everyone`: who gets one message, and nobody where each
    gets another: no list can stand for those.
    """

    mailing: Mailing
    first: Message
    digest: bytes
    file: Path | None  # whose lines are the recipients
    is_personalised: bool
    everyone: Callable[[], Iterator[str]] = lambda: iter(())


@contextmanager
def _named_files() -> Iterator[None]:
    """A file that is named must be there: trying again does not help."""
    try:
        yield
    except OSError as error:
        raise BadInputError(f"{error.filename}: {error.strerror}; name another file") from error


def _order(content: ContentOptions, recipients: Recipients, course: Course) -> SendOrder:
    if content.sender and address_of(content.sender) is None:
        raise BadInputError(f'--from: "{content.sender}" is no address; write app@example.com')
    kinds = [content.eml is not None, bool(content.subject or content.text or content.html)]
    if sum([*kinds, content.template is not None]) != 1:
        raise BadInputError("give one of --eml, --template, or --subject with --text or --html")
    if content.template is not None:
        return _personalised(content, recipients, course, content.template)
    if recipients.data or recipients.query:
        raise BadInputError("--data and --query go with --template")
    return _one_message(content, recipients, course)


def _personalised(
    content: ContentOptions, recipients: Recipients, course: Course, file: Path
) -> SendOrder:
    if not recipients.data:
        raise BadInputError("--template needs --data, the rows to fill it with")
    if recipients.to or recipients.cc or recipients.bcc or recipients.to_file:
        raise BadInputError("with --template each row names its recipient (--to-column)")
    raw = file.read_bytes()
    template = Template(_decoded(raw, file), content.attach or ())
    sender = content.sender or None
    message, row, column = first_message(
        template,
        rows_of(recipients.data, recipients.query, recipients.encoding),
        named=recipients.to_column,
        sender=sender,
        recipient=course.test,
    )
    rows = rows_of(recipients.data, recipients.query, recipients.encoding)
    if course.test:
        rows = iter([DataRow(0, {**row, column: course.test})])
    in_flight = in_flight_max(_SETTINGS)
    rate = _rate(course.rate)
    group = in_flight if rate is None else max(1, min(in_flight, int(rate)))
    parts = [
        b"template",
        raw,
        content.sender.encode(),
        *(path.read_bytes() for path in content.attach or ()),
    ]
    return SendOrder(
        Personalised(template, rows, column, sender, group),
        message,
        _digest(*parts),
        None if recipients.query else Path(recipients.data),
        is_personalised=True,
    )


def _one_message(content: ContentOptions, recipients: Recipients, course: Course) -> SendOrder:
    visible_ones, hidden = [*(recipients.to or ()), *(recipients.cc or ())], recipients.bcc or ()
    if content.eml is not None:
        if content.attach:
            raise BadInputError("--attach goes with --subject; an .eml is sent as it is")
        message = Message.from_bytes(content.eml.read_bytes(), sender=content.sender or None)
        parts = [b"eml", content.eml.read_bytes(), content.sender.encode()]
        named: list[str] | tuple[str, ...] = [*visible_ones, *hidden]
        if not named and recipients.to_file is None:
            named = message.recipients
    else:
        message, parts = _composed(content, recipients)
        named = message.recipients if visible_ones or hidden else ()
    file = recipients.to_file
    if file is None and not named:
        raise BadInputError("nobody to send to; give --to or --to-file")

    def everyone() -> Iterator[str]:
        if course.test:
            return iter([course.test])
        return chain(named, addresses_of(file, recipients.encoding) if file else ())

    addresses = everyone()
    first = next(addresses, None)
    if first is None:
        raise BadInputError(f"nobody to send to: {file} has no address")
    message = replace(message, recipients=tuple(named))
    return SendOrder(
        OneMessage(message, chain([first], addresses), _SETTINGS.recipients_max),
        message,
        _digest(*parts),
        file,
        is_personalised=False,
        # A pipe is read once.
        everyone=everyone if file is None or file.is_file() else lambda: iter(()),
    )


def _composed(content: ContentOptions, recipients: Recipients) -> tuple[Message, list[bytes]]:
    if not content.sender:
        raise BadInputError("say who it is from: --from ADDRESS")
    if not content.subject:
        raise BadInputError("a message without a subject is taken for spam; give --subject")
    html = content.html.read_bytes() if content.html else b""
    to, cc = recipients.to or (), recipients.cc or ()
    message = Message.compose(
        sender=content.sender,
        to=to or ([] if cc else [_HIDDEN_RECIPIENTS]),
        cc=cc,
        bcc=recipients.bcc or (),
        subject=content.subject,
        text=content.text,
        html=_decoded(html, content.html) if content.html else "",
        attachments=content.attach or (),
    )
    texts = [content.sender, content.subject, content.text, *to, "", *cc]
    attached = [path.read_bytes() for path in content.attach or ()]
    named = tuple(address for address in message.recipients if address)
    return (
        replace(message, recipients=named),
        [b"composed", *(text.encode() for text in texts), html, *attached],
    )


def _digest(*parts: bytes) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def _decoded(raw: bytes, path: Path) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path}: not UTF-8 ({error.reason}); save it as UTF-8") from error


def _rate(text: str) -> float | None:
    """Recipients a second."""
    if not text:
        return None
    count, _, unit = text.partition("/")
    if not (count.isascii() and count.isdigit() and int(count) and unit in _SECONDS):
        raise BadInputError(f'"{text}" is no rate; write 10/s, 600/min or 20000/h')
    return int(count) / _SECONDS[unit]


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp() if text else 0.0
    except ValueError:
        raise BadInputError(f'"{text}" is not a time; write 2026-11-23T08:00') from None


# Dry run.


def _show(
    order: SendOrder, known: DirectoryFacts, shown: AnswerStyle, *, wants_each_result: bool
) -> None:
    """Everything but the sending."""
    read = _read_whole(order)
    found = plan(
        PlanFacts(
            recipients=read.recipients - len(known.lists),
            lists=known.lists,
            is_personalised=order.is_personalised,
            wants_each_result=wants_each_result,
            octets=len(order.first.content),
            recipients_max=_SETTINGS.recipients_max,
            sessions_max=_SETTINGS.sessions_max,
        )
    )
    preview = order.first.content[:_PREVIEW_OCTETS_MAX].decode("utf-8", "replace")
    if shown.as_json:
        print_json(
            {
                "plan": found,
                "advice": _advice(known),
                "message": preview,
                "refused": read.refused,
                "faults": read.faults,
            }
        )
        return
    _say_plan(found, known, read, shown)
    say()
    say(preview.replace("\r\n", "\n"))


@dataclass(frozen=True, slots=True)
class _Read:
    recipients: int
    refused: int
    faults: list[str]  # of the first rows of which no message can be made


def _read_whole(order: SendOrder) -> _Read:
    """What reads the whole list also finds the rows that do not fit."""
    with Journal(None) as journal:
        journal.begin(order.digest)
        while order.mailing.take(journal) is not None:
            pass
        journal.commit()
        count = journal.count()
        faults = [entry.reply for entry in islice(journal.entries([State.REFUSED]), ROWS_MAX)]
    return _Read(count.get(IN_FLIGHT, 0), count.get(State.REFUSED, 0), faults)


def _say_plan(found: Plan, known: DirectoryFacts, read: _Read, shown: AnswerStyle) -> None:
    say(f"{found.way}: {shown.of(found.reason)}")
    for text in (*found.advice, *(one.text for one in known.advice)):
        say(shown.of(text))
    say(
        f"{counted(found.messages, 'message', ',')}, {counted(found.transactions, 'transaction', ',')}, "
        f"{counted(found.sessions, 'session')}, {counted(found.recipients, 'recipient', ',')}, about {found.seconds:,.0f} s; "
        f"billed by HVE: {found.billed or 0:,}, ${found.dollars or 0:,.2f}"
    )
    if read.refused:
        say(
            f"{counted(read.refused, 'row', ',')} of which no message can be made, the first of them:"
        )
        for fault in read.faults[:10]:
            say(f"  {fault}")


def _advice(known: DirectoryFacts) -> list[dict[str, Any]]:
    return [
        {
            "address": one.address,
            "covered": one.covered,
            "others": one.others,
            "more": one.more,
            "share": round(one.share, 4),
            "text": one.text,
        }
        for one in known.advice
    ]


# Sending.


def _send(
    server: Server, order: SendOrder, course: Course, known: DirectoryFacts, shown: AnswerStyle
) -> int:
    moment, rate = _moment(course.at), _rate(course.rate)
    if course.results is not None:
        _assert_writable(course.results)
    with _named_files():
        sender = _sender(server)
    with Journal(None if course.test else course.journal) as journal:
        kept = journal.begin(order.digest, None if order.is_personalised else order.first)
        mailing = order.mailing
        if kept is not None and isinstance(mailing, OneMessage):
            mailing = replace(mailing, message=kept)
        is_counted = order.file is not None and order.file.is_file() and sys.stderr.isatty()
        total = _lines(order.file) if order.file is not None and is_counted else None
        with progress("Sending", total=total) as done:
            run = Run(
                sender,
                mailing,
                journal,
                Limits(rate, course.stop_after),
                told=lambda so_far: done(so_far.read),
            )
            made = asyncio.run(_wait_run(server.server, run, moment, shown))
        if course.results is not None and not course.test:
            _write_results(course.results, journal, shown)
        _tell(made, journal, known, shown)
        all_sent = made.is_complete and set(journal.count()) <= {State.SENT}
    return 0 if all_sent else FAILED


def _sender(server: Server) -> AsyncSender:
    if not server.server:
        raise BadInputError("say where to send: --server HOST:PORT")
    if bool(server.user) != (server.password_file is not None):
        raise BadInputError("--user and --password-file go together")
    password = ""
    if server.password_file is not None:
        password = _decoded(server.password_file.read_bytes(), server.password_file).rstrip("\r\n")

    if server.ca is not None:
        _assert_authority(server.ca)
    try:
        return AsyncSender(
            server.server,
            user=server.user,
            password=password,
            identity=_identity(server),
            tls=server.tls,
            ca_file=server.ca,
        )
    except ValueError as error:
        raise BadInputError(str(error)) from error


def _assert_authority(file: Path) -> None:
    try:
        ssl.create_default_context(cafile=file)
    except ssl.SSLError as error:
        raise BadInputError(f"--ca {file}: there is no certificate in it; PEM is meant") from error
    except OSError as error:
        raise BadInputError(f"--ca {file}: {error.strerror}; name another file") from error


def _identity(server: Server) -> Identity | None:
    if not server.identity:
        return None
    configuration = read_identities(server.config)
    settings = identity_named(configuration, server.identity)
    return identity_of(settings, cache_folder=configuration.token_directory)


async def _wait_run(name: str, run: Run, moment: float, shown: AnswerStyle) -> Progress:
    with _stopped_by_signals(run.stop):
        async with run.sender:
            await _check(name, run.sender, shown)
            if moment > time.time():
                with suppress(TimeoutError):
                    async with asyncio.timeout(moment - time.time()):
                        await run.stop.wait()
                await _check(name, run.sender, shown)
            return await run.wait_sent()


# Where we have found out ourselves, what the catalogue advises is for an operator's routes.
_TO_DO = {
    catalogue.NAME_LOOKUP_FAILED.key: Text(
        "look at the name in --server", "--server の名前を確認してください"
    ),
    catalogue.PEER_UNREACHABLE.key: Text(
        "look at host and port in --server, and whether a firewall lets you out",
        "--server のホストとポート、およびファイアウォールを確認してください",
    ),
    catalogue.PEER_TLS_FAILED.key: Text(
        "--ca FILE names the authority of a private certificate, and --server the name in it",
        "独自の認証局の証明書なら --ca FILE で指定し、--server には証明書にある名前を書いてください",
    ),
}


async def _check(name: str, sender: AsyncSender, shown: AnswerStyle) -> None:
    """A server that lets nobody in would refuse each of a million by itself."""
    reply = await sender.check()
    if reply is None:
        return
    outcome = outcome_of(reply)
    remedy = outcome.remedies[0] if outcome else None
    if reply.is_ours and outcome:
        remedy = _TO_DO.get(outcome.key, remedy)
    said = f"{name}: {reply.text}" if reply.is_ours else f"{name} answered {reply}"
    raise NotSentError(f"nothing was sent: {said}{f'; {shown.of(remedy)}' if remedy else ''}")


@contextmanager
def _stopped_by_signals(stop: asyncio.Event) -> Iterator[None]:
    """The first asks to stop: what is under way is answered.  The second ends the program."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def asked() -> None:
        say("stopping: waiting for the answers that are due", to_operator=True)
        stop.set()
        restore()

    def restore() -> None:
        for number in signals:
            loop.remove_signal_handler(number)

    try:
        for number in signals:
            loop.add_signal_handler(number, asked)
    except NotImplementedError:  # Windows: Ctrl-C ends the program, and the journal knows
        yield
        return
    try:
        yield
    finally:
        restore()


# What became of it.


_FAILED_STATES = (State.REFUSED, State.UNKNOWN)


def _tell(made: Progress, journal: Journal, known: DirectoryFacts, shown: AnswerStyle) -> None:
    count = journal.count()
    numbers = {state.value: count.get(state, 0) for state in State}
    failures = journal.entries(_FAILED_STATES)
    if shown.as_json:
        some = [_row(entry, shown) for entry in islice(failures, ROWS_MAX)]
        print_json(
            {
                **numbers,
                "complete": made.is_complete,
                "stopped": _account_refusal(made.refused_account, shown),
                "failures": some,
                "advice": _advice(known),
            }
        )
        return
    if any(count.get(state) for state in _FAILED_STATES):
        columns = ("address", "state", "reply", "remedy")
        rows = (
            [row[column] for column in columns]
            for row in (_row(entry, shown) for entry in failures)
        )
        print_table(columns, rows, nothing="")
    say(", ".join(f"{state} {number:,}" for state, number in numbers.items()))
    if made.refused_account is not None:
        say(f"stopped: {_account_refusal(made.refused_account, shown)}")
    if not made.is_complete:
        say("stopped before the end: run it again with the same --journal to go on")


def _account_refusal(refused: Result | None, shown: AnswerStyle) -> str:
    """What must be mended before anybody else is tried."""
    if refused is None:
        return ""
    remedy = f"; {shown.of(refused.remedies[0])}" if refused.remedies else ""
    return f"{refused.server} takes nothing from this account: {refused.reply}{remedy}"


def _row(entry: JournalEntry, shown: AnswerStyle) -> dict[str, Any]:
    outcome = CATALOGUE.get(entry.outcome)
    return {
        "address": entry.address,
        "row": entry.row or None,
        "state": entry.state,
        "reply": entry.reply,
        "outcome": entry.outcome,
        "cause": shown.of(outcome.causes[0]) if outcome else "",
        "remedy": shown.of(outcome.remedies[0]) if outcome else "",
        "server": entry.server,
        "message_id": entry.message_id,
        "time": datetime.fromtimestamp(entry.time, UTC).isoformat(timespec="seconds"),
    }


def _assert_writable(path: Path) -> None:
    """Before anybody is mailed: who has it is worth nothing where it cannot be written down."""
    is_new = not path.exists()
    try:
        path.open("a").close()
    except OSError as error:
        raise BadInputError(f"--results {path}: {error.strerror}; name another file") from error
    if is_new:
        path.unlink()


def _write_results(path: Path, journal: Journal, shown: AnswerStyle) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = (_row(entry, shown) for entry in journal.entries())
        writer: csv.DictWriter[str] | None = None
        for row in rows:
            if writer is None:
                writer = csv.DictWriter(file, list(row))
                writer.writeheader()
            writer.writerow(
                {
                    name: visible(value) if isinstance(value, str) else value
                    for name, value in row.items()
                }
            )


def _lines(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(1 for _ in lines)
