"""The script for administrators, read by PowerShell's grammar: it parses, and it calls what reads alone.

No PowerShell runs in these tests; the grammar is tree-sitter's, made for editors and wider than the
language in places.  So what is broken here is broken, and what is whole here may still fail there.
"""

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Node, Parser
from typer.testing import CliRunner

from kairan.cli.app import app
from kairan.doctor.tenant.script import SCRIPT

PARSER = Parser(Language(tree_sitter_powershell.language()))

# What may be called, and why it changes nothing in the organisation.
CONNECT = {
    "Connect-ExchangeOnline": "opens a session with the administrator's own rights",
    "Connect-MgGraph": "likewise, with the scopes it names, all of them .Read.",
}
READ = {
    "Get-AcceptedDomain": "the organisation's domains",
    "Get-AuthenticationPolicy": "which policies allow Basic for SMTP",
    "Get-BillingPolicy": "whether High Volume Email is paid for",
    "Get-CASMailbox": "a mailbox's switch for SMTP AUTH",
    "Get-Date": "the time at which it was read",
    "Get-HVEAccountBillingPolicy": "an account's billing",
    "Get-HVEAccountSettings": "an account's allowed applications",
    "Get-MailUser": "the accounts of High Volume Email",
    "Get-MgIdentityConditionalAccessPolicy": "Conditional Access",
    "Get-MgPolicyIdentitySecurityDefaultEnforcementPolicy": "whether security defaults are on",
    "Get-MgServicePrincipal": "whether an allowed application exists",
    "Get-MgUserTransitiveMemberOf": "the groups by which a policy may reach an account",
    "Get-OrganizationConfig": "the default policy, and Direct Send",
    "Get-TransportConfig": "the organisation's switch for SMTP AUTH",
    "Get-User": "an account's authentication policy",
}
SHAPE = {
    "ConvertTo-Json": "writes what was read to standard output",
    "ForEach-Object": "one after the other",
    "Out-Null": "leaves out what a connection prints",
    "Select-Object": "each once",
    "Where-Object": "those that are there",
}
OWN = {
    "Read-Part": "the script's own: reads a part, or notes that it could not",
    "Read-Memberships": "the script's own: the groups of an account",
}
ALLOWED = CONNECT | READ | SHAPE | OWN
METHODS = {"ToUniversalTime", "ToString"}  # of a date


def tree_of(script: str) -> Node:
    return PARSER.parse(script.encode()).root_node


def nodes_of(node: Node) -> list[Node]:
    found, waiting = [], [node]
    while waiting:
        found.append(waiting.pop())
        waiting.extend(found[-1].children)
    return found


def faults_of(script: str) -> list[str]:
    """What is wrong with it: places that do not parse, and what it calls beyond the list."""
    faults = []
    for node in nodes_of(tree_of(script)):
        place = f"line {node.start_point.row + 1}"
        text = (node.text or b"").decode()
        if node.is_error or node.is_missing:
            faults.append(f"{place}: does not parse: {text[:40]!r}")
        elif node.type == "command_name" and text not in ALLOWED:
            faults.append(f"{place}: calls {text}")
        elif node.type == "command_name_expr" and text not in {*ALLOWED, "$Body"}:
            faults.append(f"{place}: calls what {text!r} says")
        elif node.type == "invokation_expression":
            names = [
                (one.text or b"").decode() for one in node.children if one.type == "member_name"
            ]
            faults += [f"{place}: calls the method {one}" for one in names if one not in METHODS]
        elif node.type in {"redirection", "foreach_command", "using_statement"}:
            faults.append(f"{place}: writes or loads: {text[:40]!r}")
    return faults


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_script_that_is_printed_parses_and_only_reads(language):
    printed = CliRunner().invoke(app, ["doctor", "tenant", "--script", "--lang", language])
    assert printed.exit_code == 0
    assert printed.stdout == SCRIPT
    assert faults_of(printed.stdout) == []


def test_the_list_has_what_the_script_calls_and_nothing_else():
    called = {
        (node.text or b"").decode()
        for node in nodes_of(tree_of(SCRIPT))
        if node.type == "command_name"
    }
    assert called == set(ALLOWED)
    assert all(name.startswith("Get-") for name in READ)


def unbound_in(script: str) -> set[str]:
    """The variables that are used and neither set, nor a parameter, nor PowerShell's own."""
    used, bound = set(), {"true", "false", "null", "_"}
    for node in nodes_of(tree_of(script)):
        if node.type != "variable":
            continue
        name = (node.text or b"").decode().lstrip("$").lower().removeprefix("script:")
        around = node
        while around.parent is not None and around.text == node.text:
            around = around.parent
        is_target = around.type == "assignment_expression" and around.children[0].text == node.text
        is_bound = is_target or around.type in {"script_parameter", "foreach_statement"}
        (bound if is_bound else used).add(name)
    return used - bound


def test_each_variable_that_is_used_was_set():
    assert unbound_in(SCRIPT) == set()
    assert unbound_in(SCRIPT.replace("$settings.AllowedApps", "$setings.AllowedApps")) == {
        "setings"
    }
    assert unbound_in(SCRIPT.replace("[switch] $SkipGraph", "[switch] $Skip")) == {"skipgraph"}


@pytest.mark.parametrize(
    ("whole", "broken"),
    [
        ("catch {", "catch ("),
        ("function Read-Part {", "function Read-Part"),
        ("try { & $Body }", "try { & $Body"),
        ("@($settings.AllowedApps", "@($settings.AllowedApps)"),
        ("foreach ($name in $Mailbox) {", "foreach ($name of $Mailbox) {"),
        ("if ($SkipGraph) {", "if ($SkipGraph {"),
        ("-Filter \"id eq '$_'\"", "-Filter \"id eq '$_'"),
        ("@{ enabled = (", "@{ enabled = ("[:-3]),
        ("Get-TransportConfig -ErrorAction Stop", "Set-TransportConfig -ErrorAction Stop"),
        ("Get-CASMailbox -ErrorAction", "Set-CASMailbox -SmtpClientAuthenticationDisabled $false -ErrorAction"),
        ("& $Body", "& $Name"),
        ("& $Body", "Invoke-Expression $Body"),
        ("Get-HVEAccountSettings", "Add-HVEAppAccess"),
        ("Get-User -ErrorAction", "Remove-MailUser -ErrorAction"),
        ("(Get-Date).ToUniversalTime()", "[IO.File]::Delete('x')"),
        ("ConvertTo-Json -Depth 8", "ConvertTo-Json -Depth 8 > C:\\x.json"),
        ("$access = $null", "$access = New-Object Net.WebClient"),
    ],
)  # fmt: skip
def test_breaking_the_script_or_making_it_write_is_noticed(whole, broken):
    assert whole in SCRIPT
    assert faults_of(SCRIPT.replace(whole, broken, 1))
