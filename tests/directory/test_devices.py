"""Devices in the store, and found again by the login that is typed and the address they have."""

import pytest

from kairan.directory.devices import Device, Devices, Sighting
from kairan.directory.errors import DirectoryError
from kairan.directory.snapshot.memory import read_snapshot

PRINTER, PAYROLL = "printer@kairan.test", "payroll@kairan.test"


@pytest.fixture
def organisation(directory):
    directory.add_account(PRINTER, aliases=["scan@kairan.test"])
    directory.add_account(PAYROLL)
    return directory


def test_a_device_is_found_by_its_name_and_its_login(organisation):
    devices = organisation.devices
    made = devices.add(
        "複合機 3F",
        account="Scan@kairan.test",
        place="Tokyo, 3rd floor",
        networks=["10.1.2.7"],
        login="MFP-3F",
        password_hash="a hash",
    )
    assert (made.account, made.login, made.networks) == (PRINTER, "mfp-3f", ("10.1.2.7/32",))
    assert devices.find("複合機 3f") == devices.find("mfp-3f") == made
    assert devices.find("other") is None
    assert devices.everyone() == [made]
    assert read_snapshot(organisation).devices.by_login(" MFP-3F") == made


def test_of_two_networks_the_smaller_is_the_device():
    floor = Device("floor", PRINTER, networks=("10.1.2.0/24", "2001:db8::/32"))
    own = Device("own", PAYROLL, networks=("10.1.2.7/32", "2001:db8::7/128"))
    site = Device("site", PRINTER, networks=("10.0.0.0/8",))
    devices = Devices([site, floor, own])
    at = {
        "10.1.2.7": own,
        "::ffff:10.1.2.7": own,
        "10.1.2.8": floor,
        "10.9.9.9": site,
        "2001:db8::7": own,
        "2001:db8::8": floor,
        "2001:db9::1": None,
        "192.0.2.1": None,
        "unknown": None,
    }
    assert {address: devices.at(address) for address in at} == at
    assert Devices().at("10.1.2.7") is None


def test_a_change_of_the_password_alone_is_another_credential(organisation):
    devices = organisation.devices
    made = devices.add("mfp", account=PRINTER, login="mfp", password_hash="first")
    moved = devices.change("mfp", place="Osaka", account=PAYROLL)
    assert (moved.credential_version, moved.account) == (made.credential_version, PAYROLL)
    assert devices.rehash("mfp", "first", "dearer")
    assert not devices.rehash("mfp", "first", "dearer"), "it is another by now"
    assert devices.find("mfp").credential_version == made.credential_version
    assert devices.change("mfp", password_hash="second").credential_version > 1
    assert devices.find("mfp").credential_version != made.credential_version


def test_each_change_reaches_the_snapshot(organisation):
    before = read_snapshot(organisation)
    organisation.devices.add("mfp", account=PRINTER, networks=["10.1.2.7"])
    after = read_snapshot(organisation, before)
    assert after.devices.at("10.1.2.7").name == "mfp"
    organisation.devices.remove("mfp")
    assert len(read_snapshot(organisation, after).devices) == 0


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"name": "MFP"}, "there is a device MFP already"),
        ({"name": " "}, "1 to 64 characters"),
        ({"name": "x" * 65}, "1 to 64 characters"),
        ({"name": "a\nb"}, "control character"),
        ({"place": "a\x1bb"}, "control character"),
        ({"login": "mfp"}, "the login mfp is the device mfp's already"),
        ({"login": "scan@kairan.test"}, "no login of a device"),
        ({"login": "複合機"}, "no login of a device"),
        ({"login": "x" * 33}, "no login of a device"),
        ({"password_hash": "a hash"}, "needs a login"),
        ({"networks": ["10.1.2.7"]}, "10.1.2.7/32 is the device mfp's already"),
        ({"networks": ["10.1.2.7/24"]}, "is no network"),
        ({"account": "nobody@kairan.test"}, "there is no account"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(organisation, fields, why):
    organisation.devices.add("mfp", account=PRINTER, login="mfp", networks=["10.1.2.7"])
    wanted = {"name": "other", "account": PRINTER, **fields}
    with pytest.raises(DirectoryError, match=why):
        organisation.devices.add(wanted.pop("name"), **wanted)
    assert len(organisation.devices.everyone()) == 1


def test_an_account_that_devices_send_as_is_not_removed(organisation):
    organisation.devices.add("mfp", account=PRINTER)
    with pytest.raises(DirectoryError, match="the device mfp sends as it"):
        organisation.remove_account(PRINTER)
    organisation.devices.change("mfp", account=PAYROLL)
    organisation.remove_account(PRINTER)


def test_of_what_several_workers_heard_the_latest_stays(organisation):
    devices = organisation.devices
    devices.add("mfp", account=PRINTER)
    devices.heard_of({"mfp": Sighting(100, "10.1.2.7", 90, "auth-unsuccessful")})
    devices.heard_of(
        {"mfp": Sighting(50, "10.1.2.8", 120, "device-not-listed"), "gone": Sighting(1)}
    )
    assert devices.sightings() == {"mfp": Sighting(100, "10.1.2.7", 120, "device-not-listed")}
    devices.heard_of({"mfp": Sighting(100, "10.1.2.7", 120, "auth-unsuccessful")})
    assert devices.sightings()["mfp"].refusal == "auth-unsuccessful", "the later of that second"
    version = read_snapshot(organisation).version
    devices.heard_of({"mfp": Sighting(200, "10.1.2.9")})
    assert read_snapshot(organisation).version == version, "no worker reads anew"
    devices.remove("mfp")
    assert devices.sightings() == {}
