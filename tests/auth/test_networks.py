"""An account that may only log in from some networks."""

import pytest

from kairan.auth.networks import may_come_from
from kairan.directory.errors import DirectoryError
from kairan.directory.model import Account
from kairan.directory.store import Directory
from kairan.outcomes.decision import Refuse

NETWORKS = ("192.0.2.0/24", "2001:db8::/32")
CASES = [
    ("192.0.2.7", True),
    ("::ffff:192.0.2.7", True),
    ("2001:db8::1", True),
    ("192.0.3.7", False),
    ("2001:db9::1", False),
    ("unknown", False),
    ("", False),
]


@pytest.mark.parametrize(("source", "expected"), CASES)
def test_it_may_come_from_its_networks_alone(source, expected):
    assert may_come_from(Account(1, "a", "", networks=NETWORKS), source) is expected
    assert may_come_from(Account(1, "a", ""), source)


async def test_a_right_password_from_elsewhere_sounds_and_costs_as_a_wrong_one(
    authenticator, changed
):
    people = changed(networks=("198.51.100.0/24",))
    name = "printer@kairan.test"
    assert not isinstance(
        await authenticator.verify(people, name, "right horse", "198.51.100.9"), Refuse
    )
    assert authenticator.cached(people, name, "right horse", "192.0.2.7") is None
    verdict = await authenticator.verify(people, name, "right horse", "192.0.2.7")
    assert isinstance(verdict, Refuse)
    assert (verdict.outcome.code, verdict.outcome.enhanced) == (535, "5.7.3")
    assert verdict.detail == "from outside the account's networks"
    assert authenticator.statistics()["hashes"] == 2


def test_networks_are_checked_when_they_are_set(tmp_path):
    with Directory.open(f"sqlite:///{tmp_path}/directory.db") as directory:
        directory.add_accepted_domain("kairan.test")
        directory.add_account("erp@kairan.test", networks=[" 10.1.0.0/16", "10.2.0.1"])
        account = directory.account("erp@kairan.test")
        assert account.networks == ("10.1.0.0/16", "10.2.0.1/32")
        for wrong in ("10.1.0.1/16", "office", "10.1.0.0/33"):
            with pytest.raises(DirectoryError, match="is no network"):
                directory.set_account("erp@kairan.test", networks=[wrong])
