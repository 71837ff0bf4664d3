"""Who has no token, who has one and asks for too much, and who asks for what is not his."""

import json

import pytest

from kairan.auth.made_secrets import make_secret
from kairan.directory.database import schema
from kairan.directory.database.database import insert_rows
from kairan.directory.operations.scim_resources import PushedKind
from kit.scim_documents import USER, created, group, members, patched, user


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic a2FpOng=",
        f"Bearer {make_secret()}",
        f"Bearer {'x' * 5_000}",
        "Bearer \xe9\xff",
    ],
    ids=["none", "no-token", "empty", "basic", "another", "long", "octets"],
)
@pytest.mark.parametrize("path", ["Users", "Schemas", "nothing", "Users/../Schemas"])
def test_without_a_token_everything_is_401(made, authorization, path):
    scim = made(token="")
    headers = [(b"authorization", authorization.encode("latin-1"))] if authorization else []
    answer = scim.get(path, headers=headers)
    assert answer.status_code in {401, 429}
    assert answer.json()["status"] == str(answer.status_code)
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_revoked_token_is_refused(scim, directory):
    assert scim.get("Users").status_code == 200
    directory.scim_tokens.remove("entra")
    assert scim.get("Users").status_code == 401


def test_a_token_is_refused_from_the_second_at_which_it_expires(scim, clock):
    clock.now += 86_399
    assert scim.get("Users").status_code == 200
    clock.now += 1
    assert scim.get("Users").status_code == 401


def test_who_guesses_waits_and_who_knows_does_not(made):
    guesser = made(token="kai~guess")
    answers = [guesser.get("Users").status_code for _ in range(8)]
    assert answers[0] == 401
    assert answers[-1] == 429
    assert made().get("Users").status_code == 200


def test_a_body_is_read_to_its_bound_only_and_not_at_all_without_a_token(made):
    ten = b'{"userName":"' + b"x" * 10_000_000 + b'"}'
    scim = made()
    assert scim.post("Users", content=ten).status_code == 413
    undeclared = scim.build_request("POST", "Users", content=ten)
    del undeclared.headers["content-length"]
    assert scim.send(undeclared).status_code == 413
    assert made(token="kai~wrong").post("Users", content=ten).status_code == 401


def test_a_patch_of_a_hundred_thousand_members_is_refused_whole(scim, directory):
    made = created(scim, "Groups", group())
    value = [{"$ref": None, "value": f"{n:036d}"} for n in range(100_000)]
    answer = patched(scim, f"Groups/{made['id']}", {"op": "Add", "path": "members", "value": value})
    assert answer.status_code == 413
    assert members(directory, "sales-emea@testuser.com") == []


