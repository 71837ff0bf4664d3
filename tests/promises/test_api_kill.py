"""The service killed while programs send through the HTTP API, each request again with its key until it
is answered: every message once.

What came in twice is told from what was delivered twice (a delivery whose end was not written down before a
kill is made again, as SMTP has it) by the `id` in Received, which each acceptance gets anew.
"""

import asyncio
import random
import re
from collections import defaultdict
from pathlib import Path

import httpx

from kit.api import web_process
from kit.killable import PASSWORD, SENDER, KillableService, Plan
from kit.live import wait_for
from kit.ports import free_port

PROGRAMS = 8
# A start of the service takes fifteen seconds where six others want the processors, and one request may meet several.
SECONDS_MAX = 900.0
MARKER = re.compile(rb"^Subject: (api-kill-[0-9]+-[0-9]+)\r?$", re.MULTILINE)
RECEIVED_ID = re.compile(rb"^Received:.*?\bid (\S+)", re.MULTILINE | re.DOTALL)


class Programs:
    """Each sends one message after the other; `answered` are those whose 202 it has read."""

    def __init__(self, url, recipients):
        self.url = url
        self.recipients = recipients
        self.answered = {}
        self.retries = 0
        self.ends = False

    async def run(self):
        async with asyncio.TaskGroup() as group:
            for number in range(PROGRAMS):
                group.create_task(self._program(number))

    async def _program(self, number):
        async with httpx.AsyncClient(
            base_url=self.url, auth=(SENDER, PASSWORD), timeout=30
        ) as client:
            message = 0
            while not self.ends:
                marker = f"api-kill-{number}-{message}"
                document = {
                    "from": SENDER,
                    "to": [self.recipients[message % len(self.recipients)]],
                    "subject": marker,
                    "text": "Hello.\n" * (1 + message % 50),
                }
                self.answered[marker] = await self._until_answered(client, marker, document)
                message += 1

    async def _until_answered(self, client, marker, document):
        deadline = asyncio.get_running_loop().time() + SECONDS_MAX
        while True:
            try:
                answer = await client.post(
                    "/v1/messages", json=document, headers={"Idempotency-Key": marker}
                )
            except httpx.TransportError as error:
                said = repr(error)
            else:
                if answer.status_code == 202:
                    return answer.json()["id"]
                assert answer.status_code in {409, 503, 504}, answer.text
                said = answer.text
            self.retries += 1
            assert asyncio.get_running_loop().time() < deadline, said
            await asyncio.sleep(0.05)


async def kill_somebody(service, rng):
    """The process of the API twice as often as any other: between its 250 and its own answer lies what a
    key is for.
    """
    children = service.workers()
    match rng.choice(["web", "web", "child", "supervisor", "all"]):
        case "web" if (web := await asyncio.to_thread(web_process, children)) is not None:
            await asyncio.to_thread(service.kill_worker, web)
            return
        case "child" if children:
            await asyncio.to_thread(service.kill_worker, rng.choice(children))
            return
        case "supervisor":
            await asyncio.to_thread(service.kill_supervisor)
        case _:
            await asyncio.to_thread(service.kill_all)
    await asyncio.to_thread(service.start)


async def wait_answers(programs, more):
    wanted = len(programs.answered) + more
    async with asyncio.timeout(SECONDS_MAX):
        while len(programs.answered) < wanted:
            await asyncio.sleep(0.01)


def accepted(mail):
    """The ids under which each message was taken, from all copies that were delivered."""
    found = defaultdict(set)
    for path in [one for one in mail.rglob("*") if one.is_file()]:
        octets = path.read_bytes()
        if marker := MARKER.search(octets):
            found[marker[1].decode()].add(RECEIVED_ID.search(octets)[1])
    return found


async def test_whoever_is_killed_each_message_with_a_key_is_taken_once(tmp_path: Path, rounds):
    kills, seed = rounds(short=3, full=100), random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    port = free_port()
    plan = Plan(f"maildir:{tmp_path / 'mail'}", more={"api": {"enabled": True, "port": port}})
    service = KillableService(tmp_path, plan)
    programs = Programs(f"http://127.0.0.1:{port}", plan.mailboxes)
    await asyncio.to_thread(service.start)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(programs.run())
            for _ in range(kills):
                await wait_answers(programs, 5)
                await asyncio.sleep(rng.uniform(0.0, 0.3))
                await kill_somebody(service, rng)
            await wait_answers(programs, PROGRAMS)
            programs.ends = True
        await asyncio.to_thread(wait_for, lambda: not service.queued(), "an empty queue")
    finally:
        await asyncio.to_thread(service.stop)
    found = await asyncio.to_thread(accepted, tmp_path / "mail")
    lost = sorted(set(programs.answered) - set(found))
    twice = sorted(marker for marker, ids in found.items() if len(ids) > 1)
    print(f"{kills} kills, {len(programs.answered)} messages, {programs.retries} retries")
    assert (lost, twice) == ([], [])
