"""The directory in the console: each kind is added, changed and removed by forms, and who may not cannot."""

import html
import json
import re
import time
from contextlib import closing

import pytest

from console.conftest import PASSWORD, csrf
from kairan.auth.made_secrets import matches as is_secret
from kairan.auth.passwords.hashing import hasher, matches
from kairan.auth.settings import AuthSettings
from kairan.console.entries.table import KINDS
from kairan.console.roles import ConsoleRole
from kairan.directory.model import ModerationRequest
from kairan.trace.audit_file import append, line_of
from kairan.trace.audit_search import AuditWanted, actor_of, search_audit
from kairan.trace.record import Trace
from kairan.trace.settings import AuditSettings, TraceSettings

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


async def test_a_group_says_what_its_messages_cost(site, admin):
    page = await admin.get("/groups/one?name=all@example.com&costs=1")
    assert "All together: 2 billed recipients, 0.000084 USD" in page.text
    assert "&lt;pay@example.com&gt;: 2 billed recipients" in page.text


async def test_an_account_says_whether_a_list_would_do(site, admin):
    moments, file = [7_200, 3_600], site.parts.configuration.trace_directory / "trace-9.db"
    with closing(Trace(file, TraceSettings(), clock=lambda: time.time() - moments[0])) as trace:
        for run in range(2):
            for n in range(20):
                mail = {
                    "message_id": f"<habit-{run}-{n}@x>",
                    "sender": "payroll@example.com",
                    "spool_id": run * 20 + n + 1,
                }
                trace.record("RECEIVE", **mail, account="payroll@example.com")
                trace.record("DELIVER", **mail, recipient=f"person{n}@example.com")
            if run == 0:
                moments.pop(0)
    page = await admin.get("/accounts/one?name=payroll@example.com&advice=1")
    assert "Would a list do it in one message? (1)" in page.text
    assert "a new list of these recipients" in page.text


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


async def test_mailboxes_are_imported_after_a_dry_run_that_writes_nothing(site, admin):
    text = "address,displayName\nimported-1@example.com,明子\nimported-2@example.com,Ben\n"
    dry = await done(admin, "mailboxes", "import", csv=text)
    assert "2 would be added" in dry.text
    assert site.parts.directory.mailbox("imported-1@example.com") is None
    assert not told(site, "mailbox.import", "")
    answer = await done(admin, "mailboxes", "import", csv=text, dry_run="no")
    assert "2 added" in answer.text
    assert site.parts.directory.mailbox("imported-1@example.com").display_name == "明子"
    assert told(site, "mailbox.import", "")[0]["report"]["added"] == 2


async def test_broken_rows_are_shown_each_and_nothing_is_imported(site, admin):
    fields = await form_of(admin, "mailboxes", "import")
    text = "address\nno-address\nimported-3@example.com\nneither\n"
    answer = await admin.post("/mailboxes/change", {**fields, "csv": text, "dry_run": "no"})
    assert answer.status_code == 409
    assert "input:2:" in answer.text
    assert "input:4:" in answer.text
    assert site.parts.directory.mailbox("imported-3@example.com") is None


async def test_imported_accounts_have_passwords_that_are_shown_once(site, admin):
    text = "address\nimported-4@example.com\n"
    answer = await done(admin, "accounts", "import", csv=text, generate="yes", dry_run="no")
    address, password = secret_of(answer).split(",")
    assert address == "imported-4@example.com"
    (line,) = told(site, "account.import", "")
    assert password not in json.dumps(line)


async def test_members_are_imported(site, admin):
    site.parts.directory.add_group("imported@example.com")
    text = "address\nakiko@example.com\n"
    await done(admin, "groups", "import-members", "imported@example.com", csv=text, dry_run="no")
    assert list(site.parts.directory.members("imported@example.com")) == [["akiko@example.com"]]


