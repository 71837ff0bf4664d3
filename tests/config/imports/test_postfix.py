"""A Postfix relay's settings in ours: what is translated loads, and what is not is named."""

import tomllib

import pytest

from kairan.config.imports.draft import ImportFaultError
from kairan.config.imports.postfix import import_postfix
from kairan.config.imports.postfix_files import read_folder
from kairan.config.read import load

MAIN = """\
# A relay as an administrator in a small firm has it.
compatibility_level = 3.6
myhostname = mx.$mydomain
mydomain = example.com
mydestination = $myhostname, localhost.$mydomain,
    localhost,
  example.org
mynetworks = 127.0.0.0/8 [::1]/128, 10.1.0.0/16
    !10.1.9.9 cidr:/etc/postfix/more
relayhost = [smtp.example.net]:submission
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd
smtp_tls_security_level = encrypt
transport_maps = hash:/etc/postfix/transport, ldap:/etc/postfix/ldap.cf
smtpd_tls_cert_file = /etc/ssl/mx.pem
smtpd_tls_key_file = /etc/ssl/mx.key
smtpd_tls_security_level = may
message_size_limit = 20480000
maximal_queue_lifetime = 2d
minimal_backoff_time = 300s
default_destination_concurrency_limit = 4
smtpd_milters = inet:localhost:8891
virtual_alias_maps = mysql:password = geheim, host = db
strange_setting = 17
"""
MASTER = """\
smtp      inet  n       -       y       -       -       smtpd
submission inet n       -       y       -       -       smtpd
  -o syslog_name=postfix/submission
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
smtps     inet  n       -       y       -       -       smtpd
  -o smtpd_tls_wrappermode=yes
pickup    unix  n       -       y       60      1       pickup
"""
TRANSPORT = """\
.partner.test   smtp:[mail.partner.test]:25
partner.test    smtp:gateway.partner.test
internal.test   lmtp:unix:/run/lmtp
boss@internal.test  lmtp:inet:10.1.0.5:24
gone.test       error:no such domain
direct.test     smtp:
"""
PASSWORDS = "# line 1\n[smtp.example.net]:submission relay@example.com:geheim:mit:doppelpunkt\n"


@pytest.fixture
def folder(tmp_path):
    files = {"main.cf": MAIN, "master.cf": MASTER, "transport": TRANSPORT, "sasl_passwd": PASSWORDS}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def drafted(folder, **options):
    draft = import_postfix(read_folder(folder), **options)
    return draft, tomllib.loads(draft.toml)


def test_what_was_set_stands_in_our_words(folder):
    _, tables = drafted(folder, account="scan@example.com")
    assert tables["server"] == {"hostname": "mx.example.com"}
    assert tables["tls"] == {"certificate": "/etc/ssl/mx.pem", "key": "/etc/ssl/mx.key"}
    assert tables["admission"] == {"message_octets_max": 20_480_000}
    assert tables["delivery"]["retry"] == {"first_seconds": 300, "expiry_seconds": 172_800}
    assert tables["listener"] == [
        {"role": "hve", "port": 587, "tls": "starttls"},
        {"role": "hve", "port": 465, "tls": "implicit"},
        {
            "role": "device",
            "port": 25,
            "tls": "starttls",
            "devices": dict.fromkeys(["127.0.0.0/8", "::1/128", "10.1.0.0/16"], "scan@example.com"),
        },
    ]


def test_routes_stand_with_the_exact_before_the_general(folder):
    _, tables = drafted(folder)
    assert [(route["pattern"], route["to"]) for route in tables["delivery"]["routes"]] == [
        ("boss@internal.test", "lmtp://10.1.0.5:24"),
        ("partner.test", "smtp://gateway.partner.test:25?verify=no&sessions_max=4"),
        ("internal.test", "lmtp:///run/lmtp"),
        ("direct.test", "mx:"),
        ("*.partner.test", "smtp://mail.partner.test:25?verify=no&sessions_max=4"),
        (
            "*",
            (
                "smtp://relay%40example.com@smtp.example.net:587"
                "?password_file=relay-example.com.password&verify=no&sessions_max=4"
            ),
        ),
    ]


def test_the_service_reads_what_was_drafted(folder, tmp_path):
    draft, _ = drafted(folder)
    file = tmp_path / "kairan.toml"
    file.write_text(draft.toml)
    (tmp_path / "relay-example.com.password").write_text("geheim\n")
    assert len(load(file).delivery.routes) == 6


