"""From text to one value; and each mistake as a sentence with its line."""

import os
from pathlib import Path

import pytest

from kairan.config.errors import ConfigError
from kairan.config.read import load
from kairan.delivery.settings import RouteSettings
from kairan.intake.settings import IntakeSettings, ListenerSettings, TlsMode
from kairan.mail.role import Role
from kairan.spool.settings import Durability

MINIMAL = """\
[tls]
certificate = "tls/server.pem"
key = "/etc/server.key"
[[delivery.routes]]
pattern = "*"
to = "maildir:mail"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "kairan.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_the_file_does_not_say_has_its_rooms_default(tmp_path):
    configuration = load(written(tmp_path, MINIMAL))
    assert configuration.listeners == (ListenerSettings(),)
    assert configuration.intake == IntakeSettings()
    assert configuration.workers == os.cpu_count()
    assert configuration.hostname


def test_paths_are_relative_to_the_file_wherever_we_are(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    configuration = load(written(tmp_path, MINIMAL))
    assert configuration.data_directory == tmp_path / "data"
    assert configuration.tls.certificate == tmp_path / "tls" / "server.pem"
    assert configuration.tls.key == Path("/etc/server.key")
    assert configuration.directory_url == f"sqlite:///{tmp_path}/data/directory.db"
    assert configuration.delivery.routes == (RouteSettings("*", f"maildir:{tmp_path}/mail"),)


def test_files_that_a_route_names_are_relative_to_the_file_too(tmp_path):
    text = MINIMAL.replace("maildir:mail", "smtp://relay?tls=require&ca=ca.pem")
    [route] = load(written(tmp_path, text)).delivery.routes
    assert route.to == f"smtp://relay?tls=require&ca={tmp_path}/ca.pem"


def test_a_scheme_in_capitals_names_the_same_transport(tmp_path):
    text = MINIMAL.replace("maildir:mail", "Maildir:mail")
    [route] = load(written(tmp_path, text)).delivery.routes
    assert route.to == f"Maildir:{tmp_path}/mail"


def test_a_database_with_a_host_stays_as_it_is(tmp_path):
    url = "postgresql://kairan@db.example.com/kairan"
    assert load(written(tmp_path, f'{MINIMAL}[directory]\nurl = "{url}"')).directory_url == url


def test_settings_take_the_types_of_their_rooms(tmp_path):
    text = f"""{MINIMAL}
