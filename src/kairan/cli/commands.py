"""The commands: their words, the module that holds each, and what `kairan --help` says of it.

In the order of the help.  A command is a module with an `app` and a row here; a group without a
module is made of the rows below it.  To list the commands imports none of them (cli/lazy.py).
"""

from collections.abc import Mapping
from typing import NamedTuple


class CommandRow(NamedTuple):
    module: str  # below kairan.cli; "" for a group whose commands have rows of their own
    help: str  # the first line of the command's own; a test compares


COMMANDS: Mapping[str, CommandRow] = {
    "demo": CommandRow("demo", "Make a sample organisation and serve it."),
    "init": CommandRow("init", "Make a new installation."),
    "serve": CommandRow("serve", "Run the service in the foreground."),
    "import": CommandRow("import_settings", "Read an existing relay's settings into ours."),
    "send": CommandRow("send", "Send a message to many, or a message for each row."),
    "check-config": CommandRow("check_config", "Check the configuration."),
    "trace": CommandRow("trace", "Show what happened to messages, each whole."),
    "audit": CommandRow("audit_log", "Show who changed what: by command, console or API."),
    "report": CommandRow("report", "Reports: usage, clients, refusals, growth; a month as a file."),
    "backup": CommandRow("backup", "Write a backup."),
    "restore": CommandRow("restore", "Restore a backup."),
    "directory": CommandRow(
        "directory_move", "The directory's database, and the directories it takes people from."
    ),
    "account": CommandRow("account", "Accounts: who may log in and send."),
    "mailbox": CommandRow("mailbox", "Mailboxes: who receives."),
    "group": CommandRow("group", "Groups: one address for many people."),
    "organisation": CommandRow("organisation", "Settings of the whole organisation."),
    "domain": CommandRow("domain", "Accepted domains: what is inside the organisation."),
    "policy": CommandRow("policy", "Controls that stand before a password, as in Exchange."),
    "app": CommandRow(
        "app_registration", "Applications that log in with tokens of the service's own issuer."
    ),
    "scim": CommandRow("scim", "People and groups that Entra, or another directory, pushes here."),
    "api-key": CommandRow("api_key", "Keys with which programs operate the service by HTTP."),
    "webhook": CommandRow("webhook", "Webhooks: programs that are told what became of mail."),
    "connector": CommandRow(
        "connector", "Connectors: how other systems' editors learn to send here."
    ),
    "console": CommandRow("console", "The console: pages for administrators."),
    "fault": CommandRow(
        "fault", "Fault rules: refusals that a client is to meet, in a service for tests."
    ),
    "device": CommandRow(
        "device", "Devices: printers and the like, which cannot do what programs do."
    ),
    "token": CommandRow("token", "Access tokens of our identities at other services."),
    "session": CommandRow("session", "Sessions that clients hold now."),
    "queue": CommandRow("queue", "The queue: what waits for delivery."),
    "spool": CommandRow("spool_move", "Where accepted mail is kept until it is delivered."),
    "status": CommandRow("status", "Show what the service does now."),
    "drain": CommandRow("drain", "Let the queue run empty, before maintenance or a move."),
    "cluster": CommandRow("cluster", "The nodes that share a spool in PostgreSQL."),
    "doctor": CommandRow("", "Explain refusals, and find what is wrong before they come."),
    "doctor explain": CommandRow("doctor.explain", "Explain a pasted reply, log line or bounce."),
    "doctor device": CommandRow("doctor.device", "Judge a printer's or an application's settings."),
    "doctor token": CommandRow(
        "doctor.token", "Decode a token, judge each claim, and name the server's answer."
    ),
    "doctor probe": CommandRow(
        "doctor.probe", "Ask a server step by step whether it would take mail."
    ),
    "doctor tenant": CommandRow(
        "doctor.tenant",
        "Say which logins a Microsoft 365 organisation allows, and why others fail.",
    ),
    "doctor log": CommandRow(
        "doctor.log", "Count the refusals in logs by cause, account and time."
    ),
    "doctor compare": CommandRow(
        "doctor.compare", "Hold the same dialogue with two servers and show the differences."
    ),
}
