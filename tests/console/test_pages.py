"""The console's pages: what an administrator finds, in two languages."""

import csv
import html
import re
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest

import kairan.console.texts
from console.conftest import FORMULA, REFUSAL, XSS, csrf
from kairan.console.http import language_of
from kairan.console.texts import TEXTS
from kairan.directory.store import Directory
from kairan.outcomes.catalogue import CATALOGUE
from kairan.trace.search import search

TEMPLATES = Path(kairan.console.texts.__file__).parent / "templates"


@pytest.fixture
async def browser(site):
    found = site.browser()
    await found.sign_in()
    return found


def test_the_templates_texts_are_the_tables_and_each_is_used():
    pages = "".join(file.read_text("utf-8") for file in TEMPLATES.glob("*.html"))
    code = "".join(file.read_text("utf-8") for file in TEMPLATES.parent.rglob("*.py"))
    code = code.replace("'", '"')
    named = set(re.findall(r"\bt\.([a-z_0-9]+)", pages))
    assert named <= TEXTS.keys()
    assert not {key for key in TEXTS if key not in named and code.count(f'"{key}"') < 2
                and key not in {"received", "expanded", "delivered", "deferred", "refused",
                                "dropped", "retry", "hold", "release", "drop"}}  # fmt: skip
    words = re.sub(r"\{[{%#].*?[}%#]\}|<[^>]*>", " ", pages, flags=re.DOTALL)
    assert not re.findall(r"[A-Za-z]{2,}", words.replace("Kairan", ""))


async def test_a_name_finds_the_message_and_its_page_tells_cause_and_remedy(browser):
    found = await browser.get("/messages?to=ben%40example.com&since=24h&status=failed")
    link = re.search(r'href="/console(/message\?id=[^"]*pay[^"]*)"', found.text)[1]
    page = (await browser.get(link)).text
    assert REFUSAL in page
    assert "akiko@example.com" in page
    assert "all@example.com" in page
    assert 'class="explained"' in page
    assert "What to do" in page


async def test_a_part_of_a_name_is_enough_and_several_are_asked_about(browser):
    one = (await browser.get("/messages?to=Akiko&since=24h")).text
    assert "/message?id=%3Cpay%40example.com%3E" in one
    two = (await browser.get("/messages?to=twin&since=24h")).text
    assert "Which one is meant?" in two
    assert "to=twin.a%40example.com" in two
    assert "Nobody here" in (await browser.get("/messages?to=zzz-nobody")).text


async def test_a_message_is_found_with_and_without_its_brackets(browser):
    for name in ("pay@example.com", "%3Cpay%40example.com%3E"):
        assert REFUSAL in (await browser.get(f"/message?id={name}")).text


async def test_accounts_show_what_the_controls_allow_and_devices_their_last_refusal(browser):
    accounts = (await browser.get("/accounts")).text
    assert "payroll@example.com" in accounts
    assert "OAuth: allowed" in accounts
    assert "1970-01-01" in (await browser.get("/devices")).text


async def test_a_message_that_is_not_there_leads_to_the_search(browser):
    assert (await browser.get("/message?id=gone@example.com")).status_code == 303
    assert "No message fits" in (await browser.get("/messages?id=gone@example.com")).text


async def test_an_act_shows_its_number_before_and_leaves_trace_and_audit(
    site, browser, configuration
):
    for act in ("hold", "release", "retry"):
        page = await browser.get(f"/queue/confirm?act={act}&message_id=%3Chold%40queue%3E")
        assert "This concerns 1 jobs" in page.text
        data = {"csrf": csrf(page), "act": act, "message_id": "<hold@queue>", "number": "1"}
        done = await browser.post("/queue/act", data)
        assert done.headers["location"] == f"/console/queue?done={act}&number=1"
        assert site.audit[-1][0] == f"queue.{act}"
        assert site.audit[-1][1]["by"] == {"console": "admin"}
    events = search(configuration.trace_directory, message_id="<hold@queue>")
    assert [event.event for event in events] == ["HOLD", "RELEASE", "RETRY"]
    assert all(event.detail == "by admin (console)" for event in events)


async def test_a_number_that_has_changed_is_shown_anew_and_nothing_is_done(browser):
    page = await browser.get("/queue/confirm?act=drop&message_id=%3Cdrop%40queue%3E")
    data = {"csrf": csrf(page), "act": "drop", "message_id": "<drop@queue>"}
    again = await browser.post("/queue/act", {**data, "number": "7"})
    assert again.status_code == 409
    assert "This concerns 1 jobs" in again.text
    assert (await browser.post("/queue/act", {**data, "number": "1"})).status_code == 303
    gone = await browser.get("/queue/confirm?act=drop&message_id=%3Cdrop%40queue%3E")
    assert "It concerns no job now." in gone.text


