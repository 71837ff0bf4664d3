"""A directory and a spool that version 0.1.0 has written, opened by this one.

The archive was made by that version's own code: an organisation with mailboxes, an account, a group
and an app; in the spool a job that waits for its next try, a message to two, and one whose content
lies in a file of its own; a folder damaged/ with something that was set aside.
"""

import lzma
import tarfile
from pathlib import Path

import pytest

from kairan.directory.store import Directory
from kairan.mail.envelope import ContentFile
from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.shard import SqliteSpool

ARCHIVE = Path(__file__).parent / "v0.1.0.tar.xz"
LARGE = b"Subject: large\r\n\r\n" + b"0123456789abcdef" * 70_000 + b"\r\n"


@pytest.fixture
def data(tmp_path):
    with lzma.open(ARCHIVE) as raw, tarfile.open(fileobj=raw) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


def test_the_directory_opens_and_has_what_it_had(data):
    with Directory.open(f"sqlite:///{data / 'directory.db'}") as directory:
        assert directory.organisation().name == "回覧"
        assert directory.organisation().policies == {"strict": False}
        hanako = directory.mailbox("h.kairan@kairan.test")
        assert hanako is not None
        assert (hanako.display_name, hanako.attributes) == ("回覧 花子", {"department": "営業"})
        printer = directory.account("scan@kairan.test")
        assert printer is not None
        assert printer.networks == ("10.1.2.0/24",)
        assert printer.password_hash.startswith("$argon2id$")
        assert list(directory.members("all@kairan.test")) == [
            ["ben@kairan.test", "hanako@kairan.test"]
        ]
        assert directory.apps.find("erp") is not None
        directory.set_account("printer@kairan.test", display_name="Printer")


async def test_the_spool_opens_and_has_every_message_that_was_promised(data):
    shard = data / "spool" / "shard-0"
    settings = SpoolSettings(free_octets_min=0, free_inodes_min=0)
    spool = await SqliteSpool.open(shard, settings)
    try:
        statistics = spool.statistics()
        assert (statistics.messages, statistics.recipients, statistics.deferred) == (3, 4, 1)
        leases = await spool.wait_lease(10)
        while len(leases) < 2:
            leases += await spool.wait_lease(10)
        contents = {}
        for lease in leases:
            content = await spool.content(lease.job.id.message)
            is_file = isinstance(content, ContentFile)
            contents[lease.job.id.message] = content.path.read_bytes() if is_file else content
        assert contents[2].startswith(b"Subject: many\r\n")
        assert contents[3] == LARGE
        for lease in leases:
            spool.complete(lease.job)
    finally:
        await spool.close()


async def test_what_it_had_set_aside_is_still_there(data):
    shard = data / "spool" / "shard-0"
    spool = await SqliteSpool.open(shard, SpoolSettings(free_octets_min=0, free_inodes_min=0))
    await spool.close()
    assert [path.read_text() for path in shard.rglob("reason")] == ["set aside by 0.1.0\n"]
