"""Every error ends here: one sentence on standard error and an exit code, never a traceback."""

import traceback

import typer

from kairan.cli.output import say
from kairan.runtime.visible import visible

FAILED = 1  # may succeed later, or elsewhere
BAD_INPUT = 2  # will fail again until the input changes
INTERRUPTED = 130  # 128 + SIGINT, as shells count

DEBUG_OPTION = "--debug"


class BadInputError(Exception):
    """What the operator gave cannot be used; the sentence ends with what to do."""


class FailedError(Exception):
    """It was right to ask, but could not be done."""


def report(error: Exception, *, debug: bool) -> int:
    if debug:
        say("".join(traceback.format_exception(error)), to_operator=True)
    sentence, code = _judged(error)
    say(f"kairan: {visible(sentence)}", to_operator=True)
    return code


def _judged(error: Exception) -> tuple[str, int]:
    # The rooms' errors are found by name of their class: importing the rooms to compare would
    # cost every `kairan --help` their start-up time.
    for kind in type(error).__mro__:
        if kind.__name__ in _CODES:
            return str(error), _CODES[kind.__name__]
        if kind.__module__ == "sqlite3":
            return f"the queue's or the trace's file cannot be used ({error}); try again", FAILED
    match error:
        case typer.Abort():
            return "stopped; nothing was changed", FAILED
        case typer.TyperException():
            return _usage(error), BAD_INPUT
        case OSError():
            return _system(error), FAILED
        case _:
            return (
                f"this should not happen: {type(error).__name__}: {error}; "
                f"please report it with the output of `kairan {DEBUG_OPTION} …`"
            ), FAILED


_CODES = {
    "BadInputError": BAD_INPUT,
    "ControlUnavailable": FAILED,
    "FailedError": FAILED,
    "ConfigError": BAD_INPUT,
    "PortInUse": BAD_INPUT,
    "DirectoryUnavailableError": FAILED,
    "DirectoryError": BAD_INPUT,
    "NoShardError": FAILED,
}


def _usage(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "kairan"
    sentence = error.format_message().strip().rstrip(".")
    return f"{sentence[:1].lower()}{sentence[1:]}; see `{command} --help`"


def _system(error: OSError) -> str:
    subject = f"{error.filename}: " if error.filename else ""
    return f"{subject}{error.strerror or error}"
