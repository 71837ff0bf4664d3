"""What a command changed elsewhere than in the directory goes into the audit too."""

from kairan.cli.output import plain, say
from kairan.config.model import Configuration
from kairan.trace.audit_file import record_change


def tell(configuration: Configuration, what: str, **facts: object) -> None:
    """A full disk does not undo the change."""
    try:
        record_change(configuration.audit_directory, configuration.audit, what, plain(facts))
    except OSError as error:
        say(f"warning: the audit was not written: {error}", to_operator=True)
