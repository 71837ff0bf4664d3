"""kairan device: who they are, their passwords, and what the audit says of it."""

import json

import pytest

from kairan.auth.passwords.hashing import hasher, matches
from kairan.auth.settings import AuthSettings
from kairan.directory.devices import Sighting
from kairan.directory.store import Directory

PRINTER = "printer@example.com"


@pytest.fixture
def floor(shell):
    shell.done("account", "add", PRINTER, "--generate")
    return shell


@pytest.fixture
def mfp(floor):
    words = ("--account", PRINTER, "--place", "3階 東", "--network", "10.1.2.7", "--login", "mfp3f")
    return floor.done("device", "add", "mfp-3f", *words, "--generate", "--json").json


def directory_in(shell):
    return Directory.open(f"sqlite:///{shell.place}/data/directory.db")


def audit_of(shell):
    files = sorted((shell.place / "data" / "audit").iterdir())
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_a_device_is_added_with_a_password_that_is_shown_once(floor, mfp):
    assert mfp["networks"] == ["10.1.2.7/32"]
    assert mfp["login"] == "mfp3f"
    for words in (("list",), ("list", "--json"), ("show", "mfp-3f"), ("show", "MFP3F", "--json")):
        out = floor.done("device", *words).out
        assert mfp["password"] not in out
        assert "argon2" not in out
    with directory_in(floor) as directory:
        stored = directory.devices.find("mfp-3f").password_hash
    assert matches(stored, mfp["password"], hasher(AuthSettings()))


def test_the_list_says_when_each_was_heard_of_and_why_it_was_refused(floor, mfp):
    assert mfp["last_seen"] is None
    with directory_in(floor) as directory:
        seen = Sighting(1_800_000_000, "10.1.2.7", 1_800_000_060, "auth-unsuccessful")
        directory.devices.heard_of({"mfp-3f": seen})
    (listed,) = floor.done("device", "list", "--json").json
    assert listed["last_seen"] == 1_800_000_000
    assert (listed["last_refused"], listed["last_refusal"]) == (1_800_000_060, "auth-unsuccessful")
    assert "2027-01-15T08:01:00Z auth-unsuccessful" in floor.done("device", "list").out


def test_a_device_is_changed_revoked_and_removed(floor, mfp):
    changed = floor.done(
        "device", "set", "mfp3f", "--place", "Osaka", "--network", "", "--json"
    ).json
    assert (changed["place"], changed["networks"], changed["has_password"]) == ("Osaka", [], True)
    assert not floor.done("device", "set", "mfp-3f", "--disabled", "--json").json["enabled"]
    revoked = floor.done("device", "password", "mfp-3f", "--revoke", "--json").json
    assert not revoked["has_password"]
    assert revoked["login"] == "mfp3f", "so its address alone does not let it in"
    floor.done("device", "remove", "mfp-3f")
    assert floor.done("device", "list", "--json").json == []
    assert "no device yet" in floor.done("device", "list").out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("add", "x"), "--account is missing"),
        (("add", "x", "--account", PRINTER, "--generate"), "needs a login"),
        (("set", "x", "--place", "y"), "there is no device x"),
        (("show", "x"), "there is no device x"),
        (("remove", "x"), "there is no device x"),
        (("password", "x", "--revoke", "--generate"), "choose one"),
        (("add", "x", "--account", "nobody@example.com"), "there is no account"),
    ],
)
def test_what_cannot_be_is_one_sentence(floor, words, why):
    answer = floor("device", *words)
    assert answer.code in {1, 2}
    assert why in answer.err
    assert answer.err.count("\n") == 1


def test_each_change_is_in_the_audit_without_the_password(floor, mfp):
    floor.done("device", "set", "mfp-3f", "--place", "Osaka")
    floor.done("device", "password", "mfp-3f", "--generate")
    floor.done("device", "remove", "mfp-3f")
    lines = [line for line in audit_of(floor) if line["what"].startswith("device.")]
    assert [line["what"] for line in lines] == [
        "device.add",
        "device.set",
        "device.set",
        "device.remove",
    ]
    assert lines[1]["after"] == {"place": "Osaka"}
    assert lines[2]["password"] == "changed"
    assert mfp["password"] not in json.dumps(lines)
    assert "argon2" not in json.dumps(lines)
