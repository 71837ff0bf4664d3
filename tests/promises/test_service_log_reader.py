"""A log reader that stops: mail goes on, and the reader hears what was left out."""

import asyncio
import os
import random
import re
import threading

from kit.senders import Habit
from promises.ledgers import scene

# Fifty recipients in a log line: the lines that may wait are soon too many.
MANY_RECIPIENTS = [Habit(tls=False, pipelined=True, mix=(0, 1, 1, 0))] * 4


def read_in_a_thread(reading):
    lines = []

    def read():
        with os.fdopen(reading, encoding="utf-8") as log:
            lines.extend(log)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread, lines


async def test_a_log_that_nobody_reads_stops_no_mail_and_the_reader_hears_what_he_missed(
    tmp_path, rounds
):
    reading, writing = os.pipe()
    async with scene(tmp_path, workers=1) as on:
        await asyncio.to_thread(on.service.start, errors=writing)
        os.close(writing)
        async with on.load(random.Random(6), MANY_RECIPIENTS):
            # Far beyond what pipe and process hold: 64 KiB and twice 1 MiB.
            await on.wait_promises(rounds(short=3_000, full=30_000))
        await on.wait_until(lambda: not on.service.queued(), "everything delivered")
        thread, lines = await asyncio.to_thread(read_in_a_thread, reading)
        left_out = re.compile("event=runtime.log-lines-left-out count=[0-9]+\n")
        await on.wait_until(lambda: any(map(left_out.search, [*lines])), "the count of lines")
        reckoning = await on.drained()
        await asyncio.to_thread(thread.join, 30)
    assert reckoning.is_sound, reckoning
    assert all(line.startswith("time=") for line in lines)


async def test_a_log_that_nobody_reads_keeps_nobody_from_being_replaced_or_stopped(tmp_path):
    """The supervisor writes to the same pipe, and has no thread that may wait."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while os.write(writing, bytes(4_096)):
            pass
    except BlockingIOError:
        os.set_blocking(writing, True)
    async with scene(tmp_path, workers=2) as on:
        await asyncio.to_thread(on.service.start, errors=writing)
        for _ in range(3):
            victim = on.service.workers()[0]
            await on.kill(lambda victim=victim: on.service.kill_worker(victim))
            await on.wait_until(lambda: len(on.service.workers()) == 2, "another worker")
        async with on.load(random.Random(7)):
            await on.wait_promises(20)
        reckoning = await on.drained()
    assert reckoning.is_sound, reckoning
    os.close(writing)
    thread, lines = read_in_a_thread(reading)
    thread.join(30)
    # At the end as much was written as went: nothing, for nobody read.
    assert not any("event=" in line for line in lines)
