"""kairan doctor tenant: which logins does our Microsoft 365 organisation allow?"""

from pathlib import Path
from typing import Annotated

import typer

from kairan.cli.doctor.options import (
    EXIT_CODES,
    LangOption,
    language,
    print_lines,
    read_standard_input,
    read_text_file,
)
from kairan.cli.errors import BadInputError
from kairan.cli.options import JsonOption, examples, one_command
from kairan.cli.output import print_json, say
from kairan.doctor.tenant.facts import (
    JSON_OCTETS_MAX,
    TenantFacts,
    TenantJsonError,
    facts_in,
)
from kairan.doctor.tenant.judge import judge_tenant, verdict_of
from kairan.doctor.tenant.script import SCRIPT
from kairan.doctor.tenant.text import lines_of, record_of

app = one_command()


@app.command(
    "tenant",
    epilog=examples(
        "kairan doctor tenant --script > tenant.ps1",
        "pwsh ./tenant.ps1 > tenant.json",
        "kairan doctor tenant tenant.json",
        "kairan doctor tenant tenant.json --lang ja --json",
    ),
    help=(
        "Say which logins a Microsoft 365 organisation allows, and why others fail.\n\n"
        "--script prints a PowerShell script that an administrator runs in their own "
        "organisation; it only reads. This command judges the JSON that it writes: security "
        "defaults, Conditional Access, authentication policies, the switches of client "
        f"submission, allowed applications, billing. It connects to nothing.\n\n{EXIT_CODES}"
    ),
)
def tenant(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE.json", help="What the script wrote; - reads it from input."),
    ] = None,
    script: Annotated[
        bool, typer.Option("--script", help="Print the script and do nothing else.")
    ] = False,
    lang: LangOption = None,
    as_json: JsonOption = False,
) -> None:
    if script and file is not None:
        raise BadInputError("choose one: --script, or the file that the script wrote")
    if script:
        for line in SCRIPT.splitlines():
            say(line)
        return
    if file is None:
        raise BadInputError("give the file that the script wrote, or --script to print the script")
    report = judge_tenant(_facts(file))
    spoken = language(lang)
    if as_json:
        print_json(record_of(report, spoken))
    else:
        print_lines(lines_of(report, spoken))
    raise typer.Exit(int(verdict_of(report)))


def _facts(file: Path) -> TenantFacts:
    what = "the JSON of the script"
    try:
        if str(file) == "-":
            return facts_in(read_standard_input(octets_max=JSON_OCTETS_MAX, what=what))
        return facts_in(read_text_file(file, octets_max=JSON_OCTETS_MAX, what=what))
    except TenantJsonError as error:
        raise BadInputError(str(error)) from error
