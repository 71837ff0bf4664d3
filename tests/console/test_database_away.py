"""The queue's pages where one of two databases is away."""

import re
import time
from dataclasses import replace

import pytest

from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.spool.postgresql.shard import PostgresqlSpool
from kairan.spool.postgresql.writer import NodeIdentity
from kairan.spool.settings import Durability, SpoolSettings
from kit.ports import free_port
from tests.console.conftest import opened

pytestmark = pytest.mark.peers


@pytest.fixture
async def browser(configuration, postgresql, tmp_path):
    here = postgresql.new_database().replace("+pg8000", "")
    away = f"postgresql://kairan@127.0.0.1:{free_port()}/gone"
    settings = SpoolSettings(url=(away, here), durability=Durability.OS)
    spool = await PostgresqlSpool.open(
        here, settings, folder=tmp_path, identity=NodeIdentity("one", "one")
    )
    envelope = Envelope(
        sender=Address("payroll@example.com"),
        recipients=(Recipient(Address("akiko@example.com")),),
        arrived=time.time() - 60,
        message_id="<waits@queue>",
        size=7,
    )
    await spool.append(envelope, b"content")
    await spool.close()
    found = replace(configuration, data_directory=tmp_path / "data", spool=settings)
    (tmp_path / "data").mkdir()
    with opened(found) as site:
        browser = site.browser()
        await browser.sign_in()
        yield browser


def jobs_of(page):
    """Where the one destination of the page leads, and what acts on all of it."""
    query = re.search(r"/queue/jobs\?(destination=[^\"]+)", page.text)[1]
    return f"/queue/jobs?{query}", f"/queue/confirm?act=hold&{query}"


async def test_overview_and_queue_show_what_is_there_and_name_what_is_not(browser):
    for place in ("/overview", "/queue"):
        page = await browser.get(place)
        assert page.status_code == 200
        assert "/gone: no server answers" in page.text
    assert jobs_of(page)


async def test_jobs_of_the_database_that_is_there_are_listed(browser):
    jobs, _ = jobs_of(await browser.get("/queue"))
    page = await browser.get(jobs)
    assert page.status_code == 200
    assert "1001-" in page.text
    assert "/gone: no server answers" in page.text


async def test_an_act_on_all_of_a_destination_is_not_begun(browser):
    _, hold = jobs_of(await browser.get("/queue"))
    page = await browser.get(hold)
    assert page.status_code == 400
    assert "/gone: no server answers" in page.text
