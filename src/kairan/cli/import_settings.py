"""kairan import: an existing relay's settings in ours, and what has no counterpart."""

from pathlib import Path
from typing import Annotated

import typer

from kairan.cli.errors import BadInputError
from kairan.cli.options import JsonOption, examples, group_of_commands
from kairan.cli.output import print_json, say
from kairan.config.imports.draft import ImportDraft
from kairan.config.imports.postfix import import_postfix
from kairan.config.imports.postfix_files import read_folder
from kairan.config.imports.sasl_xoauth2 import import_sasl_xoauth2, read_sasl_xoauth2, secret_of
from kairan.mail.address import parse_address
from kairan.runtime.files import private_file

app = group_of_commands("Read an existing relay's settings into ours.")


@app.command(
    "postfix",
    epilog=examples(
        "kairan import postfix /etc/postfix",
        "kairan import postfix /etc/postfix --account printer@example.com > kairan.toml",
    ),
)
def postfix(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Postfix's folder, with main.cf.")
    ] = Path("/etc/postfix"),
    account: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="The account that mail from mynetworks is sent as."),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Print a Postfix relay's settings as kairan.toml.

    What is left to do, and every setting that has no counterpart, is told on standard error. Nothing of Postfix is changed, and no password is printed.
    """
    if account and parse_address(account, utf8=True) is None:
        raise BadInputError(f'"{account}" is not the address of an account')
    _print(import_postfix(read_folder(folder), account=account), as_json=as_json)


@app.command(
    "sasl-xoauth2",
    epilog=examples(
        "kairan import sasl-xoauth2 /etc/sasl-xoauth2.conf --user hve@example.com --name hve",
        "kairan import sasl-xoauth2 /etc/tokens/hve@example.com --secret-file hve.secret",
    ),
)
def sasl_xoauth2(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Its configuration, or a token file.")
    ],
    name: Annotated[
        str, typer.Option(metavar="NAME", help="The identity's name, for routes.")
    ] = "relay",
    user: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS", help="The account; without it the file's name, if it is one."
        ),
    ] = "",
    secret_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the client secret here (mode 0600)."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print sasl-xoauth2's settings as an [[identity]].

    Tokens are not taken along, and no secret is printed.
    """
    settings = read_sasl_xoauth2(file)
    place = secret_file or Path(f"{name}.secret")
    draft = import_sasl_xoauth2(settings, name=name, user=user or file.name, secret_file=str(place))
    if secret_file is not None and (secret := secret_of(settings)):
        with private_file(secret_file) as opened:
            opened.write(secret.encode() + b"\n")
    elif secret_of(settings) and "client_secret_file" in draft.tables[0].values:
        text = f"write the client_secret of {file} into {place} (mode 0600), or name --secret-file"
        draft = ImportDraft(draft.tables, draft.missing, (text, *draft.to_do))
    _print(draft, as_json=as_json)


def _print(draft: ImportDraft, *, as_json: bool) -> None:
    if as_json:
        print_json({"toml": draft.toml, "to_do": draft.to_do, "no_counterpart": draft.missing})
        return
    say(draft.toml)
    for text in draft.to_do:
        say(f"to do: {text}", to_operator=True)
    for one in draft.missing:
        say(f"no counterpart: {one.setting} = {one.value}: {one.why}", to_operator=True)
