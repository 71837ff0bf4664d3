"""Devices in the store: who they are, and when each was last heard of.

Sightings are no part of the snapshot, so writing them makes no worker read anything anew.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict, Unpack

from sqlalchemy import Connection, delete, insert, select, update

from kairan.directory.database import schema
from kairan.directory.database.database import Database, Part
from kairan.directory.devices import Device, Sighting
from kairan.directory.errors import DirectoryError
from kairan.directory.operations import accounts, names
from kairan.directory.operations.names import AddressKind
from kairan.outcomes.outcome import Text

NAME_CHARACTERS_MAX = 64
# What the smallest fields of printers take; without an @ none can be taken for an address.
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")


class DeviceFields(TypedDict, total=False):
    """What can be set on a device; names and meanings as in `Device`."""

    account: str
    place: str
    networks: Iterable[str]
    login: str
    password_hash: str
    enabled: bool


class KnownDevices:
    """`directory.devices`.  A device is found by its name or its login."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, **fields: Unpack[DeviceFields]) -> Device:
        with self._database.changing(Part.HEADS) as connection:
            present = everyone(connection)
            _check_name(name, present)
            primary = names.primary(connection, fields["account"], AddressKind.ACCOUNT)
            device = Device(name, primary, credential_version=_version(connection))
            changed = _changed(device, fields, present)
            connection.execute(insert(schema.device).values(_values(changed)))
            return changed

    def change(self, name: str, **fields: Unpack[DeviceFields]) -> Device:
        with self._database.changing(Part.HEADS) as connection:
            present = everyone(connection)
            device = _existing(present, name)
            if "account" in fields:
                account = names.primary(connection, fields["account"], AddressKind.ACCOUNT)
                device = replace(device, account=account)
            if "password_hash" in fields:
                device = replace(device, credential_version=_version(connection))
            others = [one for one in present if one.name != device.name]
            changed = _changed(device, fields, others)
            its_row = schema.device.c.name == device.name
            connection.execute(update(schema.device).where(its_row).values(_values(changed)))
            return changed

    def remove(self, name: str) -> Device:
        with self._database.changing(Part.HEADS) as connection:
            device = _existing(everyone(connection), name)
            sighting, table = schema.device_sighting, schema.device
            connection.execute(delete(sighting).where(sighting.c.device == device.name))
            connection.execute(delete(table).where(table.c.name == device.name))
            return device

    def rehash(self, name: str, old_hash: str, new_hash: str) -> bool:
        """The same password under other parameters; False where it has become another meanwhile."""
        table = schema.device
        its_row = (table.c.name == name, table.c.password_hash == old_hash)
        with self._database.changing(Part.HEADS) as connection:
            changed = connection.execute(
                update(table).where(*its_row).values(password_hash=new_hash)
            )
            return changed.rowcount == 1

    def everyone(self) -> Sequence[Device]:
        with self._database.reading() as connection:
            return everyone(connection)

    def find(self, name: str) -> Device | None:
        return _found(self.everyone(), name)

    def sightings(self) -> Mapping[str, Sighting]:
        """By device; those that were never heard of are not in it."""
        with self._database.reading() as connection:
            rows = connection.execute(select(schema.device_sighting)).all()
        return {name: Sighting(*facts) for name, *facts in rows}

    def heard_of(self, sightings: Mapping[str, Sighting]) -> None:
        """Of several workers the latest counts; of devices that are gone meanwhile nothing is kept."""
        table = schema.device_sighting
        with self._database.writing() as connection:
            present = set(connection.execute(select(schema.device.c.name)).scalars())
            known = {name: Sighting(*facts) for name, *facts in connection.execute(select(table))}
            for name in sorted(present.intersection(sightings)):
                values = _sighting_values(_later(known.get(name, Sighting()), sightings[name]))
                if name in known:
                    connection.execute(update(table).where(table.c.device == name).values(values))
                else:
                    connection.execute(insert(table).values(device=name, **values))


def everyone(connection: Connection) -> list[Device]:
    """All devices, by name: an organisation has some thousands at most."""
    rows = connection.execute(select(schema.device).order_by(schema.device.c.name)).mappings()
    return [
        Device(**{**row, "networks": tuple(row["networks"].split()), "login": row["login"] or ""})
        for row in rows
    ]


def check_unused(connection: Connection, account: str) -> None:
    """Before an account goes: a device without one could send nothing, and would not say why."""
    table = schema.device.c
    query = select(table.name).where(table.account == names.key(account)).order_by(table.name)
    found = connection.execute(query).scalars().all()
    if found:
        raise DirectoryError(
            Text(
                f"{account}: the device {found[0]} sends as it"
                f"{f', and {len(found) - 1} more do' if found[1:] else ''};"
                " give it another with `kairan device set NAME --account ADDRESS`, or remove it",
                f"{account}: デバイス {found[0]}"
                f"{f' ほか {len(found) - 1} 台' if found[1:] else ''} がこの名義で送信しています。"
                "別のアカウントを割り当てるか、デバイスを削除してください",
            )
        )