def test_what_has_no_counterpart_is_named_and_no_password_is(folder):
    draft, _ = drafted(folder)
    named = {one.setting for one in draft.missing}
    assert named == {
        "transport partner.test",
        "transport gone.test",
        "transport_maps",
        "mynetworks",
        "smtpd_milters",
        "virtual_alias_maps",
        "strange_setting",
        "submission: smtpd_client_restrictions",
    }
    assert [one.value for one in draft.missing if one.setting == "mynetworks"] == [
        "!10.1.9.9",
        "cidr:/etc/postfix/more",
    ]
    assert "geheim" not in repr(draft)
    assert draft.to_do == (
        "kairan domain add mx.example.com",
        "kairan domain add example.org",
        "kairan domain add example.com",
        "kairan account add printer@mx.example.com --generate",
        (
            "write the password of relay@example.com, which stands in line 2 of"
            " /etc/postfix/sasl_passwd, into relay-example.com.password (mode 0600)"
        ),
    )


def test_a_login_by_token_becomes_an_identity(folder):
    (folder / "main.cf").write_text(
        MAIN.replace("= encrypt", "= verify") + "smtp_sasl_mechanism_filter = xoauth2\n"
    )
    (folder / "sasl_passwd").write_text(
        "[smtp.example.net]:submission hve@example.com:/etc/tokens/hve\n"
    )
    draft, tables = drafted(folder)
    everything = tables["delivery"]["routes"][-1]
    assert everything["to"] == "smtp://smtp.example.net:587?auth=oauth&identity=hve&sessions_max=4"
    assert (
        "kairan import sasl-xoauth2 /etc/tokens/hve --name hve --user hve@example.com"
        in draft.to_do
    )


@pytest.mark.parametrize(
    ("text", "to"),
    [
        ("", "mx:"),
        ("relayhost = [10.0.0.1]", "smtp://10.0.0.1:25?tls=none"),
        ("relayhost = [2001:db8::1]:2525", "smtp://[2001:db8::1]:2525?tls=none"),
        ("relayhost = [a.test]\nsmtp_use_tls = yes", "smtp://a.test:25?tls=may"),
        ("relayhost = [a.test]:465\nsmtp_tls_wrappermode = yes\nsmtp_tls_security_level = secure",
         "smtps://a.test:465"),
        ("relayhost = [a.test]\nsmtp_tls_security_level = verify\nsmtp_tls_CAfile = /ca.pem",
         "smtp://a.test:25?ca=/ca.pem"),
        ("a = $b\nb = $a\nrelayhost = [a.test]\nsmtp_tls_security_level = verify", "smtp://a.test:25"),
    ],
)  # fmt: skip
def test_the_next_hop_is_as_careful_as_it_was(tmp_path, text, to):
    (tmp_path / "main.cf").write_text(text + "\n")
    _, tables = drafted(tmp_path)
    assert tables["delivery"]["routes"] == [{"pattern": "*", "to": to}]


def test_a_folder_without_main_cf_is_said_to_be_none(tmp_path):
    with pytest.raises(ImportFaultError, match=r"holds no main\.cf"):
        read_folder(tmp_path)


def test_any_octets_are_read_without_a_fault(tmp_path):
    (tmp_path / "main.cf").write_bytes(bytes(range(256)) * 40 + b"\nx = ${" * 400 + b"\n = y\n")
    (tmp_path / "master.cf").write_bytes(b"\xff inet - - - - - - -o\n")
    assert drafted(tmp_path)[1]


@pytest.mark.parametrize(
    "line",
    [
        "smtp_sasl_password_maps = static:relay:geheim",
        "smtp_sasl_password_maps = inline:{ [smtp.example.net]=relay:geheim }",
        "smtp_sasl_password_maps = inline:{ { [smtp.example.net] = relay:geheim, mit } }",
        "accounts_bind_pw = geheim",
        "sql_password = geheim",
        "virtual_alias_maps = static:geheim",
        "relay_secret = geheim",
    ],
)
def test_a_password_in_main_cf_itself_is_not_printed(tmp_path, line):
    main = f"relayhost = [smtp.example.net]\nsmtp_sasl_auth_enable = yes\n{line}\n"
    (tmp_path / "main.cf").write_text(main)
    draft = import_postfix(read_folder(tmp_path))
    assert "geheim" not in repr(draft)
    assert line.partition(" ")[0] in {one.setting for one in draft.missing}


def test_what_stands_in_the_place_of_a_token_file_and_is_none_is_not_printed(tmp_path):
    (tmp_path / "sasl").write_text("[smtp.example.net] relay@example.com:geheim\n")
    main = (
        "relayhost = [smtp.example.net]\nsmtp_sasl_auth_enable = yes\n"
        f"smtp_sasl_password_maps = texthash:{tmp_path}/sasl\nsmtp_sasl_mechanism_filter = xoauth2\n"
    )
    (tmp_path / "main.cf").write_text(main)
    assert "geheim" not in repr(import_postfix(read_folder(tmp_path)))
