"""A device's own login: known to device listeners, and as dear to a guesser as any."""

import pytest

from auth.conftest import CHEAP, PRINTER, People
from kairan.auth.devices import AdmittedDevice
from kairan.auth.passwords.hashing import hash_password
from kairan.directory.devices import Device, Devices
from kairan.mail.role import Role
from kairan.outcomes.decision import Refuse

HERE = "192.0.2.7"
OWN = Device(
    "own", PRINTER.address, login="mfp", password_hash=hash_password("zebra crossing", CHEAP)
)
BARE = Device("bare", PRINTER.address, login="bare")
OFF = Device("off", PRINTER.address, login="off", enabled=False, password_hash=OWN.password_hash)
FAR = Device(
    "far",
    PRINTER.address,
    login="far",
    networks=("198.51.100.0/24",),
    password_hash=OWN.password_hash,
)


@pytest.fixture
def fleet():
    return People((PRINTER,), devices=Devices([OWN, BARE, OFF, FAR]))


@pytest.mark.parametrize(
    ("name", "password", "device"),
    [
        ("mfp", "zebra crossing", OWN),
        ("MFP ", "zebra crossing", OWN),
        ("bare", "right horse", BARE),
    ],
)
async def test_a_device_is_let_in_as_its_account(authenticator, fleet, name, password, device):
    let_in = await authenticator.verify(fleet, name, password, HERE, role=Role.DEVICE)
    assert let_in == AdmittedDevice(device, PRINTER, by_login=True)
    assert authenticator.cached(fleet, name, password, HERE, role=Role.DEVICE) == let_in
    for role in (Role.HVE, Role.CLIENT):
        assert authenticator.cached(fleet, name, password, HERE, role=role) is None
        assert isinstance(
            await authenticator.verify(fleet, name, password, HERE, role=role), Refuse
        )


@pytest.mark.parametrize(
    ("name", "password", "why"),
    [
        ("mfp", "right horse", "wrong password"),  # the account's, but it has one of its own
        ("bare", "zebra crossing", "wrong password"),
        ("off", "zebra crossing", "disabled device"),
        ("far", "zebra crossing", "from outside the device's networks"),
        ("nobody", "zebra crossing", "unknown account"),
        (PRINTER.address, "zebra crossing", "wrong password"),
    ],
)
async def test_each_that_is_refused_costs_one_hash(authenticator, fleet, name, password, why):
    refused = await authenticator.verify(fleet, name, password, HERE, role=Role.DEVICE)
    assert isinstance(refused, Refuse)
    assert refused.detail == why
    assert authenticator.statistics()["hashes"] == 1
