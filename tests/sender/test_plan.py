"""Which way a message should take: the best practices as a table, and the numbers of a dry run."""

import pytest

from kairan.mail.address import key_of
from kairan.sender.advice import KnownList, advise
from kairan.sender.plan import ListFacts, PlanFacts, Rates, Way, plan

STAFF = ListFacts("all-staff@x.test", members=8_468)
SALES = ListFacts("sales@x.test", members=40, is_dynamic=True)
STRANGE = ListFacts("strange@x.test")


@pytest.mark.parametrize(
    ("facts", "way", "messages", "transactions", "sessions", "recipients", "billed"),
    [
        (PlanFacts(0, (STAFF,)), Way.LIST, 1, 1, 1, 1, 8_468),
        (PlanFacts(0, (SALES,)), Way.DYNAMIC_LIST, 1, 1, 1, 1, 40),
        (PlanFacts(0, (STRANGE,)), Way.LIST, 1, 1, 1, 1, None),
        (PlanFacts(1), Way.ONE_BY_ONE, 1, 1, 1, 1, 1),
        (PlanFacts(2), Way.BATCHES, 1, 1, 1, 2, 2),
        (PlanFacts(50), Way.BATCHES, 1, 1, 1, 50, 50),
        (PlanFacts(51), Way.BATCHES, 1, 2, 2, 51, 51),
        (PlanFacts(10_000), Way.BATCHES, 1, 200, 4, 10_000, 10_000),
        (PlanFacts(10_000, recipients_max=7), Way.BATCHES, 1, 1_429, 4, 10_000, 10_000),
        (PlanFacts(10, (STAFF, SALES)), Way.BATCHES, 1, 1, 1, 12, 8_518),
        (PlanFacts(0, (STAFF, SALES)), Way.BATCHES, 1, 1, 1, 2, 8_508),
        (PlanFacts(300, is_personalised=True), Way.ONE_BY_ONE, 300, 300, 4, 300, 300),
        (PlanFacts(300, is_personalised=True, sessions_max=1), Way.ONE_BY_ONE, 300, 300, 1, 300, 300),
        (PlanFacts(0, (STAFF,), is_personalised=True), Way.ONE_BY_ONE, 1, 1, 1, 1, 8_468),
        (PlanFacts(0), Way.ONE_BY_ONE, 0, 0, 0, 0, 0),
    ],
)  # fmt: skip
def test_the_way_and_its_numbers(facts, way, messages, transactions, sessions, recipients, billed):
    found = plan(facts)
    assert found.way is way
    assert (found.messages, found.transactions, found.sessions) == (
        messages, transactions, sessions
    )  # fmt: skip
    assert (found.recipients, found.billed) == (recipients, billed)
    assert found.reason.en
    assert found.reason.ja


def test_the_cost_is_that_of_the_expanded_recipients():
    assert plan(PlanFacts(0, (ListFacts("all@x.test", 1_000_000),))).dollars == pytest.approx(42)
    assert plan(PlanFacts(0, (STRANGE,))).dollars is None


def test_batches_take_a_fraction_of_the_time_of_one_by_one():
    batches = plan(PlanFacts(10_000)).seconds
    singles = plan(PlanFacts(10_000, is_personalised=True)).seconds
    assert singles > 20 * batches


def test_time_grows_with_the_way_the_size_and_the_callers_own_limit():
    facts = PlanFacts(10_000, octets=100_000)
    usual = plan(facts).seconds
    assert plan(facts, Rates(round_trip_seconds=0.5)).seconds > usual
    assert plan(PlanFacts(10_000, octets=10_000_000)).seconds > usual
    assert plan(facts, Rates(transactions_per_second_max=0.5)).seconds == 400
    assert plan(PlanFacts(0)).seconds == 0


def test_who_wants_each_result_is_told_that_a_list_gives_one():
    wanted = plan(PlanFacts(0, (STAFF,), wants_each_result=True))
    assert wanted.way is Way.LIST
    assert "batches of 50" in wanted.advice[0].en
    assert not plan(PlanFacts(100, wants_each_result=True)).advice


def mailboxes(count, start=1):
    return [f"User{n}@x.test" for n in range(start, start + count)]


def known(address, members):
    return KnownList(address, frozenset(map(key_of, members)))


def test_addresses_that_are_nearly_a_list_are_recognised_in_any_case():
    staff = known("all-staff@x.test", mailboxes(1_000))
    (advice,) = advise([one.upper() for one in mailboxes(970)], [staff])
    assert (advice.covered, advice.others, advice.more) == (970, 0, 30)
    assert advice.text.en.startswith("970 of these addresses are 97 % of all-staff@x.test; 30 more")
    assert "97 %" in advice.text.ja


@pytest.mark.parametrize(
    ("recipients", "members"),
    [
        (mailboxes(800), mailboxes(1_000)),  # 200 who were not meant would get it
        (mailboxes(99), mailboxes(99)),  # two batches do it
        (mailboxes(500), mailboxes(500, start=2_000)),
        ([], mailboxes(10)),
        (mailboxes(500), []),
    ],
)
def test_no_advice_where_a_list_would_reach_others_or_gains_nothing(recipients, members):
    assert advise(recipients, [known("some@x.test", members)]) == []


def test_the_list_that_leaves_the_fewest_out_comes_first():
    lists = [
        known("half@x.test", mailboxes(200)),
        known("all@x.test", mailboxes(400)),
        known("more@x.test", mailboxes(420)),
    ]
    assert [one.address for one in advise(mailboxes(400), lists)] == [
        "all@x.test",
        "more@x.test",
        "half@x.test",
    ]


def test_nearly_all_is_not_called_all():
    (advice,) = advise(mailboxes(9_999), [known("all@x.test", mailboxes(10_000))])
    assert "99 %" in advice.text.en
