"""What is installed is whole: the wheel, and the files for systemd and containers."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
SOURCE = TOP / "src" / "kairan"
DEPLOY = TOP / "deploy"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel of a copy of the source, in a folder of its own."""
    place = tmp_path_factory.mktemp("dist")
    copy = place / "source"
    shutil.copytree(
        TOP / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(TOP / name, copy / name)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", place, copy)
    [wheel] = place.glob("kairan-*.whl")
    run(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"),
        *("--no-compile", "--disable-pip-version-check", "--target", place / "installed", wheel),
    )
    return place / "installed"


def run(*words, **options):
    done = subprocess.run(
        [*map(str, words)], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_has_every_file_of_the_package(installed):
    ours = {path.relative_to(SOURCE) for path in SOURCE.rglob("*") if path.is_file()}
    ours = {path for path in ours if "__pycache__" not in path.parts}
    package = installed / "kairan"
    theirs = {path.relative_to(package) for path in package.rglob("*") if path.is_file()}
    assert {Path("py.typed"), Path("directory/database/migrations/script.py.mako")} <= ours
    assert theirs == ours


def test_what_was_installed_runs(installed):
    script = (
        f"import sys; sys.path.insert(0, {str(installed)!r}); import kairan; "
        f"assert kairan.__file__.startswith({str(installed)!r}), kairan.__file__; "
        "from kairan.cli.app import main; sys.argv = ['kairan', '--help']; main()"
    )
    said = run(sys.executable, "-B", "-c", script, cwd=installed)
    assert "serve" in said
    assert "demo" in said


def test_the_wheel_brings_the_command_and_the_fixtures(installed):
    [file] = installed.glob("kairan-*.dist-info/entry_points.txt")
    text = file.read_text()
    assert "kairan = kairan.cli.app:main" in text
    assert "kairan = kairan.testing.plugin" in text


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="systemd is not installed")
def test_systemd_makes_the_user_of_the_unit(tmp_path):
    (tmp_path / "etc").mkdir()
    run("systemd-sysusers", f"--root={tmp_path}", DEPLOY / "kairan.sysusers")
    name, _, _, _, _, home, shell = (tmp_path / "etc" / "passwd").read_text().strip().split(":")
    assert (name, home, shell) == ("kairan", "/var/lib/kairan", "/usr/sbin/nologin")
    unit = (DEPLOY / "kairan.service").read_text()
    assert f"User={name}" in unit


def test_the_folders_are_the_services_or_only_read_by_it():
    lines = [line.split() for line in (DEPLOY / "kairan.tmpfiles").read_text().splitlines()]
    folders = {line[1]: line[2:5] for line in lines if line and line[0] == "d"}
    assert folders == {
        "/var/lib/kairan": ["0700", "kairan", "kairan"],
        "/etc/kairan": ["0750", "root", "kairan"],
    }


@pytest.mark.skipif(shutil.which("systemd-tmpfiles") is None, reason="systemd is not installed")
def test_systemd_reads_the_folders(tmp_path):
    (tmp_path / "etc").mkdir()
    run("systemd-sysusers", f"--root={tmp_path}", DEPLOY / "kairan.sysusers")
    run("systemd-tmpfiles", "--create", f"--root={tmp_path}", DEPLOY / "kairan.tmpfiles")
    assert (tmp_path / "var" / "lib" / "kairan").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "etc" / "kairan").stat().st_mode & 0o777 == 0o750


def test_the_container_copies_what_is_there_and_may_be_copied():
    text = (TOP / "Containerfile").read_text()
    allowed = {line[1:] for line in (TOP / ".containerignore").read_text().splitlines()}
    copied = [
        name
        for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE)
        for name in line.split()[:-1]
    ]
    assert len(copied) >= 6
    for name in copied:
        assert (TOP / name).exists()
        assert name in allowed


def test_the_container_runs_as_nobody_and_says_whether_it_is_well():
    text = (TOP / "Containerfile").read_text()
    assert re.search(r"^USER kairan$", text, re.MULTILINE)
    assert re.search(r'^HEALTHCHECK .*CMD \["kairan", "status"\]$', text, re.MULTILINE)
