"""The directory in the console: each kind is added, changed and removed by forms, and who may not cannot."""

import html
import json
import re

import pytest

from console.conftest import PASSWORD, csrf
from kairan.auth.made_secrets import matches as is_secret
from kairan.auth.passwords.hashing import hasher, matches
from kairan.auth.settings import AuthSettings
from kairan.console.entries.table import KINDS
from kairan.console.roles import ConsoleRole

PLACES = [kind.place for kind in KINDS]


@pytest.fixture
async def admin(site):
    browser = site.browser()
    await browser.sign_in("admin")
    return browser


async def form_of(browser, place, do, name=""):
    """The fields of a form as a browser without JavaScript would send them."""
    page = await browser.get(f"/{place}/change", params={"do": do, "name": name})
    assert page.status_code == 200, page.text
    text = page.text.split('<form class="fields"')[1].split("</form>")[0]
    fields = dict(re.findall(r'<input[^>]*name="([\w-]+)" value="([^"]*)"', text))
    fields |= dict(re.findall(r'<textarea[^>]*name="([\w-]+)"[^>]*>([^<]*)</textarea>', text))
    for field, options in re.findall(r'<select[^>]*name="([\w-]+)"[^>]*>(.*?)</select>', text):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        first = re.search(r'<option value="([^"]*)"', options)
        fields[field] = (chosen or first)[1]
    return {key: html.unescape(value) for key, value in fields.items()}


async def done(browser, page, do, entry="", /, **values):
    fields = {**(await form_of(browser, page, do, entry)), **values}
    answer = await browser.post(f"/{page}/change", fields)
    assert answer.status_code in {200, 303}, answer.text
    return answer


def secret_of(answer):
    assert answer.headers["cache-control"] == "no-store"
    return re.search(r'<code class="secret">([^<]+)</code>', answer.text)[1]


def told(site, what, about):
    return [facts for name, facts in site.audit if name == what and facts["about"] == about]


async def test_an_account_is_made_changed_shut_out_and_removed(site, admin):
    directory, address = site.parts.directory, "made@example.com"
    answer = await done(admin, "accounts", "add", address=address, display_name="Made",
                        networks="10.1.2.0/24\n10.1.3.0/24", messages_per_minute="7")  # fmt: skip
    password = secret_of(answer)
    made = directory.account(address)
    assert matches(made.password_hash, password, hasher(AuthSettings()))
    assert (made.display_name, made.networks) == ("Made", ("10.1.2.0/24", "10.1.3.0/24"))
    assert made.messages_per_minute == 7
    assert password not in (await admin.get(f"/accounts/one?name={address}")).text

    answer = await done(
        admin, "accounts", "set", address, aliases="other@example.com", messages_per_minute=""
    )
    assert answer.headers["location"].endswith("done=set")
    changed = directory.account(address)
    assert (changed.aliases, changed.messages_per_minute) == ({"other@example.com"}, None)
    assert changed.credential_version == made.credential_version

    second = secret_of(await done(admin, "accounts", "password", address))
    assert matches(directory.account(address).password_hash, second, hasher(AuthSettings()))
    await done(admin, "accounts", "password", address, password="chosen by a person")
    await done(admin, "accounts", "disable", address)
    assert not directory.account(address).enabled
    await done(admin, "accounts", "enable", address)
    assert directory.account(address).enabled
    await done(admin, "accounts", "remove", address)
    assert directory.account(address) is None

    (changes,) = [one for one in told(site, "account.set", address) if "aliases" in one["after"]]
    assert changes["before"] == {"aliases": [], "messages_per_minute": 7}
    assert changes["by"] == {"console": "admin"}
    assert told(site, "account.add", address)
    assert told(site, "account.remove", address)
    assert len([one for one in told(site, "account.set", address) if one.get("password")]) == 2
    said = json.dumps(site.audit, default=str)
    assert not [one for one in (password, second, "chosen by a person", "argon2") if one in said]


