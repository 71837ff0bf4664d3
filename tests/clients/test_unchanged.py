"""What programs and other mail servers send goes out octet for octet, to everybody once.

The next hop offers neither SMTPUTF8 nor CHUNKING, as many do not.
"""

import json
import shutil
import smtplib
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from kairan.cli import sample
from kairan.testing.peer import ScriptedPeer
from kit.live import PASSWORD, PRINTER, in_thread, running_service, wait_for
from peers.exim import exim_smtp
from peers.haraka_server import haraka_smtp
from peers.postfix import postfix_smtp
from peers.servers import SmartHost
from peers.unchanged import TEXT, assert_unchanged, large_message, message, message_id_of

pytestmark = pytest.mark.peers

PROGRAMS = Path(__file__).parent / "programs"
NODE = Path(__file__).parent / "node"
JAVA_LIBRARIES = [Path(f"/usr/share/java/jakarta-{name}.jar") for name in ("mail", "activation")]
PHPMAILER = Path("/usr/share/php/libphp-phpmailer/src/PHPMailer.php")
# A group, and two of its members a second time.
RECIPIENTS = [sample.address("all-hands"), sample.user(1), sample.user(200)]
EVERYBODY = {sample.user(number) for number in range(1, 201)}
LARGE_OCTETS = 300 * 1024


@pytest.fixture(scope="module")
def next_hop():
    with in_thread(ScriptedPeer(capabilities=["PIPELINING", "SIZE", "8BITMIME", "DSN"])) as peer:
        yield peer


@pytest.fixture(scope="module")
def service(next_hop, tmp_path_factory):
    to = {"*": f"smtp://127.0.0.1:{next_hop.port}?tls=none"}
    with running_service(tmp_path_factory.mktemp("unchanged") / "k", routes=to) as running:
        yield running


@pytest.fixture
def smart_host(service):
    return SmartHost(service.port(), PRINTER, PASSWORD, service.place / "tls" / "ca.pem")


@pytest.fixture
def assert_everybody_has_it_once(service, next_hop):
    def arrived(message_id):
        return [one for one in next_hop.messages if message_id in one.content]

    def recipients(message_id):
        named = (to for one in arrived(message_id) for to in one.recipients)
        return Counter(to.split()[0].strip("<>") for to in named)

    def check(sent):
        message_id = message_id_of(sent)
        wait_for(lambda: set(recipients(message_id)) >= EVERYBODY, "everybody's copy")
        service.wait_empty()
        assert recipients(message_id) == dict.fromkeys(EVERYBODY, 1)
        for one in arrived(message_id):
            assert_unchanged(one.content, sent)
            assert "SMTPUTF8" not in one.sender

    return check


def needs(*wanted):
    missing = [str(one) for one in wanted if not (Path(one).exists() or shutil.which(one))]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)} (make peers)")


def run(*command, given=b""):
    """The program's output, or a failure that shows it."""
    done = subprocess.run(command, input=given, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")
    return done.stdout


def send(smart_host, *command, given):
    """What the program says that it sent."""
    where = (str(smart_host.port), smart_host.authority, smart_host.user, smart_host.password)
    return run(*command, *where, *RECIPIENTS, given=given)


@needs("php", PHPMAILER)
def test_what_phpmailer_sends(smart_host, assert_everybody_has_it_once):
    sent = send(smart_host, "php", PROGRAMS / "send.php", given=TEXT.encode())
    assert "回覧".encode() in sent
    assert_everybody_has_it_once(sent)


@needs("java", *JAVA_LIBRARIES)
def test_what_jakarta_mail_sends(smart_host, assert_everybody_has_it_once):
    java = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]  # to be up soon
    libraries = ":".join(map(str, JAVA_LIBRARIES))
    sent = send(smart_host, *java, "-cp", libraries, PROGRAMS / "Send.java", given=TEXT.encode())
    assert "回覧".encode() in sent
    assert_everybody_has_it_once(sent)


@needs("perl", "/usr/share/perl5/Authen/SASL.pm", "/usr/share/perl5/IO/Socket/SSL.pm")
def test_what_perls_net_smtp_sends(smart_host, assert_everybody_has_it_once):
    content = message(PRINTER, RECIPIENTS)
    assert send(smart_host, "perl", PROGRAMS / "send.pl", given=content) == content
    assert_everybody_has_it_once(content)


@needs("ruby")
def test_what_rubys_net_smtp_sends(smart_host, assert_everybody_has_it_once):
    content = message(PRINTER, RECIPIENTS)
    assert send(smart_host, "ruby", PROGRAMS / "send.rb", given=content) == content
    assert_everybody_has_it_once(content)


