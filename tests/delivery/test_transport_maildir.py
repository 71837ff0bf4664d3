"""Maildirs: durable before it says so, and nothing outside of them whatever an address says."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.transport_talk import CONTENT, SETTINGS, envelope, kinds, to
from kairan.delivery.transports import maildir
from kairan.delivery.transports.maildir_names import NAME_OCTETS_MAX, file_name, folder_name
from kairan.delivery.transports.table import transport_for
from kairan.mail.envelope import ContentFile


async def deliver(base: Path, *addresses: str, content=CONTENT, sender: str = "from@us.test"):
    transport = transport_for(f"maildir:{base}", SETTINGS)
    results = await transport.deliver(envelope(sender), to(*addresses), content)
    await transport.close()
    return results


async def test_a_message_lies_in_new_under_its_recipients_address(tmp_path):
    (result,) = await deliver(tmp_path, "Anna@x.test")
    (path,) = tmp_path.glob("anna@x.test/new/*")
    assert path.read_bytes() == (
        b"Return-Path: <from@us.test>\nDelivered-To: Anna@x.test\nSubject: hi\n\n.hi\n..\nthe end\n"
    )
    assert sorted(folder.name for folder in (tmp_path / "anna@x.test").iterdir()) == ["cur", "new", "tmp"]  # fmt: skip
    assert result.relay == f"maildir:{tmp_path}"
    assert not list(tmp_path.glob("*/tmp/*"))


async def test_the_null_sender_has_an_empty_return_path(tmp_path):
    await deliver(tmp_path, "a@x.test", sender="")
    (path,) = tmp_path.glob("a@x.test/new/*")
    assert path.read_bytes().startswith(b"Return-Path: <>\n")


async def test_fifty_recipients_get_one_each_and_results_in_order(tmp_path):
    addresses = [f"u{n}@x.test" for n in range(50)]
    (tmp_path / "u7@x.test").write_text("a file where a folder should be")
    results = await deliver(tmp_path, *addresses)
    assert [n for n, kind in enumerate(kinds(results)) if kind != "Delivered"] == [7]
    assert kinds(results)[7] == "Deferred"
    assert all(len(list(tmp_path.glob(f"u{n}@x.test/new/*"))) == 1 for n in range(50) if n != 7)


async def test_the_same_recipient_twice_gets_two_files(tmp_path):
    await deliver(tmp_path, "a@x.test", "a@x.test")
    assert len(list(tmp_path.glob("a@x.test/new/*"))) == 2


@pytest.mark.parametrize("piece_octets", [1, 2, 7, 1000])
async def test_a_file_is_written_in_pieces_without_changing(tmp_path, monkeypatch, piece_octets):
    monkeypatch.setattr(maildir, "PIECE_OCTETS", piece_octets)
    body = b"a\r\n\rb\n\r\r\nc\r"
    (tmp_path / "body").write_bytes(body)
    await deliver(tmp_path / "mail", "a@x.test", content=ContentFile(tmp_path / "body", len(body)))
    (path,) = tmp_path.glob("mail/a@x.test/new/*")
    assert path.read_bytes().partition(b"a@x.test\n")[2] == body.replace(b"\r\n", b"\n")


async def test_a_closed_transport_defers(tmp_path):
    transport = transport_for(f"maildir:{tmp_path}", SETTINGS)
    await transport.close()
    assert kinds(await transport.deliver(envelope(), to("a@x.test"), CONTENT)) == ["Deferred"]


# The disk fails, at each step until it passes.

CALLS = ("open", "fsync", "mkdir", "rename")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EACCES])
async def test_whatever_step_fails_the_answer_is_again_later_and_nothing_half_stays(
    tmp_path, monkeypatch, number
):
    for fail_at in range(100):
        base = tmp_path / str(fail_at)
        with monkeypatch.context() as patches:
            steps = fail_each_at(patches, fail_at, number)
            (result,) = await deliver(base, "a@x.test")
        if steps[0] <= fail_at:
            assert kinds([result]) == ["Delivered"]
            assert fail_at > len(CALLS)
            return
        assert kinds([result]) == ["Deferred"]
        assert os.strerror(number) in result.reply.text
        assert not list(base.glob("*/tmp/*"))
    pytest.fail("it never passed")


def fail_each_at(patches: pytest.MonkeyPatch, fail_at: int, number: int) -> list[int]:
    """The call with the number `fail_at` to the file system fails; how many there were."""
    steps = [0]

    def failing(real):
        def call(*arguments, **more):
            steps[0] += 1
            if steps[0] == fail_at + 1:
                raise OSError(number, os.strerror(number))
            return real(*arguments, **more)

        return call

    for name in CALLS:
        patches.setattr(os, name, failing(getattr(os, name)))
    return steps


async def test_the_name_in_new_comes_after_the_content_is_synced_and_the_answer_after_both(
    tmp_path, monkeypatch
):
    done = []

    def noting(name):
        real = getattr(os, name)

        def call(*arguments, **more):
            done.append(name)
            return real(*arguments, **more)

        return call

    await deliver(tmp_path, "a@x.test")
    for name in ("fsync", "rename"):
        monkeypatch.setattr(os, name, noting(name))
    await deliver(tmp_path, "a@x.test")
    assert done == ["fsync", "rename", "fsync"]


# Names.

HOSTILE = [
    "../../etc/passwd@x.test", '"../../x"@x.test', "a/b@x.test", ".hidden@x.test", "-rf@x.test",
    "a\0b@x.test", "..", ".", "a%2fb@x.test", "`id`@x.test", "${HOME}@x.test", "ü@x.test",
    "a" * 300 + "@x.test", "%" * 100 + "@x.test", "a b@x.test", "a\\b@x.test",
]  # fmt: skip


@pytest.mark.parametrize("address", HOSTILE)
def test_no_address_leaves_its_place(address):
    """Attacks 29 and 31."""
    name = folder_name(address)
    assert len(name.encode()) <= 255
    assert not set(name) & set("/\0\\`${} ")
    assert name[0] not in ".-"


def test_plain_addresses_stay_readable():
    assert folder_name("Anna.B+tag_1-2@Example.TEST") == "anna.b+tag_1-2@example.test"


addresses = st.text(max_size=30) | st.text("aA.%~-/@", max_size=400)


@given(addresses, addresses)
def test_different_addresses_never_share_a_folder(one, other):
    assert (folder_name(one) == folder_name(other)) == (one.lower() == other.lower())


def test_long_names_differ_in_what_was_cut():
    one, other = (folder_name("a" * NAME_OCTETS_MAX + end) for end in ("b@x.test", "c@x.test"))
    assert one != other


def test_file_names_never_repeat():
    names = {file_name() for _ in range(10_000)}
    assert len(names) == 10_000
    assert not any("/" in name or ":" in name for name in names)