async def test_an_act_without_a_choice_is_refused_with_a_sentence(browser):
    for query in ("act=hold", "act=explode&id=0-1", "act=hold&id=0-1&destination=x", ""):
        answer = await browser.get(f"/queue/confirm?{query}")
        assert answer.status_code == 400
        assert 'role="alert"' in answer.text


async def test_a_destination_is_paused_and_resumed_with_its_number_shown(site, browser):
    queue = await browser.get("/queue")
    name = re.search(r'act=pause&amp;destination=([^"]+)"', queue.text)
    if name is None:  # nothing was tried yet, so no route's queue is known
        name = ["", "example.com"]
        kind = "route"
    else:
        kind = "destination"
    page = await browser.get(f"/queue/confirm?act=pause&{kind}={name[1]}")
    assert "jobs in the queue" in page.text
    value = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    assert (await browser.post("/queue/act", value)).status_code == 303
    paused = (await browser.get("/queue?done=pause")).text
    assert "It is paused." in paused
    assert "admin (console)" in paused
    resume = re.search(r'queue/confirm\?(act=resume[^"]*)"', paused)[1].replace("&amp;", "&")
    page = await browser.get(f"/queue/confirm?{resume}")
    value = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    assert (await browser.post("/queue/act", value)).status_code == 303
    assert "admin (console)" not in (await browser.get("/queue")).text


async def test_the_overview_says_why_nothing_is_accepted_and_what_was_refused(browser):
    page = (await browser.get("/overview")).text
    assert "the service does not answer" in page
    assert "Top refusals of the last 24 hours" in page
    assert "relay-denied" in page
    assert CATALOGUE["relay-denied"].remedies[0].en in html.unescape(page)
    assert "Certificate" in page


async def test_the_overview_says_so_in_japanese_too(browser):
    japanese = {"accept-language": "ja"}
    overview = (await browser.get("/overview", headers=japanese)).text
    assert "サービスが応答しません" in overview
    assert "the service does not answer" not in overview
    queue = (await browser.get("/queue", headers=japanese)).text
    assert "(未送信)" in queue
    assert "(not tried yet)" not in queue
    assert re.search(r"<td>\d+ [秒分]</td>", queue)


async def test_the_overview_plots_each_minute_of_the_last_hour_for_who_sees_and_who_does_not(
    site, browser
):
    site.now[0] += 90  # the minute of the events is over
    page = (await browser.get("/overview")).text
    plots = re.findall(r'<svg class="plot" role="img" aria-labelledby="([^"]+)"', page)
    assert [one.split()[0] for one in plots] == [
        f"minutes-{name}-title"
        for name in ("accepted", "delivered", "deferred", "refused", "failed")
    ]
    assert all(f'id="{name}"' in page for one in plots for name in one.split())
    assert page.count("<rect") >= 4
    rows = re.findall(r'<th scope="row">\d\d:\d\d</th>(.*?)</tr>', page)
    numbers = [[int(n) for n in re.findall(r">(\d+)<", row)] for row in rows]
    assert len(numbers) == 60
    assert [sum(column) for column in zip(*numbers, strict=True)] == [4, 2, 1, 0, 2]


async def test_a_report_is_a_table_with_its_plot_and_the_same_as_a_file(browser):
    page = (await browser.get("/reports?report=usage&by=account&since=24h")).text
    assert "<svg" in page
    assert re.search(r'<td>payroll@example.com</td><td class="number">2</td>', page)
    link = html.unescape(re.search(r'href="/console(/reports/file\?[^"]*csv)"', page)[1])
    answer = await browser.get(link)
    assert answer.headers["content-disposition"] == 'attachment; filename="usage.csv"'
    table = {row["account"]: row for row in csv.DictReader(StringIO(answer.text.lstrip("\ufeff")))}
    assert table["payroll@example.com"]["messages"] == "2"
    assert table["payroll@example.com"]["billed_recipients"] == "2"
    record = (await browser.get(link.replace("csv", "json"))).json()
    assert {row["account"] for row in record["rows"]} == set(table)
    groups = (await browser.get("/reports/file?report=usage&by=group&form=json")).json()
    assert [(row["group"], row["billed_recipients"]) for row in groups["rows"]] == [
        ("all@example.com", 2)
    ]


