"""A new installation: whole, or not at all."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kairan.config import installation
from kairan.config.errors import ConfigError
from kairan.config.installation import Installation, install
from kairan.config.read import load
from kairan.directory.store import Directory

NOW = datetime.now(UTC)


def plan(place: Path) -> Installation:
    return Installation(place=place, hostname="mail.example.com", domain="example.com", port=2525)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_can_be_loaded_and_says_what_was_asked_for(tmp_path):
    configuration = load(install(plan(tmp_path / "new"), now=NOW))
    assert configuration.hostname == "mail.example.com"
    assert [listener.port for listener in configuration.listeners] == [2525]
    with Directory.open(configuration.directory_url, migrate=False) as directory:
        assert directory.accepted_domains() == ["example.com"]


def test_keys_and_data_are_their_owners_alone(tmp_path):
    install(plan(tmp_path), now=NOW)
    assert mode(tmp_path / "tls" / "ca.key") == 0o600
    assert mode(tmp_path / "tls" / "server.key") == 0o600
    assert mode(tmp_path / "data") == 0o700


def test_other_files_in_the_folder_stay(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    install(plan(tmp_path), now=NOW)
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("part", ["kairan.toml", "tls", "data"])
def test_nothing_is_overwritten(tmp_path, part):
    (tmp_path / part).write_text("mine")
    with pytest.raises(ConfigError, match="exists already and is not overwritten"):
        install(plan(tmp_path), now=NOW)
    assert [path.name for path in tmp_path.iterdir()] == [part]
    assert (tmp_path / part).read_text() == "mine"


@pytest.mark.parametrize(
    "step", ["_write_certificates", "_write_directory", "_settings_text", "_move"]
)
@pytest.mark.parametrize("existed", [True, False])
def test_nothing_half_made_stays_whichever_step_fails(tmp_path, monkeypatch, step, existed):
    place = tmp_path / "new"
    if existed:
        place.mkdir()

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(installation, step, fail)
    with pytest.raises(OSError, match="No space"):
        install(plan(place), now=NOW)
    assert place.exists() == existed
    assert not existed or not list(place.iterdir())


def test_what_was_moved_goes_back_when_the_next_part_cannot_be(tmp_path, monkeypatch):
    rename = Path.rename

    def refuse_settings(path: Path, target: Path) -> Path:
        if path.name == "kairan.toml":
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse_settings)
    with pytest.raises(OSError, match="No space"):
        install(plan(tmp_path), now=NOW)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("hostname", "domain", "port", "sentence"),
    [
        ("mail example", "example.com", 25, '"mail example" is not a host name'),
        ("mail.example.com", "[192.0.2.1]", 25, "is not a domain"),
        ("mail.example.com", 'x"\n', 25, "is not a domain"),
        ("mail.example.com", "example.com", 0, "the port must be between"),
        ("mail.example.com", "example.com", 65_536, "the port must be between"),
    ],
)
def test_a_name_that_is_none_is_said_before_anything_is_made(
    tmp_path, hostname, domain, port, sentence
):
    place = tmp_path / "new"
    with pytest.raises(ConfigError, match=sentence):
        install(Installation(place=place, hostname=hostname, domain=domain, port=port), now=NOW)
    assert not place.exists()


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be made"):
        install(plan(tmp_path / "file" / "new"), now=NOW)
