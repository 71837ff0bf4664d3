"""kairan doctor log as it is typed: exit codes, both languages, JSON, a pipe."""

import json

import pytest
from typer.testing import CliRunner

from kairan.cli.app import app
from kairan.doctor.log.formats import FORMATS, FormatName
from kairan.doctor.log.text import sparkline

REFUSED = "2026-11-23T08:00:00Z user=scan@contoso.com said: 535 5.7.139 Authentication unsuccessful, basic authentication is disabled.\n"
OTHER = "2026-11-23T08:00:01Z user=scan@contoso.com said: 535 5.7.3 Authentication unsuccessful\n"


def run(*words, stdin=None):
    return CliRunner().invoke(app, ["doctor", "log", *map(str, words)], input=stdin)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "app.log"
    path.write_text(REFUSED * 3)
    return path


@pytest.mark.parametrize(
    ("content", "code"), [(REFUSED, 1), ("all is well\n", 0), ("", 0), (None, 2)]
)
def test_the_exit_code_says_whether_there_were_refusals(tmp_path, content, code):
    path = tmp_path / "app.log"
    if content is not None:
        path.write_text(content)
    assert run(path).exit_code == code


def test_people_read_how_many_whose_and_what_to_do(log):
    out = run(log, "--lang", "en").stdout
    assert "3 refusals of 1 kind\n" in out
    assert "scan@contoso.com 3" in out
    assert "What to do first" in out


def test_japanese_is_spoken_too(log):
    out = run(log, "--lang", "ja").stdout
    assert "拒否 3 件" in out
    assert "最初に行うこと" in out


@pytest.mark.parametrize(
    ("content", "english", "refusals", "kinds"),
    [
        (REFUSED, "1 refusal of 1 kind", "拒否 1 件", "1 種類"),
        (REFUSED * 2, "2 refusals of 1 kind", "拒否 2 件", "1 種類"),
        (REFUSED + OTHER, "2 refusals of 2 kinds", "拒否 2 件", "2 種類"),
    ],
)
def test_one_is_not_spoken_of_as_many(tmp_path, content, english, refusals, kinds):
    path = tmp_path / "app.log"
    path.write_text(content)
    assert english in run(path, "--lang", "en").stdout.splitlines()
    assert f"{refusals}\uff08{kinds}\uff09" in run(path, "--lang", "ja").stdout.splitlines()


def test_json_has_all_that_people_read(log):
    record = json.loads(run(log, "--json", "--lang", "en").stdout)
    assert (record["verdict"], record["total"]) == ("problem", 3)
    (cause,) = record["causes"]
    assert cause["key"] == "basic-auth-disabled"
    assert cause["first"] == "2026-11-23T08:00:00+00:00"
    assert cause["accounts"] == [{"account": "scan@contoso.com", "count": 3}]
    assert cause["buckets"] == [{"begin": "2026-11-23T08:00:00+00:00", "count": 3}]
    assert cause["remedies"]


def test_a_pipe_is_read(log):
    assert json.loads(run("-", "--json", stdin=REFUSED).stdout)["total"] == 1


def test_a_span_leaves_out_what_lies_before_it(log):
    record = json.loads(run(log, "--json", "--since", "2026-11-24").stdout)
    assert (record["total"], record["outside"], record["verdict"]) == (0, 3, "healthy")


def test_every_format_can_be_asked_for():
    assert list(FormatName) == [FormatName.AUTO, *FORMATS]


def test_a_plot_has_a_column_for_the_least_and_the_full_height_for_the_most():
    plot, seconds = sparkline({0: 1, 60: 0, 120: 800}, 60)
    assert (plot, seconds) == ("▁ █", 60)


def test_a_long_plot_is_drawn_in_columns_that_can_be_named():
    plot, seconds = sparkline({n * 60: 1 for n in range(1_000)}, 60)
    assert seconds == 1_800
    assert len(plot) <= 60
