"""The names keep to Prometheus's conventions, the page is fresh, the files for Grafana and Prometheus
name what exists.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kairan.metrics.families import FAMILIES, MetricKind
from kairan.metrics.page import page

TOP = Path(__file__).parents[2]
RULES = TOP / "deploy" / "prometheus" / "kairan.rules.yml"
DASHBOARD = TOP / "deploy" / "grafana" / "kairan.json"
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)"
)


def promtool(*words, cwd=RULES.parent, given=""):
    done = subprocess.run(
        ["promtool", *words], cwd=cwd, input=given, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda one: one.name)
def test_names_keep_to_the_conventions(family):
    assert re.fullmatch(r"kairan_[a-z_]+", family.name)
    assert family.name.endswith("_total") == (family.kind is MetricKind.COUNTER)
    assert family.help.endswith(".")


def test_the_page_is_fresh():
    written = (TOP / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert written == page(), "python -m kairan.metrics > docs/metrics.md"


def metrics_named_in(path):
    return set(re.findall(r"\bkairan_[a-z_]+", path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", [RULES, DASHBOARD], ids=lambda path: path.name)
def test_every_metric_that_a_file_names_exists(path):
    named = metrics_named_in(path)
    assert len(named) > 10
    assert named <= FAMILIES.keys()


def test_the_dashboard_has_panels_that_do_not_overlap_and_queries_of_one_source():
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    taken = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert all(x < 24 for x, _ in cells)
        taken |= cells
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}"
            assert panel["targets"]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


@needs_promtool
def test_prometheus_reads_every_query_of_the_dashboard(tmp_path):
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    queries = [t["expr"] for panel in board["panels"] for t in panel.get("targets", ())]
    rules = [
        {"record": f"q{n}", "expr": q.replace("$__rate_interval", "5m").replace("$instance", ".*")}
        for n, q in enumerate(queries)
    ]
    assert len(rules) > 10
    text = json.dumps({"groups": [{"name": "dashboard", "rules": rules}]})  # YAML holds JSON
    (tmp_path / "rules.yml").write_text(text)
    code, said = promtool("check", "rules", "rules.yml", cwd=tmp_path)
    assert code == 0, said


@needs_promtool
def test_prometheus_takes_the_rules():
    code, said = promtool("check", "rules", RULES.name)
    assert code == 0, said
    assert "SUCCESS" in said


@needs_promtool
def test_each_rule_fires_when_it_should_and_not_before():
    code, said = promtool("test", "rules", "kairan.rules.test.yml")
    assert code == 0, said


def test_each_rule_has_a_test():
    alerts = set(re.findall(r"alert: (\w+)", RULES.read_text()))
    tested = set(
        re.findall(r"alertname: (\w+)", (RULES.parent / "kairan.rules.test.yml").read_text())
    )
    assert alerts == tested


def test_each_rule_says_what_to_do():
    text = RULES.read_text()
    assert text.count("- alert:") == text.count("summary:") == text.count("description:")
