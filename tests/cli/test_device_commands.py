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


@pytest.fixture
def listening(floor):
    """With a listener for devices, and the printer's account."""
    file = floor.place / "kairan.toml"
    file.write_text(file.read_text() + '\n[[listener]]\nrole = "device"\nport = 2526\n')
    return floor


def keys(shell, *words, stdin=""):
    answer = shell("device", "test", *words, "--json", stdin=stdin)
    return answer.code, {one["key"] for one in answer.json["findings"]}


def test_a_test_says_what_is_in_the_way(listening, mfp):
    right = ("--client", "10.1.2.7", "--password-stdin")
    assert keys(listening, "mfp-3f", *right, stdin=mfp["password"]) == (0, {"never-seen"})
    assert keys(listening, "mfp-3f", *right, stdin="a wrong one") == (
        1,
        {"auth-unsuccessful", "never-seen"},
    )
    assert keys(listening, "mfp-3f", "--client", "10.1.2.8")[1] == {
        "device-not-listed",
        "never-seen",
    }
    assert "sender-not-yours" in keys(listening, "mfp-3f", "--from", "boss@example.com")[1]
    listening.done("policy", "set", "security-defaults", "on")
    listening.done("device", "set", "mfp-3f", "--disabled")
    code, found = keys(listening, "mfp-3f")
    assert code == 1
    assert {"basic-auth-not-allowed", "device-disabled"} <= found


def test_a_test_says_what_it_was_last_refused_for_in_either_language(listening, mfp):
    with directory_in(listening) as directory:
        seen = Sighting(1_800_000_000, "10.1.2.7", 1_800_000_060, "tls-too-old")
        directory.devices.heard_of({"mfp-3f": seen})
    english = listening("device", "test", "mfp-3f", "--lang", "en")
    japanese = listening("device", "test", "mfp-3f", "--lang", "ja")
    assert english.code == japanese.code == 1
    assert "WARNING  last-refused" in english.out
    assert "警告  last-refused" in japanese.out


def test_without_a_device_listener_no_device_could_send(floor, mfp):
    assert keys(floor, "mfp-3f") == (1, {"no-device-listener"})
    assert "no listener with role" in floor.refused("device", "sheet", "mfp-3f")


def test_a_sheet_has_what_is_typed_in_both_languages(listening, mfp):
    text = listening.done("device", "sheet", "mfp-3f").out
    for said in ("SMTP server", "SMTP サーバー", "mail.example.com", "2526", "STARTTLS", "mfp3f"):
        assert said in text
    assert mfp["password"] not in text
    new = listening.done("device", "sheet", "mfp-3f", "--generate", "--json").json
    password = next(line["value"]["en"] for line in new if line["label"]["en"] == "Password")
    with directory_in(listening) as directory:
        stored = directory.devices.find("mfp-3f").password_hash
    assert matches(stored, password, hasher(AuthSettings()))
    assert "SMTP server" not in listening.done("device", "sheet", "mfp-3f", "--lang", "ja").out
