"""Clients that people really use send to all-hands@kairan.test; 200 mailboxes get it, once each."""

import email
import json
import re
import shutil
import smtplib
import ssl
import subprocess
import sys
from collections import Counter
from email.message import EmailMessage
from pathlib import Path

import pytest

from kairan.testing import running_demo

HERE = Path(__file__).parent
TEXT = "The canteen is closed on Friday.\r\n.\r\nThe line above is a dot, and this is not the end."
USERS = [f"user{number:03}@kairan.test" for number in range(1, 201)]

pytestmark = pytest.mark.peers


def needs(program):
    return pytest.mark.skipif(
        shutil.which(program) is None, reason=f"{program} is not installed (make peers)"
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with running_demo(tmp_path_factory.mktemp("clients") / "demo") as running:
        yield running


def run(*command, **options):
    """The client's output, or a failure that shows it."""
    done = subprocess.run(
        command, capture_output=True, check=False, encoding="utf-8", timeout=60, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def message_for(demo, subject):
    message = EmailMessage()
    message["From"] = demo.accounts[0].address
    message["To"] = demo.groups[0]
    message["Subject"] = subject
    message["Message-ID"] = f"<{subject}@clients.kairan.test>"
    message.set_content(TEXT)
    return message


def parsed(path):
    return email.message_from_bytes(path.read_bytes())


def messages_about(demo, user, subject):
    return [m for m in map(parsed, demo.messages(user)) if m["Subject"] == subject]


def assert_everybody_has_it_once(demo, subject):
    for user in USERS:
        wait_about(demo, user, subject)
    counts = Counter(len(messages_about(demo, user, subject)) for user in USERS)
    assert counts == {1: 200}
    message_ids = {messages_about(demo, user, subject)[0]["Message-ID"] for user in USERS}
    assert len(message_ids) == 1
    assert None not in message_ids
    body = messages_about(demo, USERS[0], subject)[0].get_payload(decode=True).decode()
    assert body.splitlines()[:3] == TEXT.splitlines()


def wait_about(demo, user, subject):
    """A module's clients share the demo: wait until this one's message is there, too."""
    count = 1
    while not messages_about(demo, user, subject):
        found = demo.wait_messages(user, count=count)
        count = len(found) + 1


def test_smtplib(demo):
    printer = demo.accounts[0]
    context = ssl.create_default_context(cafile=str(demo.ca_file))
    with smtplib.SMTP(demo.smtp_host, demo.smtp_port, timeout=30) as client:
        client.starttls(context=context)
        client.login(printer.address, printer.password)
        client.send_message(message_for(demo, "smtplib"))
    assert_everybody_has_it_once(demo, "smtplib")


@needs("swaks")
def test_swaks(demo):
    printer = demo.accounts[0]
    run(
        "swaks",
        *("--server", demo.smtp_host, "--port", str(demo.smtp_port)),
        *("--tls", "--tls-verify", "--tls-ca-path", str(demo.ca_file)),
        *("--auth", "LOGIN", "--auth-user", printer.address, "--auth-password", printer.password),
        *("--from", printer.address, "--to", demo.groups[0]),
        *("--header", "Subject: swaks", "--body", TEXT.replace("\r\n", "\\n")),
    )
    assert_everybody_has_it_once(demo, "swaks")


@needs("msmtp")
def test_msmtp(demo, tmp_path):
    printer = demo.accounts[0]
    settings = tmp_path / "msmtprc"
    settings.write_text(
        f"account default\nhost {demo.smtp_host}\nport {demo.smtp_port}\n"
        f"tls on\ntls_starttls on\ntls_trust_file {demo.ca_file}\n"
        f"auth on\nuser {printer.address}\npassword {printer.password}\nfrom {printer.address}\n"
    )
    settings.chmod(0o600)
    message = message_for(demo, "msmtp").as_string()
    run("msmtp", "-C", str(settings), "-t", input=message)
    assert_everybody_has_it_once(demo, "msmtp")


@needs("curl")
def test_curl(demo, tmp_path):
    printer = demo.accounts[0]
    message = tmp_path / "message.eml"
    message.write_bytes(message_for(demo, "curl").as_bytes().replace(b"\n", b"\r\n"))
    run(
        *("curl", "--silent", "--show-error", "--max-time", "30", "--ssl-reqd"),
        *("--cacert", str(demo.ca_file), "--user", f"{printer.address}:{printer.password}"),
        *("--mail-from", printer.address, "--mail-rcpt", demo.groups[0]),
        *("--upload-file", str(message), f"smtp://{demo.smtp_host}:{demo.smtp_port}"),
    )
    assert_everybody_has_it_once(demo, "curl")


@needs("node")
@pytest.mark.skipif(
    not (HERE / "node" / "node_modules" / "nodemailer").is_dir(),
    reason="nodemailer is not installed (make peers)",
)
def test_nodemailer(demo):
    printer = demo.accounts[0]
    given = {
        "host": demo.smtp_host,
        "port": demo.smtp_port,
        "caFile": str(demo.ca_file),
        "user": printer.address,
        "password": printer.password,
        "recipient": demo.groups[0],
        "subject": "nodemailer",
        "text": TEXT,
    }
    response = run("node", str(HERE / "node" / "send.mjs"), input=json.dumps(given))
    assert response.startswith("250 2.6.0 <")
    assert_everybody_has_it_once(demo, "nodemailer")


def readme_block(name, language):
    text = (HERE.parents[1] / name).read_text(encoding="utf-8")
    return next(
        block
        for block in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
        if "demo/demo.json" in block
    )


@pytest.mark.parametrize("name", ["README.md", "README.ja.md"])
def test_what_the_readme_says_in_python_reaches_everybody(demo, name):
    before = len(demo.messages(USERS[-1]))
    run(sys.executable, "-c", readme_block(name, "python"), cwd=demo.directory.parent)
    demo.wait_messages(USERS[-1], count=before + 1)


def test_what_operations_says_of_tokens_in_python_logs_in(demo):
    script = readme_block("docs/operations.md", "python")
    said = run(sys.executable, "-c", script, cwd=demo.directory.parent)
    assert "(235, b'2.7.0 " in said


@needs("swaks")
@pytest.mark.parametrize("name", ["README.md", "README.ja.md"])
def test_what_the_readme_says_in_shell_reaches_everybody(demo, name):
    before = len(demo.messages(USERS[-1]))
    script = readme_block(name, "sh").replace("ls demo/", "# ls demo/")
    run("bash", "-c", "set -eu\n" + script, cwd=demo.directory.parent)
    demo.wait_messages(USERS[-1], count=before + 1)
