"""What a command does a program can do by HTTP; the table says how, or why it stays with the commands.

A command that is new fails here until it has its line.
"""

import re
from pathlib import Path

from kairan.api.page import document

COMMANDS_PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
OWN_MACHINE = "of this machine: its files, its processes, its terminal"
CREDENTIALS = "makes who may ask here; a key that makes keys would outlive its own end"
ASKS_OTHERS = "connects to where the question says: asked by HTTP the service would be led to places that only it can reach"
NODES = "of the machines: who takes one out or calls it dead has looked at it, as with `drain`"

TABLE = {
    "demo": OWN_MACHINE,
    "init": OWN_MACHINE,
    "serve": OWN_MACHINE,
    "import postfix": OWN_MACHINE,
    "import sasl-xoauth2": OWN_MACHINE,
    "check-config": OWN_MACHINE,
    "backup": OWN_MACHINE,
    "restore": OWN_MACHINE,
    "directory sync": OWN_MACHINE,
    "directory status": OWN_MACHINE,
    "directory move": OWN_MACHINE,
    "spool move": OWN_MACHINE,
    "cluster status": NODES,
    "cluster drain": NODES,
    "cluster forget": NODES,
    "drain begin": OWN_MACHINE,
    "drain end": OWN_MACHINE,
    "connector power-automate": OWN_MACHINE,
    "send": ("POST /v1/messages",),
    "trace": ("GET /v1/trace", "GET /v1/messages/{id}/events"),
    "audit": ("GET /v1/audit",),
    "status": ("GET /v1/status",),
    "report usage": ("GET /v1/reports/usage",),
    "report clients": ("GET /v1/reports/clients",),
    "report refusals": ("GET /v1/reports/refusals",),
    "report growth": ("GET /v1/reports/growth",),
    "report monthly": "a file that the machine's browser prints; the numbers: /v1/reports",
    "account add": ("POST /v1/accounts",),
    "account set": ("PATCH /v1/accounts/{address}",),
    "account password": ("PATCH /v1/accounts/{address}",),
    "account list": ("GET /v1/accounts",),
    "account export": ("GET /v1/accounts",),
    "account show": ("GET /v1/accounts/{address}",),
    "account import": ("POST /v1/accounts/import",),
    "account release": ("POST /v1/accounts/{address}/release",),
    "account remove": ("DELETE /v1/accounts/{address}",),
    "mailbox add": ("POST /v1/mailboxes",),
    "mailbox set": ("PATCH /v1/mailboxes/{address}",),
    "mailbox list": ("GET /v1/mailboxes",),
    "mailbox show": ("GET /v1/mailboxes/{address}",),
    "mailbox remove": ("DELETE /v1/mailboxes/{address}",),
    "mailbox import": ("POST /v1/mailboxes/import",),
    "group add": ("POST /v1/groups", "POST /v1/dynamic-groups"),
    "group set": ("PATCH /v1/groups/{address}", "PATCH /v1/groups/{address}/filter"),
    "group list": ("GET /v1/groups",),
    "group show": ("GET /v1/groups/{address}", "GET /v1/groups/{address}/filter"),
    "group remove": ("DELETE /v1/groups/{address}",),
    "group preview": ("GET /v1/groups/{address}/preview",),
    "group refresh": ("POST /v1/groups/{address}/refresh",),
    "group history": ("GET /v1/groups/{address}/history",),
    "group sends": ("GET /v1/group-sends",),
    "group filter": ("POST /v1/recipient-filter",),
    "group cost": ("GET /v1/group-costs",),
    "group advise": ("GET /v1/group-advice",),
    "group members list": ("GET /v1/groups/{address}/members",),
    "group members add": ("PUT /v1/groups/{address}/members/{member}",),
    "group members remove": ("DELETE /v1/groups/{address}/members/{member}",),
    "group members import": ("POST /v1/groups/{address}/members/import",),
    "group moderation list": ("GET /v1/moderation",),
    "group moderation approve": ("POST /v1/moderation/{request_id}/{verdict}",),
    "group moderation reject": ("POST /v1/moderation/{request_id}/{verdict}",),
    "organisation show": ("GET /v1/organisation", "GET /v1/controls"),
    "organisation set": ("PATCH /v1/organisation",),
    "domain add": ("PUT /v1/domains/{domain}",),
    "domain list": ("GET /v1/organisation",),
    "domain remove": ("DELETE /v1/domains/{domain}",),
    "policy set": ("PATCH /v1/controls",),
    "policy add": ("POST /v1/policies",),
    "policy change": ("PATCH /v1/policies/{name}",),
    "policy assign": ("PUT /v1/policies/{name}/accounts/{address}",),
    "policy default": ("PATCH /v1/controls",),
    "policy list": ("GET /v1/policies",),
    "policy show": ("GET /v1/policies", "GET /v1/controls"),
    "policy remove": ("DELETE /v1/policies/{name}",),
    "policy explain": ("GET /v1/accounts/{address}/logins",),
    "app add": ("POST /v1/apps",),
    "app list": ("GET /v1/apps",),
    "app show": ("GET /v1/apps/{name}",),
    "app set": ("PATCH /v1/apps/{name}",),
    "app remove": ("DELETE /v1/apps/{name}",),
    "app secret": ("POST /v1/apps/{name}/secret",),
    "app rotate": ("POST /v1/issuer/keys",),
    "app approve": ("POST /v1/device-logins/approve",),
    "app token": ("POST /v1/apps/{name}/token",),
    "scim status": CREDENTIALS,
    "scim token create": CREDENTIALS,
    "scim token list": CREDENTIALS,
    "scim token revoke": CREDENTIALS,
    "api-key add": CREDENTIALS,
    "api-key list": CREDENTIALS,
    "api-key remove": CREDENTIALS,
    "console user add": CREDENTIALS,
    "console user list": CREDENTIALS,
    "console user remove": CREDENTIALS,
    "console user password": CREDENTIALS,
    "webhook add": ("POST /v1/webhooks",),
    "webhook list": ("GET /v1/webhooks",),
    "webhook remove": ("DELETE /v1/webhooks/{name}",),
    "webhook test": ("POST /v1/webhooks/{name}/test",),
    "fault add": ("POST /v1/faults",),
    "fault list": ("GET /v1/faults",),
    "fault remove": ("DELETE /v1/faults",),
    "device add": ("POST /v1/devices",),
    "device set": ("PATCH /v1/devices/{name}",),
    "device password": ("PATCH /v1/devices/{name}",),
    "device list": ("GET /v1/devices",),
    "device show": ("GET /v1/devices/{name}",),
    "device remove": ("DELETE /v1/devices/{name}",),
    "device test": "tries what stands in the directory against this service's own controls; in the console each device's page",
    "device sheet": "is printed: the console's page of the device",
    "token get": ASKS_OTHERS,
    "token show": ("POST /v1/doctor/token",),
    "token test": ASKS_OTHERS,
    "session list": ("GET /v1/sessions",),
    "session end": ("DELETE /v1/sessions",),
    "queue list": ("GET /v1/queue",),
    "queue show": ("GET /v1/queue/{id}",),
    "queue why": ("GET /v1/queue/{id}/why",),
    "queue retry": ("POST /v1/queue/{act}",),
    "queue hold": ("POST /v1/queue/{act}",),
    "queue release": ("POST /v1/queue/{act}",),
    "queue drop": ("POST /v1/queue/{act}",),
    "queue stats": ("GET /v1/queue-numbers",),
    "queue pause": ("POST /v1/queue-pauses",),
    "queue resume": ("DELETE /v1/queue-pauses",),
    "doctor explain": ("POST /v1/doctor/explain",),
    "doctor device": ("POST /v1/doctor/device", "POST /v1/doctor/fleet"),
    "doctor token": ("POST /v1/doctor/token",),
    "doctor log": ("POST /v1/doctor/log",),
    "doctor probe": ASKS_OTHERS,
    "doctor tenant": ASKS_OTHERS,
    "doctor compare": ASKS_OTHERS,
}


def commands():
    """Those that do something: no other begins with their words."""
    heads = re.findall(r"^## kairan (.+)$", COMMANDS_PAGE.read_text(), re.MULTILINE)
    return {one for one in heads if not any(two.startswith(f"{one} ") for two in heads)}


def operations():
    paths = document()["paths"]
    return {f"{method.upper()} {path}" for path, found in paths.items() for method in found}


def test_every_command_has_its_line_and_no_line_is_of_one_that_is_gone():
    assert set(TABLE) == commands()


def test_every_operation_of_the_table_is_in_the_document():
    named = {one for line in TABLE.values() if isinstance(line, tuple) for one in line}
    assert named <= operations()
