"""Finding what was named, or the sentence that says where to look."""

from typing import TYPE_CHECKING

from kairan.cli.errors import BadInputError

if TYPE_CHECKING:
    from kairan.directory.model import Account, App
    from kairan.directory.store import Directory


def existing_account(directory: "Directory", address: str) -> "Account":
    account = directory.account(address)
    if account is None:
        raise BadInputError(f"there is no account {address}; `kairan account list` shows them")
    return account


def existing_app(directory: "Directory", name: str) -> "App":
    app = directory.apps.find(name)
    if app is None:
        raise BadInputError(f"there is no app {name}; `kairan app list` shows them")
    return app
