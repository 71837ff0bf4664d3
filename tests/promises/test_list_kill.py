"""The service killed in the middle of a list's expansion and delivery: every member, and once.

Twice may be those alone whose job was under way at a kill: so many jobs as a worker has in its hands.
"""

import random
import re
import shutil
import smtplib
import time
from collections import Counter

import pytest

from bench.sink import Sink
from kairan.directory.store import Directory
from kit.killable import SENDER, KillableService, Plan

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="the sink is a program in C")

WINDOW_JOBS, JOB_RECIPIENTS_MAX = 20, 50
LIST = "long@ledger.test"
MEMBER = re.compile(r"person\d{6}@ledger\.test")


@pytest.fixture
def arrived(tmp_path):
    return tmp_path / "arrived"


@pytest.fixture
def sink(tmp_path, arrived):
    running = Sink(tmp_path, "kairan", recipients=arrived)
    yield running
    running.stop()


def service_with(folder, sink, members):
    plan = Plan(
        f"smtp://127.0.0.1:{sink.port}",
        mailboxes=("box00@ledger.test",),
        in_flight_jobs_max=WINDOW_JOBS,
    )
    service = KillableService(folder / "service", plan)
    people = folder / "people.csv"
    people.write_text("\n".join(["address", *members, ""]))
    with Directory.open(f"sqlite:///{service.data / 'directory.db'}") as directory:
        directory.import_mailboxes(people)
        directory.add_group(LIST)
        directory.import_members(LIST, people)
    return service


def send(service):
    with smtplib.SMTP("127.0.0.1", service.plain_port, timeout=60) as client:
        client.sendmail(
            SENDER, [LIST], b"From: payroll@ledger.test\r\nSubject: to all\r\n\r\nHello\r\n"
        )


def test_every_member_gets_it_once_whenever_the_service_is_killed(tmp_path, sink, arrived, rounds):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    members = [f"person{n:06}@ledger.test" for n in range(rounds(short=5_000, full=100_000))]
    kills = rounds(short=2, full=20)
    service = service_with(tmp_path, sink, members)
    service.start()
    send(service)
    for kill in range(kills):
        if kill % 2:
            # In the delivery, at another place each time.
            wanted = len(members) * (kill + rng.random()) / (kills + 1)
            while sink.counters().recipients < wanted and service.queued():
                time.sleep(0.005)
        else:
            time.sleep(rng.uniform(0.0, 0.3))  # in the expansion, as long as nothing has gone out
        service.kill_all()
        service.start()
    until = time.monotonic() + 240
    while service.queued() and time.monotonic() < until:
        time.sleep(0.05)
    assert service.stop() == 0
    copies = Counter(MEMBER.findall(arrived.read_text()))
    assert set(copies) == set(members)
    assert copies.total() - len(members) <= kills * WINDOW_JOBS * JOB_RECIPIENTS_MAX
