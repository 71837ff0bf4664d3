"""What is served stays as it was last found good, whatever lies in the files."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from kairan.runtime.certificate_files import CertificateFault
from kairan.runtime.certificates import SERVER_DAYS, make_authority, make_server_certificate
from kairan.runtime.served_certificates import PairFiles, ServedCertificates, shown_path

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
AUTHORITY = make_authority("Kairan", now=NOW)


class Files:
    """Two pairs of files and a clock."""

    def __init__(self, folder):
        self.folder = folder
        self.now = NOW
        for prefix in ("", "rsa_"):
            self.write(prefix)
        self.served = ServedCertificates(
            [
                PairFiles(folder / "certificate", folder / "key"),
                PairFiles(folder / "rsa_certificate", folder / "rsa_key", "rsa_"),
            ],
            "mail.test",
            now=lambda: self.now,
        )
        with capture_logs():
            self.served.load()

    def write(self, prefix="", *, now=NOW, name="mail.test"):
        issued = make_server_certificate(AUTHORITY, [name], now=now, with_rsa=bool(prefix))
        (self.folder / f"{prefix}certificate").write_bytes(issued.certificate_pem)
        (self.folder / f"{prefix}key").write_bytes(issued.key_pem)

    def shown(self):
        """What a child would serve now, by setting; they load."""
        paths = self.served.paths()
        for prefix in ("", "rsa_"):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(paths[f"{prefix}certificate"], paths[f"{prefix}key"])
        return {setting: path.read_bytes() for setting, path in paths.items()}


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


def test_new_files_are_served_after_a_reload_and_not_before(files):
    before = files.shown()
    files.write()
    assert files.shown() == before
    with capture_logs() as lines:
        assert files.served.reload()
    assert files.shown()["certificate"] == (files.folder / "certificate").read_bytes()
    assert files.shown() != before
    assert [line["event"] for line in lines] == ["runtime.certificate-loaded"] * 2
    assert lines[0]["names"] == "mail.test"


def test_a_child_can_name_the_file_that_its_certificate_was_read_from(files, tmp_path):
    for setting, path in files.served.paths().items():
        assert shown_path(path) == files.folder / setting
    other = tmp_path / "other"
    assert shown_path(other) == other
    other.symlink_to("certificate")
    assert shown_path(other) == other


def test_a_longer_and_then_a_shorter_one_are_served_whole(files):
    chain = files.folder / "certificate"
    leaf = chain.read_bytes()
    chain.write_bytes(leaf + AUTHORITY.certificate_pem)
    with capture_logs():
        files.served.reload()
        assert files.shown()["certificate"] == leaf + AUTHORITY.certificate_pem
        chain.write_bytes(leaf)
        files.served.reload()
    assert files.shown()["certificate"] == leaf


def expired(files):
    files.write(now=NOW - timedelta(days=SERVER_DAYS + 2))
    return "certificate", "has expired on"


def of_tomorrow(files):
    files.write(now=NOW + timedelta(days=3))
    return "certificate", "is not valid before"


def foreign_key(files):
    (files.folder / "rsa_key").write_bytes((files.folder / "key").read_bytes())
    return "rsa_key", "does not belong to the certificate"


def gone(files):
    (files.folder / "rsa_certificate").unlink()
    return "rsa_certificate", "cannot be read"


def half(files):
    content = (files.folder / "certificate").read_bytes()
    (files.folder / "certificate").write_bytes(content[: len(content) // 2])
    return "certificate", "is no certificate"


@pytest.mark.parametrize("spoil", [expired, of_tomorrow, foreign_key, gone, half])
def test_one_that_is_no_good_leaves_all_in_place_and_is_named(files, spoil):
    before = files.shown()
    files.write()  # this one would be good: both or none
    files.write("rsa_")
    setting, reason = spoil(files)
    with capture_logs() as lines:
        assert not files.served.reload()
    assert files.shown() == before
    (line,) = lines
    assert line["event"] == "runtime.certificate-rejected"
    assert line["setting"] == setting
    assert reason in line["reason"]
    assert str(files.folder) in line["reason"]


def test_a_start_with_one_that_cannot_be_served_fails_with_the_reason(tmp_path):
    files = Files(tmp_path)
    (tmp_path / "key").write_bytes(b"")
    with pytest.raises(CertificateFault, match="is no private key"):
        files.served.load()


def test_a_start_with_one_that_has_expired_serves_it_and_says_so(tmp_path):
    files = Files(tmp_path)
    expired(files)
    with capture_logs() as lines:
        files.served.load()
    assert files.shown()["certificate"] == (tmp_path / "certificate").read_bytes()
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("runtime.certificate-out-of-date", "error")


def test_another_name_is_said_at_a_reload(files):
    files.write(name="other.test")
    with capture_logs() as lines:
        assert files.served.reload()
    (line,) = [line for line in lines if line["event"] == "runtime.certificate-other-name"]
    assert "is for other.test" in line["reason"]


def test_its_end_is_announced_once_at_each_bound(files):
    ends = NOW + timedelta(days=SERVER_DAYS)
    (files.folder / "rsa_certificate").stat()
    said = []
    for hours in range(40 * 24, -24, -1):
        files.now = ends - timedelta(hours=hours)
        with capture_logs() as lines:
            files.served.remind()
        said += [(line["event"], hours) for line in lines if "rsa" not in line["file"]]
    assert said == [
        ("runtime.certificate-ends-soon", 30 * 24 - 1),
        ("runtime.certificate-ends-soon", 7 * 24 - 1),
        ("runtime.certificate-ends-soon", 23),
        ("runtime.certificate-out-of-date", -1),
    ]


def test_a_renewed_one_is_announced_anew_when_its_time_comes(files):
    files.now = NOW + timedelta(days=SERVER_DAYS - 3)
    with capture_logs():
        files.served.remind()
    for prefix in ("", "rsa_"):
        files.write(prefix, now=files.now)
    with capture_logs() as lines:
        files.served.reload()
        files.served.remind()
    assert {line["event"] for line in lines} == {"runtime.certificate-loaded"}


@pytest.mark.parametrize("change", [lambda f: f.write(), gone, half])
def test_replaced_files_are_noticed_once(files, change):
    assert not files.served.are_replaced()
    change(files)
    assert files.served.are_replaced()
    with capture_logs():
        files.served.reload()
    assert not files.served.are_replaced()
