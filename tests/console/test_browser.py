"""A real browser (Debian's chromium) signs in, finds a message, and asks the doctor, in both languages."""

import pytest
from playwright.sync_api import sync_playwright

from console.conftest import PASSWORD, REFUSAL
from kit.served import CHROMIUM, served

pytestmark = pytest.mark.peers
# Of the labels of plots: the page's style sheet colours them, or nobody does.
INKS = "[...document.querySelectorAll('svg.plot text')].map(one => getComputedStyle(one).fill)"
DARK_INK = "rgb(236, 236, 236)"
WORDS = {
    "en-GB": ("Sign in", "Search", "Explain", "What to do", "Sign out"),
    "ja-JP": ("サインイン", "検索", "説明", "対処", "サインアウト"),
}


@pytest.fixture
def address(site):
    with served(site.app) as address:
        yield address


@pytest.mark.skipif(not CHROMIUM, reason="no chromium")
def test_from_sign_in_to_cause_and_remedy_in_both_languages(address):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for locale in WORDS:
            said, asked = follow(browser, address, locale)
            assert said == [], locale
            assert asked
            assert {one for one in asked if not one.startswith(f"{address}/")} == set()
        browser.close()


def follow(browser, address, locale):
    """What the browser's console said, and what it asked for."""
    sign_in, search, explain, what_to_do, sign_out = WORDS[locale]
    said, asked = [], []
    context = browser.new_context(locale=locale, color_scheme="dark")
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("response", lambda answer: said.append(answer.url) if answer.status >= 400 else None)
    page.on("request", lambda request: asked.append(request.url))

    page.goto(f"{address}/console")
    page.locator("#name").fill("operator")
    page.locator("#password").fill(PASSWORD)
    page.get_by_role("button", name=sign_in, exact=True).click()
    page.wait_for_url("**/console/overview")

    page.goto(f"{address}/console/messages")
    page.locator("#to").fill("ben@example.com")
    page.locator("#status").select_option("failed")
    page.keyboard.press("Tab")
    page.get_by_role("button", name=search, exact=True).click()
    page.get_by_role("link", name="Pay", exact=True).click()
    page.wait_for_url("**/console/message?**")
    told = page.locator(".explained").first
    assert what_to_do in told.inner_text()
    assert REFUSAL in page.locator("main").inner_text()

    page.goto(f"{address}/console/doctor")
    page.locator("#text").fill(REFUSAL)
    page.get_by_role("button", name=explain, exact=True).click()
    assert what_to_do in page.locator(".explained").first.inner_text()
    assert page.locator("html").get_attribute("lang") == locale[:2]
    width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert width <= 0

    for place in ("overview", "reports", "reports?report=growth", "policies"):
        page.goto(f"{address}/console/{place}")
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        inks = page.evaluate(INKS)
        assert bool(inks) == (place != "policies")
        assert set(inks) <= {DARK_INK}
    page.goto(f"{address}/console/reports?report=growth")
    with page.expect_download() as file:
        page.locator("a[href*='form=csv']").click()
    assert file.value.suggested_filename == "growth.csv"

    page.get_by_role("button", name=sign_out, exact=True).click()
    page.wait_for_url("**/console/sign-in")
    context.close()
    return said, asked
