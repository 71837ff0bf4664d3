"""What each role sees and may do."""

import pytest

from console.conftest import csrf

SERVICE = ("/overview", "/queue", "/queue/jobs?destination=x", "/accounts", "/devices", "/groups",
           "/policies", "/reports", "/reports/file?form=csv")  # fmt: skip
TRACE = ("/messages", "/message?id=pay@example.com", "/doctor")
ACTS = ("/queue/confirm?act=hold&message_id=%3Croles%40queue%3E",)
USERS = ("/users",)
ALL = (*SERVICE, *TRACE, *ACTS, *USERS)
ALLOWED = {
    "viewer": {*SERVICE, *TRACE},
    "helpdesk": {*TRACE},
    "operator": {*SERVICE, *TRACE, *ACTS},
    "admin": {*ALL},
}


@pytest.mark.parametrize("role", ALLOWED)
async def test_a_role_sees_what_is_its_own_and_nothing_else(site, role):
    browser = site.browser()
    await browser.sign_in(role)
    for page in ALL:
        wanted = 200 if page in ALLOWED[role] else 403
        assert (await browser.get(page)).status_code == wanted, page


@pytest.mark.parametrize("role", ["viewer", "helpdesk"])
@pytest.mark.parametrize("act", ["retry", "hold", "release", "drop", "pause", "resume"])
async def test_who_may_not_act_cannot_by_hand_either(site, role, act):
    browser = site.browser()
    await browser.sign_in(role)
    page = await browser.get("/message?id=roles@queue")
    data = {"csrf": csrf(await browser.get("/doctor")), "act": act, "message_id": "<roles@queue>"}
    assert (await browser.post("/queue/act", {**data, "number": "1"})).status_code == 403
    assert "queue/confirm" not in page.text
    assert not [what for what, _ in site.audit if what.startswith("queue.")]


@pytest.mark.parametrize("role", ALLOWED)
async def test_nobody_is_shown_a_body(site, role):
    browser = site.browser()
    await browser.sign_in(role)
    for page in (*ALLOWED[role], "/message?id=see@queue"):
        assert "secret body" not in (await browser.get(page)).text


async def test_the_first_page_is_one_that_the_role_may_see(site):
    for role, first in (("helpdesk", "/console/messages"), ("viewer", "/console/overview")):
        browser = site.browser()
        await browser.sign_in(role)
        assert (await browser.get("")).headers["location"] == first