async def test_an_app_gets_a_secret_once_and_accounts_that_it_may_send_as(site, admin):
    apps = site.parts.directory.apps
    answer = await done(admin, "apps", "add", name="erp", accounts="payroll@example.com")
    secret = secret_of(answer)
    app = apps.find("erp")
    assert is_secret(secret, app.secrets, now=0)
    assert list(apps.accounts_of(app)) == ["payroll@example.com"]
    assert app.object_id in site.parts.directory.account("payroll@example.com").allowed_apps
    await done(
        admin,
        "apps",
        "set",
        "erp",
        accounts="",
        permissions="Mail.Send\nSMTP.SendAsApp",
        enabled="no",
    )
    app = apps.find("erp")
    assert (list(apps.accounts_of(app)), app.enabled) == ([], False)
    assert app.permissions == {"Mail.Send", "SMTP.SendAsApp"}
    other = secret_of(await done(admin, "apps", "secret", "erp", keep_days=""))
    assert not is_secret(secret, apps.find("erp").secrets, now=0)
    assert is_secret(other, apps.find("erp").secrets, now=0)
    await done(admin, "apps", "remove", "erp")
    assert apps.find("erp") is None
    assert [
        told(site, what, "erp") != [] for what in ("app.add", "app.set", "app.secret", "app.remove")
    ] == [True] * 4
    assert secret not in json.dumps(site.audit, default=str)


async def test_policies_and_the_organisations_controls_are_changed(site, admin):
    directory = site.parts.directory
    await done(admin, "policies", "add", name="Strict")
    await done(admin, "policies", "set", "Strict", allow_basic_auth_smtp="yes")
    assert directory.organisation().policies["Strict"] is True
    await done(admin, "policies", "assign", "Strict", account="payroll@example.com")
    assert directory.account("payroll@example.com").policy == "Strict"
    fields = {**await form_of(admin, "policies", "remove", "Strict")}
    refused = await admin.post("/policies/change", fields)
    assert refused.status_code == 409
    assert "is assigned to 1 account" in refused.text
    await done(admin, "accounts", "set", "payroll@example.com", policy="")
    await done(admin, "policies", "remove", "Strict")
    assert "Strict" not in directory.organisation().policies
    await done(admin, "policies", "controls", smtp_client_authentication_disabled="yes")
    assert directory.organisation().smtp_client_authentication_disabled
    await done(admin, "policies", "controls", smtp_client_authentication_disabled="no")
    changes = told(site, "organisation.set", "")
    assert changes[0]["after"] == {"smtp_client_authentication_disabled": True}


async def test_a_group_has_members_settings_and_a_preview(site, admin):
    directory, address = site.parts.directory, "people@example.com"
    await done(
        admin, "groups", "add", address=address, members="akiko@example.com, twin.a@example.com"
    )
    await done(
        admin,
        "groups",
        "set",
        address,
        display_name="People",
        moderated="yes",
        owners="akiko@example.com",
    )
    group = directory.group(address)
    assert (group.display_name, group.moderated, group.owners) == (
        "People",
        True,
        {"akiko@example.com"},
    )
    assert group.require_sender_authentication
    await done(admin, "groups", "add-members", address, members="twin.b@example.com")
    await done(admin, "groups", "remove-members", address, members="twin.a@example.com")
    assert [one for chunk in directory.members(address) for one in chunk] == [
        "akiko@example.com",
        "twin.b@example.com",
    ]
    page = await admin.get(f"/groups/one?name={address}&preview=1")
    assert "Whom it reaches now (2)" in page.text
    await done(admin, "groups", "remove", address)
    assert directory.group(address) is None
    assert told(site, "group.add-members", address)[0]["changed"] == 1


