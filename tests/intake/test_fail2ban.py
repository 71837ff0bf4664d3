"""Debian's fail2ban sees the logins that failed, by the filter in deploy/, and bans nobody else."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from kairan.intake.intake_log import IntakeLog, RefusedWhere, TriedLogin
from kairan.outcomes.catalogue import (
    AUTH_THROTTLED,
    AUTH_UNSUCCESSFUL,
    CATALOGUE,
    OAUTH_UNSUCCESSFUL,
    RECIPIENT_UNKNOWN,
    SECURITY_DEFAULTS_BLOCK,
    TOKEN_ISSUER_UNREACHABLE,
)
from kairan.runtime.limited_lines import LimitedLines
from kairan.runtime.logs import line

FILTER = Path(__file__).parents[2] / "deploy" / "fail2ban" / "filter.d" / "kairan.conf"
JAIL = FILTER.parents[1] / "jail.d" / "kairan.conf"
FORGED = (
    "time=2020-01-01T00:00:00.000Z level=warning event=intake.login-refused client=198.51.100.1"
    ' listener=h rule=auth-unsuccessful reply="535" mechanism=PLAIN detail=x account=x session='
)
JOURNAL = "Nov 26 10:00:00 mail kairan[7]: "

pytestmark = pytest.mark.skipif(
    shutil.which("fail2ban-regex") is None, reason="no fail2ban; see tests/peers/install.sh"
)


def matched(lines, tmp_path):
    """Address and user of each line that fail2ban takes for a failure."""
    log = tmp_path / "kairan.log"
    log.write_text("".join(f"{one}\n" for one in lines), encoding="utf-8")
    run = subprocess.run(
        ["fail2ban-regex", "--out", "row", "--encoding", "utf-8", str(log), str(FILTER)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    rows = re.findall(r"\['([^']*)',\s+([\d.]+),", run.stdout)
    users = re.findall(r"'user': '((?:[^'\\]|\\.)*)'", run.stdout)
    return [address for address, _ in rows], users, [float(when) for _, when in rows]


def refused(outcome, *, client="192.0.2.7", name="erp@kairan.test", detail="wrong password"):
    """A login as the log has it."""
    with capture_logs() as said:
        IntakeLog(LimitedLines()).login_refused(
            outcome,
            RefusedWhere(client, "hve@0.0.0.0:587", "38E1418E17000001"),
            TriedLogin(name, "PLAIN", detail),
        )
    (facts,) = said
    return line(None, facts.pop("log_level"), facts)


@pytest.mark.parametrize("before", ["", JOURNAL, "2026-11-26T10:00:00+0900 mail kairan[7]: "])
@pytest.mark.parametrize("client", ["192.0.2.7", "2001:db8::7"])
def test_a_failed_login_is_matched_with_address_and_name(before, client, tmp_path):
    line = before + refused(AUTH_UNSUCCESSFUL, client=client)
    addresses, users, _ = matched([line], tmp_path)
    assert addresses == [client]
    assert users == ["erp@kairan.test"]


def test_a_failed_login_at_a_running_service_is_matched(service, tmp_path):
    with service.client() as client:
        client.auth("somebody@kairan.test", "a guess")
    said = service.wait_log("account=somebody@kairan.test")
    addresses, users, times = matched([said.rstrip("\n"), JOURNAL + said.rstrip("\n")], tmp_path)
    assert addresses == ["127.0.0.1"] * 2
    assert users == ["somebody@kairan.test"] * 2
    assert times


def test_guessed_tokens_and_those_who_are_not_listened_to_any_more_are_matched(tmp_path):
    lines = [
        refused(OAUTH_UNSUCCESSFUL, detail="app=0 for another audience"),
        refused(AUTH_THROTTLED, detail="too many failures from here"),
        refused(AUTH_THROTTLED, detail="too many refused tokens from here"),
    ]
    assert len(matched(lines, tmp_path)[0]) == 3


def test_what_is_nobody_s_guess_is_not_matched(tmp_path):
    lines = [
        refused(SECURITY_DEFAULTS_BLOCK),
        refused(TOKEN_ISSUER_UNREACHABLE),
        refused(AUTH_THROTTLED, detail="too many logins at once"),
    ]
    with capture_logs() as said:
        IntakeLog(LimitedLines()).refused(
            RECIPIENT_UNKNOWN, RefusedWhere("192.0.2.7", "hve@::1:25")
        )
    facts = said[0]
    lines.append(line(None, facts.pop("log_level"), facts))
    assert matched(lines, tmp_path)[0] == []


@pytest.mark.parametrize(
    "name",
    [
        "x client=198.51.100.1 ",
        'x" client=198.51.100.1 y="',
        f"a\r\n{FORGED}",
        f"mail kairan[7]: {FORGED}",
        "time=2020-01-01T00:00:00.000Z",
        "回覧@kairan.test",
        "",
    ],
)
def test_no_name_has_another_address_banned(name, tmp_path):
    lines = [refused(AUTH_UNSUCCESSFUL, name=name), JOURNAL + refused(AUTH_UNSUCCESSFUL, name=name)]
    with capture_logs() as said:
        IntakeLog(LimitedLines()).refused(
            RECIPIENT_UNKNOWN, RefusedWhere("192.0.2.7", "hve@::1:25", sender=name), detail=name
        )
    facts = said[0]
    other = line(None, facts.pop("log_level"), facts)
    addresses, _, times = matched([*lines, other, JOURNAL + other], tmp_path)
    assert addresses == ["192.0.2.7"] * 2
    assert all(when > 1_700_000_000 for when in times)


def test_the_filter_s_rules_are_outcomes_that_there_are():
    named = re.findall(r"rule=\(\?:([a-z|-]+)\)|rule=([a-z-]+) ", FILTER.read_text())
    keys = {key for one, other in named for key in (one or other).split("|")}
    assert len(keys) == 4
    assert keys <= set(CATALOGUE)


def test_the_jail_uses_the_filter_and_the_service_s_journal():
    jail = configparser.ConfigParser()
    jail.read(JAIL)
    assert jail["kairan"]["filter"] == FILTER.stem
    assert jail["kairan"]["backend"] == "systemd"
    assert "_SYSTEMD_UNIT=kairan.service" in FILTER.read_text()
