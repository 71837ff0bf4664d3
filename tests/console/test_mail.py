"""Captured mail in the console: who sees it, what hostile mail may not do, and fault rules by page."""

import asyncio
import re
import time

import pytest

from console.conftest import BIDI, XSS, csrf
from kairan.capture.faults import read_faults

PLACES = ("/mail", "/mail/message?id=1", "/mail/html?id=1", "/mail/part?id=1&part=1",
          "/mail/source?id=1", "/mail/faults", "/mail/live")  # fmt: skip
VIEWS = ("html", "text", "headers", "attachments", "source")
SECRET = "the secret of the payslip"
FORBIDDEN = ("<script", "<img", 'onerror="', "\u202e", "\x1b")


def kept(site, content, *, to=("akiko@example.com",), sender="pay@example.com"):
    return site.parts.capture.keep(sender, to, content, now=time.time())


def plain(subject="Pay", text=SECRET):
    return f"From: Payroll <pay@example.com>\r\nSubject: {subject}\r\n\r\n{text}\r\n".encode()


@pytest.fixture
async def browser(mail_site):
    found = mail_site.browser()
    await found.sign_in("operator")
    return found


# Who sees it.


@pytest.mark.parametrize(("role", "status"), [
    ("admin", 200), ("operator", 200), ("viewer", 403), ("helpdesk", 403),
])  # fmt: skip
async def test_contents_are_for_operators_and_admins_alone(mail_site, role, status):
    kept(mail_site, plain() + b"\r\n")
    browser = mail_site.browser()
    await browser.sign_in(role)
    for place in PLACES[:-1] if status == 200 else PLACES:
        page = await browser.get(place)
        wanted = 404 if status == 200 and place.startswith("/mail/html") else status
        assert page.status_code == wanted, place
        assert status == 200 or SECRET not in page.text
    data = {"csrf": csrf(await browser.get("/doctor")), "id": "1", "address": "*", "drop": "yes"}
    for place in ("/mail/delete", "/mail/faults"):
        answer = await browser.post(place, data)
        assert answer.status_code == (303 if status == 200 else 403)
    gone = mail_site.parts.capture.message(1) is None
    assert gone is (status == 200)
    assert ('/console/mail"' in (await browser.get("/messages")).text) is (status == 200)


async def test_without_a_session_nothing_is_shown(mail_site):
    kept(mail_site, plain())
    for place in PLACES:
        page = await mail_site.browser().get(place)
        assert page.status_code in {303, 403}
        assert SECRET not in page.text


async def test_a_service_for_people_has_no_such_pages(site):
    browser = site.browser()
    await browser.sign_in("admin")
    for place in PLACES:
        assert (await browser.get(place)).status_code == 404
    assert '/console/mail"' not in (await browser.get("/overview")).text


# What an ordinary message looks like.


async def test_a_message_is_found_and_shown_in_all_its_forms(mail_site, browser):
    number = kept(
        mail_site,
        b"From: =?utf-8?B?5L2Q6Jek?= <sato@example.com>\r\nSubject: =?utf-8?B?57Wm5LiO?=\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\xe7\xb5\xa6\xe4\xb8\x8e\tText\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>Hello\r\n"
        b"--b\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename=pay.csv\r\n\r\n"
        b"a,b\r\n--b--\r\n",
    )
    kept(mail_site, plain("Other", "nothing"))
    listed = (await browser.get("/mail?subject=%E7%B5%A6")).text
    assert "佐藤 &lt;sato@example.com&gt;" in listed
    assert "Other" not in listed
    page = await browser.get(f"/mail/message?id={number}")
    assert f'src="/console/mail/html?id={number}"' in page.text
    assert (await browser.get(f"/mail/html?id={number}")).text == "<p>Hello"
    assert "給与    Text" in (await browser.get(f"/mail/message?id={number}&show=text")).text
    headers = (await browser.get(f"/mail/message?id={number}&show=headers")).text
    assert re.search("Subject</th><td>給与", headers)
    parts = (await browser.get(f"/mail/message?id={number}&show=attachments")).text
    place = re.search(r'href="/console(/mail/part\?[^"]+)"[^>]*>pay.csv', parts)[1]
    saved = await browser.get(place.replace("&amp;", "&"))
    assert saved.content == b"a,b"
    source = await browser.get(f"/mail/source?id={number}")
    assert source.content == mail_site.parts.capture.content(number)


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("place", ["/mail", "/mail/faults", "/mail/message?id=1&show=headers"])
async def test_each_page_speaks_both_languages(mail_site, language, place):
    kept(mail_site, plain())
    browser = mail_site.browser(headers={"accept-language": language})
    await browser.sign_in()
    page = (await browser.get(place)).text
    assert f'<html lang="{language}">' in page
    assert ("テスト メール" in page) is (language == "ja")


