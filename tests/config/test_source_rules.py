"""[[directory.sources]]: which other directories people come from."""

import pytest

from kairan.config.errors import ConfigError
from kairan.config.read import load

BASE = """
[[listener]]
host = "127.0.0.1"
port = 2525
tls = "off"

[[delivery.routes]]
pattern = "*"
to = "maildir:mail"

[[directory.sources]]
name = "ad"
"""


def loaded(tmp_path, text):
    path = tmp_path / "kairan.toml"
    path.write_text(BASE + text)
    return load(path)


def test_a_source_is_read_and_its_files_lie_beside_the_configuration(tmp_path):
    text = """servers = ["ldaps://dc1.example.com"]
bind_user = "reader@example.com"
bind_password_file = "secret"
attributes = { department = "departmentNumber" }
"""
    (source,) = loaded(tmp_path, text).directory_sources
    assert source.bind_password_file == tmp_path / "secret"
    assert source.attributes == (("department", "departmentNumber"),)


@pytest.mark.parametrize(
    "servers",
    ['"ldaps://dc1"', '"ldap://dc1:3268"', '"ldapi://%2Frun%2Fslapd"', '"ldaps://[::1]:636"'],
)
def test_servers_are_urls_of_ldap(tmp_path, servers):
    assert loaded(tmp_path, f"servers = [{servers}]").directory_sources


@pytest.mark.parametrize(
    "text",
    [
        "",
        'servers = ["dc1.example.com"]',
        'servers = ["https://dc1.example.com"]',
        'servers = ["ldaps://reader:secret@dc1"]',
        'servers = ["ldap://dc1"]\nstarttls = false',
        'servers = ["ldaps://dc1"]\nbind_user = "x"',
        'servers = ["ldaps://dc1"]\nbind_password_file = "x"',
        'servers = ["ldaps://dc1"]\nshare_min = 1.0',
        'servers = ["ldaps://dc1"]\ngrace_seconds = -1.0',
        'servers = ["ldaps://dc1"]\nattributes = { shoeSize = "x" }',
        'servers = ["ldaps://dc1"]\nattributes = { title = "a)(b=*" }',
        'kind = "csv"',
        'servers = ["ldaps://dc1"]\n[[directory.sources]]\nname = "ad"\nservers = ["ldaps://dc2"]',
    ],
)
def test_a_source_that_cannot_work_is_refused(tmp_path, text):
    with pytest.raises(ConfigError):
        loaded(tmp_path, text)


def test_without_tls_only_this_machine_is_asked(tmp_path):
    assert loaded(
        tmp_path, 'servers = ["ldap://127.0.0.1:389"]\nstarttls = false'
    ).directory_sources
