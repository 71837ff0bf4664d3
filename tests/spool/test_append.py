import asyncio

import pytest

from kairan.mail.address import Address
from kairan.mail.envelope import ContentFile, Notify, Recipient
from kairan.spool.interface import NewJob, SpoolRefusal

RICH = (
    Recipient(Address("a@kairan.test"), Notify.FAILURE | Notify.DELAY, "rfc822;a@kairan.test"),
    Recipient(Address("bärbel@kairan.test"), Notify.NEVER),
    Recipient(Address("c@kairan.test")),
)


async def test_what_was_promised_is_there_after_a_restart(open_spool, letter):
    told = letter(message_id="<1@x>", account="p@kairan.test", envid="e", ret="HDRS", smtputf8=True)
    envelope = told._replace(recipients=RICH)
    spool = await open_spool()
    message = await spool.append(envelope, b"Subject: x\r\n\r\nbody\r\n")
    await spool.close()
    spool = await open_spool()
    (lease,) = await spool.wait_lease(5)
    assert lease.envelope == envelope
    assert lease.job.recipients == RICH
    assert lease.job.id.message == message
    assert await spool.content(message) == b"Subject: x\r\n\r\nbody\r\n"


async def test_many_appends_share_few_commits(open_spool, letter):
    spool = await open_spool()
    await asyncio.gather(*(spool.append(letter(), b"x") for _ in range(500)))
    assert spool.statistics().appended == 500
    assert spool.statistics().commits <= 10


async def test_one_commit_takes_no_more_operations_than_its_limit(open_spool, letter):
    spool = await open_spool(commit_operations_max=10)
    await asyncio.gather(*(spool.append(letter(), b"x") for _ in range(95)))
    assert spool.statistics().commits >= 10


async def test_numbers_ascend_and_are_not_given_twice(open_spool, letter):
    given = []
    for _ in range(3):
        spool = await open_spool()
        given += await asyncio.gather(*(spool.append(letter(), b"x") for _ in range(5)))
        for lease in await spool.wait_lease(100):
            await spool.complete(lease.job)
        await spool.close()
    assert given == sorted(set(given))


async def test_an_empty_content_is_a_content(open_spool, letter):
    spool = await open_spool(fresh_octets_max=0)
    message = await spool.append(letter(), b"")
    assert await spool.content(message) == b""


async def test_who_gave_up_waiting_does_not_disturb_the_others(open_spool, letter):
    spool = await open_spool()
    gone, stays = spool.append(letter(), b"1"), spool.append(letter(), b"2")
    gone.cancel()
    await stays
    assert len(await spool.wait_lease(5)) == 2


async def test_a_full_queue_refuses(open_spool, letter):
    spool = await open_spool(messages_max=2)
    await spool.append(letter(), b"1")
    await spool.append(letter(), b"2")
    assert "messages_max" in spool.refusal()
    with pytest.raises(SpoolRefusal):
        await spool.append(letter(), b"3")


async def test_closing_refuses_new_mail_but_finishes_what_came_before(open_spool, letter):
    spool = await open_spool()
    before = spool.append(letter(), b"1")
    closing = asyncio.create_task(spool.close())
    await asyncio.sleep(0)
    with pytest.raises(SpoolRefusal):
        await spool.append(letter(), b"2")
    await closing
    assert await before


async def test_the_message_leaves_with_its_last_job(open_spool, letter, storage):
    spool = await open_spool(inline_octets_max=10)
    writer = spool.content_writer()
    writer.write(b"x" * 100)
    message = await spool.append(letter("a@x.test", "b@x.test"), await writer.finish())
    (lease,) = await spool.wait_lease(1)
    await spool.split(lease.job, [NewJob("r", (r,)) for r in lease.job.recipients])
    first, second = await spool.wait_lease(2)
    await spool.complete(first.job)
    assert isinstance(await spool.content(message), ContentFile)
    assert spool.statistics().messages == 1
    await spool.complete(second.job)
    assert spool.statistics().messages == 0
    assert spool.statistics().recipients == 0
    await spool.close()
    assert not storage.has_content(message)
