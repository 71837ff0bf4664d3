"""Two services on one directory in PostgreSQL, each with an issuer: a token of either is good at both."""

import json
import time
import uuid
from base64 import b64encode
from contextlib import ExitStack
from datetime import UTC, datetime

import httpx
import jwt
import pytest

from kairan.auth.made_secrets import hash_secret, make_secret
from kairan.config.installation import Installation, install
from kairan.directory.model import App, AppSecret
from kairan.directory.store import Directory
from kairan.issuer.settings import IssuerServiceSettings
from kairan.issuer.web.places import places_of
from kairan.testing.configuration import TLS, kairan_toml, listener
from kit.live import CHEAP_AUTH, PRINTER, running_service, wait_for
from kit.ports import free_port

pytestmark = pytest.mark.peers

DOMAIN = PRINTER.partition("@")[2]
TENANT = "5e1f0000-0000-4000-8000-000000000004"
SECRET = make_secret()
ERP = App(
    "erp",
    client_id=str(uuid.uuid4()),
    object_id=str(uuid.uuid4()),
    permissions=frozenset({"Mail.Send"}),
    secrets=(AppSecret(hash_secret(SECRET)),),
)
FORM = {
    "grant_type": "client_credentials",
    "client_id": ERP.client_id,
    "client_secret": SECRET,
}
# What clients and tokens call both of them: a balancer's name, which nothing here asks for keys.
URL = "https://issuer.kairan.test"


class Node:
    def __init__(self, place, stack):
        self.place, self._stack = place, stack
        self.places = places_of(IssuerServiceSettings(port=free_port(), tenant=TENANT))
        self.service = None

    def configure(self, url, secret):
        (self.place / "issuer.secret").write_text(secret)
        (self.place / "issuer.secret").chmod(0o600)
        issuer = {
            "enabled": True,
            "port": int(self.places.jwks.split(":")[2].partition("/")[0]),
            "url": URL,
            "tenant": TENANT,
            "algorithm": "ES256",
            "keys_secret_file": "issuer.secret",
        }
        believed = {
            "issuer": places_of(IssuerServiceSettings(url=URL, tenant=TENANT)).issuer,
            "jwks_url": self.places.jwks,  # each asks its own node
            "tenant": TENANT,
        }
        (self.place / "kairan.toml").write_text(
            kairan_toml(
                listeners=[listener("hve")],
                routes={"*": "maildir:maildir"},
                workers=1,
                tls=TLS,
                auth={
                    **CHEAP_AUTH,
                    "tokens": {"keys_interval_seconds": 0.1},
                    "issuers": [believed],
                },
                directory={"url": url},
                issuer=issuer,
            )
        )

    def start(self):
        self.service = self._stack.enter_context(running_service(self.place, install=False))

    def token(self):
        return httpx.post(self.places.token, data=FORM, timeout=30).json()["access_token"]

    def published(self):
        keys = httpx.get(self.places.jwks, timeout=30).json()["keys"]
        return [key["kid"] for key in keys]

    def answer_to(self, token):
        initial = b64encode(f"user={PRINTER}\1auth=Bearer {token}\1\1".encode())
        with self.service.client("starttls") as client:
            answer = client.ask(b"AUTH XOAUTH2 " + initial)
            return client.ask(b"") if answer.startswith("334") else answer


@pytest.fixture(scope="module")
def nodes(postgresql, tmp_path_factory):
    url, secret = postgresql.new_database(), "a-secret-of-two-nodes-that-is-long-enough"
    with Directory.open(url) as directory, ExitStack() as stack:
        nodes = [Node(tmp_path_factory.mktemp("node") / "kairan", stack) for _ in range(2)]
        directory.add_accepted_domain(DOMAIN)
        directory.add_account(PRINTER)
        directory.apps.add(ERP, accounts=[PRINTER])
        for node in nodes:
            install(Installation(node.place, "mail.kairan.test", DOMAIN), now=datetime.now(UTC))
            node.configure(url, secret)
            node.start()
        yield nodes


def test_a_token_of_either_logs_in_at_both(nodes):
    assert nodes[0].published() == nodes[1].published()
    for maker in nodes:
        token = maker.token()
        answers = [node.answer_to(token) for node in nodes]
        assert all(answer.startswith("235") for answer in answers), answers


def test_a_rotation_at_one_is_the_others_too_and_the_old_tokens_end_at_both(nodes):
    a, b = nodes
    before = a.token()
    made = json.loads(a.service.kairan("app", "rotate", "--compromised", "--json"))
    assert b.published() == a.published() == [made["kid"]]
    token = b.token()
    assert jwt.get_unverified_header(token)["kid"] == made["kid"]
    wait_for(lambda: a.answer_to(token).startswith("235"), "the new key")
    wait_for(
        lambda: not any(node.answer_to(before).startswith("235") for node in nodes),
        "its withdrawal",
    )


def test_status_shows_the_common_keys_at_each(nodes):
    shown = [json.loads(node.service.kairan("status", "--json")) for node in nodes]
    assert [[key["key_id"] for key in one["issuer_keys"]] for one in shown] == [
        node.published() for node in nodes
    ]


def test_when_one_is_killed_the_other_signs_and_makes_the_next_key(nodes):
    a, b = nodes
    token = a.token()
    a.service.kill()
    assert b.answer_to(token).startswith("235")
    made = json.loads(b.service.kairan("app", "rotate", "--json"))
    assert made["signs_from"] > time.time()
    assert b.published()[-1] == made["kid"]
    assert b.answer_to(b.token()).startswith("235")
    a.start()
    assert a.published() == b.published()
