"""Signing in to the console, and what ends that."""

import time

import pytest

from console.conftest import HASH, PASSWORD, csrf
from kairan.auth.passwords.hashing import hash_password
from kairan.auth.settings import AuthSettings
from kairan.console.sessions import (
    IDLE_SECONDS,
    SESSIONS_MAX,
    SESSIONS_OF_ONE_MAX,
    TOTAL_SECONDS,
    ConsoleSessions,
)
from kairan.directory.operations.console_users import ConsoleUser


async def test_who_has_not_signed_in_is_asked_to_and_then_sees_what_was_asked_for(site):
    browser = site.browser()
    asked = await browser.get("/messages?to=akiko%40example.com&since=7d")
    assert asked.status_code == 303
    page = await browser.http.get(asked.headers["location"])
    place = page.text.split('name="next" value="')[1].split('"')[0].replace("&amp;", "&")
    done = await browser.sign_in(next=place)
    assert done.headers["location"] == "/console/messages?to=akiko%40example.com&since=7d"
    assert (await browser.http.get(done.headers["location"])).status_code == 200


async def test_the_cookie_is_for_this_host_and_no_script(site):
    for address, name, secure in (
        ("http://127.0.0.1", "kairan-console", False),
        ("https://mail.example.com", "__Host-kairan-console", True),
        ("http://mail.example.com", "__Host-kairan-console", True),  # behind a proxy with TLS
    ):
        browser = site.browser(base_url=address)
        page = await browser.get("/sign-in")
        cookies = {
            one.split("=")[0]: one.split(";")[0] for one in page.headers.get_list("set-cookie")
        }
        data = {"csrf": csrf(page), "name": "admin", "password": PASSWORD}
        done = await browser.post("/sign-in", data, headers={"cookie": "; ".join(cookies.values())})
        cookie = next(
            one for one in done.headers.get_list("set-cookie") if one.startswith(f"{name}=")
        )
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie
        assert ("Secure" in cookie) is secure


@pytest.mark.parametrize("name", ["admin", "nobody", "x" * 5_000])
async def test_a_wrong_password_and_an_unknown_name_are_answered_alike(site, name):
    answer = await site.browser().sign_in(name, "wrong password it is")
    assert answer.status_code == 403
    assert "The user name or the password is wrong." in answer.text
    assert site.audit[-1][0] == "console.sign-in-refused"
    assert "wrong password" not in str(site.audit)


async def test_guessing_is_slowed_as_smtp_logins_are(site):
    browser = site.browser()
    statuses = [
        (await browser.sign_in("viewer", f"guess number {n}")).status_code for n in range(6)
    ]
    assert statuses[:3] == [403, 403, 403]
    assert statuses[-1] == 429
    assert (await browser.sign_in("viewer")).status_code == 429  # also with the right one
    site.now[0] += 3_600
    assert (await browser.sign_in("viewer")).status_code == 303


async def test_signing_in_gives_an_id_that_the_browser_did_not_bring(site):
    browser = site.browser()
    browser.http.cookies.set("kairan-console", "chosen-by-an-attacker", domain="127.0.0.1")
    await browser.sign_in()
    first = browser.http.cookies.get("kairan-console", domain="127.0.0.1")
    assert first != "chosen-by-an-attacker"
    await browser.sign_in()
    second = [one.value for one in browser.http.cookies.jar if one.name == "kairan-console"]
    assert first not in second
    thief = site.browser(cookies={"kairan-console": first})
    assert (await thief.get("/overview")).status_code == 303  # it ended with the new one


async def test_who_signs_out_is_out(site):
    browser = site.browser()
    await browser.sign_in()
    page = await browser.get("/doctor")
    held = browser.http.cookies["kairan-console"]
    assert (await browser.post("/sign-out", {"csrf": csrf(page)})).status_code == 303
    thief = site.browser(cookies={"kairan-console": held})
    assert (await thief.get("/doctor")).status_code == 303
    assert [what for what, _ in site.audit] == ["console.sign-in", "console.sign-out"]


async def test_a_session_that_nobody_uses_ends(site):
    browser = site.browser()
    await browser.sign_in()
    site.now[0] += IDLE_SECONDS - 1
    assert (await browser.get("/doctor")).status_code == 200
    site.now[0] += IDLE_SECONDS
    assert (await browser.get("/doctor")).status_code == 303


async def test_a_session_that_is_used_all_day_ends_too(site):
    browser = site.browser()
    await browser.sign_in()
    ends = site.now[0] + TOTAL_SECONDS
    while site.now[0] + IDLE_SECONDS / 2 < ends:
        site.now[0] += IDLE_SECONDS / 2
        assert (await browser.get("/doctor")).status_code == 200
    site.now[0] = ends
    assert (await browser.get("/doctor")).status_code == 303


async def test_another_password_or_none_ends_the_sessions(site):
    users = site.parts.directory.console_users
    users.add(ConsoleUser("leaver", "viewer", HASH, 0))
    first, second = site.browser(), site.browser()
    await first.sign_in("leaver")
    assert (await first.get("/doctor")).status_code == 200
    users.set_password("leaver", hash_password(PASSWORD, AuthSettings(argon2_memory_kib=64)))
    assert (await first.get("/doctor")).status_code == 303
    await second.sign_in("leaver")
    assert (await second.get("/doctor")).status_code == 200
    users.remove("leaver")
    assert (await second.get("/doctor")).status_code == 303


def test_sessions_are_bounded_and_one_user_pushes_out_only_his_own():
    sessions = ConsoleSessions(time.time)
    other = sessions.begin(ConsoleUser("other", "viewer", HASH, 0))
    own = [
        sessions.begin(ConsoleUser("many", "viewer", HASH, 0))
        for _ in range(SESSIONS_OF_ONE_MAX + 3)
    ]
    assert sessions.find(other)
    assert [sessions.find(one) is not None for one in own] == [False] * 3 + [
        True
    ] * SESSIONS_OF_ONE_MAX
    for number in range(SESSIONS_MAX):
        sessions.begin(ConsoleUser(f"user-{number}", "viewer", HASH, 0))
    assert len(sessions._sessions) == SESSIONS_MAX
