"""Shape 0016: addresses of before, which LDAP's sources and SCIM kept each for itself, are in one place."""

from typing import Any

import pytest
from sqlalchemy import MetaData, insert

from kairan.directory.database.database import Database
from kairan.directory.database.migrate import bring_up_to_date, upgrade_to
from kairan.directory.operations import names
from kairan.directory.store import Directory

MAILBOX = {"display_name": "", "hidden": False}
PUSHED = {
    "kind": "User", "external_id": "", "document": "{}", "created": 0, "modified": 0,
}  # fmt: skip


@pytest.fixture
def old_url(empty_url):
    """ann comes by LDAP, bob by SCIM; each has an address of before.  What had been forgotten to be
    forgotten: an address that is bob's alone now, and one of somebody who is not there any more.
    """
    database = Database(empty_url)
    with database.writing() as connection:
        upgrade_to(connection, "0015")
        tables = MetaData()
        tables.reflect(connection)

        def put(table: str, **row: Any) -> None:
            connection.execute(insert(tables.tables[table]).values(row))

        put("accepted_domain", domain="k.test")
        for owner, aliases in {"ann": ["ann", "ann.old", "a"], "bob": ["bob", "b1", "b2"]}.items():
            for one in aliases:
                put("address", key=f"{one}@k.test", kind="mailbox", owner=f"{owner}@k.test")
            put("mailbox", address=f"{owner}@k.test", source="x", source_id=owner, **MAILBOX)
        put("former_address", key="ann.old@k.test", owner="ann@k.test")
        put("former_address", key="bob@k.test", owner="ann@k.test")
        put("former_address", key="gone@k.test", owner="gone@k.test")
        put("scim_resource", id="bob", name="bob", folded_name="bob", address="bob@k.test",
            former="b1@k.test lost@k.test", **PUSHED)  # fmt: skip
        put("scim_resource", id="new", name="new", folded_name="new", address="", former="",
            **PUSHED)  # fmt: skip
        put("distribution_group", address="ann@k.test", display_name="", hidden=False, enabled=True,
            require_sender_authentication=True, report_to_originator=True)  # fmt: skip
    yield empty_url, database
    database.close()


def test_what_was_kept_of_both_is_kept(old_url):
    url, database = old_url
    bring_up_to_date(database, migrate=True)
    with database.reading() as connection:
        assert names.former_of(connection, ["ann@k.test", "bob@k.test"]) == {
            "ann@k.test": {"ann.old@k.test"},
            "bob@k.test": {"b1@k.test"},
        }
    with Directory.open(url) as directory:
        assert directory.mailbox("ann@k.test").aliases == {"ann.old@k.test", "a@k.test"}
        assert directory.group("ann@k.test").moderation_notifications == "always"
        with directory.scim.reading() as rows:
            assert rows.addresses(["bob", "new"]) == {"bob": "bob@k.test", "new": ""}
