"""Devices that come in: by the address that they have, or by a login of their own.

Only listeners of the role `device` know them: elsewhere a device's login is nobody's name.
"""

from dataclasses import dataclass

from kairan.directory.devices import Device
from kairan.directory.model import Account, Snapshot
from kairan.mail.role import Role


@dataclass(frozen=True, slots=True)
class AdmittedDevice:
    """A device and the account that it sends as, both as they were when it came in."""

    device: Device
    account: Account
    by_login: bool  # else by its address alone


@dataclass(frozen=True, slots=True)
class LoginHolder:
    """Whose a login name is, and which hash its password must fit; nobody's: `account` None."""

    account: Account | None
    device: Device | None = None

    @property
    def identity(self) -> str:
        """What a verified password is kept under; empty: nobody's."""
        if self.device is not None and self.device.password_hash:
            return f"device {self.device.name}"
        return f"{self.account.id}" if self.account is not None else ""

    @property
    def owner(self) -> Account | Device | None:
        """Whose hash it is: a device without one of its own has its account's."""
        if self.device is not None and self.device.password_hash:
            return self.device
        return self.account

    @property
    def password_hash(self) -> str:
        return self.owner.password_hash if self.owner is not None else ""


def holder_of(snapshot: Snapshot, name: str, role: Role) -> LoginHolder:
    if role is Role.DEVICE:
        device = snapshot.devices.by_login(name)
        if device is not None:
            return LoginHolder(snapshot.account(device.account), device)
    return LoginHolder(snapshot.account(name))