async def test_a_dynamic_group_follows_its_filter_and_a_great_change_must_be_meant(site, admin):
    directory, address = site.parts.directory, "sato@example.com"
    await done(admin, "groups", "add", address=address, filter="DisplayName -like 'Akiko*'")
    assert directory.dynamic_groups.one(address).filter == "DisplayName -like 'Akiko*'"
    fields = await form_of(admin, "groups", "filter", address)
    bad = await admin.post("/groups/change", {**fields, "filter": "DisplayName -like"})
    assert bad.status_code == 409
    await done(admin, "groups", "filter", address, filter="DisplayName -like 'Twin*'", agreed="yes")
    assert len([one for chunk in directory.members(address) for one in chunk]) == 2
    await done(admin, "groups", "remove", address)


async def test_a_mailbox_keeps_its_attributes(site, admin):
    directory, address = site.parts.directory, "new.one@example.com"
    await done(admin, "mailboxes", "add", address=address, attributes="department=Sales\noffice=3F")
    await done(admin, "mailboxes", "set", address, attributes="department=Finance", hidden="yes")
    mailbox = directory.mailbox(address)
    assert (mailbox.attributes, mailbox.hidden) == ({"department": "Finance"}, True)
    assert "new.one@example.com" in (await admin.get("/mailboxes?search=new.one")).text
    await done(admin, "mailboxes", "remove", address)
    assert directory.mailbox(address) is None


async def test_a_device_has_a_password_of_its_own_and_a_sheet_without_it(site, admin):
    devices = site.parts.directory.devices
    answer = await done(admin, "devices", "add", name="mfp-3f", account="payroll@example.com",
                        login="mfp3f", place="3rd floor", networks="192.0.2.33")  # fmt: skip
    password = secret_of(answer)
    assert matches(devices.find("mfp-3f").password_hash, password, hasher(AuthSettings()))
    await done(admin, "devices", "set", "mfp-3f", place="4th floor", enabled="no")
    assert (devices.find("mfp-3f").place, devices.find("mfp-3f").enabled) == ("4th floor", False)
    await done(admin, "devices", "revoke", "mfp-3f")
    assert devices.find("mfp-3f").password_hash == ""
    sheet = await admin.get("/devices/sheet?name=mfp-3f")
    assert '<svg class="qr"' in sheet.text
    assert "SMTP サーバー" in sheet.text
    assert "Last refusal" in sheet.text
    assert password not in sheet.text
    await done(admin, "devices", "remove", "mfp-3f")
    assert devices.find("mfp-3f") is None


# What is not done.


@pytest.mark.parametrize("role", sorted(set(ConsoleRole) - {ConsoleRole.ADMIN}))
async def test_who_is_no_administrator_changes_nothing(site, admin, role):
    browser = site.browser()
    await browser.sign_in(role)
    token = csrf(await browser.get("/doctor"))
    for kind in KINDS:
        if role != "helpdesk":
            assert "/change?" not in (await browser.get(f"/{kind.place}")).text
        for change in kind.changes:
            place, query = (
                f"/{kind.place}/change",
                {"do": change.word, "name": "payroll@example.com"},
            )
            assert (await browser.get(place, params=query)).status_code == 403
            assert (await browser.post(place, {**query, "csrf": token})).status_code == 403
    assert [what for what, _ in site.audit if not what.startswith("console.")] == []


@pytest.mark.parametrize("token", ["", "guessed"])
async def test_no_form_without_the_sessions_token_changes_an_entry(site, admin, token):
    for kind in KINDS:
        for change in kind.changes:
            data = {"do": change.word, "name": "payroll@example.com", "csrf": token}
            assert (await admin.post(f"/{kind.place}/change", data)).status_code == 403
    assert site.parts.directory.account("payroll@example.com").enabled


async def test_a_form_reads_the_fields_of_its_table_alone(site, admin):
    """Mass assignment."""
    before = site.parts.directory.account("payroll@example.com")
    extra = {
        "password_hash": "x",
        "id": "1",
        "held_since": "1",
        "credential_version": "9",
        "address": "x@example.com",
    }
    await done(admin, "accounts", "set", "payroll@example.com", **extra)
    assert site.parts.directory.account("payroll@example.com") == before


