"""The directory as commands open it, and what was named in it, or the sentence that says where to look."""

from pathlib import Path

from kairan.cli.audited import audited
from kairan.cli.configuration import read_configuration
from kairan.cli.errors import BadInputError
from kairan.cli.output import say
from kairan.config.model import Configuration
from kairan.directory.devices import Device
from kairan.directory.model import Account, App
from kairan.directory.store import Directory


def open_directory(config: Path | None) -> Directory:
    return directory_of(read_configuration(config))


def directory_of(configuration: Configuration) -> Directory:
    return audited(Directory.open(configuration.directory_url), configuration)


def warn_without_postmaster(directory: Directory) -> None:
    """After what may have taken the postmaster away, or left him out."""
    if problem := directory.postmaster_problem():
        say(f"warning: {problem}", to_operator=True)


def existing_account(directory: Directory, address: str) -> Account:
    account = directory.account(address)
    if account is None:
        raise BadInputError(f"there is no account {address}; `kairan account list` shows them")
    return account


def existing_app(directory: Directory, name: str) -> App:
    app = directory.apps.find(name)
    if app is None:
        raise BadInputError(f"there is no app {name}; `kairan app list` shows them")
    return app


def existing_device(directory: Directory, name: str) -> Device:
    device = directory.devices.find(name)
    if device is None:
        raise BadInputError(f"there is no device {name}; `kairan device list` shows them")
    return device
