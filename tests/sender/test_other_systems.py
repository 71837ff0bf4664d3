"""What an application installs runs where there is no uvloop and nothing that Unix alone has."""

import asyncio
import subprocess
import sys

import pytest

from kairan.testing.peer import ScriptedPeer

# Modules that Windows has not, and uvloop, which macOS may have and Windows has not.
MISSING = ("uvloop", "fcntl", "pwd", "grp", "resource", "termios", "posix_ipc")
BLOCKED = f"import sys; sys.modules.update(dict.fromkeys({MISSING!r}))\n"
PURE = (
    "sender.advice",
    "sender.journal",
    "sender.mailing",
    "sender.merge",
    "sender.message",
    "sender.plan",
    "sender.rows",
    "relay.tokens.identity",
    "relay.tokens.cache",
    "sender.adapters.smtp_calls",
    "sender.adapters.log_handler",
)


def run(program):
    return subprocess.run(
        [sys.executable, "-c", BLOCKED + program], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("module", PURE)
def test_it_is_imported_without_what_unix_alone_has(module):
    done = run(f"import kairan.{module}")
    assert done.returncode == 0, done.stderr


async def test_a_message_is_sent_with_the_standard_loop():

    async with ScriptedPeer() as peer:
        program = (
            "from kairan import Message, Sender\n"
            "from kairan.relay.next_hop import TlsPolicy\n"
            f"with Sender('127.0.0.1:{peer.port}', tls=TlsPolicy.NONE) as sender:\n"
            "    message = Message.compose(sender='a@x.test', to=['b@x.test'], subject='S')\n"
            "    assert sender.send(message).all_sent\n"
        )
        done = await asyncio.to_thread(run, program)
    assert done.returncode == 0, done.stderr
    assert len(peer.messages) == 1
