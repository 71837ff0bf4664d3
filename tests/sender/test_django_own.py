"""Django's own tests of its SMTP backend pass with ours in its place.

They are in Django's source distribution alone, which pip fetches; without an index they are skipped.
"""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import django
import pytest

PROGRAM = Path(__file__).with_name("django_own_tests.py")


@pytest.fixture(scope="module")
def django_tests(tmp_path_factory):
    folder = tmp_path_factory.mktemp("django")
    wanted = f"django=={django.__version__}"
    command = ["download", "--quiet", "--no-deps", "--no-build-isolation", "--no-binary=:all:"]
    fetched = subprocess.run(
        [sys.executable, "-m", "pip", *command, "--dest", str(folder), wanted],
        capture_output=True,
        text=True,
        check=False,
    )
    found = list(folder.glob("*.tar.gz"))
    if fetched.returncode or not found:
        pytest.skip(f"pip does not get the source of {wanted}: {fetched.stderr[-200:]}")
    with tarfile.open(found[0]) as archive:
        members = [one for one in archive.getmembers() if "/tests/mail/" in one.name]
        archive.extractall(folder, members=members, filter="data")
    (tests,) = folder.glob("*/tests")
    return tests


def test_djangos_own_tests_of_its_backend_pass_with_ours(django_tests):
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(django_tests)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["failed"] == [], done.stderr
    assert answer["run"] >= 35
    assert answer["skipped"] == 0
    assert len(answer["left out"]) == 17, "what is left out is there"
