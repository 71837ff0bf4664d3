"""A device of the directory: whether it could send now, and the sheet with what is typed into it.

The questions are asked of the functions that decide at the listener; nothing is sent.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from kairan.admission.sender import judge_sender
from kairan.auth.networks import may_come_from
from kairan.auth.passwords.hashing import hasher, matches
from kairan.auth.policies import judge_basic
from kairan.auth.settings import AuthSettings
from kairan.config.model import Configuration
from kairan.directory.devices import Device, Sighting
from kairan.directory.model import Account, Snapshot
from kairan.doctor.device.findings import DeviceFinding, Severity
from kairan.intake.settings import ListenerSettings, TlsMode
from kairan.mail.address import Address
from kairan.mail.role import Role
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.decision import Refuse
from kairan.outcomes.outcome import Outcome, Text


@dataclass(frozen=True, slots=True)
class DeviceTry:
    """What is tried; empty: what the device itself has."""

    client: str = ""
    sender: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class SheetLine:
    label: Text
    value: Text


def device_listener(configuration: Configuration) -> ListenerSettings | None:
    return next((one for one in configuration.listeners if one.role is Role.DEVICE), None)


# Would it be let in?


def judge_known(
    device: Device,
    snapshot: Snapshot,
    configuration: Configuration,
    wanted: DeviceTry,
    sighting: Sighting,
) -> tuple[DeviceFinding, ...]:
    listener = device_listener(configuration)
    if listener is None:
        return (_error("no-device-listener", _NO_LISTENER),)
    account = snapshot.account(device.account)
    found = [
        *_may_come(device, snapshot, listener, wanted.client),
        *_may_log_in(device, account, snapshot, listener),
        *_password(device, account, wanted.password, configuration.auth),
        *_may_send_as(account, wanted.sender or device.account),
        *_lately(sighting),
    ]
    return tuple(sorted(found, key=lambda one: one.severity is Severity.INFO))


def _may_come(
    device: Device, snapshot: Snapshot, listener: ListenerSettings, client: str
) -> Iterator[DeviceFinding]:
    if not device.enabled:
        yield _refused(CATALOGUE["device-disabled"])
    if client:
        here = snapshot.devices.at(client)
        is_its_own = here is not None and here.name == device.name
        if not is_its_own and (not device.must_log_in or not may_come_from(device, client)):
            yield _refused(CATALOGUE["device-not-listed"])
    elif not device.networks and not device.must_log_in:
        yield _error("device-without-a-way-in", _NO_WAY_IN)
    elif not device.networks and not listener.devices:
        yield DeviceFinding("device-network-unlisted", Severity.WARNING, *_UNLISTED)


def _may_log_in(
    device: Device, account: Account | None, snapshot: Snapshot, listener: ListenerSettings
) -> Iterator[DeviceFinding]:
    if account is None or not account.enabled:
        yield _refused(CATALOGUE["not-authenticated"])
        return
    if not device.must_log_in:
        return
    if not listener.offers_auth:
        yield _error("login-not-offered", _NO_LOGIN)
    if not device.password_hash and not account.password_hash:
        yield _error("device-without-a-password", _NO_PASSWORD)
    verdict = judge_basic(account, snapshot.organisation, role=Role.DEVICE)
    if isinstance(verdict, Refuse):
        yield _refused(verdict.outcome)


def _password(
    device: Device, account: Account | None, password: str, settings: AuthSettings
) -> Iterator[DeviceFinding]:
    if not password or account is None:
        return
    known = device.password_hash or account.password_hash
    if not known or not matches(known, password, hasher(settings)):
        yield _refused(CATALOGUE["auth-unsuccessful"])


def _may_send_as(account: Account | None, sender: str) -> Iterator[DeviceFinding]:
    if account is not None:
        verdict = judge_sender(account, Address(sender))
        if isinstance(verdict, Refuse):
            yield _refused(verdict.outcome)


def _lately(sighting: Sighting) -> Iterator[DeviceFinding]:
    """What the service itself has seen of it last."""
    outcome = CATALOGUE.get(sighting.refusal)
    if outcome is not None and sighting.refused >= sighting.seen:
        yield DeviceFinding(
            "last-refused", Severity.WARNING, outcome.when, outcome.remedies[0], outcome=outcome.key
        )
    elif not sighting.seen:
        yield DeviceFinding("never-seen", Severity.INFO, *_NEVER_SEEN)


def _refused(outcome: Outcome) -> DeviceFinding:
    return DeviceFinding(
        outcome.key, Severity.ERROR, outcome.when, outcome.remedies[0], outcome=outcome.key
    )


def _error(key: str, texts: tuple[Text, Text]) -> DeviceFinding:
    return DeviceFinding(key, Severity.ERROR, *texts)


# What is typed into it.


def sheet_of(
    device: Device, listener: ListenerSettings, hostname: str, password: str = ""
) -> tuple[SheetLine, ...]:
    """In the order of a printer's form.  `password` only where it has just been made."""
    if device.must_log_in:
        login = _same(device.login)
        secret = _same(password) if password else _PASSWORD_UNTOLD
        method = Text("SMTP AUTH (LOGIN)", "SMTP 認証（LOGIN）")
    else:
        login = secret = _EMPTY
        method = Text("none", "なし")
    rows = (
        (Text("Device", "機器"), _same(device.name)),
        (Text("Place", "設置場所"), _same(device.place or "-")),
        (Text("SMTP server", "SMTP サーバー"), _same(hostname)),
        (Text("Port", "ポート"), _same(str(listener.port))),
        (Text("Encryption", "暗号化"), _ENCRYPTION[listener.tls]),
        (Text("Authentication", "認証方式"), method),
        (Text("User name", "ユーザー名"), login),
        (Text("Password", "パスワード"), secret),
        (Text("Sender address", "差出人アドレス"), _same(device.account)),
    )
    return tuple(SheetLine(label, value) for label, value in rows)


