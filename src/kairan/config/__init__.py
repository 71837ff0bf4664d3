"""Config: reads, checks and explains the settings which the packages declare.

In      kairan.toml; the dataclasses in each package's settings.py
Out     `Configuration`, one frozen value; or `ConfigError`, one sentence with file and line
Keeps   nothing: a change of the file counts at the next start
Never   has a default of its own for a package's setting, opens a socket or a database
Damage  unknown keys are errors with the nearest known one, never ignored
"""