def test_fifteen_thousand_members_of_one_request_are_written(scim, directory):
    """As many as fit into a body: removed again by one filter's worth each, and by replacing all."""
    ids = [f"{number:032x}" for number in range(15_000)]
    row = {
        "kind": "User",
        "external_id": "",
        "address": "",
        "created": 0,
        "modified": 0,
    }
    row["document"] = json.dumps({"schemas": [USER], "userName": "u"})
    with directory.scim.changing(recipients=False) as rows:
        insert_rows(
            rows.connection,
            schema.scim_resource,
            [{**row, "id": one, "name": one, "folded_name": one} for one in ids],
        )
    made = created(scim, "Groups", group())
    value = [{"value": one} for one in ids]
    answer = patched(scim, f"Groups/{made['id']}", {"op": "Add", "path": "members", "value": value})
    assert answer.status_code == 204
    with directory.scim.reading() as rows:
        assert rows.member_counts([made["id"]]) == {made["id"]: 15_000}
    assert scim.get("Groups", params={"count": 10}).json()["totalResults"] == 1
    replaced = {"op": "replace", "path": "members", "value": value[:3]}
    assert patched(scim, f"Groups/{made['id']}", replaced).status_code == 204
    assert len(scim.get(f"Groups/{made['id']}").json()["members"]) == 3


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"text"',
        b"{",
        b"\xff\xfe",
        b'{"userName":"a","userName":"b"}',
        b'{"userName":NaN}',
        b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
        b"[" * 100_000,
        b'{"schemas":["'
        + USER.encode()
        + b'"],"userName":"u","emails":'
        + b"[" * 500
        + b"]" * 500
        + b"}",
    ],
    ids=lambda body: repr(body[:24]),
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_what_is_no_document_is_400_and_changes_nothing(scim, directory, body, method):
    made = created(scim, "Users", user())
    path = "Users" if method == "POST" else f"Users/{made['id']}"
    answer = scim.request(method, path, content=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert answer.json()["scimType"] in {"invalidSyntax", "invalidValue"}
    assert scim.get(f"Users/{made['id']}").json() == made


@pytest.mark.parametrize(
    "text",
    [
        'userName eq "x" or 1=1',
        "userName eq \"x' OR '1'='1\"",
        'userName eq "\\" or userName pr"',
        'userName eq "x"; drop table scim_resource',
        'userName co "%" and userName co "_"',
        'externalId eq "x" or externalId sw "%"',
        'title eq "x"',
        'password sw "a"',
        'emails[type eq "work"].display eq "x"',
        'emails[value co "%"]',
        "userName",
        'userName zz "x"',
        "userName eq",
        "(" * 600 + "userName pr" + ")" * 600,
        "not (" * 150 + 'userName eq "x"' + ")" * 150,
        'meta.created gt "never"',
        'meta.created co "2"',
        'meta.created gt "9999-99-99T00:00:00Z"',
        "userName eq 3",
        "userName eq true",
        'members eq "x"',
        'urn:x:y:userName eq "x"',
        "a" * 5_000,
        'userName eq "\x00"',
    ],
    ids=lambda text: text[:30],
)
def test_a_filter_finds_nobody_whom_it_does_not_mean(scim, text):
    """Nothing in a value is taken for syntax, of SQL, of LIKE or of the filter."""
    created(scim, "Users", user())
    answer = scim.get("Users", params={"filter": text})
    if answer.status_code == 200:
        assert answer.json()["totalResults"] == (150 % 2 if text.startswith("not") else 0)
    else:
        assert (answer.status_code, answer.json()["status"]) == (400, "400"), answer.text
        assert answer.json()["scimType"] == "invalidFilter"
    assert scim.get("Users").json()["totalResults"] == 1


def test_an_id_is_of_its_own_kind_alone(scim):
    person = created(scim, "Users", user())
    listed = created(scim, "Groups", group())
    for path in (f"Groups/{person['id']}", f"Users/{listed['id']}", "Users/nobody", "Users/%2e%2e"):
        assert scim.get(path).status_code == 404
        assert scim.delete(path).status_code == 404
        assert patched(
            scim, path, {"op": "replace", "path": "active", "value": False}
        ).status_code in {
            404,
            400,
        }
    assert scim.get(f"Users/{person['id']}").status_code == 200


@pytest.mark.parametrize("member", ["nobody", "", None, 3, {"value": 3}, {"value": "x"}, {}])
def test_a_member_who_is_nobody_is_refused_and_nothing_of_the_change_kept(scim, directory, member):
    good = created(scim, "Users", user())
    made = created(scim, "Groups", group())
    value = [{"value": good["id"]}, member if isinstance(member, dict) else {"value": member}]
    answer = patched(
        scim,
        f"Groups/{made['id']}",
        {"op": "replace", "path": "displayName", "value": "Other"},
        {"op": "add", "path": "members", "value": value},
    )
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
    assert members(directory, "sales-emea@testuser.com") == []
    assert scim.get(f"Groups/{made['id']}").json()["displayName"] == "Sales (EMEA)"


def test_a_group_is_no_member_of_itself(scim):
    made = created(scim, "Groups", group())
    value = [{"value": made["id"]}]
    answer = patched(scim, f"Groups/{made['id']}", {"op": "add", "path": "members", "value": value})
    assert answer.status_code == 400


def test_what_is_ours_is_not_the_clients_to_say(scim, directory):
    """Mass assignment: ids, times, sources, passwords."""
    sent = user(
        id="mine",
        password="secret",
        source="hr",
        source_id="1",
        address="x@testuser.com",
        meta={"resourceType": "Group", "created": "2001-01-01T00:00:00Z", "location": "evil"},
    )
    made = created(scim, "Users", sent)
    assert made["id"] != "mine"
    assert made["meta"]["created"].startswith("2027")
    assert "evil" not in json.dumps(made)
    box = directory.mailbox("bjensen@testuser.com")
    assert (box.source, box.source_id) == ("scim", made["id"])
    with directory.scim.reading() as rows:
        assert "secret" not in rows.one(made["id"], PushedKind.USER).document
    for path in ("id", "meta.created", "schemas"):
        answer = patched(scim, f"Users/{made['id']}", {"op": "Remove", "path": path})
        assert answer.status_code in {200, 400}
    after = scim.get(f"Users/{made['id']}").json()
    assert (after["id"], after["meta"]["created"]) == (made["id"], made["meta"]["created"])
    put = scim.put(f"Users/{made['id']}", json=user(id="other")).json()
    assert put["id"] == made["id"]


def test_addresses_of_others_are_refused(scim, directory):
    directory.add_account("erp@testuser.com")
    directory.add_group("all@testuser.com")
    directory.add_mailbox("hr@testuser.com", source="ldap", source_id="7")
    created(scim, "Users", user())
    for name in ("erp", "all", "hr"):
        answer = scim.post("Users", json=user(name))
        assert (answer.status_code, answer.json()["scimType"]) == (409, "uniqueness"), answer.text
    same_name = scim.post("Users", json=user(emails=[], userName="BJENSEN@testuser.com"))
    assert same_name.status_code == 409
    mail = [{"type": "work", "value": "bjensen@testuser.com"}]
    assert scim.post("Users", json=user("second", emails=mail)).status_code == 409
    assert scim.get("Users").json()["totalResults"] == 1
    assert scim.post("Groups", json=group("all")).status_code == 409


def test_a_document_is_bounded_however_it_grows(scim, directory):
    made = created(scim, "Users", user())
    where = f"Users/{made['id']}"
    mail = [{"type": f"t{n}", "value": f"{'x' * 50}{n}@testuser.com"} for n in range(900)]
    answer = patched(scim, where, {"op": "add", "path": "emails", "value": mail})
    assert answer.status_code == 413
    many = [{"op": "replace", "path": "title", "value": str(n)} for n in range(101)]
    assert patched(scim, where, *many).status_code == 413
    assert patched(scim, where, *many * 10).status_code == 413


@pytest.mark.parametrize("value", ["a\r\nBcc: x@y", "a\x00b", "a\u2028b"])
@pytest.mark.parametrize("path", ["displayName", "title", "name.givenName"])
def test_text_that_would_break_a_header_is_refused(scim, directory, path, value):
    made = created(scim, "Users", user())
    answer = patched(scim, f"Users/{made['id']}", {"op": "replace", "path": path, "value": value})
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
    made = created(scim, "Groups", group())
    answer = patched(
        scim, f"Groups/{made['id']}", {"op": "replace", "path": "displayName", "value": value}
    )
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add"},
        {"op": "remove"},
        {"op": "move", "path": "title", "value": "x"},
        {"op": 3, "path": "title"},
        {"path": "title"},
        {"op": "replace", "path": "emails[type eq", "value": "x"},
        {"op": "replace", "path": 3, "value": "x"},
        {"op": "remove", "path": "userName"},
        {"op": "replace", "path": "active", "value": "perhaps"},
        {"op": "replace", "path": "emails", "value": "x"},
        {"op": "replace", "path": "name", "value": [1]},
        {"op": "replace", "value": "x"},
        {"op": "replace", "path": 'emails[value co "x"].value', "value": "x"},
    ],
    ids=json.dumps,
)
def test_an_operation_that_means_nothing_is_refused_or_changes_nothing(scim, operation):
    made = created(scim, "Users", user())
    answer = patched(scim, f"Users/{made['id']}", operation)
    assert answer.status_code in {200, 400}, answer.text
    assert scim.get(f"Users/{made['id']}").json() == made


