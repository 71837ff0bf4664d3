"""`kairan doctor …` as typed: exit codes, JSON, what goes where."""

import json
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from kairan.cli.app import app
from kairan.doctor.tenant.script import SCRIPT
from kit.token_issuer import KEYS, TENANT, app_only, signed

V2 = f"https://login.microsoftonline.com/{TENANT}/v2.0"


def doctor(*words, stdin=""):
    result = CliRunner().invoke(app, ["doctor", *map(str, words)], input=stdin)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("text", "code"),
    [("250 2.1.5 OK", 0), ("535 5.7.3 no", 1), ("550 5.7.999 banned", 2)],
)
def test_explain_ends_with_what_it_found(text, code):
    assert doctor("explain", text)[0] == code
    assert doctor("explain", "-", stdin=text)[0] == code


def test_explain_gives_a_list_with_the_fixed_keys():
    _, out, _ = doctor("explain", "501 5.5.127", "--lang", "ja", "--json")
    (record,) = json.loads(out)
    assert {"key", "code", "enhanced", "causes", "remedies"} <= set(record)
    assert "トークン" in record["when"]


def test_explain_wants_a_text():
    code, out, err = doctor("explain", " ")
    assert (code, out) == (2, "")
    assert err.startswith("kairan: ")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_explain_reads_what_windows_pipes(encoding):
    text = "535 5.7.139 基本認証が無効".encode(encoding)
    result = CliRunner().invoke(app, ["doctor", "explain", "-", "--json"], input=text)
    assert json.loads(result.stdout)[0]["key"] == "basic-auth-disabled"


def test_device_gives_findings():
    words = ("--server", "smtp-have.office365.com", "--user", "p@x.test", "--from", "p@x.test")
    code, out, _ = doctor("device", *words, "--json")
    findings = json.loads(out)["findings"]
    assert code == 1
    assert {"key", "severity", "text"} <= set(findings[0])
    assert findings[0]["key"] == "server-mistranslated"


def test_device_is_healthy_with_good_settings():
    words = ("--server", "mail.x.test", "--user", "p@x.test", "--from", "p@x.test")
    assert doctor("device", *words)[0] == 0


def test_device_judges_a_password_from_input_and_does_not_print_it():
    words = ("--server", "mail.x.test", "--user", "p@x.test", "--from", "p@x.test")
    code, out, err = doctor("device", *words, "--password-stdin", stdin='hunter2"\n')
    assert code == 1
    assert "hunter2" not in out + err


def test_device_judges_a_fleet(tmp_path):
    fleet = tmp_path / "fleet.csv"
    fleet.write_text("name,server,user,from\na,mail.x.test,p@x.test,p@x.test\nb,10.0.0.1,,\n")
    code, out, _ = doctor("device", "--csv", fleet, "--json")
    assert code == 1
    assert [(one["name"], len(one["findings"]) > 0) for one in json.loads(out)] == [
        ("a", False),
        ("b", True),
    ]
    assert "server-ip-address" in doctor("device", "--csv", fleet)[1]


@pytest.mark.parametrize(
    "words",
    [
        ("device",),
        ("device", "--user", "p@x.test"),
        ("device", "--csv", "no-such-file.csv", "--server", "x"),
        ("token", "--role", "king"),
        ("compare", "a", "b", "--user", "p@x.test"),
        ("compare", "a:no", "b"),
        ("compare", "a", "b", "--send", "p@x.test"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(words):
    code, out, err = doctor(*words, stdin="")
    assert (code, out) == (2, "")
    assert err.startswith("kairan: ")
    assert err.count("\n") == 1


def test_token_reads_input_and_verifies_with_a_file_of_keys(tmp_path):
    keys = tmp_path / "keys.json"
    keys.write_bytes(KEYS)
    text = signed(app_only(V2, time.time()))
    code, out, err = doctor("token", "--jwks", keys, "--json", stdin=text)
    report = json.loads(out)
    assert code == 0
    assert report["signature"]["verdict"] == "good"
    assert [answer["accepted"] for answer in report["answers"]] == [True, True]
    assert text.split(".")[2] not in out + err


def test_token_names_the_code_of_both_editions(tmp_path):
    file = tmp_path / "token"
    file.write_text(signed(app_only(V2, time.time(), exp=int(time.time()) - 60)))
    code, out, _ = doctor("token", "--file", file)
    assert code == 1
    assert "501 5.5.128" in out
    assert "535 5.7.143" in out


def test_token_cannot_tell_an_opaque_one():
    assert doctor("token", stdin="0.AXYA-opaque")[0] == 2


def test_the_doctor_needs_neither_uvloop_nor_fork():
    """It runs where administrators sit: on Windows and macOS, too."""
    program = (
        "import sys\n"
        "for name in ('uvloop', 'fcntl', 'resource', 'grp', 'pwd'): sys.modules[name] = None\n"
        "import kairan.doctor.explain.text, kairan.doctor.device.text, kairan.doctor.token.text\n"
        "import kairan.doctor.compare.text, kairan.doctor.token.verify, kairan.cli.app\n"
        "from kairan.cli.doctor import compare, device, explain, log, probe, token\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


TENANT_JSON = {
    "format": "kairan-tenant",
    "version": 1,
    "hveAccounts": {"address": "hve@contoso.test", "id": "u1", "billingStatus": "BillingPolicyValid"},
    "organization": {"defaultAuthenticationPolicy": ""},
    "authenticationPolicies": None,
    "conditionalAccess": None,
    "securityDefaults": {"enabled": True},
    "applications": None,
}  # fmt: skip


def test_tenant_prints_the_script_and_nothing_else():
    code, out, err = doctor("tenant", "--script")
    assert (code, err) == (0, "")
    assert out == SCRIPT


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_tenant_judges_what_powershell_wrote(tmp_path, encoding):
    file = tmp_path / "tenant.json"
    file.write_bytes(json.dumps(TENANT_JSON).encode(encoding))
    code, out, _ = doctor("tenant", file, "--json")
    (account,) = json.loads(out)["accounts"]
    assert code == 1
    assert [login["answer"] for login in account["logins"]] == ["blocked", "blocked"]
    assert "セキュリティの既定値群" in doctor("tenant", file, "--lang", "ja")[1]


def test_tenant_reads_standard_input():
    assert doctor("tenant", "-", stdin=json.dumps(TENANT_JSON))[0] == 1


@pytest.mark.parametrize("words", [["tenant"], ["tenant", "x.json", "--script"], ["tenant", "-"]])
def test_tenant_says_what_it_wants(words):
    code, out, err = doctor(*words, stdin="{}")
    assert (code, out) == (2, "")
    assert "--script" in err
