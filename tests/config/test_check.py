"""Each mistake that a configuration can have, with file and line."""

import os
import socket
import sqlite3
import threading
from contextlib import closing, contextmanager
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.message
import dns.rcode
import pytest

from kairan.config import name_servers
from kairan.config.check import Finding, findings
from kairan.config.installation import Installation, install
from kairan.config.model import SECTIONS
from kairan.config.name_servers import name_server_problems
from kairan.config.numbers import FACTORS, ORDERED, ZERO_MEANS
from kairan.config.read import load, read
from kairan.directory.store import Directory
from kairan.runtime.certificates import make_authority, make_server_certificate

NOW = datetime.now(UTC)


def fill(directory: Directory) -> None:
    directory.add_mailbox("postmaster@example.com", display_name="Postmaster")
    directory.set_organisation(postmaster="postmaster@example.com")
    directory.add_account("printer@example.com")


@pytest.fixture
def file(tmp_path):
    plan = Installation(
        place=tmp_path, hostname="mail.example.com", domain="example.com", host="127.0.0.1"
    )
    return install(plan, now=NOW, fill=fill)


def found(file: Path) -> list[Finding]:
    return list(findings(*read(file)))


def the_only(file: Path, line: str, *, is_mistake: bool = True) -> str:
    """The sentence of the one finding, which stands at the line that begins so."""
    (one,) = found(file)
    assert one.is_mistake is is_mistake, one
    lines = file.read_text().splitlines()
    path, _, number = one.place.rpartition(":")
    assert path == str(file)
    assert lines[int(number) - 1].startswith(line), one
    return one.sentence


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def add(file: Path, text: str) -> None:
    file.write_text(f"{file.read_text()}\n{text}\n")


@contextmanager
def directory_of(file: Path):
    with Directory.open(load(file).directory_url) as directory:
        yield directory


def certificate(
    file: Path, *, now: datetime = NOW, name: str = "mail.example.com", stem: str = "server"
) -> None:
    authority = make_authority("another", now=now)
    issued = make_server_certificate(authority, [name], now=now)
    (file.parent / "tls" / f"{stem}.pem").write_bytes(issued.certificate_pem)
    (file.parent / "tls" / f"{stem}.key").write_bytes(issued.key_pem)


def test_a_new_installation_has_nothing_to_find(file):
    assert found(file) == []


# Certificates and secrets.


def test_a_certificate_that_has_expired_is_a_mistake(file):
    certificate(file, now=NOW - timedelta(days=2_000))
    assert "has expired on" in the_only(file, "certificate = ")


def test_a_certificate_that_is_not_valid_yet_is_a_mistake(file):
    certificate(file, now=NOW + timedelta(days=20))
    assert "is not valid before" in the_only(file, "certificate = ")


def test_a_certificate_that_ends_soon_is_a_warning(file):
    certificate(file, now=NOW - timedelta(days=815))
    assert "ends in 4 days" in the_only(file, "certificate = ", is_mistake=False)


def test_a_certificate_for_another_name_is_a_warning(file):
    certificate(file, name="www.example.com")
    assert "not for mail.example.com" in the_only(file, "certificate = ", is_mistake=False)


def test_the_second_certificate_is_looked_at_as_the_first(file):
    certificate(file, now=NOW - timedelta(days=2_000), stem="server-rsa")
    assert "server-rsa.pem has expired" in the_only(file, "rsa_certificate = ")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("tls/server.key", "key = "),
        ("tls/server-rsa.key", "rsa_key = "),
        ("data/directory.db", "data_directory = "),
        ("data/issuer/key.pem", "data_directory = "),
        ("data/tokens/key", "data_directory = "),
    ],
)
def test_a_secret_that_everyone_can_read_is_said_at_the_setting_that_names_it(file, name, line):
    path = file.parent / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    path.chmod(0o644)
    assert f"everyone on this machine can read {path}" in the_only(file, line, is_mistake=False)


