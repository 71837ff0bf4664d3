"""A running service with [capture]: real clients meet fault rules, and tests read mail by the API."""

import json
import os
import shutil
import smtplib
import socket
import subprocess
import time
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import sync_playwright

from kairan.auth.made_secrets import hash_secret, make_secret
from kairan.auth.passwords.hashing import hash_password
from kairan.capture.faults import remove_faults
from kairan.cli import sample
from kairan.console.roles import ConsoleRole
from kairan.directory.operations.api_keys import ApiKey, Scope
from kairan.directory.operations.console_users import ConsoleUser
from kit.live import CHEAP, PASSWORD, PRINTER, USER, open_directory, running_service, wait_for
from kit.ports import free_port

OTHER = sample.user(2)
CHROMIUM = shutil.which("chromium")
NODE = Path(__file__).parents[1] / "clients" / "node"
CAPTURE = "\n[capture]\nenabled = true\n\n[api]\nenabled = true\nport = {}\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    place = tmp_path_factory.mktemp("capture")
    settings = CAPTURE.format(free_port())
    routes = {USER: "capture:maildir:maildir", sample.DOMAIN: "capture:"}
    with running_service(place, settings=settings, routes=routes) as running:
        yield running


@pytest.fixture(scope="module")
def api(service):
    """As an operator's key; `viewer` in its headers for who may only look."""
    made = {scope: make_secret() for scope in (Scope.READ, Scope.OPERATE)}
    with open_directory(service.place) as directory:
        for scope, secret in made.items():
            key = ApiKey(f"a-{scope}", hash_secret(secret), scope, int(time.time()), None)
            directory.api_keys.add(key)
    text = (service.place / "kairan.toml").read_text()
    url = f"http://127.0.0.1:{int(text.rpartition('port = ')[2])}"
    headers = {"Authorization": f"Bearer {made[Scope.OPERATE]}"}
    with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        client.viewer = {"Authorization": f"Bearer {made[Scope.READ]}"}
        yield client


@contextmanager
def met(api, address, **rule):
    """A rule for the time of a block."""
    answer = api.post("/v1/faults", json={"address": address, **rule})
    assert answer.status_code == 201, answer.text
    try:
        yield
    finally:
        assert api.delete("/v1/faults", params={"address": address}).json()["removed"]


@contextmanager
def client(service):
    smtp = smtplib.SMTP("127.0.0.1", service.port(), timeout=30)
    try:
        smtp.starttls(context=service.trust)
        smtp.login(PRINTER, PASSWORD)
        yield smtp
    finally:
        smtp.close()


def send(smtp, *recipients, subject):
    content = f"From: {PRINTER}\r\nSubject: {subject}\r\n\r\nThe text of {subject}.\r\n"
    return smtp.sendmail(PRINTER, recipients or [USER], content.encode())


@pytest.fixture
def marker():
    return f"marker-{uuid.uuid4().hex}"


