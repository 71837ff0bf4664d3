"""Every page under axe: nothing serious or critical, in both languages and both colour schemes.

A page is loaded once a language and judged in light; then its colours change, and what they can break is judged again.
"""

import time
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from console.conftest import PASSWORD, REFUSAL, opened
from kairan.auth.oidc.provider import Provider
from kairan.auth.oidc.settings import OidcSettings
from kairan.auth.tokens.settings import TokenSettings
from kairan.capture.settings import CaptureSettings
from kairan.capture.store import CaptureStore
from kit.served import CHROMIUM, served

pytestmark = [pytest.mark.peers, pytest.mark.skipif(not CHROMIUM, reason="no chromium")]
MAIL = b"From: pay@example.com\r\nSubject: Pay\r\nContent-Type: text/html\r\n\r\n<p>Pay</p>\r\n"
WORST = {"serious", "critical"}
COLOURS = ["color-contrast", "link-in-text-block"]
PLACES = (
    "overview", "messages", "messages?since=24h", "messages?to=twin",
    "messages?to=no-such-name", "message?id=pay@example.com",
    "message?id=see@queue", "queue", "queue/jobs?destination=x", "queue/confirm?act=drop&message_id=%3Csee%40queue%3E",
    "doctor", "reports", "reports?report=clients", "reports?report=refusals", "reports?report=growth",
    "accounts", "accounts/one?name=payroll@example.com", "accounts/change?do=add",
    "accounts/change?do=set&name=payroll@example.com", "accounts/change?do=remove&name=payroll@example.com",
    "apps", "policies",
    "devices", "devices/change?do=add", "devices/one?name=mfp-axe", "devices/sheet?name=mfp-axe",
    "groups", "groups/one?name=all@example.com&preview=1", "groups/change?do=add",
    "mailboxes", "mailboxes/change?do=import", "moderation", "audit",
    "users", "mail", "mail/faults", "no-such-page",
)  # fmt: skip


def refused_form(page, address):
    page.goto(f"{address}/console/accounts/change?do=add")
    page.locator("#f-address").fill("not an address")
    page.locator("#f-messages_per_minute").fill("many")
    page.locator("form.fields button").click()
    page.wait_for_selector("[aria-invalid]")


def secret(page, address):
    page.goto(f"{address}/console/accounts/change?do=password&name=payroll@example.com")
    page.locator("form.fields button").click()
    page.wait_for_selector(".secret")


def answer(page, address):
    page.goto(f"{address}/console/doctor")
    page.locator("#text").fill(REFUSAL)
    page.locator("main button").first.click()
    page.wait_for_selector(".explained")


def mail(page, address):
    page.goto(f"{address}/console/mail")
    page.locator("tbody a").first.click()
    page.wait_for_url("**/mail/message**")


STEPS = {"a form that was refused": refused_form, "a secret": secret, "the doctor's answer": answer, "test mail": mail}  # fmt: skip


@pytest.fixture(scope="module")
def address(configuration, tmp_path_factory):
    place = tmp_path_factory.mktemp("axe")
    found = replace(configuration, data_directory=place, capture=CaptureSettings(enabled=True))
    for name in ("trace", "spool"):
        (place / name).symlink_to(configuration.data_directory / name)
    store = CaptureStore(found.capture_place)
    store.keep("pay@example.com", ("akiko@example.com",), MAIL, now=time.time())
    oidc = OidcSettings(issuer="http://127.0.0.1:1", client_id="x", label="Example ID")
    provider = Provider(oidc, TokenSettings(), fetch=None, post=None, clock=lambda: 0.0)
    with opened(found, store, provider) as site:
        if site.parts.directory.devices.find("mfp-axe") is None:
            fields = {"account": "payroll@example.com", "login": "mfpaxe", "place": "3F"}
            site.parts.directory.devices.add("mfp-axe", **fields)
        with served(site.app) as address:
            yield address
    store.close()


@pytest.fixture(scope="module")
def pages(address):
    """By language, a page that an administrator has signed in to, in one browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        found = {}
        for locale in ("en-GB", "ja-JP"):
            context = browser.new_context(locale=locale, color_scheme="light", bypass_csp=True)
            page = context.new_page()
            page.set_default_timeout(60_000)
            found[locale] = page
        for page in found.values():
            page.goto(f"{address}/console/sign-in")
            assert_nothing_bad(page)
            page.locator("#name").fill("admin")
            page.locator("#password").fill(PASSWORD)
            page.locator("main button").first.click()
            page.wait_for_url("**/console/overview")
        yield found
        browser.close()


def assert_nothing_bad(page):
    """By all rules in light; in dark, of the same page as it stands, by those that colours can break."""
    assert_judged(page, {})
    page.emulate_media(color_scheme="dark")
    assert_judged(page, {"runOnly": COLOURS})
    page.emulate_media(color_scheme="light")


def assert_judged(page, which):
    # Frames have other people's mail in them.
    options = {"resultTypes": ["violations"], "iframes": False, "preload": False, **which}
    found = Axe().run(page, options=options).response["violations"]
    bad = [
        (one["id"], [node["html"][:200] for node in one["nodes"]])
        for one in found
        if one["impact"] in WORST
    ]
    assert bad == [], page.url


@pytest.mark.parametrize("place", PLACES)
def test_a_page_has_nothing_serious(pages, address, place):
    for page in pages.values():
        page.goto(f"{address}/console/{place}")
        assert_nothing_bad(page)


def test_the_judge_finds_what_is_wrong(pages):
    page = pages["en-GB"].context.new_page()
    page.set_content("<p style='color: #bbb'>faint</p><input><img src='data:,'>")
    with pytest.raises(AssertionError, match="color-contrast"):
        assert_nothing_bad(page)
    dark = "@media (prefers-color-scheme: dark) { p { color: #bbb } }"
    page.set_content(
        f"<html lang=en><title>x</title><style>{dark}</style><main><h1>x</h1><p>faint</p>"
    )
    with pytest.raises(AssertionError, match="color-contrast"):
        assert_nothing_bad(page)
    page.close()


@pytest.mark.parametrize("step", STEPS)
def test_what_a_form_answers_has_nothing_serious(pages, address, step):
    for page in pages.values():
        STEPS[step](page, address)
        assert_nothing_bad(page)


@pytest.mark.parametrize("place", ["overview", "messages?since=24h", "message?id=pay@example.com", "accounts",
                                   "policies", "groups/change?do=add", "devices/sheet?name=mfp-axe", "queue",
                                   "reports?report=usage"])  # fmt: skip
def test_a_page_fits_a_telephone(pages, address, place):
    page = pages["en-GB"]
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}/console/{place}")
    width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    page.set_viewport_size({"width": 1280, "height": 720})
    assert width <= 0
