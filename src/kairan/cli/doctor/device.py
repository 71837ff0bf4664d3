"""kairan doctor device: are a printer's settings right?"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from kairan.cli.doctor.options import EXIT_CODES, LangOption, language, print_lines
from kairan.cli.errors import BadInputError
from kairan.cli.options import JsonOption, examples, one_command
from kairan.cli.output import print_json, print_json_list, print_table
from kairan.cli.password import StdinOption, read_password
from kairan.doctor.answer import Language, Verdict
from kairan.doctor.device.fleet import FleetError, judge_fleet
from kairan.doctor.device.judge import DeviceSettings, DeviceTls, judge_device, verdict_of
from kairan.doctor.device.text import device_record, device_row, legend, lines_of, record_of

app = one_command()


@app.command(
    "device",
    epilog=examples(
        "kairan doctor device",
        "kairan doctor device --server smtp-have.office365.com --port 587 --tls starttls --user printer@example.com --from printer@example.com",
        "kairan doctor device --csv fleet.csv --json",
    ),
    help=(
        "Judge a printer's or an application's settings.\n\n"
        "Without options it asks on the terminal. With --csv it judges a whole fleet: columns "
        f"name, server, port, tls, user, from, tls_version, auth.\n\n{EXIT_CODES}"
    ),
)
def device(
    server: Annotated[
        str | None, typer.Option(metavar="HOST", help="The server, as it is typed in.")
    ] = None,
    port: Annotated[str, typer.Option(metavar="N", help="The port.")] = "587",
    tls: Annotated[DeviceTls, typer.Option(help="How TLS is used.")] = DeviceTls.STARTTLS,
    user: Annotated[str, typer.Option(metavar="ADDRESS", help="The login.")] = "",
    sender: Annotated[str, typer.Option("--from", metavar="ADDRESS", help="The sender.")] = "",
    tls_version: Annotated[
        str, typer.Option(metavar="V", help="The newest TLS it can do: 1.0, 1.2 …")
    ] = "",
    auth: Annotated[
        str, typer.Option(metavar="NAME", help="Its mechanism: LOGIN, XOAUTH2, none …")
    ] = "",
    csv: Annotated[
        Path | None, typer.Option(metavar="FLEET.csv", help="Judge the devices of a file.")
    ] = None,
    password_stdin: StdinOption = False,
    lang: LangOption = None,
    as_json: JsonOption = False,
) -> None:
    spoken = language(lang)
    if csv is not None:
        if server is not None or password_stdin:
            raise BadInputError("choose one: --csv, or one device's options")
        verdict = _fleet(csv, spoken, as_json=as_json)
    elif server is None:
        if user or sender or password_stdin or not sys.stdin.isatty():
            raise BadInputError("give at least --server and --user, or --csv FLEET.csv")
        verdict = _one(_ask(spoken), spoken, as_json=as_json)
    else:
        password = (
            read_password(from_stdin=True, file=None, generate=False) if password_stdin else None
        )
        settings = DeviceSettings(
            server, port, tls.value, user, sender, tls_version, auth, password=password
        )
        verdict = _one(settings, spoken, as_json=as_json)
    raise typer.Exit(int(verdict))


def _one(settings: DeviceSettings, spoken: Language, *, as_json: bool) -> Verdict:
    findings = judge_device(settings)
    if as_json:
        print_json({"findings": [record_of(one, spoken) for one in findings]})
    else:
        print_lines(lines_of(findings, spoken))
    return verdict_of(findings)


def _fleet(file: Path, spoken: Language, *, as_json: bool) -> Verdict:
    try:
        devices = list(judge_fleet(file))
    except FleetError as error:
        raise BadInputError(str(error)) from error
    if as_json:
        print_json_list(device_record(one, spoken) for one in devices)
    else:
        columns = ("row", "name", "errors", "warnings", "found")
        rows = (device_row(one) for one in devices)
        print_table(columns, rows, nothing="the file holds no device; write one a line")
        print_lines(legend(devices, spoken))
    verdicts = {verdict_of(one.findings) for one in devices}
    return max(verdicts, default=Verdict.UNCLEAR)


_QUESTIONS = {
    "server": ("Server or smart host", "サーバーまたはスマート ホスト", ""),
    "port": ("Port", "ポート", "587"),
    "tls": ("TLS (starttls, implicit, off)", "TLS (starttls, implicit, off)", "starttls"),
    "user": ("User name", "ユーザー名", ""),
    "sender": ("Sender address", "差出人アドレス", ""),
}


def _ask(spoken: Language) -> DeviceSettings:
    """The printer's form, in its order."""
    answers = {
        name: typer.prompt(
            japanese if spoken.value == "ja" else english,
            default=default,
            show_default=bool(default),
            err=True,
        )
        for name, (english, japanese, default) in _QUESTIONS.items()
    }
    return DeviceSettings(**answers)
