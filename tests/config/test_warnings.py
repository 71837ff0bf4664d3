"""What is allowed, and yet said at the start."""

import pytest

from kairan.config.read import load
from kairan.config.warnings import start_warnings

CONFIGURATION = """\
[tls]
certificate = "tls/server.pem"
key = "/etc/server.key"
[[delivery.routes]]
pattern = "*"
to = "maildir:mail"
[[listener]]
role = "device"
tls = "off"
port = 2525
devices = { "192.0.2.0/24" = "printer@example.com" }
"""


def warned(folder, text: str) -> str:
    path = folder / "kairan.toml"
    path.write_text(CONFIGURATION + text, encoding="utf-8")
    return " ".join(start_warnings(load(path)))


def test_logins_in_clear_text_beyond_loopback_are_warned_of(tmp_path):
    text = warned(tmp_path, 'auth_in_clear_text = true\nhost = "192.0.2.1"')
    assert "the listener on 192.0.2.1 port 2525 takes logins in clear text" in text


def test_old_tls_is_warned_of(tmp_path):
    text = warned(tmp_path, "legacy_tls = true")
    assert "the listener on 0.0.0.0 port 2525 speaks TLS 1.0 and 1.1" in text


@pytest.mark.parametrize(
    "text", ["", 'auth_in_clear_text = true\nhost = "127.0.0.1"', 'host = "::1"']
)
def test_without_logins_or_on_loopback_there_is_nothing_to_warn_of(tmp_path, text):
    assert not warned(tmp_path, text)


@pytest.mark.parametrize(("mode", "is_said"), [(0o644, True), (0o640, False)])
def test_a_key_that_everyone_can_read_is_warned_of(tmp_path, mode, is_said):
    key = tmp_path / "server.key"
    key.touch()
    key.chmod(mode)
    path = tmp_path / "kairan.toml"
    path.write_text(CONFIGURATION.replace("/etc/server.key", str(key)), encoding="utf-8")
    assert (str(key) in " ".join(start_warnings(load(path)))) is is_said


def test_a_password_in_the_configuration_is_warned_of_and_not_shown(tmp_path):
    route = '[[delivery.routes]]\npattern = "x.test"\nto = "smtps://me:ge@heim@relay.test"\n'
    said = warned(tmp_path, route)
    assert "holds a password" in said
    assert "everyone on this machine can read" in said
    assert "heim" not in said
