"""bücher.test, its NFD and its A-labels: one domain, one mailbox, one account, wherever it is asked."""

import unicodedata

import pytest
from sqlalchemy import MetaData, delete, insert, select

from kairan.admission.recipients import judge_recipient
from kairan.admission.sender import judge_sender
from kairan.admission.settings import AdmissionSettings
from kairan.directory.database import schema
from kairan.directory.database.database import Database
from kairan.directory.database.migrate import upgrade_to
from kairan.directory.errors import DirectoryError
from kairan.directory.snapshot.memory import read_snapshot
from kairan.directory.store import Directory
from kairan.expansion.expand import expand
from kairan.expansion.settings import ExpansionSettings
from kairan.mail.address import parse_address
from kairan.mail.envelope import Envelope, Recipient
from kairan.outcomes.catalogue import GROUP_SENDER_NOT_ALLOWED
from kairan.outcomes.decision import ACCEPT

NFC = "b\u00fccher.test"
NFD = unicodedata.normalize("NFD", NFC)
SPELLINGS = [NFC, NFC.upper(), NFD, "xn--bcher-kva.test", "XN--Bcher-kva.TEST"]
ASCII = "xn--bcher-kva.test"


@pytest.fixture
def filled(url):
    """A directory whose administrator wrote the domain in one way."""
    domain = NFD
    with Directory.open(url) as directory:
        directory.add_accepted_domain(domain)
        directory.add_mailbox(f"user@{domain}", aliases=[f"j\u00fcrgen@{domain}"])
        directory.add_account(f"mfp@{domain}")
        directory.add_group(
            f"all@{domain}", initial_members=[f"user@{domain}"], reject_from=[f"mfp@{domain}"]
        )
        yield directory


def test_whoever_is_there_cannot_be_added_again(filled):
    for spelt in SPELLINGS:
        with pytest.raises(DirectoryError, match="accepted domain already"):
            filled.add_accepted_domain(spelt)
        for taken in ("user", "mfp", "all", "ju\u0308rgen"):
            with pytest.raises(DirectoryError, match="exists already"):
                filled.add_mailbox(f"{taken}@{spelt}")


def test_everybody_is_found(filled):
    for spelt in SPELLINGS:
        snapshot = read_snapshot(filled)
        assert snapshot.resolve(f"User@{spelt}") == f"user@{ASCII}"
        assert snapshot.resolve(f"ju\u0308rgen@{spelt}") == f"user@{ASCII}"
        assert snapshot.account(f"mfp@{spelt}").address == f"mfp@{ASCII}"
        assert snapshot.group(f"all@{spelt}").address == f"all@{ASCII}"
        assert filled.mailbox(f"user@{spelt}").address == f"user@{ASCII}"
        assert [one.address for one in filled.mailboxes(search=spelt)] == [f"user@{ASCII}"]


def test_ownership_recipients_and_restrictions_hold(filled):
    for spelt in SPELLINGS:
        snapshot = read_snapshot(filled)
        account = snapshot.account(f"mfp@{ASCII}")
        sender = parse_address(f"mfp@{spelt}", utf8=True)
        group = parse_address(f"all@{spelt}", utf8=True)
        assert judge_sender(account, sender) is ACCEPT
        settings = AdmissionSettings()
        assert (
            judge_recipient(snapshot, settings, group, already=0, external_allowed=False) is ACCEPT
        )
        for envelope_sender in (sender, ""):
            envelope = Envelope(
                envelope_sender, (), 0.0, account=account.address, client="192.0.2.1"
            )
            expansion = expand(envelope, [Recipient(group)], snapshot, filled, ExpansionSettings())
            outcomes = [failure.outcome for failure in expansion.failures]
            assert outcomes == [GROUP_SENDER_NOT_ALLOWED]


def test_members_are_taken_once(filled):
    for spelt in SPELLINGS:
        assert filled.add_members(f"all@{spelt}", [f"user@{spelt}"]) == 0
        assert filled.remove_members(f"all@{spelt}", [f"ju\u0308rgen@{spelt}"]) == 1
        assert filled.add_members(f"all@{spelt}", [f"user@{spelt}"]) == 1


def test_a_database_from_before_is_brought_to_the_one_spelling(empty_url, tmp_path):
    with Directory.open(f"sqlite:///{tmp_path}/today.db") as directory:
        directory.add_accepted_domain("kairan.test")
        directory.add_accepted_domain("other.test")
        directory.add_mailbox("user@kairan.test", aliases=["other@kairan.test"])
        directory.add_account("mfp@kairan.test", allowed_apps=["a"], reply_to="user@kairan.test")
        directory.add_group(
            "all@kairan.test",
            initial_members=["user@kairan.test"],
            accept_from=["mfp@kairan.test"],
        )
        directory.add_mailbox("plain@other.test")
        directory.set_organisation(postmaster="user@kairan.test")
        with directory._database.reading() as connection:
            _write_as_before(empty_url, connection)
    with Directory.open(empty_url) as directory:
        snapshot = read_snapshot(directory)
        assert directory.accepted_domains() == ["other.test", ASCII]
        assert snapshot.resolve(f"other@{NFC}") == f"user@{ASCII}"
        assert snapshot.resolve("plain@other.test") == "plain@other.test"
        account = snapshot.account(f"mfp@{NFC}")
        assert (account.allowed_apps, account.reply_to) == ({"a"}, f"user@{ASCII}")
        assert snapshot.group(f"all@{NFC}").accept_from == {f"mfp@{ASCII}"}
        assert list(directory.members(f"all@{NFC}")) == [[f"user@{ASCII}"]]
        assert snapshot.organisation.postmaster == f"user@{ASCII}"


def _write_as_before(url, today):
    """What `today` holds, in the shape and the spelling of the version before."""
    database = Database(url)
    with database.writing() as connection:
        upgrade_to(connection, "0004")
        tables = MetaData()
        tables.reflect(connection, only=lambda name, _: name != "alembic_version")
        for table in reversed(tables.sorted_tables):
            connection.execute(delete(table))
        for table in tables.sorted_tables:
            for row in today.execute(select(schema.metadata.tables[table.name])).mappings():
                connection.execute(insert(table), _spelt({c.name: row[c.name] for c in table.c}))
    database.close()


def _spelt(row):
    return {
        key: value.replace("kairan.test", NFC) if isinstance(value, str) else value
        for key, value in row.items()
    }