async def test_older_ones_are_on_the_next_page(mail_site, browser):
    for n in range(51):
        kept(mail_site, plain(f"number {n:02}"))
    first = (await browser.get("/mail?from=pay")).text
    assert "number 00" not in first
    place = re.search(r'href="/console(/mail\?[^"]*before=[^"]*)"', first)[1].replace("&amp;", "&")
    second = (await browser.get(place)).text
    assert "number 00" in second
    assert "number 01" not in second


async def test_one_is_deleted_and_all_that_a_search_finds_and_the_audit_says_by_whom(
    mail_site, browser
):
    numbers = [kept(mail_site, plain(one)) for one in ("Pay 1", "Pay 2", "Pay 3", "Other")]
    token = csrf(await browser.get("/mail"))
    answer = await browser.post("/mail/delete", {"csrf": token, "id": str(numbers[0])})
    assert answer.headers["location"] == "/console/mail?deleted=1"
    await browser.post("/mail/delete", {"csrf": token, "all": "yes", "subject": "pay"})
    left = (await browser.get("/mail?deleted=2")).text
    assert "Deleted: 2." in left
    assert [mail_site.parts.capture.message(one) is None for one in numbers] == [True] * 3 + [False]
    deleted = [facts for what, facts in mail_site.audit if what == "captured-mail.delete"]
    assert [one["messages"] for one in deleted] == [1, 2]
    assert deleted[0]["by"] == {"console": "operator"}


@pytest.mark.parametrize("data", [{"id": "1"}, {"all": "yes"}])
async def test_without_the_sessions_token_nothing_is_deleted(mail_site, browser, data):
    kept(mail_site, plain())
    assert (await browser.post("/mail/delete", {"csrf": "guessed", **data})).status_code == 403
    assert (await browser.post("/mail/delete", data)).status_code == 403
    assert mail_site.parts.capture.message(1)


@pytest.mark.parametrize("query", [
    "id=", "id=x", "id=-1", "id=99", "id=9999999999999999999999", "id=1&part=99", "id=%00",
    "id=1%20OR%201=1", "id=../../etc/passwd", "id=\uff11",
])  # fmt: skip
async def test_a_number_that_is_none_is_a_message_that_is_gone(mail_site, browser, query):
    kept(mail_site, plain())
    for place in ("message", "html", "part", "source"):
        if place in {"message", "source"} and query.startswith("id=1&"):
            continue
        assert (await browser.get(f"/mail/{place}?{query}")).status_code == 404, place


# Hostile mail.


def multipart(*parts):
    joined = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts)
    return b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + joined + b"--b--\r\n"


