"""kairan connector: files with which other systems' editors know how to send here."""

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from kairan.api.connector import DEFINITION_FILE, PROPERTIES_FILE, definition, properties
from kairan.cli.configuration import read_configuration
from kairan.cli.errors import BadInputError
from kairan.cli.options import ConfigOption, JsonOption, examples, group_of_commands
from kairan.cli.output import print_json, say

app = group_of_commands("Connectors: how other systems' editors learn to send here.")

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252})(:[0-9]{1,5})?")


@app.command(
    "power-automate",
    epilog=examples(
        "kairan connector power-automate --host mail.example.com:8025 --out connector",
        "kairan connector power-automate",
    ),
)
def power_automate(
    host: Annotated[
        str,
        typer.Option(
            metavar="HOST[:PORT]",
            help="Where Power Automate, or its gateway, reaches the API; without it hostname and port "
            "of the configuration.",
        ),
    ] = "",
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder of the two files; made where needed.")
    ] = Path(),
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write Power Automate's custom connector.

    Its definition and its settings.

    "Send an email" with the fields of Microsoft's SMTP connector, and "Get status".
    docs/power-automate.md has how to import them.
    """
    if not host:
        configuration = read_configuration(config)
        host = f"{configuration.hostname}:{configuration.api.port}"
    if not _HOST.fullmatch(host):
        raise BadInputError(f"{host!r} is no host; write it as mail.example.com:8025")
    files = {out / DEFINITION_FILE: definition(host), out / PROPERTIES_FILE: properties()}
    out.mkdir(parents=True, exist_ok=True)
    for path, document in files.items():
        text = json.dumps(document, indent=2, ensure_ascii=False)
        path.write_text(f"{text}\n", encoding="utf-8")
    if as_json:
        print_json({"host": host, "files": [str(path) for path in files]})
        return
    for path in files:
        say(str(path))
