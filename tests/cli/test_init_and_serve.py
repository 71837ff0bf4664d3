"""kairan init and, on what it made, kairan serve and check-config."""

import signal
import smtplib
import socket
import subprocess
import sys
from pathlib import Path

import pytest

KAIRAN = Path(sys.executable).with_name("kairan")


def test_init_says_what_it_made(shell):
    words = ("--hostname", "mx.example.org", "--domain", "example.org", "--port", 2525, "--json")
    assert shell.done("init", "other", *words).json == {
        "config": "other/kairan.toml",
        "hostname": "mx.example.org",
        "domain": "example.org",
        "port": 2525,
    }
    assert shell.done("domain", "list", "-c", "other/kairan.toml").out == "example.org\n"


@pytest.mark.parametrize(
    ("hostname", "domain"), [("mail.example.org", "example.org"), ("box", "kairan.test")]
)
def test_without_a_domain_init_takes_the_host_names(shell, monkeypatch, hostname, domain):
    monkeypatch.setattr(socket, "gethostname", lambda: hostname)
    assert shell.done("init", "other", "--json").json["domain"] == domain


def test_init_says_what_to_type_next(shell):
    said = shell.done("init", "other", "--domain", "example.org").out
    assert "kairan account add printer@example.org --generate -c other/kairan.toml" in said
    assert "kairan serve -c other/kairan.toml" in said


def with_postmaster(shell):
    shell.done("mailbox", "add", "postmaster@example.com")
    shell.done("organisation", "set", "--postmaster", "postmaster@example.com")
    return "postmaster@example.com"


def test_check_config_sums_up(shell):
    with_postmaster(shell)
    assert "kairan.toml is in order" in shell.done("check-config").out
    checked = shell.done("check-config", "--json").json
    assert checked["listeners"][0]["port"] == 2525
    assert checked["spool"]["durability"] == "fsync"


def test_a_new_installation_has_a_postmaster(shell):
    shell.done("init", "other", "--domain", "example.org")
    settings = ("-c", "other/kairan.toml")
    organisation = shell.done("organisation", "show", "--json", *settings).json
    assert organisation["postmaster"] == "postmaster@example.org"
    shell.done("mailbox", "show", "postmaster@example.org", *settings)
    shell.done("check-config", *settings)


@pytest.mark.parametrize("postmaster", ["", "nobody@{domain}"])
def test_check_config_insists_on_a_postmaster_who_is_there(shell, postmaster):
    domain = shell.done("domain", "list", "--json").json[0]
    written = shell.done("organisation", "set", "--postmaster", postmaster.format(domain=domain))
    assert "warning: the organisation" in written.err
    refused = shell("check-config")
    assert refused.code == 2
    assert "postmaster" in refused.err
    assert "kairan organisation set --postmaster" in refused.err


def test_taking_the_postmasters_mailbox_away_is_warned_of(shell):
    postmaster = with_postmaster(shell)
    assert "does not exist" in shell.done("mailbox", "remove", postmaster).err


def test_check_config_shows_no_password_of_the_database(shell):
    settings = shell.place / "kairan.toml"
    text = settings.read_text() + '[directory]\nurl = "postgresql://me:geheim@db/kairan"\n'
    settings.write_text(text.replace('"maildir:data/maildir"', '"smtps://me:geheim@relay"'))
    for words in (("check-config",), ("check-config", "--json")):
        answer = shell(*words)
        assert "cannot be used" in answer.err  # there is no such database
        assert "geheim" not in answer.out + answer.err


def test_check_config_prints_no_password_of_a_route(shell):
    with_postmaster(shell)
    settings = shell.place / "kairan.toml"
    text = settings.read_text()
    settings.write_text(text.replace('"maildir:data/maildir"', '"smtps://me:geheim@relay"'))
    for words in (("check-config",), ("check-config", "--json")):
        answer = shell.done(*words)
        assert "relay" in answer.out
        assert "geheim" not in answer.out + answer.err


def test_check_config_explains_every_section(shell):
    explained = shell.done("check-config", "--explain").out
    assert "[[listener]]" in explained
    assert "# expiry_seconds = 86400.0 seconds" in explained
    assert shell.done("check-config", "--explain", "--json").json[0]["key"] == "hostname"


def test_serve_says_ready_with_the_port_it_has_and_stops_at_sigterm(shell):
    settings = shell.place / "kairan.toml"
    text = settings.read_text().replace("port = 2525", "port = 0").replace("0.0.0.0", "127.0.0.1")
    settings.write_text(text)
    process = subprocess.Popen(
        [KAIRAN, "serve"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        ready = next(line for line in process.stdout if "ready" in line)
        host, _, port = ready.split()[1].partition(":")
        with smtplib.SMTP(host, int(port), timeout=30) as client:
            assert client.ehlo()[0] == 250
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0
