"""A service, and then two, whose directory is in PostgreSQL: Entra pushes to it, and lists are refreshed."""

import time
from contextlib import ExitStack
from datetime import UTC, datetime

import httpx
import pytest

from kairan.auth.made_secrets import hash_secret, make_secret
from kairan.config.installation import Installation, install
from kairan.directory.dynamic.live import parsed
from kairan.directory.model import DynamicGroup
from kairan.directory.operations.scim_tokens import ScimToken
from kairan.directory.store import Directory
from kairan.testing.configuration import TLS, kairan_toml, listener
from kit.live import CHEAP_AUTH, running_service, wait_for
from kit.ports import free_port
from kit.scim_documents import created, group, patched, user

pytestmark = pytest.mark.peers

DOMAIN = "testuser.com"
LIST = f"engineers@{DOMAIN}"
LONG_AGO = 1_000_000


@pytest.fixture(scope="module")
def url(postgresql):
    return postgresql.new_database()


@pytest.fixture(scope="module")
def scim_port():
    return free_port()


def install_node(place, url, scim_port, *, first):
    """A second machine has the first one's configuration and a place of its own."""
    if first:
        install(
            Installation(place, "mail.kairan.test", DOMAIN, host="127.0.0.1", directory_url=url),
            now=datetime.now(UTC),
        )
    else:
        install(Installation(place, "mail.kairan.test", DOMAIN), now=datetime.now(UTC))
    (place / "kairan.toml").write_text(
        kairan_toml(
            listeners=[listener("client", tls="implicit")],
            routes={"*": "maildir:maildir"},
            workers=1,
            tls=TLS,
            auth=CHEAP_AUTH,
            directory={"url": url},
            issuer={"port": scim_port},
            scim={"enabled": True},
        )
    )


@pytest.fixture(scope="module")
def directory(url, tmp_path_factory, scim_port):
    """Two services run on it.  The list was last refreshed long ago, and nobody was on it then."""
    places = [tmp_path_factory.mktemp("node") / "kairan" for _ in range(2)]
    for number, place in enumerate(places):
        port = scim_port if number == 0 else free_port()
        install_node(place, url, port, first=number == 0)
    with Directory.open(url) as opened, ExitStack() as stack:
        text = "Title -eq 'Engineer'"
        opened.dynamic_groups.add(DynamicGroup(LIST, text), parsed(text), now=LONG_AGO, by="me")
        opened.add_mailbox(f"first@{DOMAIN}", attributes={"title": "Engineer"})
        for place in places:
            stack.enter_context(running_service(place, install=False))
        yield opened


@pytest.fixture(scope="module")
def scim(directory, scim_port):
    secret, now = make_secret(), int(time.time())
    directory.scim_tokens.add(ScimToken("entra", hash_secret(secret), now, now + 900))
    headers = {"Authorization": f"Bearer {secret}"}
    base = f"http://127.0.0.1:{scim_port}/scim/v2"
    with httpx.Client(base_url=base, headers=headers, timeout=30) as client:
        yield client


def test_a_list_that_is_due_is_refreshed_soon_after_the_start_by_one_of_the_two(directory):
    wait_for(lambda: members_of(directory, LIST) or None, "the list's first member")
    history = directory.dynamic_groups.history(LIST)
    assert [(one.added, one.by == "me") for one in history] == [(1, False)]
    looked = directory.dynamic_groups.one(LIST).refreshed
    assert abs(time.time() - looked) < 600


def test_entra_pushes_people_changes_addresses_and_fills_groups(directory, scim):
    made = created(scim, "Users", user("yamada", displayName="山田 太郎"))
    address = made["emails"][0]["value"]
    sales = created(scim, "Groups", group("Sales", members=[{"value": made["id"]}]))
    work = 'emails[type eq "work"].value'
    answer = patched(
        scim, f"Users/{made['id']}", {"op": "Replace", "path": work, "value": f"new@{DOMAIN}"}
    )
    assert answer.status_code == 200, answer.text
    box = directory.mailbox(address)
    assert (box.address, box.aliases) == (f"new@{DOMAIN}", {address})
    assert box.display_name == "山田 太郎"
    assert members_of(directory, f"sales@{DOMAIN}") == [f"new@{DOMAIN}"]
    other = created(scim, "Users", user("other"))
    answer = patched(
        scim, f"Users/{other['id']}", {"op": "Replace", "path": work, "value": address}
    )
    assert answer.status_code == 200, answer.text
    assert directory.mailbox(address).address == address
    found = scim.get("Users", params={"filter": f'emails.value eq "new@{DOMAIN}"'}).json()
    assert [one["id"] for one in found["Resources"]] == [made["id"]]
    for one in (f"Groups/{sales['id']}", f"Users/{other['id']}", f"Users/{made['id']}"):
        assert scim.delete(one).status_code == 204
    assert directory.mailbox(f"new@{DOMAIN}") is None


def test_without_the_token_nothing_is_shown(scim):
    answer = scim.get("Users", headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401
    assert "Resources" not in answer.text


def members_of(directory, address):
    return [one for piece in directory.members(address) for one in piece]
