"""kairan organisation: settings of the whole organisation."""

from typing import Annotated

import typer

from kairan.cli.directory import open_directory, warn_without_postmaster
from kairan.cli.options import ConfigOption, JsonOption, examples, group_of_commands
from kairan.cli.output import plain, print_json, print_record
from kairan.directory.operations.organisation import OrganisationFields

app = group_of_commands("Settings of the whole organisation.")


@app.command("show", epilog=examples("kairan organisation show", "kairan organisation show --json"))
def show(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show the organisation's settings."""
    with open_directory(config) as directory:
        organisation = directory.organisation()
    if as_json:
        print_json(organisation)
    else:
        policies = [
            f"{name} (basic auth {'allowed' if allows else 'blocked'})"
            for name, allows in organisation.policies.items()
        ]
        print_record("organisation", {**plain(organisation), "policies": policies})


@app.command(
    "set",
    epilog=examples(
        "kairan organisation set --name 'Example Ltd' --postmaster postmaster@example.com",
        "kairan organisation set --external-recipients",
    ),
)
def set_(
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its name, shown in reports.")
    ] = None,
    postmaster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Receives the reports that have nowhere else to go; '' for nobody.",
        ),
    ] = None,
    moderation_address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Where moderators' answers go, which the service reads itself; '' for none.",
        ),
    ] = None,
    external: Annotated[
        bool | None,
        typer.Option(
            "--external-recipients/--no-external-recipients",
            help="Whether accounts may send beyond the accepted domains.",
        ),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change the organisation's settings.

    Those not named stay.
    """
    fields = _given(name, postmaster, moderation_address, external)
    with open_directory(config) as directory:
        directory.set_organisation(**fields)
        warn_without_postmaster(directory)
    show(config, as_json)


def _given(
    name: str | None, postmaster: str | None, moderation_address: str | None, external: bool | None
) -> OrganisationFields:
    fields: OrganisationFields = {}
    if name is not None:
        fields["name"] = name
    if postmaster is not None:
        fields["postmaster"] = postmaster
    if moderation_address is not None:
        fields["moderation_address"] = moderation_address
    if external is not None:
        fields["external_recipients_allowed"] = external
    return fields
