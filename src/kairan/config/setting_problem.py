"""What is wrong with a configuration, and where it stands in the file."""

from typing import TypeAlias

from kairan.config.lines import Path_

# Where, and what is wrong there.
SettingProblem: TypeAlias = tuple[Path_, str]
