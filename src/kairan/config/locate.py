"""Which file is read: -c, else ./kairan.toml, else $KAIRAN_CONFIG."""

import os
from pathlib import Path

from kairan.config.errors import ConfigError

FILE_NAME = "kairan.toml"
ENVIRONMENT_VARIABLE = "KAIRAN_CONFIG"


def locate(given: Path | None) -> Path:
    if given is not None:
        return given
    if Path(FILE_NAME).is_file():
        return Path(FILE_NAME)
    if from_environment := os.environ.get(ENVIRONMENT_VARIABLE):
        return Path(from_environment)
    raise ConfigError(
        f"there is no {FILE_NAME} here: name one with -c FILE or ${ENVIRONMENT_VARIABLE}, "
        "or make one with `kairan init`"
    )
