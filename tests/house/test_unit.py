"""The systemd unit keeps the service in its sandbox."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "deploy" / "kairan.service"
EXPOSURE_MAX = 2.0  # of 10; systemd calls this OK


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_its_exposure_is_small():
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"Overall exposure level for [^:]+: ([0-9.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= EXPOSURE_MAX, done.stdout


def test_the_page_for_operators_names_it():
    page = (UNIT.parents[1] / "docs" / "operations.md").read_text()
    assert "deploy/kairan.service" in page
