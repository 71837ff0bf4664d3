"""User, mechanism, password and sender of a device."""

from collections.abc import Iterator

from kairan.doctor.device.endpoints import MailService
from kairan.doctor.device.findings import DeviceFinding, finding
from kairan.mail.address import domain_of, key_of, parse_address

_USER_CHARACTERS_SAFE = 64
_PASSWORD_CHARACTERS_SAFE = 32
# Reported of printers: each of them lost, doubled or turned into something else.
_MANGLED = frozenset("~\"'`\\ \t<>&%;")
_OFFERED = frozenset({"LOGIN", "PLAIN", "XOAUTH2", "OAUTHBEARER", "OAUTH", "AUTO", "BASIC", ""})
_NONE = frozenset({"NONE", "OFF", "NO"})


def judge_user(typed: str, service: MailService) -> Iterator[DeviceFinding]:
    user = typed.strip("\r\n")
    if service is MailService.DIRECT_SEND:
        if user.strip():
            yield finding("direct-send-login")
        return
    if not user.strip():
        # A listener of one's own may know its devices by their network.
        if service is not MailService.OWN:
            yield finding("user-missing")
    elif any(character.isspace() for character in user):
        yield finding("user-with-spaces")
    elif "\\" in user:
        yield finding("user-with-backslash")
    elif parse_address(user) is None:
        yield finding("user-not-address")
    if len(user) > _USER_CHARACTERS_SAFE:
        yield finding("user-long")


def judge_auth(typed: str, service: MailService) -> Iterator[DeviceFinding]:
    mechanism = typed.strip().upper()
    if service is MailService.DIRECT_SEND:
        return
    if mechanism in _NONE:
        if service is not MailService.OWN:
            yield finding("auth-none")
    elif mechanism not in _OFFERED:
        yield finding("auth-mechanism", mechanism)
    elif mechanism == "PLAIN" and service is not MailService.OWN:
        yield finding("auth-plain-hidden")


def judge_from(typed: str, typed_user: str, service: MailService) -> Iterator[DeviceFinding]:
    sender, user = parse_address(typed.strip()), parse_address(typed_user.strip())
    if not typed.strip():
        yield finding("from-missing")
    elif sender is None:
        yield finding("from-not-address")
    elif user is None or key_of(sender) == key_of(user):
        return
    elif service is MailService.CLIENT:
        yield finding("from-needs-send-as", sender)
    elif domain_of(sender) != domain_of(user):
        yield finding("from-foreign-domain", sender)
    else:
        yield finding("from-differs", sender)


def judge_password(password: str | None) -> Iterator[DeviceFinding]:
    """What is found says nothing of which character stands where."""
    if password is None:
        return
    if not password:
        yield finding("password-empty")
        return
    if password != password.strip():
        yield finding("password-edge-space")
    if not password.isascii() or not _MANGLED.isdisjoint(password.strip()):
        yield finding("password-characters")
    if len(password) > _PASSWORD_CHARACTERS_SAFE:
        yield finding("password-long")
