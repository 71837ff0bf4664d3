"""How answers look."""

import json
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import pytest

from kairan.cli import output
from kairan.cli.output import (
    plain,
    plain_encoder,
    print_json_lines,
    print_json_list,
    print_record,
    print_table,
)


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Thing:
    name: str
    tags: frozenset[str]
    password_hash: str = "secret"


def test_plain_values_are_what_json_knows_and_hold_no_secret():
    value = {"thing": Thing("x", frozenset("ba")), "path": Path("/a"), "colour": (Colour.RED, None)}
    assert plain(value) == {
        "thing": {"name": "x", "tags": ["a", "b"]},
        "path": "/a",
        "colour": ["red", None],
    }


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_list_printed_piece_by_piece_is_one_json_document(capsys, count):
    values = [{"n": number, "ü": "\n"} for number in range(count)]
    print_json_list(iter(values))
    assert json.loads(capsys.readouterr().out) == values


def test_a_list_is_printed_while_it_is_read(capsys):
    def values():
        yield 1
        yield 2
        assert "1" in capsys.readouterr().out

    print_json_list(values())


def test_cells_are_for_people(capsys):
    print_record("x", {"a": True, "b": None, "c": frozenset("zy"), "d": {"k": "v"}, "e": 1.25})
    lines = capsys.readouterr().out.splitlines()
    cells = dict(line.split(maxsplit=1) for line in lines[1:])
    assert {key: text.strip() for key, text in cells.items()} == {
        "a": "yes",
        "b": "-",
        "c": "y, z",
        "d": "k=v",
        "e": "1.2",
    }


def test_text_of_others_is_never_read_as_markup(capsys):
    print_table(("[bold]a[/]",), [["[red]b[/red]"]], nothing="")
    assert "[red]b[/red]" in capsys.readouterr().out


def test_a_long_table_ends_and_says_how_to_get_the_rest(capsys, monkeypatch):
    monkeypatch.setattr(output, "ROWS_MAX", 2)
    print_table(("n",), ([number] for number in range(3)), nothing="")
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 3
    assert printed.err == "… these are the first 2; --json prints all\n"


def test_a_line_into_a_file_is_not_wrapped(capsys):
    print_table(("a", "b"), [["x" * 500, "y"]], nothing="")
    assert "x" * 500 in capsys.readouterr().out


@pytest.mark.parametrize("control", ["\b", "\f", "\r", "\t", "\x1b", "\x9b", "\u202e"])
def test_a_lone_control_is_visible_in_a_list_of_plain_values_too(capsys, control):
    print_json_lines([plain_encoder()([{"detail": f"a{control}b"}])])
    (item,) = json.loads(capsys.readouterr().out)
    assert control not in item["detail"]
    assert item["detail"].startswith("a\\")
