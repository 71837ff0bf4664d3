"""Real Celery: its pool forks, or runs threads, around one Sender at the top of the module."""

import asyncio
import re
import signal
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from kairan.testing.peer import Rule, Say, ScriptedPeer

PROGRAM = Path(__file__).with_name("celery_application.py")
COUNT = 40


@pytest.mark.parametrize(("pool", "processes"), [("prefork", {2, 3}), ("threads", {1})])
async def test_each_task_sends_once_over_sessions_of_its_own_process(pool, processes):
    later = Rule("RCPT", Say("451 4.7.0 Later"), nth=3, times=6)
    async with ScriptedPeer([later]) as peer:
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, str(PROGRAM), f"127.0.0.1:{peer.port}", pool, str(COUNT)),
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(60):
                while len(peer.messages) < COUNT + 1 and program.returncode is None:
                    await asyncio.sleep(0.02)
        finally:
            if program.returncode is None:
                program.send_signal(signal.SIGTERM)
            _, said = await program.communicate()
    recipients = sorted(one for message in peer.messages for one in message.recipients)
    assert recipients == [
        "<parent@x.test>",
        *(f"<user{n:03}@x.test>" for n in range(COUNT)),
    ], said.decode()
    sessions = defaultdict(set)
    for message in peer.messages:
        process = re.search(rb"process (\d+)", message.content)[1]
        sessions[message.session].add(process)
    assert all(len(one) == 1 for one in sessions.values()), "no session is spoken on by two"
    assert len(set().union(*sessions.values())) in processes