def test_a_secret_of_an_identity_that_everyone_can_read_is_said(file):
    secret = file.parent / "secret"
    secret.touch(mode=0o644)
    add(
        file,
        '[[identity]]\nname = "hve"\nuser = "a@example.com"\ntenant = "t"\nclient_id = "1"\n'
        'client_secret_file = "secret"',
    )
    assert str(secret) in the_only(file, "client_secret_file", is_mistake=False)


# Routes.


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        ("*", "*.example.com"),
        ("*", "board@example.com"),
        ("example.com", "example.com"),
        ("EXAMPLE.com", "board@example.com"),
        ("*.example.com", "tokyo.example.com"),
        ("*.example.com", "*.tokyo.example.com"),
        ("*@example.com", "sales-*@example.com"),
        ("example.com", "*@example.com"),
    ],
)
def test_a_route_behind_one_that_takes_all_its_mail_is_never_reached(file, before, behind):
    change(file, 'pattern = "example.com"', f'pattern = "{before}"')
    add(file, f'[[delivery.routes]]\npattern = "{behind}"\nto = "maildir:x"')
    if not before.lower().endswith(("*", "@example.com")) and before.lower() != "example.com":
        add(file, '[[delivery.routes]]\npattern = "example.com"\nto = "maildir:y"')
    sentence = the_only(file, f'pattern = "{behind}"')
    assert f'"{before}" stands before it' in sentence


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        ("board@example.com", "*@example.com"),
        ("sales-*@example.com", "sales-*-tokyo@example.com"),
        ("*.example.com", "example.com"),
        ("tokyo.example.com", "*.example.com"),
    ],
)
def test_a_route_that_something_is_left_for_is_reached(file, before, behind):
    change(file, 'pattern = "example.com"', f'pattern = "{before}"')
    add(file, f'[[delivery.routes]]\npattern = "{behind}"\nto = "maildir:x"')
    add(file, '[[delivery.routes]]\npattern = "*"\nto = "maildir:y"')
    is_left = before != "sales-*@example.com"
    assert (found(file) == []) is is_left


def test_a_star_that_matches_nothing_is_said(file):
    add(file, '[[delivery.routes]]\npattern = "mail*.example.com"\nto = "maildir:x"')
    assert "it matches no address" in the_only(file, 'pattern = "mail*')


@pytest.mark.parametrize("mailboxes", [0, 1, 2])
def test_an_accepted_domain_without_a_route_is_said_with_whom_it_concerns(file, mailboxes):
    with directory_of(file) as directory:
        directory.add_accepted_domain("other.example")
        directory.add_group("all@other.example")
        for number in range(mailboxes):
            directory.add_mailbox(f"m{number}@other.example")
    sentence = the_only(file, "[[delivery.routes]]")
    assert "the accepted domain other.example has no route" in sentence
    assert ("m0@other.example" in sentence) is (mailboxes > 0)
    assert ("and 1 more" in sentence) is (mailboxes == 2)


def test_a_domain_whose_mailboxes_have_routes_of_their_own_needs_no_other(file):
    with directory_of(file) as directory:
        directory.add_accepted_domain("other.example")
        directory.add_mailbox("m@other.example")
    add(file, '[[delivery.routes]]\npattern = "m@other.example"\nto = "maildir:x"')
    assert found(file) == []


def test_recipients_outside_without_a_route_are_said(file):
    with directory_of(file) as directory:
        directory.set_organisation(external_recipients_allowed=True)
    assert "no route leads there" in the_only(file, "[[delivery.routes]]")
    change(file, 'pattern = "example.com"', 'pattern = "*"')
    assert found(file) == []


# Addresses and ports.


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "localhost"),
        ("0.0.0.0", "127.0.0.1"),
        ("127.0.0.1", "0.0.0.0"),
        ("::", "::1"),
        ("::", "0.0.0.0"),
    ],
)
def test_two_listeners_on_one_port_are_said(file, first, second):
    change(file, 'host = "127.0.0.1"', f'host = "{first}"')
    add(file, f'[[listener]]\nhost = "{second}"\nport = 587\nrole = "client"')
    (one,) = found(file)
    assert "cannot both have port 587" in one.sentence
    assert one.place == f"{file}:{len(file.read_text().splitlines()) - 1}"


