"""The commands: their words, the module that holds each, and what `kairan --help` says of it.

In the order of the help.  A command is a module with an `app` and a row here; a group without a
module is made of the rows below it.  To list the commands imports none of them (cli/lazy.py).
"""

from collections.abc import Mapping
from typing import NamedTuple


class Row(NamedTuple):
    module: str  # below kairan.cli; "" for a group whose commands have rows of their own
    help: str  # the first line of the command's own; a test compares


COMMANDS: Mapping[str, Row] = {
    "demo": Row("demo", "Make a sample organisation and serve it."),
    "init": Row("init", "Make a new installation."),
    "serve": Row("serve", "Run the service in the foreground."),
    "send": Row("send", "Send a message to many, or a message for each row."),
    "check-config": Row("check_config", "Check the configuration."),
    "trace": Row("trace", "Show what happened to messages."),
    "backup": Row("backup", "Write a backup."),
    "restore": Row("restore", "Restore a backup."),
    "directory": Row("directory_move", "The directory's database."),
    "account": Row("account", "Accounts: who may log in and send."),
    "mailbox": Row("mailbox", "Mailboxes: who receives."),
    "group": Row("group", "Groups: one address for many people."),
    "organisation": Row("organisation", "Settings of the whole organisation."),
    "domain": Row("domain", "Accepted domains: what is inside the organisation."),
    "policy": Row("policy", "Controls that stand before a password, as in Exchange."),
    "app": Row(
        "app_registration", "Applications that log in with tokens of the service's own issuer."
    ),
    "token": Row("token", "Access tokens of our identities at other services."),
    "session": Row("session", "Sessions that clients hold now."),
    "queue": Row("queue", "The queue: what waits for delivery."),
    "status": Row("status", "Show what the service does now."),
    "drain": Row("drain", "Let the queue run empty, before maintenance or a move."),
    "doctor": Row("", "Explain refusals, and find what is wrong before they come."),
    "doctor explain": Row("doctor.explain", "Explain a pasted reply, log line or bounce."),
    "doctor device": Row("doctor.device", "Judge a printer's or an application's settings."),
    "doctor token": Row(
        "doctor.token", "Decode a token, judge each claim, and name the server's answer."
    ),
    "doctor probe": Row("doctor.probe", "Ask a server step by step whether it would take mail."),
    "doctor log": Row("doctor.log", "Count the refusals in logs by cause, account and time."),
    "doctor compare": Row(
        "doctor.compare", "Hold the same dialogue with two servers and show the differences."
    ),
}
