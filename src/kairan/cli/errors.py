"""Every error ends here: one sentence on standard error and an exit code, never a traceback."""

import sqlite3
import traceback

import typer

from kairan.cli.output import say
from kairan.runtime.operator_error import BAD_INPUT, FAILED, OperatorError
from kairan.runtime.visible import visible

DEBUG_OPTION = "--debug"


class BadInputError(OperatorError):
    """What the operator gave cannot be used; the sentence ends with what to do."""

    exit_code = BAD_INPUT


def report(error: Exception, *, debug: bool) -> int:
    if debug:
        say("".join(traceback.format_exception(error)), to_operator=True)
    sentence, code = _judged(error)
    say(f"kairan: {visible(sentence)}", to_operator=True)
    return code


def _judged(error: Exception) -> tuple[str, int]:
    match error:
        case OperatorError():
            return str(error), error.exit_code
        case sqlite3.Error():
            return f"the queue's or the trace's file cannot be used ({error}); try again", FAILED
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


def _usage(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "kairan"
    sentence = error.format_message().strip().rstrip(".")
    return f"{sentence[:1].lower()}{sentence[1:]}; see `{command} --help`"


def _system(error: OSError) -> str:
    subject = f"{error.filename}: " if error.filename else ""
    return f"{subject}{error.strerror or error}"