def test_the_issuer_on_a_listeners_port_is_said(file):
    add(file, '[issuer]\nenabled = true\nhost = "127.0.0.1"\nport = 587')
    assert "the issuer (127.0.0.1) and the listener" in the_only(file, "port = 587")


def test_the_same_port_at_different_addresses_is_no_mistake(file):
    add(file, '[[listener]]\nhost = "127.0.0.2"\nport = 587')
    assert found(file) == []


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_an_address_of_another_machine_is_said(file, host):
    change(file, 'host = "127.0.0.1"', f'host = "{host}"')
    assert f'"{host}" is no address of this machine' in the_only(file, "host = ")


def test_an_issuers_address_of_another_machine_is_said(file):
    add(file, '[issuer]\nenabled = true\nhost = "192.0.2.1"')
    assert "is no address of this machine" in the_only(file, 'host = "192.0.2.1"')


def test_a_machine_without_ipv6_is_said(file, monkeypatch):
    def without_ipv6(family, kind):
        raise OSError(97, os.strerror(97))

    change(file, 'host = "127.0.0.1"', 'host = "::1"')
    monkeypatch.setattr("kairan.config.environment.socket.socket", without_ipv6)
    assert "Address family not supported" in the_only(file, "host = ")


# The directory.


def test_an_account_of_a_device_that_is_not_there_is_said(file):
    add(
        file,
        '[[listener]]\nrole = "device"\nport = 2525\ntls = "off"\n'
        'devices = { "192.0.2.0/24" = "scanner@example.com" }',
    )
    assert "there is no account scanner@example.com" in the_only(file, "devices = ")
    with directory_of(file) as directory:
        directory.set_account("printer@example.com", aliases=["scanner@example.com"])
    assert found(file) == []
    with directory_of(file) as directory:
        directory.set_account("printer@example.com", enabled=False)
    assert "is disabled" in the_only(file, "devices = ")


def test_a_database_that_cannot_be_reached_is_said(file):
    add(file, '[directory]\nurl = "postgresql://kairan@127.0.0.1:1/kairan"')
    assert "cannot be used" in the_only(file, "url = ")


def test_a_database_that_is_none_is_said(file):
    (file.parent / "data" / "directory.db").write_bytes(b"no database" * 1000)
    assert "cannot be used" in the_only(file, "data_directory = ")


def test_a_database_that_is_not_there_yet_is_a_warning(file):
    (file.parent / "data" / "directory.db").unlink()
    assert "makes an empty one" in the_only(file, "data_directory", is_mistake=False)
    assert not (file.parent / "data" / "directory.db").exists()


def test_a_database_of_an_older_version_is_a_warning(file):
    path = file.parent / "data" / "directory.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = '0003'")
        database.commit()
    assert "this version's shape" in the_only(file, "data_directory", is_mistake=False)


def test_no_postmaster_is_said_with_a_line(file):
    with directory_of(file) as directory:
        directory.set_organisation(postmaster="")
    assert "has no postmaster" in the_only(file, "data_directory")


def test_a_domain_without_recipients_is_a_warning(file):
    with directory_of(file) as directory:
        directory.add_accepted_domain("other.example.com")
    add(file, '[[delivery.routes]]\npattern = "other.example.com"\nto = "maildir:x"')
    sentence = the_only(file, "data_directory", is_mistake=False)
    assert "other.example.com has neither mailboxes nor groups" in sentence


# Numbers.


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[intake]\ncommand_timeout_seconds = 0", "must be more than 0"),
        ("[delivery.retry]\nexpiry_seconds = 0.0\ndelay_report_seconds = 1", "must be more than 0"),
        ("[transport.relay]\ndot_timeout_seconds = 0\nquit_timeout_seconds = 1", "more than 0"),
        ("[admission]\nmessages_per_minute_max = 0", '"none": no limit'),
        ("[delivery.retry]\nfirst_seconds = 7200", "so it never counts"),
        ("[delivery.retry]\ndelay_report_seconds = 90000", "so it never counts"),
        ("[delivery.retry]\nfactor = 0.5", "less than 1"),
        ("[auth.tokens]\nkeys_refresh_seconds = 300000", "so it never counts"),
    ],
)
def test_times_that_are_zero_or_crossed_are_said(file, text, said):
    add(file, text)
    assert said in the_only(file, text.splitlines()[1].split(" = ")[0])


