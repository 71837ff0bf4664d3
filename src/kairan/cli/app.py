"""The root of the commands, and where the program begins."""

import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer

from kairan import __version__
from kairan.cli.errors import DEBUG_OPTION, report
from kairan.cli.lazy import LazyGroup
from kairan.cli.options import examples, help_if_alone
from kairan.cli.output import say
from kairan.runtime.operator_error import FAILED


class Root(LazyGroup):
    """Runs a command and turns what goes wrong into a sentence."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **named: Any) -> NoReturn:
        words = sys.argv[1:] if args is None else list(args)
        named["standalone_mode"] = False
        try:
            code = super().main(words, *rest, **named)
        except BrokenPipeError:
            code = _stop_writing()
        except Exception as error:  # noqa: BLE001 - the last place before the operator
            code = report(error, debug=DEBUG_OPTION in words)
        finally:
            _act_as_oneself()
        sys.exit(code if isinstance(code, int) else 0)


def _act_as_oneself() -> None:
    """Where the command was root's, and acted as the owner of the data."""
    if privileges := sys.modules.get("kairan.runtime.privileges"):
        privileges.act_as_oneself()


def _stop_writing() -> int:
    """The reader of a pipe (`| head`) has gone; what Python still holds must not be flushed."""
    sys.stdout = None
    return FAILED


app = typer.Typer(
    name="kairan",
    cls=Root,
    rich_markup_mode=None,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples("kairan demo --dir demo", "kairan init && kairan serve"),
)


@app.callback()
def kairan(
    context: typer.Context,
    _debug: Annotated[
        bool, typer.Option(DEBUG_OPTION, help="Show where in the program an error arose.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """High-volume mail inside an organisation: the service and its administration."""
    if version:
        say(f"kairan {__version__}")
    else:
        help_if_alone(context)


def main() -> None:
    app(prog_name="kairan")