async def test_a_reports_file_has_no_formula_and_its_page_no_markup_of_strangers(browser):
    text = (await browser.get("/reports/file?report=clients&form=csv")).text
    cells = [cell for row in csv.reader(StringIO(text.lstrip("\ufeff"))) for cell in row]
    assert f"'{FORMULA}" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    for kind in ("clients", "refusals"):
        assert XSS not in (await browser.get(f"/reports?report={kind}")).text


async def test_the_matrix_of_policies_says_which_control_answers_and_what_to_do(
    browser, configuration
):
    with Directory.open(configuration.directory_url) as directory:
        before = directory.organisation().security_defaults
        directory.set_organisation(security_defaults=True)
        try:
            page = html.unescape((await browser.get("/policies")).text)
        finally:
            directory.set_organisation(security_defaults=before)
    row = re.search(r'<th scope="row">payroll@example.com</th>(.*?)</tr>', page)[1]
    cells = re.findall(r"<td>(.*?)</td>", row)
    assert len(cells) == 6
    assert "basic-auth-not-allowed" in cells[0]
    assert "security defaults are on" in cells[0]
    assert "allowed" in cells[1]
    assert CATALOGUE["basic-auth-not-allowed"].remedies[0].en in page
    japanese = (await browser.get("/policies", headers={"accept-language": "ja"})).text
    assert "セキュリティの既定値群は無効です" in japanese
    assert "security defaults" not in japanese


PASTED = {
    "reply": ("535 5.7.139 Authentication unsuccessful, basic authentication is disabled.", "basic"),
    "log": ("Nov 27 07:00:00 mx postfix/smtp[1]: A1: to=<a@b>, status=bounced (host x said: 550 5.7.54 Unable to relay)", "5.7.54"),
    "token": ("Bearer eyJhbGciOiJub25lIn0.eyJhdWQiOiJodHRwczovL2V4YW1wbGUifQ.", "aud"),
}  # fmt: skip


@pytest.mark.parametrize("kind", PASTED)
async def test_the_doctor_answers_and_keeps_nothing(site, browser, configuration, kind, capfd):
    text, told = PASTED[kind]
    marker = f"zebra{kind}marker"
    page = await browser.get("/doctor")
    data = {
        "csrf": csrf(page),
        "kind": kind,
        "text": f"{text}\n{marker}" if kind != "token" else text,
    }
    answer = await browser.post("/doctor", data)
    assert answer.status_code == 200
    assert "The doctor" in answer.text
    assert told in answer.text
    assert marker not in answer.text.split("<pre")[0]
    written = [file for file in configuration.data_directory.rglob("*") if file.is_file()]
    assert not [file for file in written if marker.encode() in file.read_bytes()]
    assert marker not in "".join(capfd.readouterr())
    assert marker not in str(site.audit)


async def test_each_page_speaks_the_language_that_was_chosen(browser):
    for page in ("/overview", "/messages", "/queue", "/doctor", "/users", "/accounts", "/devices",
                 "/policies", "/reports"):  # fmt: skip
        japanese = await browser.get(page, headers={"accept-language": "ja,en;q=0.5"})
        assert 'lang="ja"' in japanese.text
        assert "サインアウト" in japanese.text
    await browser.get("/overview?lang=ja")
    assert "概要" in (await browser.get("/overview")).text
    assert (
        "Overview"
        in (await browser.http.get("/console/overview?lang=en", follow_redirects=True)).text
    )


@pytest.mark.parametrize(("header", "language"), [("ja", "ja"), ("en-US,ja;q=0.9", "en"), ("", "en"),
                                                  ("fr,ja;q=0.8,en;q=0.7", "ja"), ("*", "en"),
                                                  ("ja;q=0,en", "en"), ("ja;q=x", "ja")])  # fmt: skip
def test_the_browsers_language_is_its_own_preference(header, language):
    request = SimpleNamespace(cookies={}, headers={"accept-language": header})
    assert language_of(request) == language


async def test_a_page_can_be_read_aloud_and_used_by_keyboard(browser):
    for page in (
        "/overview",
        "/messages?since=24h",
        "/queue",
        "/doctor",
        "/message?id=pay@example.com",
        "/policies",
        "/reports",
        "/reports?report=refusals",
    ):
        text = (await browser.get(page)).text
        assert text.count("<h1>") == 1
        assert {"<main", "<header", "<nav aria-label="} <= {
            mark for mark in ("<main", "<header", "<nav aria-label=") if mark in text
        }
        assert text.count("<table") == text.count("<caption>")
        fields = re.findall(r'<(?:input|select|textarea) id="([\w-]+)"', text)
        assert all(f'<label for="{name}">' in text for name in fields)
        assert all('scope="' in cell for cell in re.findall(r"<th[^e][^>]*>", text))