def _same(text: str) -> Text:
    return Text(text, text)


_EMPTY = Text("(leave empty)", "（空欄）")
_PASSWORD_UNTOLD = Text(
    "as it was made; --generate makes a new one",
    "発行時のもの（--generate で再発行）",
)
_ENCRYPTION = {
    TlsMode.STARTTLS: Text("STARTTLS", "STARTTLS"),
    TlsMode.IMPLICIT: Text("SSL/TLS", "SSL/TLS"),
    TlsMode.OFF: Text("none", "なし"),
}
_NO_LISTENER = (
    Text(
        'The configuration has no listener with role = "device".',
        '設定に role = "device" のリスナーがありません。',
    ),
    Text(
        'Add one: [[listener]] with role = "device", a port, and tls.',
        'role = "device"、ポート、tls を指定した [[listener]] を追加してください。',
    ),
)
_NO_WAY_IN = (
    Text(
        "The device has neither an address nor a login, so nothing is taken for it.",
        "機器にアドレスもログイン名も登録されていないため、どの接続もこの機器とは判断されません。",
    ),
    Text(
        "Give it an address: `kairan device set NAME --network 10.1.2.7`.",
        "アドレスを登録してください: `kairan device set NAME --network 10.1.2.7`",
    ),
)
_UNLISTED = (
    Text(
        "The device has a login and no address; only from networks that are listed may it connect.",
        "機器にログイン名はありますが、アドレスがありません。登録済みのネットワークからしか接続できません。",
    ),
    Text(
        "Give it its network: `kairan device set NAME --network 10.1.2.0/24`.",
        "ネットワークを登録してください: `kairan device set NAME --network 10.1.2.0/24`",
    ),
)
_NO_LOGIN = (
    Text(
        "The device must log in, and its listener offers no login without TLS.",
        "機器にはログインが必要ですが、リスナーは TLS なしのログインを受け付けません。",
    ),
    Text(
        'Set tls = "starttls" at the listener, or take the login away: `kairan device set NAME --login ""`.',
        'リスナーで tls = "starttls" を設定するか、ログイン名を外してください: `kairan device set NAME --login ""`',
    ),
)
_NO_PASSWORD = (
    Text(
        "Neither the device nor its account has a password.",
        "機器にもアカウントにもパスワードがありません。",
    ),
    Text(
        "Give it one: `kairan device password NAME --generate`.",
        "パスワードを発行してください: `kairan device password NAME --generate`",
    ),
)
_NEVER_SEEN = (
    Text("The service has never heard of it.", "この機器からの接続はまだありません。"),
    Text(
        "Send a test from the device, and look again: `kairan device show NAME`.",
        "機器からテスト送信し、再度確認してください: `kairan device show NAME`",
    ),
)