async def test_a_field_that_is_left_out_stays_as_it_is(site, admin):
    before = site.parts.directory.account("payroll@example.com")
    fields = await form_of(admin, "accounts", "set", "payroll@example.com")
    few = {key: fields[key] for key in ("csrf", "do", "name", "seen")}
    assert (await admin.post("/accounts/change", few)).status_code == 303
    assert site.parts.directory.account("payroll@example.com") == before


async def test_a_form_that_was_opened_before_anothers_change_changes_nothing(site, admin):
    directory = site.parts.directory
    directory.add_account("both@example.com", password_hash="")
    fields = await form_of(admin, "accounts", "set", "both@example.com")
    grave = await form_of(admin, "accounts", "remove", "both@example.com")
    directory.set_account("both@example.com", display_name="Changed by somebody else")
    for sent in (fields, grave):
        answer = await admin.post("/accounts/change", sent)
        assert answer.status_code == 409
        assert "Somebody has changed it meanwhile" in answer.text
    assert directory.account("both@example.com").display_name == "Changed by somebody else"
    directory.remove_account("both@example.com")


@pytest.mark.parametrize(
    ("place", "name", "do", "values", "sentence"),
    [
        ("accounts", "", "add", {"address": "not an address"}, "is not an e-mail address"),
        ("accounts", "", "add", {"address": ""}, "must not be empty"),
        ("accounts", "", "add", {"address": "payroll@example.com"}, "payroll@example.com"),
        ("accounts", "payroll@example.com", "set", {"messages_per_minute": "-1"}, "whole number"),
        ("accounts", "payroll@example.com", "set", {"messages_per_minute": "9" * 5_000}, "too long"),
        ("accounts", "payroll@example.com", "set", {"networks": "10.0.0.0/99"}, "10.0.0.0/99"),
        ("accounts", "payroll@example.com", "set", {"policy": "no-such"}, "Choose one"),
        ("accounts", "payroll@example.com", "set", {"display_name": "a\r\nBcc: x"}, "control character"),
        ("accounts", "payroll@example.com", "password", {"password": "short"}, "at least 8"),
        ("groups", "all@example.com", "set", {"send_window": "whenever"}, "whenever"),
        ("groups", "all@example.com", "add-members", {"members": "nobody@example.com"}, "nobody@example.com"),
        ("mailboxes", "akiko@example.com", "set", {"attributes": "nonsense"}, "NAME=VALUE"),
        ("mailboxes", "akiko@example.com", "set", {"attributes": "shoesize=42"}, "shoesize"),
    ],
)  # fmt: skip
async def test_what_the_directory_does_not_take_is_said_above_the_form(
    site, admin, place, name, do, values, sentence
):
    fields = {**await form_of(admin, place, do, name), **values}
    answer = await admin.post(f"/{place}/change", fields)
    assert answer.status_code in {400, 409}
    assert sentence in html.unescape(answer.text)
    assert 'role="alert"' in answer.text
    assert not [what for what, _ in site.audit if not what.startswith("console.")]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "name", ["no-such", "no-such@example.com", "<script>alert(1)</script>", "../x", "a\x00b"]
)
async def test_what_there_is_not_is_not_found(admin, place, name):
    for page in ("one", "change"):
        answer = await admin.get(f"/{place}/{page}", params={"name": name, "do": "remove"})
        assert answer.status_code == 404
        assert "<script" not in answer.text


@pytest.mark.parametrize("place", PLACES)
async def test_every_form_speaks_japanese(site, admin, place):
    kind = next(one for one in KINDS if one.place == place)
    for change in kind.changes:
        if change.of_one:
            continue
        page = await admin.get(
            f"/{place}/change?do={change.word}", headers={"accept-language": "ja"}
        )
        assert change.label.ja in page.text
        assert all(field.label.ja in page.text for field in change.fields)


async def test_the_lists_are_searched_and_lead_to_each_entry(admin):
    page = (await admin.get("/accounts?search=PAYROLL")).text
    assert "/console/accounts/one?name=payroll%40example.com" in page
    assert "None fits." in (await admin.get("/accounts?search=zebra")).text
    assert PASSWORD not in page