[spool]
durability = "os"
[admission]
connections_per_account_max = "none"
[delivery.retry]
first_seconds = 5
[[listener]]
role = "device"
host = "127.0.0.1"
port = 2525
tls = "off"
devices = {{ "192.0.2.0/24" = "printer@example.com" }}
[[listener]]
port = 465
tls = "implicit"
"""
    configuration = load(written(tmp_path, text))
    assert configuration.spool.durability is Durability.OS
    assert configuration.admission.connections_per_account_max is None
    assert configuration.delivery.retry.first_seconds == 5.0
    device, hve = configuration.listeners
    assert device.role is Role.DEVICE
    assert device.devices == (("192.0.2.0/24", "printer@example.com"),)
    assert hve.tls is TlsMode.IMPLICIT


def test_next_hops_hear_the_name_which_clients_hear(tmp_path):
    text = f'{MINIMAL}[server]\nhostname = "mail.example.com"'
    assert load(written(tmp_path, text)).transport.relay.hostname == "mail.example.com"


# Text put behind MINIMAL's six lines, the line of the mistake, and what the sentence must say.
MISTAKES = [
    ('[server]\nlisen = "x"', 8, 'unknown key "lisen" in [server]; allowed: hostname, '),
    ('[server]\nhostnam = "x"', 8, 'unknown key "hostnam" in [server]; did you mean "hostname"?'),
    ("[servr]", 7, 'unknown section [servr]; did you mean "server"?'),
    ("[[listener]]\n\n[[listener]]\nprot = 1", 10, 'in [[listener]]; did you mean "port"?'),
    ("[delivery.retry]\nfirst = 1", 8, 'unknown key "first" in [delivery.retry]'),
    ("[[delivery.routes]]\npattern = '*'", 7, '"to" is missing'),
    ("[listener]\nport = 1", 7, "write [[listener]] here"),
    ("[[spool]]", 7, "write [spool] here"),
    ('[[listener]]\nport = "587"', 8, '"port" must be a whole number, not "587"'),
    ("[[listener]]\nport = 1.5", 8, '"port" must be a whole number, not 1.5'),
    ("[[listener]]\nport = true", 8, '"port" must be a whole number, not true'),
    ("[[listener]]\nport = 65536", 8, '"port" must be at most 65535'),
    ("[admission]\nvolume_jump_factor = 0.5", 8, '"volume_jump_factor" must be 0 (off) or at'),
    ("[admission]\nvolume_jump_factor = nan", 8, '"volume_jump_factor" must be 0 (off) or at'),
    ("[intake]\nerrors_max = -1", 8, '"errors_max" must be 0 or more, not -1'),
    ("[delivery.retry]\nmax_seconds = -1", 8, '"max_seconds" must be 0 or more'),
    ("[intake]\nmechanisms = 'LOGIN'", 8, '"mechanisms" must be a list in [ ]'),
    ("[server]\ndata_directory = 3", 8, '"data_directory" must be text in quotes'),
    ("[[listener]]\nlegacy_tls = 1", 8, '"legacy_tls" must be true or false, not 1'),
    ("[[listener]]\nhost = 3", 8, '"host" must be text in quotes'),
    ("[intake]\nmechanisms = ['LOGIN', 5]", 8, '"mechanisms" must be text in quotes, not 5'),
    ("[auth]\ntokens = 3", 8, '"tokens" must be a table, not 3'),
    ("[spool]\nurl = 3", 8, '"url" must be text in quotes, not 3'),
    ("[spool]\nurl = ['postgresql://db/k', 3]", 8, '"url" must be text in quotes, not 3'),
    ("[spool]\ndurability = 1", 8, '"durability" must be "fsync", "replicated" or "os", not 1'),
    ("[server]\nuser = 2026-11-28", 8, '"user" must be text in quotes, not "2026-11-28"'),
    ("[server]\nworkers = 'many'", 8, '"workers" must be a whole number, not "many"'),
    ("[server]\nwatchdog_seconds = true", 8, '"watchdog_seconds" must be a number, not true'),
    (
        "[[listener]]\nrole = 'device'\ndevices = [['192.0.2.0/24']]",
        9,
        '"devices" must be a list of 2, not ["192.0.2.0/24"]',
    ),
    ("[intake]\nmechanisms = ['LOGIN', 'CRAM-MD5']", 8, 'unknown mechanism "CRAM-MD5"; allowed: '),
    ("[intake]\nmechanisms = ['login']", 8, 'unknown mechanism "login"; did you mean "LOGIN"?'),
    ("[[auth.issuers]]\nissuer = 'http://example.com'", 8, '"issuer" must be an https:// URL'),
    ("[[auth.issuers]]\nissuer = 'x'\njwks_url = 'file:///x'", 9, '"jwks_url" must be an https://'),
    ("[[auth.issuers]]\nissuer = 'https://x'\naudiences = []", 9, '"audiences" is empty'),
    ("[auth.tokens]\nprofile = 'hve'", 8, '"profile" must be "hve-2025" or "hve-2026", not "hve"'),
    (
        "[spool]\ndurability = 'sync'",
        8,
        '"durability" must be "fsync", "replicated" or "os", not "sync"',
    ),
    ("[[listener]]\nhost = 'mail.example.com'", 8, "must be an IP address of this machine"),
    (
        "[[listener]]\nrole = 'device'\ndevices = { '192.0.2.1/24' = 'a@b.test' }",
        9,
        "has host bits set",
    ),
    (
        "[[listener]]\nrole = 'device'\ndevices = { '192.0.2.0/24' = 'printer' }",
        9,
        "is not an address of an account",
    ),
    ("[[listener]]\ndevices = { '192.0.2.0/24' = 'a@b.test' }", 8, "only a listener with role"),
    ("[[listener]]\nlegacy_tls = true", 8, "only a listener with role"),
    ("[[listener]]\nexternal_recipients = true", 8, 'only a listener with role = "client" may'),
    ("[[listener]]\nauth_in_clear_text = true", 8, 'with role = "device" and tls = "off" has'),
    (
        "[[listener]]\nrole='device'\nauth_in_clear_text=true\ndevices={'192.0.2.0/24'='a@b.test'}",
        9,
        'with role = "device" and tls = "off" has',
    ),
    ("[[listener]]\ntls = 'off'", 8, 'tls = "off" is only for role = "device" or a loopback'),
    ("[[listener]]\nproxy_from = ['proxy']", 8, '"proxy" is not a network'),
    ("[[listener]]\n[[listener]]\nport = 587", 9, "(0.0.0.0) cannot both have port 587"),
    ("[[delivery.routes]]\npattern = 'a b'\nto = 'mx:'", 8, '"a b" is no pattern'),
    ("[transport]\nmx_networks_allowed = ['inside']", 8, '"inside" is not a network'),
    ("port 587", 7, "this is not TOML"),
    ("[server", 7, "this is not TOML"),
]


@pytest.mark.parametrize(("text", "line", "sentence"), MISTAKES, ids=[m[2] for m in MISTAKES])
def test_a_mistake_is_one_sentence_with_file_and_line(tmp_path, text, line, sentence):
    path = written(tmp_path, MINIMAL + text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_listener_with_tls_needs_a_certificate(tmp_path):
    with pytest.raises(ConfigError, match=r'\[tls\] has no "certificate", but the listener on'):
        load(written(tmp_path, MINIMAL[MINIMAL.index("[[") :]))


def test_without_a_route_nothing_could_be_delivered(tmp_path):
    with pytest.raises(ConfigError, match="no mail could be delivered"):
        load(written(tmp_path, MINIMAL.partition("[[")[0]))


@pytest.mark.parametrize("tls", ["off", "starttls"])
def test_a_loopback_listener_may_do_without_tls(tmp_path, tls):
    text = f"{MINIMAL}[[listener]]\nhost = '127.0.0.1'\ntls = '{tls}'"
    assert load(written(tmp_path, text)).listeners[0].tls == tls


@pytest.mark.parametrize(
    "pattern",
    [
        "a@b.test",
        "sales-*@b.test",
        "b.test",
        "*.b.test",
        "*.b\u00fccher.test",
        "bu\u0308cher.test",
        "*",
    ],
)
def test_patterns_that_routes_know(tmp_path, pattern):
    text = MINIMAL.replace('"*"', f'"{pattern}"')
    assert load(written(tmp_path, text)).delivery.routes[0].pattern == pattern


def test_port_0_is_another_free_one_each_time(tmp_path):
    text = f"{MINIMAL}[[listener]]\nport = 0\n[[listener]]\nport = 0"
    assert len(load(written(tmp_path, text)).listeners) == 2


def test_no_file_is_said_with_the_way_to_get_one(tmp_path):
    with pytest.raises(ConfigError, match=r"no such file; `kairan init` makes one"):
        load(tmp_path / "kairan.toml")


def test_a_folder_in_place_of_the_file_is_said(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)


def test_a_file_in_another_encoding_is_said(tmp_path):
    path = tmp_path / "kairan.toml"
    path.write_bytes("# Büro".encode("latin-1"))
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(path)
