import pytest
from alembic import command
from sqlalchemy import text

from kairan.directory.database.database import Database
from kairan.directory.database.migrate import _config
from kairan.directory.errors import DirectoryError
from kairan.directory.snapshot.memory import read_snapshot
from kairan.directory.store import Directory

PRINTER = "printer@kairan.test"


@pytest.fixture
def organisation(directory):
    directory.add_account(PRINTER)
    directory.policies.add("Allow", allow_basic_auth_smtp=True)
    directory.policies.add("Block", allow_basic_auth_smtp=False)
    return directory


def test_a_new_organisation_blocks_nothing(directory):
    whole = directory.organisation()
    assert (whole.security_defaults, whole.smtp_client_authentication_disabled) == (False, False)
    assert (whole.default_policy, whole.policies) == ("", {})


def test_snapshots_see_every_control(organisation):
    before = read_snapshot(organisation)
    organisation.set_organisation(security_defaults=True, smtp_client_authentication_disabled=True)
    organisation.policies.assign("Block", PRINTER)
    organisation.policies.set_default("Allow")
    organisation.policies.change("Allow", allow_basic_auth_smtp=False)
    organisation.set_account(PRINTER, smtp_client_authentication_disabled=False)
    after = read_snapshot(organisation, before)
    assert after.organisation.security_defaults
    assert after.organisation.smtp_client_authentication_disabled
    assert after.organisation.default_policy == "Allow"
    assert after.organisation.policies == {"Allow": False, "Block": False}
    assert after.account(PRINTER).policy == "Block"
    assert after.account(PRINTER).smtp_client_authentication_disabled is False


def test_none_takes_a_policy_away(organisation):
    organisation.policies.assign("Block", PRINTER)
    organisation.policies.set_default("Block")
    organisation.policies.assign("none", PRINTER)
    organisation.policies.set_default("none")
    assert organisation.account(PRINTER).policy == ""
    assert organisation.organisation().default_policy == ""
    organisation.policies.remove("Block")
    assert organisation.organisation().policies == {"Allow": True}


def test_a_policy_that_somebody_has_is_not_removed(organisation):
    organisation.policies.assign("Block", PRINTER)
    with pytest.raises(DirectoryError, match="assigned to 1 account;"):
        organisation.policies.remove("Block")
    organisation.policies.set_default("Allow")
    with pytest.raises(DirectoryError, match="the policy Allow is the default"):
        organisation.policies.remove("Allow")


@pytest.mark.parametrize("name", ["none", "", " ", "a\nb"])
def test_some_names_are_no_policys(directory, name):
    with pytest.raises(DirectoryError):
        directory.policies.add(name, allow_basic_auth_smtp=True)


def test_what_does_not_exist_cannot_be_assigned_or_changed(organisation):
    for act in (
        lambda: organisation.policies.assign("Other", PRINTER),
        lambda: organisation.policies.set_default("Other"),
        lambda: organisation.policies.change("Other", allow_basic_auth_smtp=True),
        lambda: organisation.policies.remove("Other"),
    ):
        with pytest.raises(DirectoryError, match="there is no policy Other"):
            act()
    with pytest.raises(DirectoryError, match="there is no account"):
        organisation.policies.assign("Block", "nobody@kairan.test")


def test_a_directory_of_the_first_release_keeps_its_data_and_blocks_nothing(empty_url):
    database = Database(empty_url)
    with database.writing() as connection:
        command.upgrade(_config(connection), "0001")
        connection.execute(text("INSERT INTO address VALUES ('a@b.test', 'account', 'a@b.test')"))
        connection.execute(
            text("INSERT INTO account VALUES (1, 'a@b.test', 'hash', '', '', true, '', NULL, NULL)")
        )
        connection.execute(text("UPDATE organisation SET name = 'Old'"))
    database.close()
    with Directory.open(empty_url) as directory:
        assert directory.organisation().name == "Old"
        assert not directory.organisation().security_defaults
        assert directory.account("a@b.test").password_hash == "hash"
        assert directory.account("a@b.test").smtp_client_authentication_disabled is None
