"""kairan device: printers and the like, at listeners with role = "device"."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from kairan.auth.passwords.generated import generate_password
from kairan.cli.configuration import read_configuration
from kairan.cli.directory import directory_of, existing_device, open_directory
from kairan.cli.doctor.options import EXIT_CODES, LangOption, language, print_lines
from kairan.cli.errors import BadInputError
from kairan.cli.options import (
    ConfigOption,
    JsonOption,
    examples,
    group_of_commands,
    with_option_lists,
)
from kairan.cli.output import plain, print_json, print_json_list, print_record, print_table, say
from kairan.cli.password import (
    FileOption,
    GenerateOption,
    StdinOption,
    read_password,
)
from kairan.cli.password_hash import hashed
from kairan.cli.times import moment
from kairan.directory.devices import Device, Sighting
from kairan.directory.operations.devices import DeviceFields
from kairan.directory.snapshot.memory import read_snapshot
from kairan.doctor.answer import Language
from kairan.doctor.answer import say as speak
from kairan.doctor.device.judge import verdict_of
from kairan.doctor.device.known import DeviceTry, device_listener, judge_known, sheet_of
from kairan.doctor.device.text import lines_of, record_of
from kairan.runtime.ip import parse_ip

app = group_of_commands("Devices: printers and the like, which cannot do what programs do.")

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="The device's name, or its login.", show_default=False)
]
AccountOption = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="The account that it sends as.")
]


@dataclass(frozen=True, slots=True)
class DeviceOptions:
    """What `add` and `set` say alike of a device."""

    place: Annotated[str | None, typer.Option(metavar="TEXT", help="Where it stands.")] = None
    network: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NETWORK",
            help="Its address, or a network of such devices: 10.1.2.7, 10.1.3.0/24; repeats, '' for none.",
        ),
    ] = None
    login: Annotated[
        str | None,
        typer.Option(
            metavar="LOGIN", help="A short name to log in with, without an @; '' for none."
        ),
    ] = None
    enabled: Annotated[
        bool | None, typer.Option("--enabled/--disabled", help="Whether it may send.")
    ] = None

    def fields(self) -> DeviceFields:
        """Those that were named."""
        fields: DeviceFields = {}
        if self.place is not None:
            fields["place"] = self.place
        if self.network is not None:
            fields["networks"] = [one for one in self.network if one.strip()]
        if self.login is not None:
            fields["login"] = self.login
        if self.enabled is not None:
            fields["enabled"] = self.enabled
        return fields


@app.command(
    "add",
    epilog=examples(
        "kairan device add mfp-3f --account printer@example.com --place '3rd floor, east'"
        " --network 10.1.2.7",
        "kairan device add mfp-4f --account printer@example.com --login mfp4f --generate",
    ),
)
@with_option_lists
def add(
    name: NameArgument,
    account: AccountOption = None,
    settings: DeviceOptions = DeviceOptions(),
    password_stdin: StdinOption = False,
    password_file: FileOption = None,
    generate: GenerateOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a device.

    One without a login sends from its own address alone. With one it must log in, at listeners with role = "device" alone: by a password of its own, which can be revoked without touching any other device, else by the account's.
    """
    if not account:
        raise BadInputError("--account is missing: which account does the device send as?")
    configuration = read_configuration(config)
    fields = settings.fields()
    fields["account"] = account
    password = ""
    if password_stdin or password_file is not None or generate:
        password = read_password(from_stdin=password_stdin, file=password_file, generate=generate)
        fields["password_hash"] = hashed(password, fields.get("login", ""), configuration.auth)
    with directory_of(configuration) as directory:
        device = directory.devices.add(name, **fields)
    _print(device, as_json=as_json, password=password if generate else "")


