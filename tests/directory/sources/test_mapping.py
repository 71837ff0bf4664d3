"""Entries of directory servers as people and groups: Active Directory's names."""

from uuid import UUID

import pytest

from kairan.directory.errors import DirectoryError
from kairan.directory.sources.attribute_names import attribute_names
from kairan.directory.sources.mapping import group_of, person_of, seconds_of
from kairan.directory.sources.values import SourceProblem

AD = attribute_names(())
GUID = UUID("0f8fad5b-d9cb-469f-a165-70867728950e")


def entry(**values):
    given = {"objectguid": GUID.bytes_le, "mail": "ann@example.com", **values}
    return {
        name.lower(): [
            one if isinstance(one, bytes) else one.encode()
            for one in (value if isinstance(value, list) else [value])
        ]
        for name, value in given.items()
    }


def test_an_objectguid_is_the_id_as_administrators_write_it():
    assert person_of(entry(), AD).id == str(GUID)


def test_the_primary_address_is_the_one_in_capitals_and_the_others_are_aliases():
    ann = person_of(
        entry(
            proxyAddresses=[
                "smtp:a@example.com",
                "SMTP:Ann.Lee@Example.com",
                "X400:c=JP;a= ;p=x",
                "sip:ann@example.com",
            ],
            mail="ann@example.com",
        ),
        AD,
    )
    assert (ann.address, ann.aliases) == (
        "ann.lee@example.com",
        {"a@example.com", "ann@example.com"},
    )


def test_attributes_have_exchanges_names_and_keep_their_zeros():
    ann = person_of(
        entry(
            department="営業",
            l="Osaka",
            postalCode="0012",
            extensionAttribute15="x",
            info="a\r\nb",
            c="JP",
        ),
        AD,
    )
    assert ann.attributes == {
        "department": "営業", "city": "Osaka", "postalCode": "0012", "customAttribute15": "x",
        "notes": "a\r\nb", "country": "JP",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "enabled"),
    [
        ({"userAccountControl": "512"}, True),
        ({"userAccountControl": "514"}, False),
        ({"userAccountControl": "66050"}, False),
        ({"userAccountControl": "514", "msExchRecipientTypeDetails": "16"}, True),
        ({}, True),
    ],
)
def test_a_disabled_account_disables_a_person_and_no_room(values, enabled):
    assert person_of(entry(**values), AD).enabled is enabled


def test_mail_for_a_contact_goes_to_its_target():
    one = person_of(
        entry(
            objectClass=["top", "person", "contact"],
            targetAddress="SMTP:Bob@partner.example",
            proxyAddresses="SMTP:bob.ext@example.com",
        ),
        AD,
    )
    assert (one.address, one.aliases, one.recipient_type) == (
        "bob@partner.example",
        {"bob.ext@example.com", "ann@example.com"},
        "MailContact",
    )


def test_hidden_country_and_date_are_read():
    one = person_of(
        entry(
            msExchHideFromAddressLists="TRUE", countryCode="392", whenCreated="20261127023415.0Z"
        ),
        AD,
    )
    assert (one.hidden, one.country_code, one.when_created) == (True, 392, 1795746855)


@pytest.mark.parametrize("text", ["", "yesterday", "2026", "99999999999999.0Z"])
def test_what_is_no_time_is_not_known(text):
    assert seconds_of(text) is None


def test_a_control_character_in_a_name_becomes_a_blank():
    assert person_of(entry(displayName="Ann\r\nBcc: x"), AD).display_name == "Ann  Bcc: x"


def test_an_address_that_mail_cannot_have_is_a_problem():
    assert isinstance(person_of(entry(mail="not an address"), AD), SourceProblem)


def test_attributes_may_be_called_otherwise():
    called = attribute_names([("id", "entryUUID"), ("department", "departmentNumber")])
    one = person_of(entry(entryUUID="u-1", departmentNumber="42"), called)
    assert (one.id, one.attributes) == ("u-1", {"department": "42"})


@pytest.mark.parametrize(
    "pair", [("shoeSize", "x"), ("department", "a)(uid=*"), ("department", "")]
)
def test_a_mapping_that_cannot_be_is_refused(pair):
    with pytest.raises(DirectoryError):
        attribute_names([pair])


def test_a_group_has_an_address_and_the_members_it_is_given():
    one = group_of(entry(mail="all@example.com", cn="All"), AD, frozenset({"1"}))
    assert (one.address, one.display_name, one.members) == ("all@example.com", "All", {"1"})
