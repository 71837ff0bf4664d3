"""Clients that people really use log in with a token, a foreign issuer's and our own; mail arrives."""

import base64
import json
import shutil
import smtplib
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from kairan.issuer.settings import IssuerServiceSettings
from kairan.issuer.web.places import places_of
from kit.live import PRINTER, USER, make_installation, open_directory, running_service
from kit.ports import free_port
from peers.oidc_provider import SECRET, needs_oidc_provider, oidc_provider

HERE = Path(__file__).parent
BOTH = '[intake]\nmechanisms = ["LOGIN", "PLAIN", "XOAUTH2", "OAUTHBEARER"]\n'

pytestmark = [pytest.mark.peers, needs_oidc_provider]


def needs(program):
    return pytest.mark.skipif(
        shutil.which(program) is None, reason=f"{program} is not installed (make peers)"
    )


@pytest.fixture(scope="module")
def issuer():
    with oidc_provider() as running:
        yield running


@contextmanager
def service_believing_a_foreign_issuer(place, issuer):
    make_installation(place, settings=issuer.settings + BOTH, workers=1)
    with open_directory(place) as directory:
        directory.set_account(PRINTER, allowed_apps=frozenset({issuer.object_id}))
    with running_service(place, install=False) as service:
        yield service, issuer.token()


@contextmanager
def service_with_its_own_issuer(place, _issuer):
    own = IssuerServiceSettings(port=free_port())
    settings = (
        f"[issuer]\nenabled = true\nport = {own.port}\n"
        f'[[auth.issuers]]\nissuer = "{places_of(own).issuer}"\ntenant = "{own.tenant}"\n'
    )
    make_installation(place, settings=settings + BOTH, workers=1)
    configuration = str(place / "kairan.toml")
    added = run("kairan", "app", "add", "erp", "--account", PRINTER, "--json", "-c", configuration)
    app = json.loads(added)
    with running_service(place, install=False) as service:
        answer = httpx.post(
            places_of(own).token,
            data={
                "grant_type": "client_credentials",
                "client_id": app["client_id"],
                "client_secret": app["client_secret"],
                "scope": f"{own.audience}/.default",
            },
            trust_env=False,
        )
        yield service, answer.raise_for_status().json()["access_token"]


@pytest.fixture(
    scope="module", params=[service_believing_a_foreign_issuer, service_with_its_own_issuer]
)
def site(request, issuer, tmp_path_factory):
    """A service, and a token that it takes."""
    with request.param(tmp_path_factory.mktemp("tokens") / "k", issuer) as both:
        yield both


@pytest.fixture(scope="module")
def service(site):
    return site[0]


@pytest.fixture(scope="module")
def token(site):
    return site[1]


@pytest.fixture
def delivered(service, token):
    """Waits for the message, and looks for the token everywhere it must not be."""

    def check(subject):
        service.wait_message(f"Subject: {subject}".encode())
        said = "".join(service.log) + repr(service.events())
        assert token not in said
        assert token.rpartition(".")[2] not in said

    return check


def run(program, *words, **options):
    command = [sys.executable, "-m", program] if program == "kairan" else [program]
    done = subprocess.run(
        [*command, *words],
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=60,
        **options,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def message_about(subject):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = PRINTER, USER, subject
    message.set_content("Logged in without a password.")
    return message


def bearer(token):
    return f"user={PRINTER}\1auth=Bearer {token}\1\1"


def test_smtplib(service, token, delivered):
    with smtplib.SMTP("127.0.0.1", service.port(), timeout=30) as client:
        client.starttls(context=service.trust)
        client.ehlo()
        client.auth("XOAUTH2", lambda _=None: bearer(token))
        client.send_message(message_about("token-smtplib"))
    delivered("token-smtplib")


@needs("curl")
@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_curl(service, token, delivered, tmp_path, mechanism):
    subject = f"token-curl-{mechanism}"
    message = tmp_path / "message.eml"
    message.write_bytes(message_about(subject).as_bytes().replace(b"\n", b"\r\n"))
    run(
        *("curl", "--silent", "--show-error", "--max-time", "30", "--ssl-reqd"),
        *("--cacert", str(service.place / "tls" / "ca.pem"), "--noproxy", "*"),
        *("--user", PRINTER, "--oauth2-bearer", token, "--login-options", f"AUTH={mechanism}"),
        *("--mail-from", PRINTER, "--mail-rcpt", USER),
        *("--upload-file", str(message), f"smtp://127.0.0.1:{service.port()}"),
    )
    delivered(subject)


@needs("msmtp")
@pytest.mark.parametrize("mechanism", ["xoauth2", "oauthbearer"])
def test_msmtp(service, token, delivered, tmp_path, mechanism):
    subject = f"token-msmtp-{mechanism}"
    (tmp_path / "token").write_text(token)
    settings = tmp_path / "msmtprc"
    settings.write_text(
        f"account default\nhost 127.0.0.1\nport {service.port()}\n"
        f"tls on\ntls_starttls on\ntls_trust_file {service.place / 'tls' / 'ca.pem'}\n"
        f"auth {mechanism}\nuser {PRINTER}\npasswordeval cat {tmp_path / 'token'}\nfrom {PRINTER}\n"
    )
    settings.chmod(0o600)
    run("msmtp", "-C", str(settings), "-t", input=message_about(subject).as_string())
    delivered(subject)


@pytest.mark.skipif(
    not (HERE / "node" / "node_modules" / "nodemailer").is_dir(),
    reason="nodemailer is not installed (make peers)",
)
def test_nodemailer(service, token, delivered):
    given = {
        "host": "127.0.0.1",
        "port": service.port(),
        "caFile": str(service.place / "tls" / "ca.pem"),
        "user": PRINTER,
        "accessToken": token,
        "recipient": USER,
        "subject": "token-nodemailer",
        "text": "Logged in without a password.",
    }
    response = run("node", str(HERE / "node" / "send.mjs"), input=json.dumps(given))
    assert response.startswith("250 2.6.0 <")
    delivered("token-nodemailer")


FAULTS = [
    ({"lifetimeSeconds": 300}, "501 5.5.127"),
    ({"roles": ["Mail.Read"]}, "501 5.5.129"),
    ({"audience": "https://graph.microsoft.com"}, "535 5.7.127"),
    ({"objectId": "00000000-0000-4000-8000-00000000000f"}, "535 5.7.127"),
    ({"algorithm": "PS256"}, "235 2.7.0"),
    ({"algorithm": "ES256"}, "235 2.7.0"),
]


def test_what_a_foreign_issuer_gets_wrong_has_its_code(tmp_path, issuer):
    with ExitStack() as running:
        foreign = [running.enter_context(oidc_provider(**changes)) for changes, _ in FAULTS]
        settings = "".join(one.settings for one in foreign)
        make_installation(tmp_path / "k", settings=settings, workers=1)
        with open_directory(tmp_path / "k") as directory:
            directory.set_account(PRINTER, allowed_apps=frozenset({issuer.object_id}))
        service = running.enter_context(running_service(tmp_path / "k", install=False))
        replies = []
        for one in foreign:
            with service.client() as client:
                message = base64.b64encode(bearer(one.token()).encode())
                replies.append(client.ask(b"AUTH XOAUTH2 " + message))
        assert [" ".join(reply.split()[:2]) for reply in replies] == [reply for _, reply in FAULTS]
        assert SECRET not in "".join(service.log)
