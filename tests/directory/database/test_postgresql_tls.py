"""How the directory's connection is encrypted, and what is trusted on it."""

from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from kairan.config.paths import absolute_url
from kairan.directory.database.postgresql_tls import SslMode, take_tls
from kairan.directory.errors import DirectoryError
from kairan.directory.store import Directory
from peers.postgresql import cluster
from peers.servers import make_certificate


@pytest.mark.parametrize(
    ("rest", "mode"),
    [
        ("db.example.com/d", SslMode.VERIFY_FULL),
        ("db/d", SslMode.VERIFY_FULL),
        ("10.0.0.1/d", SslMode.VERIFY_FULL),
        ("[2001:db8::1]/d", SslMode.VERIFY_FULL),
        ("localhost.example.com/d", SslMode.VERIFY_FULL),
        ("localhost/d", SslMode.PREFER),
        ("127.0.0.1:5433/d", SslMode.PREFER),
        ("[::1]/d", SslMode.PREFER),
        ("/d?unix_sock=/run/postgresql/.s.PGSQL.5432", SslMode.PREFER),
        ("db/d?sslmode=disable", SslMode.DISABLE),
        ("db/d?sslmode=require", SslMode.REQUIRE),
        ("localhost/d?sslmode=verify-ca", SslMode.VERIFY_CA),
        ("localhost/d?sslmode=verify-full&sslrootcert=system", SslMode.VERIFY_FULL),
    ],
)
def test_beyond_this_machine_the_server_is_verified_unless_the_url_says_otherwise(rest, mode):
    url, tls = take_tls(make_url(f"postgresql+pg8000://kairan@{rest}"))
    assert tls.mode is mode
    assert not {"sslmode", "sslrootcert"} & set(url.query)


@pytest.mark.parametrize("mode", ["allow", "verify_full", "yes", "VERIFY-FULL"])
def test_a_mode_that_is_none_is_refused_with_those_that_are(mode):
    with pytest.raises(DirectoryError, match="write disable, prefer, require"):
        Directory.open(f"postgresql://u:hidden@db.example.com/d?sslmode={mode}")


def test_a_file_of_authorities_that_is_missing_is_said():
    with pytest.raises(DirectoryError, match="there is no file /no/such/file"):
        Directory.open("postgresql://u@db.example.com/d?sslrootcert=/no/such/file")


@pytest.mark.parametrize("file", ["tls/ca.pem", "/etc/ca.pem", "system"])
def test_the_file_of_authorities_counts_from_the_configuration(file):
    url = absolute_url(f"postgresql://u@db/d?sslrootcert={file}&sslmode=verify-ca", Path("/srv"))
    expected = {"tls/ca.pem": "/srv/tls/ca.pem"}.get(file, file)
    assert make_url(url).query == {"sslrootcert": expected, "sslmode": "verify-ca"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"), "localhost")


@pytest.fixture(scope="module")
def encrypted(certificate):
    """A server whose certificate is for localhost, and not for 127.0.0.1."""
    with cluster() as server:
        server.stop()
        server.encrypt(certificate)
        server.start()
        yield server.new_database()


@pytest.fixture(scope="module")
def plain():
    with cluster() as server:
        yield server.new_database()


def is_encrypted(url: str) -> bool:
    with Directory.open(url) as directory, directory.reading() as connection:
        query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        return bool(connection.exec_driver_sql(query).scalar())


@pytest.mark.peers
@pytest.mark.parametrize(
    ("host", "options", "expected"),
    [
        ("127.0.0.1", "", True),
        ("127.0.0.1", "?sslmode=disable", False),
        ("127.0.0.1", "?sslmode=require", True),
        ("127.0.0.1", "?sslmode=verify-ca&sslrootcert={ca}", True),
        ("localhost", "?sslmode=verify-full&sslrootcert={ca}", True),
        ("127.0.0.1", "?sslmode=verify-full&sslrootcert={ca}", "mismatch"),
        ("localhost", "?sslmode=verify-full", "self-signed"),
        ("localhost", "?sslmode=verify-ca", "self-signed"),
    ],
)
def test_a_server_is_trusted_as_far_as_the_url_says(
    encrypted, certificate, host, options, expected
):
    url = encrypted.replace("127.0.0.1", host) + options.format(ca=certificate.file)
    if isinstance(expected, bool):
        assert is_encrypted(url) is expected
        return
    with pytest.raises(DirectoryError, match=f"TLS .*{expected}"):
        Directory.open(url)


@pytest.mark.peers
@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_a_server_without_tls_is_not_talked_to_where_tls_is_asked_for(plain, mode):
    assert not is_encrypted(plain)
    with pytest.raises(DirectoryError, match="refuses SSL"):
        Directory.open(f"{plain}?sslmode={mode}")
