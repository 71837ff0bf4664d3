"""A certificate and its key as files: what is wrong is one sentence that names the file."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization

from kairan.runtime.certificate_files import (
    CertificateFault,
    fault_of_time,
    read_pair,
    warning_of_end,
    warning_of_name,
    warnings_of,
)
from kairan.runtime.certificates import SERVER_DAYS, make_authority, make_server_certificate

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
AUTHORITY = make_authority("Kairan", now=NOW)
NAMES = ["mail.example.com", "*.branch.example.com", "192.0.2.7", "2001:db8::7"]


@pytest.fixture
def files(tmp_path):
    issued = make_server_certificate(AUTHORITY, NAMES, now=NOW)
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
    certificate.write_bytes(issued.certificate_pem + AUTHORITY.certificate_pem)
    key.write_bytes(issued.key_pem)
    return certificate, key


def fault(files, **options):
    with pytest.raises(CertificateFault) as caught:
        read_pair(*files, **options)
    return caught.value


def test_the_first_certificate_of_the_chain_is_the_servers(files):
    pair = read_pair(*files)
    assert pair.names == tuple(NAMES)
    assert pair.ends == NOW + timedelta(days=SERVER_DAYS)
    assert pair.certificate == files[0].read_bytes()


def test_a_missing_file_is_named_with_its_setting(files):
    files[1].unlink()
    found = fault(files, prefix="rsa_")
    assert (found.setting, found.is_unreadable) == ("rsa_key", True)
    assert str(found) == f"the key {files[1]} cannot be read (No such file or directory)"


def test_a_foreign_key_is_named(files):
    other = make_server_certificate(AUTHORITY, NAMES, now=NOW)
    files[1].write_bytes(other.key_pem)
    found = fault(files)
    assert found.setting == "key"
    assert str(found) == f"the key {files[1]} does not belong to the certificate {files[0]}"


@pytest.mark.parametrize(
    ("index", "content", "said"),
    [
        (0, b"", "is no certificate in PEM format"),
        (0, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "is no certificate"),
        (1, b"", "is no private key in PEM format"),
        (1, b"half a ke", "is no private key in PEM format"),
    ],
)
def test_what_does_not_read_is_named(files, index, content, said):
    files[index].write_bytes(content)
    found = fault(files)
    assert str(files[index]) in str(found)
    assert said in str(found)


def test_files_the_wrong_way_round_are_said(files):
    assert "is no certificate in PEM format" in str(fault((files[1], files[0])))


def test_a_key_with_a_password_is_said_and_nobody_is_asked_for_it(files):
    key = make_server_certificate(AUTHORITY, NAMES, now=NOW).key
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    assert "is protected by a password" in str(fault(files))


@pytest.mark.parametrize(
    ("name", "is_for"),
    [
        ("mail.example.com", True),
        ("MAIL.example.com.", True),
        ("tokyo.branch.example.com", True),
        ("a.tokyo.branch.example.com", False),
        ("branch.example.com", False),
        ("example.com", False),
        ("192.0.2.7", True),
        ("2001:db8::7", True),
        ("192.0.2.8", False),
    ],
)
def test_for_which_names_it_is(files, name, is_for):
    pair = read_pair(*files)
    assert pair.is_for(name) is is_for
    assert bool(warning_of_name(pair, name)) is not is_for


def test_the_name_it_is_not_for_is_said_with_those_it_is(files):
    said = warning_of_name(read_pair(*files), "smtp.example.net")
    assert "is for mail.example.com, *.branch.example.com" in said
    assert "not for smtp.example.net" in said


@pytest.mark.parametrize(
    ("before_end", "bound", "words"),
    [
        (timedelta(days=31), None, ""),
        (timedelta(days=30), None, ""),
        (timedelta(days=30) - timedelta(seconds=1), 30, "in 29 days"),
        (timedelta(days=7), 30, "in 7 days"),
        (timedelta(days=6, hours=23), 7, "in 6 days"),
        (timedelta(days=1), 7, "in 1 day,"),
        (timedelta(hours=23), 1, "within a day"),
    ],
)
def test_the_end_is_announced_at_each_bound(files, before_end, bound, words):
    pair = read_pair(*files)
    found = warning_of_end(pair, pair.ends - before_end)
    if bound is None:
        assert found is None
        return
    assert found is not None
    assert found[0] == bound
    assert words in found[1]
    assert str(files[0]) in found[1]


def test_after_its_end_it_is_no_warning_but_a_fault(files):
    pair = read_pair(*files)
    late = pair.ends + timedelta(seconds=1)
    assert warning_of_end(pair, late) is None
    assert fault_of_time(pair, late).startswith(f"the certificate {files[0]} has expired on 2029-")
    assert not fault_of_time(pair, pair.ends)


def test_before_it_begins_it_is_a_fault(files):
    pair = read_pair(*files)
    assert "is not valid before 2026-11-25" in fault_of_time(pair, NOW - timedelta(days=2))


def test_one_that_is_in_order_leaves_nothing_to_say(files):
    assert not list(warnings_of(read_pair(*files), "mail.example.com", NOW))


def test_everything_that_is_not_in_order_is_said(files):
    pair = read_pair(*files)
    assert len(list(warnings_of(pair, "other.example", pair.ends - timedelta(days=3)))) == 2
    assert len(list(warnings_of(pair, "other.example", pair.ends + timedelta(days=3)))) == 2
