"""Which file is read: -c, else $KAIRAN_CONFIG, else ./kairan.toml.

The variable before the file that happens to lie here: somebody else may have put it there.
"""

import os
from pathlib import Path

from kairan.config.errors import ConfigError

FILE_NAME = "kairan.toml"
ENVIRONMENT_VARIABLE = "KAIRAN_CONFIG"


def locate(given: Path | None) -> Path:
    if given is not None:
        return given
    if from_environment := os.environ.get(ENVIRONMENT_VARIABLE):
        return Path(from_environment)
    if Path(FILE_NAME).is_file():
        return Path(FILE_NAME)
    raise ConfigError(
        f"there is no {FILE_NAME} here: name one with -c FILE or ${ENVIRONMENT_VARIABLE}, "
        "or make one with `kairan init`"
    )
