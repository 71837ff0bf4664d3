"""The pictures of docs/console.md, taken of a real demo by a real browser.

    PYTHONPATH=tests .venv/bin/python -m tour.pictures

Writes docs/images/console/*.png: English and light, two in Japanese and dark, one as a telephone shows it.
"""

import json
import os
import shutil
import smtplib
import ssl
import subprocess
import sys
import tempfile
import time
from email.message import EmailMessage
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from kairan.testing import running_demo
from kit.png import smaller
from kit.ports import free_port

INTO = Path(__file__).parents[2] / "docs" / "images" / "console"
OCTETS_MAX = 100 * 1024
SIZE = {"width": 1100, "height": 720}
PATIENCE_MILLISECONDS = 120_000
REPLY = "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain"
FLEET = """name,server,port,tls
mfp-3f,smtp-hve.office365.com,587,starttls
mfp-9f,smtp.office365.com,587,off"""
USER, GONE, LATE = "user007@kairan.test", "user013@kairan.test", "user021@kairan.test"
# File, place, and how much of it is shown: pixels.
PLACES = (
    ("overview", "overview", 760),
    ("messages", "messages?to={LATE}&since=24h", 400),
    ("message", "message?id=late@kairan.test", 760),
    ("queue", "queue", 420),
    ("reports", "reports?report=usage&since=24h", 620),
    ("accounts", "accounts", 420),
    ("account", "accounts/one?name=printer@kairan.test", 640),
    ("change", "accounts/change?do=set&name=printer@kairan.test", 760),
    ("apps", "apps", 320),
    ("policies", "policies", 760),
    ("devices", "devices", 360),
    ("sheet", "devices/sheet?name=mfp-3f", 640),
    ("groups", "groups", 560),
    ("group", "groups/one?name=west@kairan.test&preview=1", 560),
    ("costs", "groups/one?name=west@kairan.test&costs=1", 420),
    ("moderation", "moderation", 320),
    ("mailboxes", "mailboxes?search=user01", 480),
    ("import", "mailboxes/change?do=import", 620),
    ("audit", "audit", 560),
    ("test-mail", "mail", 460),
    ("fault-rules", "mail/faults", 620),
    ("users", "users", 300),
)


def main() -> None:
    shutil.rmtree(INTO, ignore_errors=True)
    INTO.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "demo"
        with running_demo(place):
            pass
        _add_device_listener(place)
        with running_demo(place) as demo:
            _prepare(place)
            _send(demo)
            time.sleep(65 - time.time() % 60)  # plots have the minutes that are over
            _take(json.loads((place / "demo.json").read_text(encoding="utf-8"))["console"])


def _add_device_listener(place: Path) -> None:
    """The demo has none; a printer's sheet needs one."""
    file = place / "kairan.toml"
    text = file.read_text(encoding="utf-8")
    listener = f'\n[[listener]]\nrole = "device"\nhost = "127.0.0.1"\nport = {free_port()}\ntls = "starttls"\n'
    file.write_text(text + listener, encoding="utf-8")


def _kairan(place: Path, *words: str) -> None:
    environment = {**os.environ, "KAIRAN_CONFIG": str(place / "kairan.toml")}
    command = [sys.executable, "-m", "kairan", *words]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def _prepare(place: Path) -> None:
    _kairan(place, "device", "add", "mfp-3f", "--account", "printer@kairan.test", "--place", "3rd floor, east",
            "--network", "192.0.2.33", "--login", "mfp3f", "--generate")  # fmt: skip
    _kairan(place, "device", "add", "scan-osaka", "--account", "printer@kairan.test", "--place", "Osaka, 2nd floor",
            "--network", "192.0.2.64/28")  # fmt: skip
    _kairan(place, "policy", "add", "Passwords", "--allow-basic-auth-smtp", "on")
    _kairan(place, "policy", "add", "Tokens only")
    _kairan(place, "policy", "assign", "Passwords", "printer@kairan.test")
    _kairan(place, "policy", "assign", "Tokens only", "payroll@kairan.test")
    _kairan(place, "group", "add", "plans@kairan.test", "--member", USER, "--moderated", "--moderator", USER)  # fmt: skip
    _kairan(place, "console", "user", "add", "akiko", "--role", "helpdesk", "--generate")
    _kairan(place, "fault", "add", LATE, "--answer", "432 4.3.2", "--at", "delivery")
    _kairan(place, "fault", "add", GONE, "--answer", "recipient-unknown", "--at", "delivery")


