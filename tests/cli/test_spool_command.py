"""kairan spool move, as an operator says it."""

import asyncio
import time

from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.shard import SqliteSpool


def test_mail_moves_into_a_database_and_back(shell, postgresql):
    asyncio.run(put_one(shell.place / "data" / "spool" / "shard-0"))
    url = postgresql.new_database().replace("+pg8000", "")
    configure(shell, 'durability = "os"')
    answer = shell.done("spool", "move", url)
    assert "1 message to 1 recipient moved" in answer.out
    assert f'url = "{url}"' in answer.out
    configure(shell, f'url = ["{url}"]')
    assert [job["id"] for job in shell.done("queue", "list", "--json").json] == ["1000-1.0"]
    moved = shell.done("spool", "move", "sqlite", "--json").json
    assert moved["moved"][0]["tally"]["messages"] == 1
    (job,) = shell.done("queue", "list", "--json").json
    assert not job["id"].startswith("1000-")
    assert "nothing waits there" in shell.done("spool", "move", "sqlite").out


def test_what_is_no_target_is_said(shell):
    assert "is no target" in shell.refused("spool", "move", "elsewhere", code=1)
    assert "names no database" in shell.refused("spool", "move", "sqlite", code=1)


def configure(shell, line):
    file = shell.place / "kairan.toml"
    before, section, after = file.read_text().partition("[spool]\n")
    file.write_text(
        f"{before}[spool]\n{line}\n{after}" if section else f"{before}\n[spool]\n{line}\n"
    )


async def put_one(folder):
    spool = await SqliteSpool.open(folder, SpoolSettings(free_octets_min=0, reserve_octets=0))
    recipients = (Recipient(Address("ben@example.com")),)
    await spool.append(Envelope(Address("a@example.com"), recipients, time.time()), b"Subject: x")
    await spool.close()
