"""Everything that can be said of a configuration before the service starts, with its line.

    mistakes    the service would not start with it, or mail would be refused, wait or come back
    warnings    allowed, and yet better known

In the order in which one presupposes another: with a broken rule the machine is not asked, for half of its answers
would be about the mistake.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from kairan.config.environment import environment_problems
from kairan.config.errors import Source
from kairan.config.model import Configuration
from kairan.config.name_servers import name_server_problems
from kairan.config.organisation import directory_findings
from kairan.config.rules import broken_rules
from kairan.config.setting_problem import SettingProblem
from kairan.config.warnings import certificate_problems, settings_problems, warnings_of


@dataclass(frozen=True, slots=True)
class Finding:
    place: str  # file and line
    sentence: str
    is_mistake: bool


def findings(configuration: Configuration, source: Source) -> Iterator[Finding]:
    broken = list(broken_rules(configuration))
    yield from _found(broken, source, is_mistake=True)
    if broken:
        return
    environment = list(environment_problems(configuration))
    yield from _found(environment, source, is_mistake=True)
    yield from _found(settings_problems(configuration), source, is_mistake=True)
    yield from _found(certificate_problems(configuration), source, is_mistake=True)
    in_directory = directory_findings(configuration)
    yield from _found(in_directory.problems, source, is_mistake=True)
    yield from _found(name_server_problems(configuration), source, is_mistake=True)
    yield from _found(warnings_of(configuration), source, is_mistake=False)
    yield from _found(in_directory.warnings, source, is_mistake=False)


def _found(
    problems: Iterator[SettingProblem] | list[SettingProblem], source: Source, *, is_mistake: bool
) -> Iterator[Finding]:
    for where, sentence in problems:
        yield Finding(source.place(where), sentence, is_mistake)