def _send(demo) -> None:
    printer = demo.accounts[0]
    context = ssl.create_default_context(cafile=str(demo.ca_file))
    with smtplib.SMTP(demo.smtp_host, demo.smtp_port) as server:
        server.starttls(context=context)
        server.login(printer.address, printer.password)
        for name, subject, recipients in (
            ("scan", "Scan from the 3rd floor", [USER]),
            ("west", "Delivery plan, western Japan", ["west@kairan.test"]),
            ("gone", "Travel expenses", [GONE, USER]),
            ("late", "Payslip for November", [LATE, USER]),
            ("plan", "Plan for December", ["plans@kairan.test"]),
        ):
            message = EmailMessage()
            message["From"], message["To"] = printer.address, ", ".join(recipients)
            message["Subject"], message["Message-ID"] = subject, f"<{name}@kairan.test>"
            message.set_content("Please find the details below.\n")
            message.add_alternative("<h1>Details</h1><p>Please find them here.</p>", subtype="html")
            server.send_message(message)
        for recipient in ("partner@example.org", "nobody@kairan.test"):
            message.replace_header("To", recipient)
            try:
                server.send_message(message)
            except smtplib.SMTPRecipientsRefused:
                server.rset()


def _take(console) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = _signed_in(browser, console, "en-GB", "light", picture="sign-in")
        for name, place, height in PLACES:
            _shoot(page, console, name, place.format(LATE=LATE), height)
        page.goto(f"{console['url']}doctor")
        page.locator("#text").fill(REPLY)
        page.locator("main button").first.click()
        page.wait_for_selector(".explained")
        _save(page, "doctor", 760)
        page.locator("#text").fill(FLEET)
        page.locator("#kind").select_option("fleet")
        page.locator("main button").first.click()
        page.wait_for_selector("section pre")
        (INTO / "fleet.png").write_bytes(smaller(page.locator("main section").screenshot()))
        page.goto(f"{console['url']}mail")
        page.locator("tbody a").first.click()
        page.wait_for_url("**/mail/message**")
        _save(page, "test-message", 760)
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(f"{console['url']}message?id=late@kairan.test")
        page.screenshot(path=INTO / "telephone.png")
        (INTO / "telephone.png").write_bytes(smaller((INTO / "telephone.png").read_bytes()))
        dark = _signed_in(browser, console, "ja-JP", "dark")
        _shoot(dark, console, "overview-ja", "overview", 760)
        _shoot(dark, console, "message-ja", "message?id=late@kairan.test", 760)
        browser.close()


def _signed_in(browser, console, locale: str, scheme: str, picture: str = "") -> Page:
    page = browser.new_context(locale=locale, color_scheme=scheme, viewport=SIZE).new_page()
    page.set_default_timeout(PATIENCE_MILLISECONDS)
    page.goto(f"{console['url']}sign-in")
    if picture:
        _save(page, picture, 320)
    page.locator("#name").fill(console["user"])
    page.locator("#password").fill(console["password"])
    page.locator("main button").click()
    page.wait_for_url("**/console/overview")
    return page


def _shoot(page: Page, console, name: str, place: str, height: int) -> None:
    page.goto(f"{console['url']}{place}")
    _save(page, name, height)


def _save(page: Page, name: str, height: int) -> None:
    page.evaluate("document.activeElement && document.activeElement.blur()")
    clip = {"x": 0, "y": 0, "width": SIZE["width"], "height": height}
    picture = smaller(page.screenshot(clip=clip, full_page=True))
    assert len(picture) <= OCTETS_MAX, (name, len(picture))
    (INTO / f"{name}.png").write_bytes(picture)


if __name__ == "__main__":
    main()
