"""A refusal's cause is found by its words, whoever said it."""

import pytest

from kairan.mail.reply import Reply
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.causes import outcome_of


@pytest.mark.parametrize("outcome", CATALOGUE.values(), ids=lambda one: one.key)
def test_our_own_replies_are_their_entries(outcome):
    assert outcome_of(outcome.reply) is outcome
    assert outcome_of(outcome.reply_with("(and what happened)")) is outcome


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (
            Reply.of(535, "5.7.139", "Authentication unsuccessful, the user credentials were incorrect."),
            "credentials",
        ),
        (
            Reply.of(432, "4.3.2", "Concurrent connections limit exceeded. Visit https://aka.ms/x"),
            "concurrent",
        ),
        (Reply.of(550, "5.1.10", "RESOLVER.ADR.RecipientNotFound; Recipient not found"), "recipient"),
    ],
)  # fmt: skip
def test_exchanges_replies_are_known_by_their_words(reply, outcome):
    found = outcome_of(reply)
    assert found is not None
    assert outcome in f"{found.key} {found.text}".lower()
    assert found.remedies


def test_a_yes_and_what_nobody_knows_have_no_cause():
    assert outcome_of(Reply.of(250, "2.0.0", "Ok")) is None
    assert outcome_of(Reply.of(599, "", "xyzzy")) is None
