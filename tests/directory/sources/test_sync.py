"""Real directory servers as sources: OpenLDAP and Samba's Active Directory, each once for all of the tests."""

import shutil
from collections.abc import Iterator

import pytest

from bench.slapd import ADMINISTRATOR as OPENLDAP_ADMINISTRATOR
from bench.slapd import BASE as OPENLDAP_BASE
from bench.slapd import PASSWORD as OPENLDAP_PASSWORD
from kairan.directory.errors import DirectoryError
from kairan.directory.recipient_filter.opath import parse
from kairan.directory.sources.settings import SourceSettings
from kairan.directory.sources.sync import SyncOrder, sync
from kairan.directory.store import Directory
from peers.openldap_organisation import OpenLdapOrganisation, openldap_organisation
from peers.samba import ADMINISTRATOR, PASSWORD, SambaDomain, samba_domain

pytest.importorskip(
    "bonsai", reason="needs bonsai: libldap2-dev and libsasl2-dev, then make install"
)
pytestmark = pytest.mark.peers


@pytest.fixture(scope="session")
def ad() -> Iterator[SambaDomain]:
    with samba_domain() as domain:
        yield domain


@pytest.fixture(scope="session")
def openldap() -> Iterator[OpenLdapOrganisation]:
    with openldap_organisation() as organisation:
        yield organisation


@pytest.fixture
def directory(sqlite_template, tmp_path) -> Iterator[Directory]:
    shutil.copy(sqlite_template, tmp_path / "directory.db")
    with Directory.open(f"sqlite:///{tmp_path / 'directory.db'}") as opened:
        opened.add_accepted_domain("example.com")
        yield opened


@pytest.fixture
def ad_settings(ad, tmp_path) -> SourceSettings:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    return SourceSettings(
        "ad",
        servers=(ad.url,),
        ca_file=ad.ca_file,
        bind_user=ADMINISTRATOR,
        bind_password_file=tmp_path / "password",
    )


@pytest.fixture
def openldap_settings(openldap, tmp_path) -> SourceSettings:
    (tmp_path / "password").write_text(OPENLDAP_PASSWORD)
    return SourceSettings(
        "openldap",
        servers=(openldap.plain_url,),
        ca_file=openldap.ca_file,
        bind_user=OPENLDAP_ADMINISTRATOR,
        bind_password_file=tmp_path / "password",
        people_filter="(&(objectClass=inetOrgPerson)(mail=*))",
        groups_filter="(objectClass=groupOfNames)",
    )


def look(directory, settings, **order):
    return sync(directory, settings, SyncOrder(**order))


def whole(directory, settings, **order):
    return look(directory, settings, is_whole=True, **order)


def members(directory, address):
    return {one for piece in directory.members(address) for one in piece}


def changed(settings, **fields):
    from dataclasses import replace

    return replace(settings, **fields)


# -- Active Directory ------------------------------------------------------------------------------


def test_people_of_active_directory_come_with_their_extension_attributes(
    ad, ad_settings, directory
):
    ad.add_user(
        "Attributes One",
        department="営業部",
        extensionAttribute1="tokyo",
        extensionAttribute15="x*)(uid=*",
        proxyAddresses=["SMTP:attributes@example.com", "smtp:a1@example.com", "sip:x@example.com"],
        l="Osaka", postalCode="0012", countryCode="392", msExchHideFromAddressLists="TRUE",
    )  # fmt: skip
    look(directory, ad_settings)
    box = directory.mailbox("a1@example.com")
    assert (box.address, box.hidden, box.country_code) == ("attributes@example.com", True, 392)
    assert box.aliases == {"a1@example.com", "attributes.one@example.com"}
    assert {
        name: box.attributes.get(name)
        for name in ("department", "customAttribute1", "customAttribute15", "city", "postalCode")
    } == {
        "department": "営業部", "customAttribute1": "tokyo", "customAttribute15": "x*)(uid=*",
        "city": "Osaka", "postalCode": "0012",
    }  # fmt: skip


def test_a_change_in_active_directory_is_found_by_its_count(ad, ad_settings, directory):
    dn = ad.add_user("Mover", department="Sales")
    ad.add_user("Stayer", department="Sales")
    look(directory, ad_settings)
    ad.change(dn, department="Finance")
    report = look(directory, ad_settings)
    assert report.people < 3
    assert [(one.before, one.after) for one in report.changes] == [
        ({"department": "Sales"}, {"department": "Finance"})
    ]


def test_who_moves_to_another_department_fits_the_other_filter(ad, ad_settings, directory):
    sales, finance = (parse(f"Department -eq 'Moving {one}'") for one in ("Sales", "Finance"))
    dn = ad.add_user("Department Mover", department="Moving Sales")
    look(directory, ad_settings)
    mover = "department.mover@example.com"
    assert (list(directory.fitting(sales)), list(directory.fitting(finance))) == ([mover], [])
    ad.change(dn, department="Moving Finance")
    look(directory, ad_settings)
    assert (list(directory.fitting(sales)), list(directory.fitting(finance))) == ([], [mover])