def found(api, marker, count=1):
    asked = {"text": marker, "count": count, "wait_seconds": 20}
    answer = api.get("/v1/captured-mail", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()["messages"]


# Captured.


def test_what_is_delivered_is_captured_and_lies_in_its_mailbox_as_well(service, api, marker):
    with client(service) as smtp:
        send(smtp, USER, subject=marker)
    service.wait_message(marker.encode())
    (one,) = found(api, marker)
    assert (one["subject"], one["recipients"], one["sender"]) == (marker, [USER], PRINTER)
    whole = api.get(f"/v1/captured-mail/{one['id']}").json()
    assert whole["text"] == f"The text of {marker}.\n"
    assert {"name": "Subject", "value": marker} in whole["headers"]
    source = api.get(f"/v1/captured-mail/{one['id']}/source")
    assert source.headers["content-type"] == "message/rfc822"
    assert source.content.endswith(f"The text of {marker}.\r\n".encode())


def test_a_message_for_many_is_one_with_all_its_recipients(service, api, marker):
    recipients = [sample.user(n) for n in range(2, 30)]
    with client(service) as smtp:
        send(smtp, *recipients, subject=marker)
    wait_for(
        lambda: [one["recipients_number"] for one in found(api, marker)] == [28], "28 recipients"
    )
    assert api.get("/v1/captured-mail", params={"text": marker, "to": recipients[9]}).json()[
        "number"
    ]
    assert not (service.place / "maildir" / recipients[0]).exists()


def test_what_is_deleted_is_gone(service, api, marker):
    with client(service) as smtp:
        for _ in range(2):
            send(smtp, subject=marker)
    first, second = found(api, marker, 2)
    assert api.delete(f"/v1/captured-mail/{first['id']}").status_code == 204
    assert api.get(f"/v1/captured-mail/{first['id']}").status_code == 404
    assert api.delete(f"/v1/captured-mail/{first['id']}").status_code == 404
    assert api.delete("/v1/captured-mail", params={"text": marker}).json() == {"removed": 1}
    assert api.get(f"/v1/captured-mail/{second['id']}/source").status_code == 404


def test_who_may_only_look_at_the_service_reads_no_mail_and_sets_no_rule(api):
    for method, place in (("GET", "/v1/captured-mail"), ("GET", "/v1/captured-mail/1"),
                          ("DELETE", "/v1/captured-mail"), ("GET", "/v1/captured-mail/1/source"),
                          ("GET", "/v1/faults"), ("DELETE", "/v1/faults"), ("POST", "/v1/faults")):  # fmt: skip
        assert api.request(method, place, headers=api.viewer).status_code == 403, place
        anonymous = httpx.request(method, f"{api.base_url}{place}")
        assert anonymous.status_code == 401, place


def test_nobody_waits_longer_than_asked_for_mail_that_does_not_come(api, marker):
    answer = api.get("/v1/captured-mail", params={"text": marker, "wait_seconds": 0.2})
    assert answer.json() == {"number": 0, "messages": []}


# Fault rules.


def test_a_recipient_is_refused_and_the_others_are_not(service, api, marker):
    with met(api, USER, answer="recipient-unknown"), client(service) as smtp:
        refused = send(smtp, USER, OTHER, subject=marker)
    assert list(refused) == [USER]
    assert refused[USER][0] == 550
    assert refused[USER][1].startswith(b"5.1.10")
    (one,) = found(api, marker)
    assert one["recipients"] == [OTHER]


def test_a_held_session_meets_a_rule_at_once_and_its_end_as_well(service, api, marker):
    with client(service) as smtp:
        send(smtp, subject=marker)
        with met(api, "*", answer="432 4.3.2"):
            with pytest.raises(smtplib.SMTPDataError) as error:
                send(smtp, subject=marker)
            assert error.value.smtp_code == 432
        send(smtp, subject=marker)
    found(api, marker, 2)


@pytest.mark.parametrize(("stage", "answer", "code"), [
    ("auth", "535 5.7.3", 535),
    ("mail", "sender-not-yours", 550),
    ("rcpt", "too-many-connections", 421),
    ("dot", "message-too-large", 552),
])  # fmt: skip
def test_a_refusal_is_met_at_its_stage(service, api, stage, answer, code, marker):
    address = USER if stage in {"rcpt", "dot"} else PRINTER
    with (
        met(api, address, answer=answer, stage=stage),
        pytest.raises(smtplib.SMTPException) as error,
        client(service) as smtp,
    ):
        send(smtp, subject=marker)
    said = error.value
    got = said.recipients[USER][0] if hasattr(said, "recipients") else said.smtp_code
    assert got == code


@pytest.mark.parametrize("stage", ["auth", "mail", "rcpt", "data", "dot"])
def test_a_connection_is_dropped_and_nothing_is_taken(service, api, stage, marker):
    address = PRINTER if stage in {"auth", "mail"} else USER
    with met(api, address, drop=True, stage=stage), pytest.raises(OSError), client(service) as smtp:
        send(smtp, subject=marker)
    service.wait_empty()
    assert api.get("/v1/captured-mail", params={"text": marker}).json()["number"] == 0


def test_a_connection_dropped_behind_the_promise_leaves_a_message_that_is_sent_again(
    service, api, marker
):
    """What makes duplicates in the world: the client never hears of its success."""
    with (
        met(api, OTHER, drop=True, stage="stored"),
        pytest.raises(OSError),
        client(service) as smtp,
    ):
        send(smtp, OTHER, subject=marker)
    with client(service) as smtp:
        send(smtp, OTHER, subject=marker)
    assert len(found(api, marker, 2)) == 2


@pytest.mark.parametrize("stage", ["auth", "mail", "rcpt", "dot", "stored"])
def test_a_delay_comes_before_what_would_have_come(service, api, stage, marker):
    address = PRINTER if stage in {"auth", "mail"} else USER
    with met(api, address, delay_seconds=0.15, stage=stage):
        began = time.monotonic()
        with client(service) as smtp:
            send(smtp, subject=marker)
        assert time.monotonic() - began >= 0.15
    found(api, marker)


def send_in_a_chunk(smtp, subject):
    """RFC 3030, as the HTTP API hands mail to a worker."""
    content = f"From: {PRINTER}\r\nSubject: {subject}\r\n\r\nThe text of {subject}.\r\n".encode()
    smtp.ehlo()
    smtp.mail(PRINTER)
    smtp.rcpt(USER)
    smtp.send(b"BDAT %d LAST\r\n%s" % (len(content), content))
    return smtp.getreply()


def test_a_rule_of_the_stage_data_holds_for_a_chunk(service, api, marker):
    with (
        met(api, USER, drop=True, stage="data"),
        pytest.raises(OSError),
        client(service) as smtp,
    ):
        send_in_a_chunk(smtp, marker)
    service.wait_empty()
    assert api.get("/v1/captured-mail", params={"text": marker}).json()["number"] == 0
    with met(api, USER, delay_seconds=0.15, stage="data"), client(service) as smtp:
        began = time.monotonic()
        assert send_in_a_chunk(smtp, marker)[0] == 250
        assert time.monotonic() - began >= 0.15
    assert len(found(api, marker)) == 1


def test_who_hangs_up_while_he_is_made_to_wait_leaves_nothing(service, api, marker):
    with met(api, USER, delay_seconds=0.3, stage="dot"):
        with service.client() as client_:
            client_.login()
            client_.begin(USER)
            client_.say(f"Subject: {marker}\r\n\r\n{marker}\r\n.\r\n".encode())
            client_.sock.shutdown(socket.SHUT_RDWR)
        time.sleep(0.6)  # that it is not taken after the delay
    service.wait_empty()
    assert api.get("/v1/captured-mail", params={"text": marker}).json()["number"] == 0
    with client(service) as smtp:
        send(smtp, subject=marker)
    assert len(found(api, marker)) == 1


def test_a_refusal_behind_the_250_fails_the_recipient(service, api, marker):
    with met(api, OTHER, answer="recipient-unknown", stage="delivery"), client(service) as smtp:
        send(smtp, OTHER, subject=marker)
        event = wait_for(
            lambda: next((e for e in service.events() if "fault rule)" in e.detail), None),
            "the failure in the trace",
        )
    assert (event.event, event.recipient) == ("FAIL", OTHER)
    assert "5.1.10" in event.detail


def test_a_refusal_by_rule_is_in_the_trace_and_the_log(service, api, marker):
    with (
        met(api, USER, answer="recipient-restricted"),
        client(service) as smtp,
        suppress(smtplib.SMTPRecipientsRefused),
    ):
        send(smtp, USER, subject=marker)
    told = "intake.fault-rule-met", "recipient-restricted"
    wait_for(
        lambda: [line for line in service.log if all(one in line for one in told)],
        "the refusal in the log",
    )
    wait_for(
        lambda: [e for e in service.events() if "recipient-restricted at=RCPT" in e.detail],
        "the refusal in the trace",
    )


def test_a_rule_of_the_command_line_counts_when_the_command_ends(service):
    rule = ("cli@kairan.test", "--answer", "550 5.1.10", "--for", "60")
    service.kairan("fault", "add", *rule)
    with client(service) as smtp:
        smtp.mail(PRINTER)
        assert smtp.rcpt(rule[0])[0] == 550
    remove_faults(service.place / "data" / "capture", rule[0], "", time.time())


@pytest.mark.parametrize("rule", [
    {"answer": "no-such-key"}, {}, {"answer": "550 5.1.10", "drop": True}, {"extra": 1},
    {"drop": True, "stage": "lunch"}, {"drop": True, "address": "no address"},
    {"delay_seconds": 1e9}, {"drop": True, "by": "me"},
])  # fmt: skip
def test_a_rule_that_means_nothing_is_refused(api, rule):
    answer = api.post("/v1/faults", json={"address": "a@kairan.test", **rule})
    assert answer.status_code == 422
    assert answer.json()["key"] == "api-invalid"
    assert "a@kairan.test" not in api.get("/v1/faults").text


@pytest.mark.peers
@pytest.mark.skipif(not shutil.which("swaks"), reason="no swaks")
def test_swaks_meets_a_rule(service, api):
    with met(api, USER, answer="recipient-unknown"):
        said = subprocess.run(
            ["swaks", "--server", f"127.0.0.1:{service.port()}", "--tls", "--to", USER,
             "--from", PRINTER, "--auth-user", PRINTER, "--auth-password", PASSWORD],
            capture_output=True, check=False, text=True,
        )  # fmt: skip
    assert said.returncode != 0
    assert "550 5.1.10" in said.stdout


HOSTILE = """\
<p id=hello>Hello</p><script>document.title = "ran"</script>
<img src="http://evil.test/pixel.png" onerror="document.title = 'ran'">
<svg onload="document.title = 'ran'"><script>document.title = "ran"</script></svg>
<link rel=stylesheet href="//evil.test/x.css"><meta http-equiv=refresh content="0;url=http://evil.test/">
<style>@import "http://evil.test/y.css"; p { background: url(http://evil.test/z.png) }</style>
<iframe src="http://evil.test/"></iframe><form action="http://evil.test/"><button id=go>go</button></form>
<a id=away href="http://evil.test/away" target=_top>away</a>
"""
WORDS = {"en-GB": ("HTML", "Add a rule", "Delete"), "ja-JP": ("HTML", "ルールの追加", "削除")}


@pytest.mark.peers
@pytest.mark.skipif(not CHROMIUM, reason="no chromium")
def test_a_browser_shows_mail_as_it_comes_runs_nothing_of_it_and_sets_a_rule(service, api):
    """In both languages, with one browser; it asks no other host and complains of nothing."""
    with open_directory(service.place) as directory:
        stored = hash_password(PASSWORD, CHEAP)
        directory.console_users.add(ConsoleUser("op", ConsoleRole.OPERATOR, stored, 0))
    address = str(api.base_url).rstrip("/")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for locale in WORDS:
            said, asked = follow(browser, address, locale, service)
            assert said == [], locale
            assert {one for one in asked if not one.startswith((f"{address}/", "data:"))} == set()
        browser.close()


def follow(browser, address, locale, service):
    """What the browser's console said, and what it asked for."""
    _, add_rule, delete = WORDS[locale]
    marker = f"browser-{uuid.uuid4().hex}"
    said, asked = [], []
    context = browser.new_context(locale=locale, color_scheme="dark")
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/console/mail")
    page.locator("#name").fill("op")
    page.locator("#password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/mail")

    # It appears by itself.
    with client(service) as smtp:
        head = f"From: {PRINTER}\r\nSubject: {marker}\r\nContent-Type: text/html\r\n\r\n"
        smtp.sendmail(PRINTER, [OTHER], head.encode() + HOSTILE.replace("\n", "\r\n").encode())
    row = page.get_by_role("link", name=marker, exact=True)
    row.wait_for()
    row.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/mail/message?**")
    frame = page.frame_locator("iframe.framed")
    assert frame.locator("#hello").inner_text() == "Hello"
    assert page.title().startswith(marker)
    assert frame.locator("title").count() == 0
    frame.locator("#go").click()
    assert page.url.startswith(f"{address}/console/mail/message?")
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0

    # A real client meets the rule that the page sets.
    page.goto(f"{address}/console/mail/faults")
    page.locator("#address").fill(OTHER)
    page.locator("#answer").fill("recipient-unknown")
    page.get_by_role("button", name=add_rule, exact=True).click()
    page.wait_for_url("**changed=1")
    with client(service) as smtp, pytest.raises(smtplib.SMTPRecipientsRefused) as error:
        send(smtp, OTHER, subject=marker)
    assert error.value.recipients[OTHER][0] == 550
    page.locator("tbody tr", has_text=OTHER).get_by_role("button").click()
    page.wait_for_url("**changed=1")

    page.goto(f"{address}/console/mail?subject={marker}")
    page.get_by_role("link", name=marker, exact=True).click()
    page.wait_for_url("**/console/mail/message?**")
    # By the keyboard: a click right behind a scroll may still hit the frame, which is a process of its own.
    page.get_by_role("button", name=delete, exact=True).press("Enter")
    page.wait_for_url("**deleted=1")
    context.close()
    return said, asked


@pytest.mark.peers
@pytest.mark.skipif(
    not shutil.which("node") or not (NODE / "node_modules").is_dir(), reason="no node"
)
def test_a_test_in_node_sends_by_smtp_and_reads_by_the_api(service, api, marker):
    given = {
        "host": "127.0.0.1", "port": service.port(), "caFile": str(service.place / "tls/ca.pem"),
        "user": PRINTER, "password": PASSWORD, "recipient": USER, "marker": marker,
        "url": str(api.base_url), "apiKey": api.headers["authorization"].removeprefix("Bearer "),
    }  # fmt: skip
    said = subprocess.run(
        ["node", "--test", str(NODE / "captured.test.mjs")], capture_output=True, check=False,
        text=True, env={**os.environ, "KAIRAN_TEST": json.dumps(given)},
    )  # fmt: skip
    assert said.returncode == 0, said.stdout + said.stderr
    assert "# pass 3" in said.stdout


JAVA = NODE.parent / "java"
# Of Debian's junit5, and of libjakarta-mail-java: what each wants is beside it.
JARS = [Path("/usr/share/java") / f"{name}.jar" for name in (
    "junit-platform-console", "junit-platform-launcher", "junit-platform-engine",
    "junit-platform-commons", "junit-platform-reporting", "junit-jupiter-api",
    "junit-jupiter-engine", "opentest4j", "apiguardian-api", "picocli", "jakarta-mail",
    "jakarta-activation",
)]  # fmt: skip


@pytest.mark.peers
@pytest.mark.skipif(
    not shutil.which("javac") or not all(jar.exists() for jar in JARS),
    reason="no javac, or no junit5 and libjakarta-mail-java of Debian",
)
def test_a_test_in_junit_sends_by_smtp_and_reads_by_the_api(service, api, marker, tmp_path):
    given = {
        "HOST": "127.0.0.1", "PORT": str(service.port()), "CA_FILE": str(service.place / "tls/ca.pem"),
        "USER": PRINTER, "PASSWORD": PASSWORD, "RECIPIENT": sample.user(7), "MARKER": marker,
        "URL": str(api.base_url), "API_KEY": api.headers["authorization"].removeprefix("Bearer "),
    }  # fmt: skip
    classes = ":".join(map(str, JARS))
    subprocess.run(
        ["javac", "-cp", classes, "-d", tmp_path, JAVA / "CapturedTest.java"], check=True
    )
    said = subprocess.run(
        ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", f"{tmp_path}:{classes}",
         "org.junit.platform.console.ConsoleLauncher", "--select-class=CapturedTest",
         "--disable-banner", "--details=tree"],
        capture_output=True, check=False, text=True,
        env={**os.environ, **{f"KAIRAN_{name}": value for name, value in given.items()}},
    )  # fmt: skip
    assert said.returncode == 0, said.stdout + said.stderr
    assert "3 tests successful" in said.stdout