def test_what_is_not_there_answers_as_scim(scim):
    for method, path, status in [
        ("GET", "nothing", 404),
        ("GET", "", 404),
        ("POST", "Bulk", 404),
        ("GET", "Me", 404),
        ("POST", ".search", 501),
        ("POST", "Users/.search", 501),
        ("DELETE", "Users", 405),
        ("POST", "Schemas", 405),
        ("GET", "Schemas/urn:nothing", 404),
        ("OPTIONS", "Users", 405),
        ("GET", "Users?count=x", 400),
        ("GET", "Users?startIndex=99999999999999999999", 400),
        ("GET", "Users?attributes=a&excludedAttributes=b", 400),
        ("GET", "Users?attributes=((", 400),
    ]:
        answer = scim.request(method, path, json={} if method == "POST" else None)
        assert answer.status_code == status, (method, path, answer.text)
        assert answer.json()["status"] == str(status)


def test_pages_are_bounded(made):
    scim = made(page_max=2)
    for n in range(4):
        created(scim, "Users", user(f"u{n}"))
    for count in (1_000_000, 3, 2):
        answer = scim.get("Users", params={"count": count, "startIndex": -5}).json()
        assert (len(answer["Resources"]), answer["totalResults"], answer["startIndex"]) == (2, 4, 1)
    for count in (0, -1):
        assert scim.get("Users", params={"count": count}).json()["Resources"] == []


def test_a_group_without_an_address_needs_a_domain(made, directory):
    directory.add_accepted_domain("other.example")
    answer = made().post("Groups", json=group())
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
    assert "group_domain" in answer.json()["detail"]
    scim = made(group_domain="other.example")
    created(scim, "Groups", group("営業部"))
    created(scim, "Groups", group("Café & Büro"))
    names = sorted(one.address for one in directory.groups())
    assert names[0] == "cafe-buro@other.example"
    assert names[1].startswith("group-")
