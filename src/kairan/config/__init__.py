"""Config: reads, checks and explains the settings which the packages declare.

In      kairan.toml; the dataclasses in each package's settings.py
Out     `Configuration`, one frozen value; or `ConfigError`, one sentence with file and line;
        a new installation (installation.py), a backup of one and what it restores (backup.py)
Keeps   nothing: a change of the file counts at the next start
Never   has a default of its own for a package's setting, opens a socket; reading a configuration
        opens no database
Damage  unknown keys are errors with the nearest known one, never ignored
"""