@app.command(
    "set",
    epilog=examples(
        "kairan device set mfp-3f --place 'Osaka, 2nd floor' --network 10.2.2.7",
        "kairan device set mfp-3f --disabled",
    ),
)
@with_option_lists
def set_(
    name: NameArgument,
    account: AccountOption = None,
    settings: DeviceOptions = DeviceOptions(),
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change a device.

    What is not named stays.  Its password: `kairan device password`.
    """
    fields = settings.fields()
    if account is not None:
        fields["account"] = account
    with open_directory(config) as directory:
        device = directory.devices.change(name, **fields)
    _print(device, as_json=as_json)


@app.command(
    "password",
    epilog=examples(
        "kairan device password mfp-3f --generate", "kairan device password mfp-3f --revoke"
    ),
)
def password_(
    name: NameArgument,
    password_stdin: StdinOption = False,
    password_file: FileOption = None,
    generate: GenerateOption = False,
    revoke: Annotated[
        bool, typer.Option("--revoke", help="Take its own away; the account's is then its, too.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a device another password, or none.

    The old one ends within five seconds, with the sessions that rest on it.  `kairan device set NAME --disabled` shuts the device out altogether.
    """
    if revoke and (password_stdin or password_file is not None or generate):
        raise BadInputError("choose one: --revoke, or another password")
    configuration = read_configuration(config)
    with directory_of(configuration) as directory:
        device = existing_device(directory, name)
        password, password_hash = "", ""
        if not revoke:
            password = read_password(
                from_stdin=password_stdin, file=password_file, generate=generate
            )
            password_hash = hashed(password, device.login, configuration.auth)
        device = directory.devices.change(device.name, password_hash=password_hash)
    _print(device, as_json=as_json, password=password if generate else "")


@app.command("list", epilog=examples("kairan device list", "kairan device list --json"))
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the devices.

    With when each was last heard of and last refused.
    """
    with open_directory(config) as directory:
        devices, sightings = directory.devices.everyone(), directory.devices.sightings()
    never = Sighting()
    if as_json:
        print_json_list(_record(one, sightings.get(one.name, never)) for one in devices)
        return
    print_table(
        ("name", "place", "account", "networks", "login", "enabled", "last seen", "last refused"),
        (_row(one, sightings.get(one.name, never)) for one in devices),
        nothing="no device yet; `kairan device add NAME --account ADDRESS` adds one",
    )


@app.command("show", epilog=examples("kairan device show mfp-3f --json"))
def show(name: NameArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show a device."""
    with open_directory(config) as directory:
        device = existing_device(directory, name)
        sighting = directory.devices.sightings().get(device.name, Sighting())
    _print(device, as_json=as_json, sighting=sighting)


@app.command(
    "test",
    epilog=examples(
        "kairan device test mfp-3f --client 10.1.2.7",
        "kairan device test mfp-3f --from scanner@example.com --password-stdin < password.txt",
    ),
    help=(
        "Say whether a device could send now, and what is in its way.\n\nBy the rules that its "
        f"listener asks; nothing is sent, and no failure is counted.\n\n{EXIT_CODES}"
    ),
)
def try_(
    name: NameArgument,
    client: Annotated[str, typer.Option(metavar="IP", help="The address that it comes from.")] = "",
    sender: Annotated[
        str, typer.Option("--from", metavar="ADDRESS", help="The sender; default: its account.")
    ] = "",
    password_stdin: StdinOption = False,
    lang: LangOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    configuration = read_configuration(config)
    password = ""
    if password_stdin:
        password = read_password(from_stdin=True, file=None, generate=False)
    if client:
        _check_client(client)
    with directory_of(configuration) as directory:
        device = existing_device(directory, name)
        sighting = directory.devices.sightings().get(device.name, Sighting())
        snapshot = read_snapshot(directory)
    wanted = DeviceTry(client, sender, password)
    findings = judge_known(device, snapshot, configuration, wanted, sighting)
    if as_json:
        print_json({"findings": [record_of(one, language(lang)) for one in findings]})
    else:
        print_lines(lines_of(findings, language(lang)))
    raise typer.Exit(int(verdict_of(findings)))


@app.command(
    "sheet",
    epilog=examples(
        "kairan device sheet mfp-3f", "kairan device sheet mfp-3f --generate --lang ja"
    ),
)
def sheet(
    name: NameArgument,
    generate: Annotated[
        bool, typer.Option("--generate", help="With a new password; the old one ends.")
    ] = False,
    lang: Annotated[
        Language | None, typer.Option("--lang", help="In this language alone; without it in both.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what is typed into a device, in English and Japanese."""
    configuration = read_configuration(config)
    listener = device_listener(configuration)
    password = generate_password() if generate else ""
    with directory_of(configuration) as directory:
        device = existing_device(directory, name)
        if listener is None:
            raise BadInputError('the configuration has no listener with role = "device"; add one')
        if generate:
            password_hash = hashed(password, device.login, configuration.auth)
            device = directory.devices.change(device.name, password_hash=password_hash)
    lines = sheet_of(device, listener, configuration.hostname, password)
    if as_json:
        print_json(lines)
        return
    for spoken in (lang,) if lang is not None else tuple(Language):
        values = {speak(line.label, spoken): speak(line.value, spoken) for line in lines}
        print_record(_SHEET_TITLES[spoken], values)


_SHEET_TITLES = {Language.EN: "Settings of the device", Language.JA: "機器の設定"}


def _check_client(text: str) -> None:
    try:
        parse_ip(text)
    except ValueError as error:
        raise BadInputError(f"{text!r} is no IP address") from error


@app.command("remove", epilog=examples("kairan device remove mfp-3f"))
def remove(name: NameArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Remove a device.

    What it has sent is still delivered; its sessions end at their next message.
    """
    with open_directory(config) as directory:
        device = directory.devices.remove(existing_device(directory, name).name)
    if as_json:
        print_json({"removed": device.name})
    else:
        say(f"{device.name} is removed")


def _record(device: Device, sighting: Sighting) -> dict[str, Any]:
    """For --json: times in seconds since the epoch, null where there is none."""
    return {
        **plain(device),
        "has_password": bool(device.password_hash),
        "last_seen": sighting.seen or None,
        "last_client": sighting.client,
        "last_refused": sighting.refused or None,
        "last_refusal": sighting.refusal,
    }


def _row(device: Device, sighting: Sighting) -> tuple[object, ...]:
    facts = (device.name, device.place, device.account, device.networks, device.login)
    return (*facts, device.enabled, moment(sighting.seen), _refused(sighting))


def _refused(sighting: Sighting) -> str:
    return f"{moment(sighting.refused)} {sighting.refusal}".strip()


def _print(
    device: Device, *, as_json: bool, password: str = "", sighting: Sighting | None = None
) -> None:
    """`password` only where it was generated: nobody else knows it."""
    record = _record(device, sighting or Sighting())
    if password:
        record["password"] = password
    if as_json:
        print_json(record)
        return
    if sighting is None:  # it is not asked for when something changes
        for name in ("last_seen", "last_client", "last_refused", "last_refusal"):
            del record[name]
    else:
        record |= {"last_seen": moment(sighting.seen), "last_refused": moment(sighting.refused)}
    print_record(f"device {device.name}", record)
