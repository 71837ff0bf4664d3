"""Options that add to a list or take from it: aliases of an address, apps that an account allows."""

import re
from collections.abc import Iterable
from typing import Annotated

import typer

from kairan.cli.errors import BadInputError
from kairan.mail.address import key_of

AddAliasOption = Annotated[
    list[str] | None, typer.Option(metavar="ADDRESS", help="A further address; repeats.")
]
RemoveAliasOption = Annotated[
    list[str] | None, typer.Option(metavar="ADDRESS", help="One address less; repeats.")
]


def changed_aliases(
    before: frozenset[str], added: Iterable[str] | None, removed: Iterable[str] | None
) -> frozenset[str]:
    gone = {key_of(alias) for alias in removed or ()}
    for alias in sorted(gone - before):
        raise BadInputError(f"{alias} is no alias here; there are: {', '.join(sorted(before))}")
    return (before - gone) | {key_of(alias) for alias in added or ()}


def changed_apps(
    before: frozenset[str], added: Iterable[str] | None, removed: Iterable[str] | None
) -> frozenset[str]:
    """Object IDs: names would be taken for them and allow nobody."""
    for app in added or ():
        if not re.fullmatch(r"[0-9A-Za-z._:@/-]{1,100}", app):
            raise BadInputError(
                f'"{app}" is no object ID, such as 5f3c2a11-0000-4000-8000-00000001'
            )
    gone = {app.lower() for app in removed or ()}
    for app in sorted(gone - before):
        raise BadInputError(f"{app} is not allowed here; `kairan account show` lists who is")
    return (before - gone) | {app.lower() for app in added or ()}