async def test_a_message_is_approved_and_another_sent_back(site, admin):
    now = time.time()
    for name in ("wait-1", "wait-2"):
        site.parts.directory.moderation.open(
            ModerationRequest(
                name, f"<{name}@x>", now, "all@example.com", "payroll@example.com", 9,
                ("akiko@example.com",), b"s" * 16, int(now + 900),
            ),
            now=now,
        )  # fmt: skip
    assert "waits for a moderator" in (await admin.get("/moderation")).text
    await done(admin, "moderation", "approve", "wait-1")
    await done(admin, "moderation", "reject", "wait-2")
    found = {one.id: one for one in site.parts.directory.moderation.everything()}
    assert (found["wait-1"].decision, found["wait-2"].decision) == ("approve", "reject")
    assert found["wait-1"].decided_by == "admin (console)"
    assert told(site, "group.moderate", "wait-1")[0]["decision"] == "approve"
    again = await admin.get("/moderation/change", params={"do": "reject", "name": "wait-1"})
    assert again.status_code == 404


async def test_a_dynamic_group_is_given_conditions_and_refreshed_with_its_history(site, admin):
    directory, address = site.parts.directory, "by-conditions@example.com"
    await done(admin, "groups", "add", address=address, filter="Department -eq 'Nobody'")
    directory.add_mailbox("clerk@example.com", attributes={"department": "Clerks"})
    await done(admin, "groups", "conditions", address, Department="Clerks", agreed="yes")
    assert directory.dynamic_groups.one(address).conditions == {"Department": ("Clerks",)}
    directory.add_mailbox("clerk-2@example.com", attributes={"department": "Clerks"})
    await done(admin, "groups", "refresh", address, agreed="yes")
    assert list(directory.members(address)) == [["clerk-2@example.com", "clerk@example.com"]]
    page = (await admin.get("/groups/one", params={"name": address})).text
    assert "2 members, 1 came, 0 went (admin (console))" in page


async def test_without_an_issuer_there_is_no_key_to_rotate_and_no_token(site, admin):
    await done(admin, "apps", "add", name="tokens")
    for do, name in (("rotate", ""), ("token", "tokens")):
        fields = await form_of(admin, "apps", do, name)
        answer = await admin.post("/apps/change", fields)
        assert answer.status_code == 409
        assert "has no issuer" in answer.text


async def test_the_directory_refuses_in_the_language_of_the_page(site, admin):
    await admin.get("/groups", params={"lang": "ja"})
    fields = await form_of(admin, "groups", "add")
    answer = await admin.post("/groups/change", {**fields, "address": "all@example.com"})
    assert answer.status_code == 409
    assert "all@example.com はすでに使われています" in answer.text


async def test_the_doctor_judges_a_device_and_a_fleet(site):
    browser = site.browser()
    await browser.sign_in("helpdesk")
    token = csrf(await browser.get("/doctor"))
    one = {"csrf": token, "kind": "device", "server": "smtp.office365.com", "tls": "off"}
    assert "<pre" in (await browser.post("/doctor", one)).text
    fleet = "name,server,port,tls\nmfp-9,smtp.office365.com,587,off\n"
    answer = await browser.post("/doctor", {"csrf": token, "kind": "fleet", "text": fleet})
    assert "mfp-9" in answer.text
    broken = await browser.post("/doctor", {"csrf": token, "kind": "fleet", "text": "x\n1\n"})
    assert "server" in broken.text


async def test_what_the_console_changes_is_read_by_the_command_and_on_the_page(admin, site):
    await done(admin, "groups", "add", address="audited@example.com")
    (facts,) = told(site, "group.add", "audited@example.com")
    folder = site.parts.configuration.audit_directory
    append(folder, "web", AuditSettings(), line_of("group.add", facts))
    (line,) = search_audit(folder, AuditWanted(about="audited@example.com"), limit=10)
    assert (line["what"], actor_of(line)) == ("group.add", "admin (console)")
    page = await admin.get("/audit", params={"search": "audited@"})
    assert "admin (console)" in page.text
