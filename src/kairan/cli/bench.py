"""kairan bench: how fast, on this machine, beside Postfix?"""

import typer

from kairan.cli.options import examples

EPILOG = examples(
    "kairan bench",
    "kairan bench --quick",
    "kairan bench --scenario login --rounds 1 --json",
)


def register(app: typer.Typer) -> None:
    # The words go on as they are: the bench knows its own options.
    app.command(
        "bench",
        epilog=EPILOG,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )(bench)


def bench(context: typer.Context) -> None:
    """Measure Kairan and, where it is installed, Postfix under the same load.

    `kairan bench -- --help` lists the scenarios and options.
    """
    from kairan.bench.command import run

    raise typer.Exit(run(list(context.args)))