@pytest.fixture(scope="module")
def go_program(tmp_path_factory):
    program = tmp_path_factory.mktemp("go") / "send"
    subprocess.run(["go", "build", "-o", program, PROGRAMS / "send.go"], check=True, timeout=300)
    return program


@needs("go")
@pytest.mark.parametrize(
    "content",
    [message(PRINTER, RECIPIENTS), large_message(PRINTER, RECIPIENTS, LARGE_OCTETS)],
    ids=["8-bit", "large"],
)
def test_what_go_sends_which_asks_for_smtputf8_without_need(
    smart_host, go_program, assert_everybody_has_it_once, content
):
    assert send(smart_host, go_program, given=content) == content
    assert_everybody_has_it_once(content)


def test_what_smtplib_sends(service, assert_everybody_has_it_once):
    content = message(PRINTER, RECIPIENTS)
    with smtplib.SMTP("127.0.0.1", service.port()) as client:
        client.starttls(context=service.trust)
        client.login(PRINTER, PASSWORD)
        client.sendmail(PRINTER, RECIPIENTS, content, ["BODY=8BITMIME"])
    assert_everybody_has_it_once(content)


@needs("curl")
def test_what_curl_sends(smart_host, assert_everybody_has_it_once):
    content = message(PRINTER, RECIPIENTS)
    recipients = (word for one in RECIPIENTS for word in ("--mail-rcpt", one))
    run(
        *("curl", "--silent", "--show-error", "--ssl-reqd", "--noproxy", "*"),
        *("--cacert", smart_host.authority, "--user", f"{PRINTER}:{PASSWORD}"),
        *("--mail-from", PRINTER, *recipients, "--upload-file", "-"),
        f"smtp://127.0.0.1:{smart_host.port}",
        given=content,
    )
    assert_everybody_has_it_once(content)


@needs("msmtp")
def test_what_msmtp_sends(smart_host, assert_everybody_has_it_once, tmp_path):
    settings = tmp_path / "msmtprc"
    settings.write_text(
        f"account default\nhost 127.0.0.1\nport {smart_host.port}\ntls on\n"
        f"tls_trust_file {smart_host.authority}\nauth plain\nuser {PRINTER}\n"
        f'password "{PASSWORD}"\nfrom {PRINTER}\n'
    )
    settings.chmod(0o600)
    content = message(PRINTER, RECIPIENTS)
    run("msmtp", "-C", settings, *RECIPIENTS, given=content.replace(b"\r\n", b"\n"))
    assert_everybody_has_it_once(content)


@needs("swaks")
def test_what_swaks_sends(smart_host, assert_everybody_has_it_once, tmp_path):
    content = message(PRINTER, RECIPIENTS)
    (tmp_path / "content").write_bytes(content.removesuffix(b"\r\n"))  # it ends the last line
    run(
        *("swaks", "--server", "127.0.0.1", "--port", str(smart_host.port), "--tls"),
        *("--auth", "PLAIN", "--auth-user", PRINTER, "--auth-password", PASSWORD),
        *("--from", PRINTER, "--to", ",".join(RECIPIENTS), "--data", f"@{tmp_path / 'content'}"),
    )
    assert_everybody_has_it_once(content)


@needs("node", NODE / "node_modules" / "nodemailer")
def test_what_nodemailer_sends(smart_host, assert_everybody_has_it_once):
    content = message(PRINTER, RECIPIENTS)
    given = {
        "host": "127.0.0.1",
        "port": smart_host.port,
        "caFile": str(smart_host.authority),
        "user": PRINTER,
        "password": PASSWORD,
        "recipients": RECIPIENTS,
        "raw": content.decode(),
    }
    run("node", NODE / "send.mjs", given=json.dumps(given).encode())
    assert_everybody_has_it_once(content)


@pytest.mark.parametrize("relay", [postfix_smtp, exim_smtp, haraka_smtp])
def test_what_a_relay_sends(smart_host, assert_everybody_has_it_once, relay):
    small = message(PRINTER, RECIPIENTS)
    large = large_message(PRINTER, RECIPIENTS, LARGE_OCTETS)
    with relay(smart_host) as server, smtplib.SMTP(server.host, server.port) as client:
        client.sendmail(PRINTER, RECIPIENTS, small, ["BODY=8BITMIME"])
        client.sendmail(PRINTER, RECIPIENTS, large)
        try:
            assert_everybody_has_it_once(small)
            assert_everybody_has_it_once(large)
        except (AssertionError, TimeoutError):
            print(server.log())
            raise
