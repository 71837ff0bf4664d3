"""The identities of a configuration: a service's, or a file of an application's own that has no more."""

from pathlib import Path

from kairan.cli.errors import BadInputError
from kairan.config.locate import locate
from kairan.config.model import Configuration
from kairan.config.read import load
from kairan.config.rules import identity_rules
from kairan.relay.tokens.settings import IdentitySettings
from kairan.runtime.privileges import act_as_owner_of


def read_identities(config: Path | None) -> Configuration:
    """Root has the rights of the data's owner from here on: the tokens lie there."""
    configuration = load(locate(config), identity_rules)
    act_as_owner_of(configuration.data_directory)
    return configuration


def identity_named(configuration: Configuration, name: str) -> IdentitySettings:
    """`name` empty: the only one."""
    found = [one for one in configuration.identities if not name or one.name == name]
    if len(found) == 1:
        return found[0]
    names = ", ".join(one.name for one in configuration.identities)
    if not names:
        raise BadInputError("the configuration has no [[identity]]; see docs/settings.md")
    if name:
        raise BadInputError(f'there is no identity "{name}"; there are: {names}')
    raise BadInputError(f"say which identity: {names}")
