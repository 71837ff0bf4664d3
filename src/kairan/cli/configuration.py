"""The way from -c FILE to the configuration."""

from pathlib import Path

from kairan.config.locate import locate
from kairan.config.model import Configuration
from kairan.config.read import load
from kairan.runtime.privileges import act_as_owner_of


def read_configuration(config: Path | None, *, as_owner: bool = True) -> Configuration:
    """`as_owner`: from here on root has the rights of the data's owner alone, whose links in there
    must not lead it elsewhere.
    """
    configuration = load(locate(config))
    if as_owner:
        act_as_owner_of(configuration.data_directory)
    return configuration