def _changed(device: Device, fields: DeviceFields, others: Sequence[Device]) -> Device:
    if "place" in fields:
        device = replace(device, place=names.line("the device's place", fields["place"]))
    if "networks" in fields:
        device = replace(device, networks=accounts.networks(fields["networks"]))
    if "login" in fields:
        device = replace(device, login=_login(fields["login"]))
    if "password_hash" in fields:
        device = replace(device, password_hash=fields["password_hash"])
    if "enabled" in fields:
        device = replace(device, enabled=fields["enabled"])
    if device.password_hash and not device.login:
        raise DirectoryError(
            Text(
                f"the device {device.name} has a password, so it needs a login to type with it",
                f"デバイス {device.name} にはパスワードがあるため、ログイン名が必要です",
            )
        )
    for other in others:
        _check_apart(device, other)
    return device


def _check_apart(device: Device, other: Device) -> None:
    if device.login and device.login == other.login:
        raise DirectoryError(
            Text(
                f"the login {device.login} is the device {other.name}'s already; choose another one",
                f"ログイン名 {device.login} はデバイス {other.name} が使っています。別の名前にしてください",
            )
        )
    for network in device.networks:
        if network in other.networks:
            raise DirectoryError(
                Text(
                    f"{network} is the device {other.name}'s already; a smaller network within it may"
                    " be another's",
                    f"{network} はデバイス {other.name} が使っています。その中のより小さいネットワークなら指定できます",
                )
            )


def _check_name(name: str, present: Sequence[Device]) -> None:
    names.line("the device's name", name)
    if not name.strip() or name != name.strip() or len(name) > NAME_CHARACTERS_MAX:
        raise DirectoryError(
            Text(
                f"a device's name has 1 to {NAME_CHARACTERS_MAX} characters, without blanks around"
                f" them; {name!r} has not",
                f"デバイスの名前は、前後に空白のない 1～{NAME_CHARACTERS_MAX} 文字にしてください（{name!r}）",
            )
        )
    if any(one.name.casefold() == name.casefold() for one in present):
        raise DirectoryError(
            Text(
                f"there is a device {name} already; choose another name",
                f"デバイス {name} はすでにあります。別の名前にしてください",
            )
        )


def _login(text: str) -> str:
    login = text.strip().lower()
    if login and not _LOGIN.fullmatch(login):
        raise DirectoryError(
            Text(
                f"{text!r} is no login of a device: at most 32 letters, digits, dots, hyphens and"
                " underscores, the first of them a letter or digit",
                f"{text!r} はデバイスのログイン名にできません。英数字、ピリオド、ハイフン、下線で 32 文字以内、先頭は英数字にしてください",
            )
        )
    return login


def _found(present: Sequence[Device], name: str) -> Device | None:
    wanted = name.strip().casefold()
    by_name = (one for one in present if one.name.casefold() == wanted)
    by_login = (one for one in present if one.login and one.login == wanted)
    return next(by_name, None) or next(by_login, None)


def _existing(present: Sequence[Device], name: str) -> Device:
    device = _found(present, name)
    if device is None:
        raise DirectoryError(
            Text(
                f"there is no device {name}; `kairan device list` shows them",
                f"デバイス {name} はありません。一覧は `kairan device list` で確認できます",
            )
        )
    return device


def _values(device: Device) -> dict[str, Any]:
    return {
        "name": device.name,
        "account": device.account,
        "place": device.place,
        "networks": " ".join(device.networks),
        "login": device.login or None,
        "password_hash": device.password_hash,
        "enabled": device.enabled,
        "credential_version": device.credential_version,
    }


def _version(connection: Connection) -> int:
    """Of this change: `Database.changing` has counted it already."""
    version: int = connection.execute(select(schema.revision.c.version)).scalar_one()
    return version


def _later(one: Sighting, other: Sighting) -> Sighting:
    """`other` was noted after `one` was written down: within the same second it is the later."""
    seen = max(other, one, key=lambda sighting: sighting.seen)
    refused = max(other, one, key=lambda sighting: sighting.refused)
    return Sighting(seen.seen, seen.client, refused.refused, refused.refusal)


def _sighting_values(sighting: Sighting) -> dict[str, Any]:
    return {
        "seen": sighting.seen,
        "client": sighting.client,
        "refused": sighting.refused,
        "refusal": sighting.refusal,
    }
