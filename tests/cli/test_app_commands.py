"""kairan app: registering, secrets, keys, and tokens that rehearse every failure."""

import time

import jwt
import pytest

from kairan.auth.made_secrets import matches
from kairan.issuer.keys.folder import KeyFolder
from kairan.issuer.keys.ring import KeyRing

PRINTER = "printer@example.com"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"


@pytest.fixture
def desk(shell):
    """An organisation with a printer, and issuer keys that are quickly made."""
    settings = shell.place / "kairan.toml"
    settings.write_text(settings.read_text() + '[issuer]\nalgorithm = "ES256"\n')
    shell.done("account", "add", PRINTER, "--generate")
    return shell


@pytest.fixture
def erp(desk):
    return desk.done("app", "add", "erp", "--account", PRINTER, "--json").json


def stored_secrets(shell):
    from kairan.directory.store import Directory

    with Directory.open(f"sqlite:///{shell.place}/data/directory.db") as directory:
        return directory.apps.find("erp").secrets


def claims(text):
    return jwt.decode(text.strip(), options={"verify_signature": False})


def test_adding_an_app_says_what_a_program_must_know(desk, erp):
    assert list(erp)[:3] == ["client_id", "client_secret", "object_id"]
    assert erp["client_id"] != erp["object_id"]
    assert erp["permissions"] == ["Mail.Send"]
    assert erp["accounts"] == [PRINTER]
    shown = desk.done("account", "show", PRINTER, "--json").json
    assert shown["allowed_apps"] == [erp["object_id"]]


def test_a_secret_is_printed_once_and_stored_as_a_hash(desk, erp):
    for words in (("list",), ("list", "--json"), ("show", "erp", "--json"), ("show", "erp")):
        assert erp["client_secret"] not in desk.done("app", *words).out
        assert "hmac" not in desk.done("app", *words).out
    (stored,) = stored_secrets(desk)
    assert erp["client_secret"] not in stored.hash
    assert matches(erp["client_secret"], [stored], now=0)


def test_a_new_secret_gives_the_old_one_a_week_or_none(desk, erp):
    changed = desk.done("app", "secret", "erp", "--json").json
    assert changed["client_secret"] != erp["client_secret"]
    assert changed["old_secret_until"] == pytest.approx(time.time() + 7 * 86_400, abs=120)
    old, new = stored_secrets(desk)
    assert matches(erp["client_secret"], [old], now=time.time())
    assert matches(changed["client_secret"], [new], now=time.time())
    desk.done("app", "secret", "erp", "--keep-days", 0)
    assert len(stored_secrets(desk)) == 1


def test_an_app_is_changed_and_removed(desk, erp):
    changed = ("app", "set", "erp", "--forbid", PRINTER, "--permission", "Mail.Read", "--disabled")
    record = desk.done(*changed, "--json").json
    assert (record["accounts"], record["permissions"], record["enabled"]) == (
        [],
        ["Mail.Read"],
        False,
    )
    assert desk.done("app", "set", "erp", "--allow", PRINTER, "--json").json["accounts"] == [
        PRINTER
    ]
    desk.done("app", "remove", "erp")
    assert "no app yet" in desk.done("app", "list").out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("show", "crm"), "there is no app crm"),
        (("secret", "crm"), "there is no app crm"),
        (("token", "crm"), "there is no app crm"),
        (("add", "erp"), "there is an app erp already"),
        (("add", "crm", "--account", "x@example.com"), "there is no account x@example.com"),
        (("token", "erp", "--user", "x@example.com"), "there is no account x@example.com"),
        (("token", "erp", "--delegated"), "add --user ADDRESS"),
        (("token", "erp", "--lifetime", "86401"), "at most 86400"),
        (("approve", "AAAA-BBBB", "--user", PRINTER), "no login with the code"),
    ],
)
def test_a_mistake_is_one_sentence(desk, erp, words, sentence):
    assert sentence in desk.refused("app", *words)


def test_a_token_is_the_apps_own(desk, erp):
    said = claims(desk.done("app", "token", "erp", "--user", PRINTER).out)
    assert (said["oid"], said["azp"], said["roles"]) == (
        erp["object_id"],
        erp["client_id"],
        ["Mail.Send"],
    )
    assert said["exp"] - said["iat"] == 3_600
    assert said["aud"] == "https://outlook.office365.com"


def test_a_token_is_made_to_measure(desk, erp):
    words = ("--lifetime", 300, "--permission", "Mail.Read", "--audience", "other")
    words += ("--tenant", "theirs", "--not-before", 60)
    said = claims(desk.done("app", "token", "erp", *words).out)
    assert said["exp"] - said["iat"] == 300
    assert said["nbf"] - said["iat"] == 60
    assert (said["roles"], said["aud"], said["tid"]) == (["Mail.Read"], "other", "theirs")


def test_an_expired_token_was_valid_once(desk, erp):
    said = claims(desk.done("app", "token", "erp", "--lifetime", "-60").out)
    assert said["iat"] == said["nbf"] < said["exp"] <= time.time() - 60


def test_a_delegated_token_names_its_user(desk, erp):
    said = claims(desk.done("app", "token", "erp", "--delegated", "--user", PRINTER).out)
    assert (said["upn"], said["scp"]) == (PRINTER, "Mail.Send")
    assert "roles" not in said


def test_a_rotation_publishes_the_next_key_and_a_compromised_one_is_withdrawn(desk, erp):
    first = jwt.get_unverified_header(desk.done("app", "token", "erp").out.strip())["kid"]
    ring = KeyRing(KeyFolder(desk.place / "data" / "issuer"))
    second = desk.done("app", "rotate", "--json").json
    assert second["signs_from"] > time.time() + 500
    assert [key.id for key in ring.published()] == [first, second["kid"]]
    third = desk.done("app", "rotate", "--compromised", "--json").json
    assert third["withdrawn"] == 2
    assert [key.id for key in ring.published()] == [third["kid"]]


def test_an_account_allows_a_foreign_application_by_its_object_id(desk):
    other = "5F3C2A11-0000-4000-8000-000000000001"
    allowed = ("account", "set", PRINTER, "--allow-app", other, "--json")
    assert desk.done(*allowed).json["allowed_apps"] == [other.lower()]
    assert "is no object ID" in desk.refused("account", "set", PRINTER, "--allow-app", "my app")
    assert "is not allowed here" in desk.refused("account", "set", PRINTER, "--remove-app", "x")
    removed = ("account", "set", PRINTER, "--remove-app", other, "--json")
    assert desk.done(*removed).json["allowed_apps"] == []
