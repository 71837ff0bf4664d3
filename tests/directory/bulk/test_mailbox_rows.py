"""What recipients are and where they come from: put many at once, renamed, in CSV."""

import io

import pytest

from kairan.directory.bulk.mailbox_rows import ImportReport
from kairan.directory.errors import DirectoryError
from kairan.directory.model import MAILBOX_ATTRIBUTES, Mailbox
from kit.mailboxes import put_mailboxes, rename_mailbox

ANN = Mailbox(
    "ann@kairan.test",
    "Ann 回覧",
    frozenset({"a@kairan.test"}),
    hidden=True,
    attributes={name: f"the {name}" for name in MAILBOX_ATTRIBUTES},
    country_code=392,
    when_created=1_600_000_000,
    recipient_type="SharedMailbox",
    source="ad",
    source_id="7f1c",
)


def test_a_put_mailbox_is_what_was_given_and_the_second_time_nothing_changes(directory):
    everything = [ANN, Mailbox("bob@kairan.test", enabled=False, disabled_since=1_700_000_000)]
    assert put_mailboxes(directory, everything).report == ImportReport(added=2)
    assert list(directory.mailboxes()) == everything
    bob = directory.mailbox("bob@kairan.test")
    assert (bob.enabled, bob.disabled_since) == (False, 1_700_000_000)
    assert directory.mailbox("a@kairan.test").when_created == 1_600_000_000
    assert put_mailboxes(directory, everything).report == ImportReport(unchanged=2)


def test_a_put_mailbox_loses_what_is_no_longer_given(directory):
    put_mailboxes(directory, [ANN])
    after = Mailbox("ann@kairan.test", enabled=False, source="ad", source_id="7f1c")
    assert put_mailboxes(directory, [after]).report == ImportReport(updated=1)
    found = directory.mailbox("ann@kairan.test")
    assert found == after
    assert found.disabled_since > 0
    put_mailboxes(directory, [Mailbox("ann@kairan.test")])
    assert directory.mailbox("ann@kairan.test").disabled_since is None


def test_one_that_cannot_be_put_is_named_and_the_others_are_written(directory):
    report = put_mailboxes(
        directory,
        [
            ANN,
            Mailbox("bob@kairan.test", aliases=frozenset({"a@kairan.test"})),
            Mailbox("cy@elsewhere.test"),
            Mailbox("ann@kairan.test"),
            Mailbox("dan@kairan.test", recipient_type="Robot"),
            Mailbox("eve@kairan.test", attributes={"shoeSize": "41"}),
            Mailbox("fay@kairan.test"),
        ],
    )
    assert report.report.added == 2
    refused = dict(report.refused)
    assert "exists already" in refused["bob@kairan.test"]
    assert "not an accepted domain" in refused["cy@elsewhere.test"]
    assert "given twice" in refused["ann@kairan.test"]
    assert "no recipient type 'Robot'" in refused["dan@kairan.test"]
    assert "no attribute" in refused["eve@kairan.test"]


def test_what_is_put_dry_is_not_written(directory):
    assert put_mailboxes(directory, [ANN], dry_run=True).report == ImportReport(added=1)
    assert list(directory.mailboxes()) == []


def test_a_contact_may_be_of_any_domain_and_a_mailbox_may_not(directory):
    contact = Mailbox("cy@elsewhere.test", recipient_type="MailContact")
    assert put_mailboxes(directory, [contact]).refused == ()
    directory.add_mailbox("di@elsewhere.test", recipient_type="mailuser")
    with pytest.raises(DirectoryError, match=r"elsewhere\.test is not an accepted domain"):
        directory.set_mailbox("di@elsewhere.test", recipient_type="UserMailbox")
    with pytest.raises(DirectoryError, match=r"elsewhere\.test is not an accepted domain"):
        directory.add_mailbox("ed@elsewhere.test")


def test_a_contact_outside_is_a_member_only_where_external_mail_is_allowed(directory):
    put_mailboxes(directory, [Mailbox("cy@elsewhere.test", recipient_type="MailContact")])
    directory.add_group("all@kairan.test")
    with pytest.raises(DirectoryError, match="does not allow external recipients"):
        directory.add_members("all@kairan.test", ["cy@elsewhere.test"])
    directory.set_organisation(external_recipients_allowed=True)
    assert directory.add_members("all@kairan.test", ["cy@elsewhere.test"]) == 1


def test_a_renamed_mailbox_keeps_its_addresses_its_groups_and_what_it_is(directory, people):
    people("bob")
    put_mailboxes(directory, [ANN])
    directory.add_group("all@kairan.test", owners=["ann@kairan.test"])
    directory.add_members("all@kairan.test", ["ann@kairan.test"])
    rename_mailbox(directory, "ann@kairan.test", "Anna@kairan.test")
    found = directory.mailbox("ann@kairan.test")
    assert found.address == "anna@kairan.test"
    assert found.aliases == {"ann@kairan.test", "a@kairan.test"}
    assert (found.source_id, found.attributes) == (ANN.source_id, ANN.attributes)
    assert list(directory.members("all@kairan.test")) == [["anna@kairan.test"]]
    assert directory.group("all@kairan.test").owners == {"anna@kairan.test"}
    rename_mailbox(directory, "anna@kairan.test", "a@kairan.test")
    assert directory.mailbox("anna@kairan.test").address == "a@kairan.test"
    with pytest.raises(DirectoryError, match="exists already"):
        rename_mailbox(directory, "a@kairan.test", "bob@kairan.test")


def test_a_csv_file_has_columns_for_what_recipients_are(directory):
    text = (
        "address,hidden,enabled,recipientType,countryCode,source,sourceId\n"
        "ann@kairan.test,yes,no,roommailbox,392,hr,17\n"
        "bob@kairan.test,,,,,,\n"
        "cy@elsewhere.test,,,MailContact,,,\n"
    )
    directory.import_mailboxes(io.BytesIO(text.encode()))
    assert list(directory.mailboxes()) == [
        Mailbox(
            "ann@kairan.test",
            hidden=True,
            enabled=False,
            recipient_type="RoomMailbox",
            country_code=392,
            source="hr",
            source_id="17",
        ),
        Mailbox("bob@kairan.test"),
        Mailbox("cy@elsewhere.test", recipient_type="MailContact"),
    ]
    assert directory.mailbox("ann@kairan.test").disabled_since > 0


@pytest.mark.parametrize(
    ("column", "cell", "sentence"),
    [
        ("hidden", "perhaps", "hidden is yes or no, not 'perhaps'"),
        ("countryCode", "Japan", "countryCode 'Japan' is no number of ISO 3166"),
        ("recipientType", "Robot", "there is no recipient type 'Robot'"),
    ],
)
def test_a_broken_cell_is_named(directory, column, cell, sentence):
    with pytest.raises(DirectoryError, match=sentence):
        directory.import_mailboxes(
            io.BytesIO(f"address,{column}\nann@kairan.test,{cell}\n".encode())
        )
