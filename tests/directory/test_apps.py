import pytest

from kairan.directory.errors import DirectoryError
from kairan.directory.model import App, AppSecret, DeviceLogin
from kairan.directory.operations.accounts import APPS_MAX
from kairan.directory.operations.device_logins import WAITING_MAX

PRINTER = "printer@kairan.test"


def app(name="erp", number=1):
    return App(
        name,
        client_id=f"client-{number}",
        object_id=f"object-{number}",
        permissions=frozenset({"Mail.Send"}),
        secrets=(AppSecret(f"hash-{number}"),),
    )


@pytest.fixture
def organisation(directory):
    directory.add_account(PRINTER)
    return directory


def test_an_app_is_found_by_its_name_and_either_id(organisation):
    organisation.apps.add(app())
    found = [organisation.apps.find(name) for name in ("erp", "client-1", "object-1", "other")]
    assert found == [app(), app(), app(), None]
    assert organisation.apps.everyone() == [app()]


def test_a_stranger_is_recognised_by_the_client_id_alone(organisation):
    organisation.apps.add(app())
    assert organisation.apps.client("client-1") == app()
    assert organisation.apps.client("erp") is None
    assert organisation.apps.client("object-1") is None


def test_accounts_allow_an_app_by_its_object_id(organisation):
    organisation.apps.add(app(), accounts=[PRINTER])
    assert organisation.account(PRINTER).allowed_apps == {"object-1"}
    assert organisation.apps.accounts_of(app()) == [PRINTER]
    organisation.apps.forbid("erp", [PRINTER])
    assert organisation.account(PRINTER).allowed_apps == set()
    organisation.apps.allow("erp", [PRINTER])
    organisation.apps.remove("erp")
    assert organisation.account(PRINTER).allowed_apps == set()
    assert organisation.apps.everyone() == []


def test_allowing_an_app_reaches_snapshots_and_a_secret_does_not_concern_them(organisation):
    before = organisation_heads(organisation)
    organisation.apps.add(app(), accounts=[PRINTER])
    after = organisation_heads(organisation)
    assert after > before
    organisation.apps.replace_secret("erp", "hash-2", old_until=None, now=100)
    assert organisation_heads(organisation) == after


def organisation_heads(directory):
    from kairan.directory.snapshot.memory import read_snapshot

    return read_snapshot(directory).revision.heads


def test_an_account_allows_ten_apps_and_no_more(organisation):
    for number in range(APPS_MAX):
        organisation.apps.add(app(f"app{number}", number), accounts=[PRINTER])
    with pytest.raises(DirectoryError, match="allows 10 apps already"):
        organisation.apps.add(app("more", APPS_MAX), accounts=[PRINTER])
    assert organisation.apps.find("more") is None


def test_a_new_secret_leaves_the_old_one_its_time_but_only_the_last(organisation):
    organisation.apps.add(app())
    changed = organisation.apps.replace_secret("erp", "hash-2", old_until=200, now=100)
    assert changed.secrets == (AppSecret("hash-1", 200), AppSecret("hash-2"))
    changed = organisation.apps.replace_secret("erp", "hash-3", old_until=300, now=150)
    assert changed.secrets == (AppSecret("hash-2", 300), AppSecret("hash-3"))
    changed = organisation.apps.replace_secret("erp", "hash-4", old_until=None, now=160)
    assert changed.secrets == (AppSecret("hash-4"),)


@pytest.mark.parametrize("permission", ["Mail Send", 'Mail"Send', "Mäil.Send", "a\\b", "a\nb"])
def test_what_is_no_permission_is_refused(organisation, permission):
    organisation.apps.add(app())
    with pytest.raises(DirectoryError, match="is not a permission such as"):
        organisation.apps.change("erp", permissions=[permission])


def test_a_name_is_taken_once(organisation):
    organisation.apps.add(app())
    with pytest.raises(DirectoryError, match="there is an app erp already"):
        organisation.apps.add(app(number=2))


def waiting(code="BCDF-GHJK", expires=1_000):
    return DeviceLogin(code, "client-1", expires)


def test_a_device_login_is_approved_once_and_taken_once(organisation):
    organisation.apps.add(app())
    logins = organisation.device_logins
    assert logins.add("hash", waiting(), now=100)
    assert logins.find("hash") == waiting()
    logins.approve("BCDF-GHJK", PRINTER, now=200)
    assert logins.find("hash").account == PRINTER
    assert [logins.take("hash"), logins.take("hash")] == [True, False]


@pytest.mark.parametrize(("code", "now"), [("XXXX-XXXX", 200), ("BCDF-GHJK", 1_000)])
def test_an_unknown_or_expired_code_is_not_approved(organisation, code, now):
    organisation.apps.add(app())
    organisation.device_logins.add("hash", waiting(), now=100)
    with pytest.raises(DirectoryError, match=r"no login with the code .* is waiting"):
        organisation.device_logins.approve(code, PRINTER, now=now)


def test_so_many_logins_wait_and_the_expired_make_room(organisation):
    organisation.apps.add(app())
    logins = organisation.device_logins
    for number in range(WAITING_MAX):
        assert logins.add(f"hash-{number}", waiting(f"code-{number}"), now=100)
    assert not logins.add("more", waiting("more"), now=100)
    assert logins.add("more", waiting("more", 5_000), now=1_000)