def test_a_user_who_is_deleted_from_active_directory_is_disabled_at_the_next_sweep(
    ad, ad_settings, directory
):
    for stayer in ("Stayer One", "Stayer Two"):  # a source that lacks half of all is not believed
        ad.add_user(stayer)
    dn = ad.add_user("Leaver")
    look(directory, ad_settings)
    ad.delete(dn)
    report = look(directory, changed(ad_settings, whole_seconds=0.0))
    assert [one.address for one in report.changes if one.deed == "disable"] == [
        "leaver@example.com"
    ]
    assert directory.mailbox("leaver@example.com").enabled is False


def test_a_renamed_user_keeps_the_old_mail_address(ad, ad_settings, directory):
    dn = ad.add_user("Old Name", mail="old.name@example.com")
    look(directory, ad_settings)
    dn = ad.rename(dn, "New Name")
    ad.change(dn, mail="new.name@example.com", sAMAccountName="new.name")
    look(directory, ad_settings)
    assert directory.mailbox("old.name@example.com").address == "new.name@example.com"
    look(directory, changed(ad_settings, whole_seconds=0.0))
    assert directory.mailbox("old.name@example.com").address == "new.name@example.com"


def test_a_disabled_user_of_active_directory_is_disabled_here(ad, ad_settings, directory):
    ad.add_user("Disabled", userAccountControl="546")
    look(directory, ad_settings)
    assert directory.mailbox("disabled@example.com").enabled is False


def test_nested_groups_of_active_directory_nest_and_those_without_address_are_opened(
    ad, ad_settings, directory
):
    one, two, three = (ad.add_user(f"Nested {number}") for number in "123")
    inner = ad.add_group("inner", [one], mail="inner@example.com")
    silent = ad.add_group("silent", [two, inner])
    silent_below = ad.add_group("silent-below", [three])
    ad.change(silent, member=[two, inner, silent_below])
    ad.change(silent_below, member=[three, silent])  # and back again
    outer = ad.add_group("outer", [silent], mail="outer@example.com")
    whole(directory, ad_settings)
    assert members(directory, "outer@example.com") == {
        "inner@example.com", "nested.2@example.com", "nested.3@example.com",
    }  # fmt: skip
    assert members(directory, "inner@example.com") == {"nested.1@example.com"}
    ad.change(inner, member=[one, three])
    look(directory, ad_settings)
    assert members(directory, "inner@example.com") == {
        "nested.1@example.com",
        "nested.3@example.com",
    }
    ad.change(silent, member=[inner])
    look(directory, ad_settings)
    assert members(directory, "outer@example.com") == {"inner@example.com"}
    assert outer


def test_groups_that_the_filter_leaves_out_are_walked_by_the_server(ad, ad_settings, directory):
    person = ad.add_user("Chained")
    below = ad.add_group("chain-below", [person])
    middle = ad.add_group("chain-middle", [below])
    ad.add_group("chain", [middle], mail="chain@example.com")
    filtered = changed(ad_settings, groups_filter="(&(objectCategory=group)(mail=*))")
    whole(directory, filtered)
    assert members(directory, "chain@example.com") == {"chained@example.com"}


def test_a_contact_of_active_directory_is_a_contact_here(ad, ad_settings, directory):
    dn = "CN=Bob Partner,CN=Users,DC=kairan,DC=test"
    ad.add(dn, {"objectClass": "contact", "targetAddress": "SMTP:bob@partner.example",
                "mail": "bob@partner.example"})  # fmt: skip
    look(directory, ad_settings)
    assert directory.mailbox("bob@partner.example").recipient_type == "MailContact"


def test_a_password_that_is_wrong_changes_nothing_and_is_not_said(
    ad, ad_settings, directory, tmp_path
):
    (tmp_path / "password").write_text("Tr0ub4dor")
    with pytest.raises(DirectoryError) as refused:
        look(directory, ad_settings)
    problem = directory.sources.state("ad").problem
    assert problem == str(refused.value)
    assert "Tr0ub4dor" not in problem


# -- OpenLDAP --------------------------------------------------------------------------------------


def test_people_and_nested_groups_of_openldap_come(openldap, openldap_settings, directory):
    ann = openldap.add_person("ann", department="Sales", extensionAttribute3="x", postalCode="0012")
    bob = openldap.add_person("bob")
    inner = openldap.add_group("o-inner", [ann], mail="o-inner@example.com")
    silent = openldap.add_group("o-silent", [f"UID=bob , {OPENLDAP_BASE.upper()}"])
    openldap.add_group("o-outer", [inner, silent], mail="o-outer@example.com")
    whole(directory, openldap_settings)
    box = directory.mailbox("ann@example.com")
    assert dict(box.attributes) | {"lastName": ""} == {
        "department": "Sales", "customAttribute3": "x", "postalCode": "0012", "lastName": "",
    }  # fmt: skip
    assert members(directory, "o-outer@example.com") == {"o-inner@example.com", "bob@example.com"}
    assert bob


