"""The organisation's controls over logins, each as the one change that sets it."""

from kairan.directory.store import Directory
from kit.live import PRINTER

HVE, CLIENT = "starttls", "implicit"  # the kit's listeners of these roles
_POLICY = "Block"


def add_blocking_policy(directory: Directory) -> None:
    """What `account_policy` and `default_policy` assign; it blocks nobody yet."""
    directory.policies.add(_POLICY, allow_basic_auth_smtp=False)


def nothing(_directory: Directory) -> None:
    """No control blocks."""


def security_defaults(directory: Directory) -> None:
    directory.set_organisation(security_defaults=True)


def account_policy(directory: Directory) -> None:
    directory.policies.assign(_POLICY, PRINTER)


def default_policy(directory: Directory) -> None:
    directory.policies.set_default(_POLICY)


def tenant_switch(directory: Directory) -> None:
    directory.set_organisation(smtp_client_authentication_disabled=True)


def mailbox_switch(directory: Directory) -> None:
    directory.set_account(PRINTER, smtp_client_authentication_disabled=True)


def clear(directory: Directory) -> None:
    directory.set_organisation(security_defaults=False, smtp_client_authentication_disabled=False)
    directory.policies.set_default("none")
    directory.policies.assign("none", PRINTER)
    directory.set_account(PRINTER, smtp_client_authentication_disabled=None)
