"""A long list, opened by one node and delivered by all, some of whom are killed in the middle of it.

make cluster              5,000 members, one kill
make cluster FAULTS=100   100,000 members, five kills
"""

import asyncio
import random
import smtplib
import ssl
import time

from cluster.nodes import FENCE_SECONDS
from cluster.whole import cluster, drained, duplicates
from kairan.directory.store import Directory
from kit.killable import PASSWORD, SENDER, fill_directory
from kit.ledger import Kill, make_message

LIST = "long@ledger.test"
WINDOW_JOBS, JOB_RECIPIENTS_MAX = 10, 50
LONG_FROM_FAULTS = 100
# A list of 100,000 is opened first, and the nodes have less than a core together.
ARRIVE_SECONDS_MAX = 600.0
CONNECT_SECONDS_MAX = 30.0


async def test_every_member_gets_it_once_though_nodes_are_killed_meanwhile(
    folder, fault_count, request
):
    rng = random.Random(request.config.getoption("randomly_seed", 0))
    is_long = fault_count >= LONG_FROM_FAULTS
    members = [f"person{n:06}@ledger.test" for n in range(100_000 if is_long else 5_000)]
    kills = 5 if is_long else 1

    def fill(url, plan):
        fill_directory(url, plan)
        people = folder / "people.csv"
        people.write_text("\n".join(["address", *members, ""]))
        with Directory.open(url) as directory:
            directory.import_mailboxes(people)
            directory.add_group(LIST)
            directory.import_members(LIST, people)

    async with cluster(folder, rng, fill=fill, in_flight_jobs_max=WINDOW_JOBS) as (
        on,
        ledger,
        balancer,
    ):
        message_id = ledger.offer(members)
        await asyncio.to_thread(send, balancer, make_message(message_id, b"Hello\r\n"))
        ledger.promise(message_id)
        # Who is killed before it has begun says nothing of the others.
        await all_deliver(on, ledger, len(members))
        for kill in range(kills):
            await arrived(ledger, len(members) * (kill + rng.uniform(0.5, 1.0)) / (kills + 1))
            await kill_one(on, ledger)
        await arrived(ledger, len(members))
        brought = {node.host: on.far_side.brought[node.host] for node in on.nodes}
        await drained(on, ledger)
    reckoning = ledger.reckon()
    print(f"\n{len(members)} members: {brought}; {reckoning}")
    assert reckoning.is_sound, reckoning
    assert all(brought.values()), brought
    assert reckoning.duplicates <= kills * WINDOW_JOBS * JOB_RECIPIENTS_MAX
    assert not [copy for copy, times in duplicates(ledger) if len(times) > 1 + kills]


def send(entrance, content):
    with connected(entrance) as client:
        client.starttls(context=trust(entrance))
        client.login(SENDER, PASSWORD)
        client.sendmail(SENDER, [LIST], content)


def connected(entrance):
    """The balancer hangs up until it has found a node."""
    until = time.monotonic() + CONNECT_SECONDS_MAX
    while True:
        try:
            return smtplib.SMTP(entrance.host, entrance.tls_port, timeout=60)
        except (OSError, smtplib.SMTPServerDisconnected):
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def trust(entrance):
    context = ssl.create_default_context(cafile=str(entrance.ca_file))
    context.check_hostname = False  # the balancer's address is in no certificate
    return context


async def arrived(ledger, wanted):
    async with asyncio.timeout(ARRIVE_SECONDS_MAX):
        while len(ledger.arrivals) < wanted:
            await asyncio.sleep(0.01)


async def all_deliver(on, ledger, members):
    async with asyncio.timeout(ARRIVE_SECONDS_MAX):
        while not all(on.far_side.brought[node.host] for node in on.nodes):
            assert len(ledger.arrivals) < members, on.far_side.brought
            await asyncio.sleep(0.01)


async def kill_one(on, ledger):
    """It is back when the others have its leases."""
    node = on.rng.choice(on.nodes)
    began = asyncio.get_running_loop().time()
    await asyncio.to_thread(node.kill_all)
    ledger.kills.append(Kill(began, asyncio.get_running_loop().time()))
    await asyncio.sleep(FENCE_SECONDS)
    await asyncio.to_thread(node.start_again)
