"""A refusal's cause is found by its words, whoever said it."""

import pytest

from kairan.mail.reply import Reply
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.causes import FIND_WORDS, UNDECIDED, OneOf, outcome_of, outcomes_in
from kairan.outcomes.refusal_class import RefusalClass, class_of, refusal_class


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


# A code that several entries have, without the words that tell.

BARE = [
    (Reply.of(535, "5.7.139", ""), 9, RefusalClass.CONFIGURATION),
    (Reply.of(535, "5.7.139", "Authentication unsuccessful"), 9, RefusalClass.CONFIGURATION),
    (Reply.of(432, "4.3.2", ""), 2, RefusalClass.WAIT),
    (Reply.of(452, "4.5.3", ""), 2, RefusalClass.WAIT),
    (Reply.of(503, "5.5.2", ""), 2, RefusalClass.SESSION),
]


@pytest.mark.parametrize(("reply", "number", "kind"), BARE, ids=lambda one: str(one)[:24])
def test_of_several_that_a_code_fits_alike_none_is_chosen(reply, number, kind):
    found = outcome_of(reply)
    assert isinstance(found, OneOf)
    assert found.key == UNDECIDED not in CATALOGUE
    assert len(found.candidates) == len(found.causes) == number
    assert str(number) in found.when.en
    assert str(number) in found.when.ja
    assert found.remedies == (FIND_WORDS,)
    for one, cause in zip(found.candidates, found.causes, strict=True):
        assert cause.en == f"{one.key}: {one.when.en}"
    # What becomes of the mail is decided all the same.
    assert refusal_class(reply) is kind


def test_of_several_that_are_of_different_classes_the_digits_say_which():
    (found,) = outcomes_in("5.2.252")
    assert {class_of(one) for one in found.candidates} == {
        RefusalClass.RECIPIENT,
        RefusalClass.ACCOUNT,
    }
    assert class_of(found) is RefusalClass.RECIPIENT


@pytest.mark.parametrize("reply", [one for one, _, _ in BARE], ids=str)
def test_a_server_s_bare_code_within_our_reply_is_not_decided_either(reply):
    bare = f"{reply.code} {reply.enhanced}"
    stored = f"451 4.7.8 The login at the next server failed ({bare})"
    theirs, ours = outcomes_in(stored)
    assert (theirs.key, ours.key) == (UNDECIDED, "peer-refused-login")


@pytest.mark.parametrize("text", ["", "?", "5.7.139", "535 5.7.139"])
def test_any_stored_text_is_answered(text):
    assert all(one.when.en for one in outcomes_in(text))


def test_words_or_a_code_of_one_entry_decide():
    for text in (
        "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
        "535 5.7.3",
    ):
        assert outcomes_in(text)[0].key in CATALOGUE