def test_a_change_in_openldap_is_found_by_its_time(openldap, openldap_settings, directory):
    dn = openldap.add_person("changer", department="Sales")
    look(directory, openldap_settings)
    openldap.change(dn, department="Finance")
    report = look(directory, openldap_settings)
    assert [(one.before, one.after) for one in report.changes] == [
        ({"department": "Sales"}, {"department": "Finance"})
    ]


def test_a_group_that_changed_in_openldap_is_read_by_its_members(
    openldap, openldap_settings, directory
):
    one, two = openldap.add_person("member1"), openldap.add_person("member2")
    dn = openldap.add_group("o-changing", [one], mail="o-changing@example.com")
    whole(directory, openldap_settings)
    openldap.change(dn, member=[two])
    look(directory, openldap_settings)
    assert members(directory, "o-changing@example.com") == {"member2@example.com"}


def test_who_is_deleted_from_openldap_is_disabled_at_the_next_sweep(
    openldap, openldap_settings, directory
):
    dn = openldap.add_person("o-leaver")
    openldap.add_person("o-stayer")
    look(directory, openldap_settings)
    openldap.delete(dn)
    look(directory, changed(openldap_settings, whole_seconds=0.0))
    assert directory.mailbox("o-leaver@example.com").enabled is False
    assert directory.mailbox("o-stayer@example.com").enabled is True


def test_ldaps_and_starttls_are_verified(openldap, openldap_settings, directory, tmp_path):
    (tmp_path / "other.pem").write_bytes(_other_authority())
    for url in (openldap.url, openldap.plain_url):
        look(directory, changed(openldap_settings, servers=(url,)))
        for ca_file in (tmp_path / "other.pem", None):
            with pytest.raises(DirectoryError):
                look(directory, changed(openldap_settings, servers=(url,), ca_file=ca_file))


def _other_authority() -> bytes:
    from datetime import UTC, datetime

    from kairan.runtime.certificates import make_authority

    return make_authority("another", now=datetime.now(UTC)).certificate_pem


def test_servers_are_tried_in_turn(openldap, openldap_settings, directory):
    closed = "ldap://127.0.0.1:1"
    servers = (closed, openldap.plain_url)
    look(directory, changed(openldap_settings, servers=servers, timeout_seconds=3.0))
    with pytest.raises(DirectoryError, match=r"127\.0\.0\.1:1"):
        look(directory, changed(openldap_settings, servers=(closed,), timeout_seconds=3.0))


def test_the_last_good_copy_serves_while_the_source_is_down(openldap, openldap_settings, directory):
    openldap.add_person("served")
    look(directory, openldap_settings)
    good = directory.sources.state("openldap").succeeded
    with pytest.raises(DirectoryError):
        look(directory, changed(openldap_settings, servers=("ldap://127.0.0.1:1",)))
    state = directory.sources.state("openldap")
    assert (state.succeeded, "127.0.0.1:1" in state.problem) == (good, True)
    assert directory.mailbox("served@example.com").enabled


def test_a_server_that_says_nothing_is_left_after_the_timeout(openldap_settings, directory):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ldap://127.0.0.1:{silent.getsockname()[1]}"
        settings = changed(openldap_settings, servers=(url,), timeout_seconds=0.5)
        with pytest.raises(DirectoryError, match=url):
            look(directory, settings)


def test_a_base_that_is_not_there_is_said_and_changes_nothing(openldap_settings, directory):
    with pytest.raises(DirectoryError, match="dc=elsewhere"):
        look(directory, changed(openldap_settings, base="dc=elsewhere"))


def test_a_referral_is_not_followed(openldap, openldap_settings, directory):
    import socket

    openldap.add_person("beside")
    with socket.create_server(("127.0.0.1", 0)) as other:
        url = f"ldap://127.0.0.1:{other.getsockname()[1]}/ou=away,{OPENLDAP_BASE}"
        dn = f"ou=away,{OPENLDAP_BASE}"
        classes = ["referral", "extensibleObject"]
        openldap.add(dn, {"objectClass": classes, "ou": "away", "ref": url})
        try:
            whole(directory, openldap_settings)
            other.settimeout(0.2)
            with pytest.raises(TimeoutError):
                other.accept()
        finally:
            openldap.delete_referral(dn)
    assert directory.mailbox("beside@example.com")


def test_a_name_that_looks_like_a_filter_is_a_name(openldap, openldap_settings, directory):
    dn = f"uid=a\\2Ab)(uid\\3D\\2A,{OPENLDAP_BASE}"
    openldap.add(dn, {"objectClass": ["inetOrgPerson", "kairanAdded"], "uid": "a*b)(uid=*", "cn": "x",
                      "sn": "x", "mail": "star@example.com"})  # fmt: skip
    group = openldap.add_group("o-star", [dn], mail="o-star@example.com")
    whole(directory, openldap_settings)
    assert members(directory, "o-star@example.com") == {"star@example.com"}
    openldap.change(group, member=[dn])
    look(directory, openldap_settings)
    assert members(directory, "o-star@example.com") == {"star@example.com"}
