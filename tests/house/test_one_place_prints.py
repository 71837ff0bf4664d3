"""Commands print in one place, which makes visible what a terminal might obey."""

import ast
from pathlib import Path

import kairan.cli

CLI = Path(kairan.cli.__file__).parent


def test_commands_print_in_one_place_only():
    """Which makes visible what is not."""
    printing = []
    for file in CLI.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            is_call = isinstance(node, ast.Call)
            if is_call and isinstance(node.func, ast.Name) and node.func.id == "print":
                printing.append(file.name)
            if is_call and ast.unparse(node.func) in {
                "typer.echo",
                "click.echo",
                "sys.stdout.write",
            }:
                printing.append(file.name)
    assert set(printing) == {"output.py"}
