"""What only the machine can answer."""

import os
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kairan.config.environment import check_environment
from kairan.config.errors import ConfigError
from kairan.config.installation import Installation, install
from kairan.config.read import load
from kairan.runtime.certificates import make_authority


@pytest.fixture
def file(tmp_path):
    plan = Installation(place=tmp_path, hostname="mail.example.com", domain="example.com")
    return install(plan, now=datetime.now(UTC))


def complaint(file) -> str:
    with pytest.raises(ConfigError) as caught:
        check_environment(load(file))
    return str(caught.value)


def line_of(file, key: str) -> int:
    lines = file.read_text().splitlines()
    return next(n for n, line in enumerate(lines, start=1) if line.startswith(key))


def test_a_new_installation_is_in_order(file):
    check_environment(load(file))


def test_a_missing_key_is_said_with_its_line(file):
    key = file.parent / "tls" / "server.key"
    key.unlink()
    text = complaint(file)
    assert text.startswith(f"{file}:{line_of(file, 'key')}: the key {key} cannot be read")
    assert "No such file" in text


def test_a_key_that_is_none_is_said(file):
    (file.parent / "tls" / "server.key").write_text("no key")
    assert "is no private key in PEM format" in complaint(file)


def test_a_key_behind_a_password_is_said_instead_of_asking_for_it(file):
    text = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
    (file.parent / "tls" / "server.key").write_text(text)
    assert "is protected by a password" in complaint(file)


def test_the_key_of_another_certificate_is_said_with_its_line(file):
    other = make_authority("other", now=datetime.now(UTC))
    key = file.parent / "tls" / "server.key"
    key.write_bytes(other.key_pem)
    assert complaint(file).startswith(
        f"{file}:{line_of(file, 'key')}: the key {key} does not belong to the certificate"
    )


def test_a_certificate_that_is_none_is_said_with_its_line(file):
    (file.parent / "tls" / "server.pem").write_text("no certificate")
    text = complaint(file)
    assert text.startswith(f"{file}:{line_of(file, 'certificate')}: ")
    assert text.endswith("is no certificate in PEM format")


def test_a_data_directory_that_is_a_file_is_said_with_its_line(file):
    (file.parent / "note").touch()
    file.write_text(file.read_text().replace('"data"', '"note"'))
    text = complaint(file)
    assert text.startswith(f"{file}:{line_of(file, 'data_directory')}: ")
    assert "must be a folder" in text


def test_a_data_directory_that_is_missing_is_made_later(file):
    file.write_text(file.read_text().replace('"data"', '"not/yet/there"'))
    check_environment(load(file))


def test_a_data_directory_of_somebody_else_is_said(file, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    assert "may not write in" in complaint(file)


def test_a_destination_that_nobody_knows_is_said_with_its_line(file):
    text = file.read_text().replace('to = "maildir:data/maildir"', 'to = "uucp:there"')
    file.write_text(text)
    assert complaint(file).startswith(
        f"{file}:{line_of(file, 'to = ')}: uucp:there: write maildir:"
    )


def test_without_listeners_that_encrypt_no_certificate_is_needed(file):
    configuration = load(file)
    check_environment(replace(configuration, tls=replace(configuration.tls, key=None)))


def test_spans_without_the_sdk_are_a_mistake_with_its_line(file, monkeypatch):
    file.write_text(file.read_text() + "\n[opentelemetry]\nenabled = true\n")
    check_environment(load(file))
    monkeypatch.setattr("kairan.config.environment.is_installed", lambda: False)
    text = complaint(file)
    assert "pip install 'kairan[opentelemetry]'" in text
    assert f":{line_of(file, '[opentelemetry]') + 1}" in text
