"""Config: reads, checks and explains the settings which the rooms declare.

In      kairan.toml; the dataclasses in each room's settings.py
Out     `Configuration`, one frozen value; or `ConfigError`, one sentence with file and line
Keeps   nothing: a change of the file counts at the next start
Never   has a default of its own for a room's setting, opens a socket or a database
Damage  unknown keys are errors with the nearest known one, never ignored
"""

from kairan.config.environment import check_environment
from kairan.config.errors import ConfigError
from kairan.config.explain import Explained, explain
from kairan.config.locate import ENVIRONMENT_VARIABLE, locate
from kairan.config.model import Configuration, ServerSettings
from kairan.config.read import load
from kairan.config.warnings import warnings_of

__all__ = [
    "ENVIRONMENT_VARIABLE",
    "ConfigError",
    "Configuration",
    "Explained",
    "ServerSettings",
    "check_environment",
    "explain",
    "load",
    "locate",
    "warnings_of",
]