@pytest.mark.parametrize("value", ["0", "-1"])
def test_no_workers_are_said(file, value):
    change(file, "data_directory", f"workers = {value}\ndata_directory")
    assert "must be" in the_only(file, "workers")


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_what_is_no_number_of_seconds_is_said(file, value):
    add(file, f"[intake]\ncommand_timeout_seconds = {value}")
    assert "must be" in the_only(file, "command_timeout_seconds")


def names_of(settings: type, name: str):
    """Every number of the settings, by the name of its table."""
    for field in fields(settings):
        kind = field.type if isinstance(field.type, type) else None
        default = field.default_factory if callable(field.default_factory) else kind
        if isinstance(default, type) and is_dataclass(default):
            yield from names_of(default, f"{name}.{field.name}")
        else:
            yield name, field.name


def test_the_rules_of_numbers_name_settings_that_exist():
    known = {pair for section in SECTIONS for pair in names_of(section.settings, section.name)}
    named = {(table, key) for table, keys in ZERO_MEANS.items() for key in keys}
    named |= {(table, key) for table, low, high in ORDERED for key in (low, high)}
    assert named | set(FACTORS) <= known


# Name servers.


@contextmanager
def name_server(code: dns.rcode.Rcode):
    """Answers each question with this code."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def serve():
            while True:
                question, peer = sock.recvfrom(2_000)
                if not question:
                    return
                answer = dns.message.make_response(dns.message.from_wire(question))
                answer.set_rcode(code)
                sock.sendto(answer.to_wire(), peer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield sock.getsockname()[1]
        sock.sendto(b"", sock.getsockname())
        thread.join()


@pytest.fixture
def resolv_conf(tmp_path):
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver 127.0.0.1\n")
    return file


def dns_problems(file, resolv_conf, port: int = 53) -> list[str]:
    change(file, 'to = "maildir:data/maildir"', 'to = "mx:"')
    problems = name_server_problems(load(file), file=resolv_conf, port=port)
    return [f"{where[-1]}: {sentence}" for where, sentence in problems]


@pytest.mark.parametrize("text", [None, "", "nameserver none\n"])
def test_mx_without_a_name_server_is_said(file, resolv_conf, text):
    if text is None:
        resolv_conf.unlink()
    else:
        resolv_conf.write_text(text)
    (problem,) = dns_problems(file, resolv_conf)
    assert "names no name server" in problem


def test_mx_with_a_name_server_that_does_not_answer_is_said(file, resolv_conf, monkeypatch):
    monkeypatch.setattr(name_servers, "ANSWER_SECONDS_MAX", 0.3)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        (problem,) = dns_problems(file, resolv_conf, mute.getsockname()[1])
    assert "answers (127.0.0.1)" in problem


@pytest.mark.parametrize(
    ("code", "is_said"),
    [(dns.rcode.NXDOMAIN, False), (dns.rcode.NOERROR, False), (dns.rcode.REFUSED, True)],
)
def test_mx_with_a_name_server_is_in_order_if_it_answers(file, resolv_conf, code, is_said):
    with name_server(code) as port:
        assert bool(dns_problems(file, resolv_conf, port)) is is_said


def test_without_mx_no_name_server_is_asked(file, resolv_conf):
    resolv_conf.unlink()
    assert list(name_server_problems(load(file), file=resolv_conf)) == []


def test_all_mistakes_are_said_at_once(file):
    certificate(file, now=NOW - timedelta(days=2_000))
    add(file, '[[delivery.routes]]\npattern = "example.com"\nto = "maildir:x"')
    add(file, "[intake]\ncommand_timeout_seconds = 0\nhandshake_timeout_seconds = 0")
    with directory_of(file) as directory:
        directory.set_organisation(postmaster="")
    assert [one.is_mistake for one in found(file)] == [True] * 5