NAMED = f'Content-Type: image/svg+xml; name="{XSS.replace(chr(34), "")}{BIDI}"\r\n\r\n<svg onload=alert(1)>'
HOSTILE = {
    "scripts in the header": f"Subject: {XSS}\r\nFrom: {XSS}\r\nX-{XSS}: {XSS}\r\n\r\n{XSS}".encode(),
    "encoded scripts": b"Subject: =?utf-8?Q?=3Cscript=3Ealert(1)=3C/script=3E?=\r\n\r\n<script>x</script>",
    "line ends in a subject": b"Subject: =?utf-8?Q?a=0D=0ASet-Cookie:_x=3D1?=\r\n\r\nx",
    "what reorders and colours": f"Subject: {BIDI}\r\nFrom: {BIDI}\r\n\r\n{BIDI}".encode(),
    "names of parts": multipart(NAMED.encode(), NAMED.encode()),
    "html": b"Subject: x\r\nContent-Type: text/html\r\n\r\n" + XSS.encode() + b"<form action=//evil.test>",
    "ten thousand parts": multipart(*[b"Content-Type: text/plain; name=x\r\n\r\nx"] * 10_000),
    "a flood of fields": b"".join(b"X-%d: y\r\n" % n for n in range(10_000)) + b"\r\nx",
    "a wrong charset": b"Content-Type: text/html; charset=utf-7\r\n\r\n+ADw-script+AD4-alert(1)",
    "no text at all": b"\xff\xfe\x00" * 100_000,
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
async def test_hostile_mail_is_text_on_every_page(mail_site, browser, kind):
    number = kept(mail_site, HOSTILE[kind], to=(f'"{XSS[:20]}"@example.com',))
    places = ["/mail", *(f"/mail/message?id={number}&show={view}" for view in VIEWS)]
    for place in places:
        page = await browser.get(place)
        assert page.status_code == 200
        text = page.text.replace('<script src="/console/static/mail.js" defer>', "")
        assert not [one for one in FORBIDDEN if one in text.lower()], place
        assert "set-cookie" not in page.headers
        assert len(page.content) < 3_000_000


@pytest.mark.parametrize("kind", HOSTILE)
async def test_what_a_stranger_sent_is_served_where_nothing_can_run(mail_site, browser, kind):
    number = kept(mail_site, HOSTILE[kind])
    for place in ("html", "part", "source"):
        answer = await browser.get(f"/mail/{place}?id={number}&part=1")
        if answer.status_code == 404:
            assert place == "html"
            continue
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("sandbox; default-src 'none';")
        assert "script-src" not in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        if place == "html":
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert answer.headers["x-frame-options"] == "SAMEORIGIN"
        else:
            assert answer.headers["content-type"] == "application/octet-stream"
            assert answer.headers["content-disposition"].startswith("attachment; ")
            assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("name", [
    b'x"; filename=evil.html', b"a\\..\\b.exe", b"=?utf-8?Q?a=0D=0AX-Evil:_1?=", "給与.pdf".encode(),
    b"a" * 3_000,
])  # fmt: skip
async def test_a_name_cannot_leave_its_header_field(mail_site, browser, name):
    part = (
        b'Content-Disposition: attachment; filename="' + name.replace(b'"', b'\\"') + b'"\r\n\r\nx'
    )
    number = kept(mail_site, multipart(part))
    answer = await browser.get(f"/mail/part?id={number}&part=1")
    assert answer.status_code == 200
    assert "x-evil" not in answer.headers
    said = answer.headers["content-disposition"]
    assert re.fullmatch(
        r"attachment; filename=\"[ !#-~]{1,100}\"; filename\*=UTF-8''[\w%.~-]+", said
    )


async def test_bounds_that_were_met_are_said(mail_site, browser):
    for kind, said in (
        ("ten thousand parts", "more than 200 parts"),
        ("a flood of fields", "500 fields"),
    ):
        number = kept(mail_site, HOSTILE[kind])
        assert said in (await browser.get(f"/mail/message?id={number}")).text


async def test_what_made_room_is_said(mail_site, browser):
    store = mail_site.parts.capture
    object.__setattr__(store._settings, "messages_max", 2)
    for n in range(5):
        kept(mail_site, plain(str(n)))
    assert "3 of the oldest were removed" in (await browser.get("/mail")).text


# As it comes.


async def test_the_list_alone_runs_a_script_and_it_is_ours(mail_site, browser):
    kept(mail_site, plain())
    policies = {
        place: (await browser.get(place)).headers["content-security-policy"]
        for place in (
            "/mail",
            "/mail/message?id=1",
            "/mail/message?id=1&show=source",
            "/mail/faults",
        )
    }
    assert [place for place, policy in policies.items() if "script-src 'self'" in policy] == [
        "/mail"
    ]
    for policy in policies.values():
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none';")
    page = (await browser.get("/mail")).text
    assert re.findall("<script[^>]*>", page) == ['<script src="/console/static/mail.js" defer>']


async def live(browser, after):
    """The events of a stream, which ends by itself where it may not be seen any more."""
    async with browser.http.stream("GET", f"/console/mail/live?after={after}") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        return [line async for line in answer.aiter_lines() if line.startswith("data:")]


async def test_who_watches_is_told_that_mail_came_and_no_more(mail_site, browser, monkeypatch):
    monkeypatch.setattr("kairan.console.mail_live._LOOK_SECONDS", 0.01)
    monkeypatch.setattr("kairan.console.mail_live._STREAM_SECONDS", 0.5)
    before = mail_site.parts.capture.changes()
    watching = asyncio.create_task(live(browser, before))
    await asyncio.sleep(0.05)
    kept(mail_site, plain())
    assert await watching == [f"data: {before + 1}"]
    assert await live(browser, before + 1) == []
    assert await live(browser, "x") == []


async def test_a_stream_keeps_nobody_signed_in_and_ends_with_the_session(
    mail_site, browser, monkeypatch
):
    monkeypatch.setattr("kairan.console.mail_live._LOOK_SECONDS", 0.01)
    watching = asyncio.create_task(live(browser, 0))
    await asyncio.sleep(0.05)
    mail_site.now[0] += 20 * 60
    await browser.get("/mail?live=1")
    await asyncio.sleep(0.05)
    mail_site.now[0] += 11 * 60
    await asyncio.wait_for(watching, 10)
    assert (await browser.get("/mail")).status_code == 303


async def test_there_are_so_many_streams_at_most(mail_site, browser, monkeypatch):
    monkeypatch.setattr("kairan.console.routes.LIVE_MAX", 0)
    assert (await browser.get("/mail/live")).status_code == 503


# Fault rules.


async def test_a_rule_is_set_shown_and_removed_by_page(mail_site, browser):
    directory = mail_site.parts.configuration.capture_place.directory
    token = csrf(await browser.get("/mail/faults"))
    data = {"csrf": token, "act": "add", "address": "ben@example.com", "answer": "550 5.1.10",
            "stage": "", "delay": "1.5", "for": "600"}  # fmt: skip
    answer = await browser.post("/mail/faults", data)
    assert answer.headers["location"] == "/console/mail/faults?changed=1"
    (rule,) = read_faults(directory).rules
    assert (rule.answer, rule.delay_seconds, rule.by) == (
        "recipient-unknown",
        1.5,
        "operator (console)",
    )
    page = (await browser.get("/mail/faults")).text
    assert "ben@example.com" in page
    assert "550 5.1.10 recipient-unknown" in page
    await browser.post("/mail/faults", {"csrf": token, "act": "remove", "address": rule.address,
                                        "stage": str(rule.stage)})  # fmt: skip
    assert read_faults(directory).rules == ()
    assert [what for what, _ in mail_site.audit if what.startswith("fault")] == [
        "fault.add",
        "fault.remove",
    ]


@pytest.mark.parametrize("more", [
    {"address": XSS, "drop": "yes"}, {"address": "*"}, {"address": "*", "answer": XSS},
    {"address": "*", "delay": "soon"}, {"address": "*", "delay": "nan"},
    {"address": "*", "drop": "yes", "stage": XSS}, {"address": "*", "drop": "yes", "for": "-1"},
])  # fmt: skip
async def test_a_rule_that_means_nothing_is_refused_with_what_to_write(mail_site, browser, more):
    token = csrf(await browser.get("/mail/faults"))
    page = await browser.post("/mail/faults", {"csrf": token, "act": "add", **more})
    assert page.status_code == 400
    assert not [one for one in FORBIDDEN if one in page.text]
    assert read_faults(mail_site.parts.configuration.capture_place.directory).rules == ()


async def test_without_the_sessions_token_no_rule_is_set(mail_site, browser):
    data = {"csrf": "guessed", "act": "add", "address": "*", "drop": "yes"}
    assert (await browser.post("/mail/faults", data)).status_code == 403
    assert read_faults(mail_site.parts.configuration.capture_place.directory).rules == ()
