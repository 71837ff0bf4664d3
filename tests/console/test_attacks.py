"""Attacks on the console by the web: a named test each, by requests."""

import pytest

from console.conftest import XSS, csrf

PAGES = ("/overview", "/messages", "/queue", "/doctor", "/users", "/message?id=pay@example.com",
         "/queue/jobs?destination=x", "/policies", "/reports", "/reports?report=clients",
         "/reports?report=refusals", "/reports?report=growth", "/queue/confirm?act=hold&message_id=%3Csee%40queue%3E")  # fmt: skip
CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


async def test_no_page_can_be_framed_nor_runs_or_loads_what_is_not_ours(site):
    browser = site.browser()
    answers = [await browser.get("/sign-in"), await browser.get("/no-such"), await browser.get("")]
    await browser.sign_in()
    answers += [await browser.get(page) for page in PAGES]
    answers += [await browser.get("/static/console.css")]
    for answer in answers:
        assert answer.status_code in {200, 303, 404}
        assert answer.headers["content-security-policy"] == CSP
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert not {"<script", "style=", "http://", "https://"} & {
            mark for mark in ("<script", "style=", "http://", "https://") if mark in answer.text
        }


@pytest.mark.parametrize("place", ["/messages?since=24h", "/message?id=evil@example.com",
                                   "/messages?to=twin", "/queue", "/overview",
                                   "/accounts", "/devices", "/groups", "/policies",
                                   "/reports?report=clients", "/reports?report=refusals",
                                   "/reports?report=%3Cscript%3E&by=%22%3E&since=%3Cscript%3E",
                                   "/queue/jobs?destination=" + XSS.replace(" ", ""),
                                   "/messages?to=%22%3E%3Cscript%3E", "/queue?done=%3Cscript%3E",
                                   "/sign-in?next=%22%3E%3Cscript%3E"])  # fmt: skip
async def test_what_strangers_wrote_is_text(site, place):
    browser = site.browser()
    await browser.sign_in()
    page = await browser.get(place)
    assert page.status_code == 200
    assert "<script" not in page.text
    assert "<img" not in page.text
    if any(word in place for word in ("evil@", "twin", "accounts", "devices", "groups")):
        assert "&lt;script&gt;" in page.text


async def test_what_hides_or_reorders_text_is_shown_by_number(site):
    browser = site.browser()
    await browser.sign_in()
    for place in ("/messages?since=24h", "/message?id=odd@example.com", "/overview"):
        page = await browser.get(place)
        assert not {"\u202e", "\x1b"} & set(page.text)
        assert "\\u202e" in page.text, place


@pytest.mark.parametrize("token", ["", "guessed", "é"])
async def test_a_form_without_the_sessions_token_changes_nothing(site, token):
    browser = site.browser()
    await browser.sign_in("operator")
    before = await browser.get("/message?id=csrf@queue")
    data = {"act": "drop", "message_id": "<csrf@queue>", "number": "1", "csrf": token}
    answer = await browser.post("/queue/act", data)
    assert answer.status_code == 403
    assert (await browser.get("/message?id=csrf@queue")).text == before.text
    assert not [what for what, _ in site.audit if what.startswith("queue.")]


async def test_another_users_token_is_none(site):
    one, other = site.browser(), site.browser()
    await one.sign_in("operator")
    await other.sign_in("admin")
    token = csrf(await other.get("/doctor"))
    data = {"act": "drop", "message_id": "<csrf@queue>", "number": "1", "csrf": token}
    assert (await one.post("/queue/act", data)).status_code == 403


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"},
                                     {"sec-fetch-site": "cross-site"},
                                     {"sec-fetch-site": "same-site"}])  # fmt: skip
async def test_what_another_sites_page_sends_is_refused_even_with_the_token(site, headers):
    browser = site.browser()
    await browser.sign_in("operator")
    data = {"text": "550", "csrf": csrf(await browser.get("/doctor"))}
    assert (await browser.post("/doctor", data, headers=headers)).status_code == 403
    assert (await browser.post("/doctor", data, headers={"origin": "null"})).status_code == 200


async def test_nobody_is_signed_in_by_a_form_of_another_site(site):
    browser, attacker = site.browser(), site.browser()
    token = csrf(await attacker.get("/sign-in"))
    data = {"csrf": token, "name": "admin", "password": "pass it round to everyone"}
    assert (await browser.post("/sign-in", data)).status_code == 403
    assert "kairan-console" not in browser.http.cookies


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example",
                                  "", "evil.example:80", "mail.example.com, evil.example"])  # fmt: skip
async def test_a_name_that_is_not_ours_is_answered_nothing(site, host):
    browser = site.browser()
    answer = await browser.get("/sign-in", headers={"host": host})
    assert answer.status_code == 421
    assert "csrf" not in answer.text


@pytest.mark.parametrize("host", ["localhost:8443", "[::1]:8443", "MAIL.example.com", "127.0.0.1"])
async def test_our_own_names_are_answered(site, host):
    assert (await site.browser().get("/sign-in", headers={"host": host})).status_code == 200


@pytest.mark.parametrize("place", ["https://evil.example/", "//evil.example/", "/\\evil.example",
                                   "/console/../../evil", "/console/messages?x=1\r\nSet-Cookie: a=b",
                                   "javascript:alert(1)", "/other", "/console@evil.example",
                                   "/consoles", "/console//evil.example"])  # fmt: skip
async def test_signing_in_leads_nowhere_else(site, place):
    done = await site.browser().sign_in(next=place)
    assert done.status_code == 303
    assert done.headers["location"] == "/console"


@pytest.mark.parametrize("name", ["../routes.py", "..%2froutes.py", "%2e%2e/routes.py", "base.html",
                                  "/etc/passwd", "%2fetc%2fpasswd", "console.css%00", ".",
                                  "..%5croutes.py"])  # fmt: skip
async def test_static_files_are_those_there_are(site, name):
    assert (await site.browser().get(f"/static/{name}")).status_code == 404


async def test_a_form_that_is_too_large_or_of_another_kind_is_refused(site):
    browser = site.browser()
    await browser.sign_in()
    token = csrf(await browser.get("/doctor"))
    large = {"csrf": token, "text": "x" * 4_000_000}
    assert (await browser.post("/doctor", large)).status_code == 400
    many = {f"field{n}": "x" for n in range(1_000)}
    assert (await browser.post("/doctor", many)).status_code == 400
    json = await browser.http.post("/console/doctor", json={"csrf": token, "text": "550"})
    assert json.status_code == 400


@pytest.mark.parametrize("more", ["&lang=ja", "&lang=xx", "&lang=%0d%0aX:1"])
async def test_choosing_a_language_leads_nowhere_else(site, more):
    answer = await site.browser().get(f"/sign-in?next=//evil.example{more}")
    assert answer.headers.get("location", "/console/").startswith("/console/")
    assert "x" not in answer.headers
