"""What the doctor says to a pasted text, in both languages."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairan.console.shown import Explainer
from kairan.doctor.answer import Language, Verdict, language_of
from kairan.doctor.explain.explain import (
    ACCEPTED,
    UNKNOWN,
    explain,
    explain_briefly,
    verdict_of,
)
from kairan.doctor.explain.text import lines_of, record_of
from kairan.doctor.probe.step import meanings_of
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.causes import FIND_WORDS, UNDECIDED
from kairan.outcomes.sources import in_japanese

JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


def printed(text, language=Language.EN):
    return "\n".join(line.text for line in lines_of(explain(text), language))


@pytest.mark.parametrize("outcome", CATALOGUE.values(), ids=lambda o: o.key)
@pytest.mark.parametrize("language", Language)
def test_a_person_reads_cause_remedy_and_source(outcome, language):
    said = printed(str(outcome.reply), language)
    spoken = [*outcome.causes, *outcome.remedies, outcome.when]
    for text in spoken:
        assert getattr(text, language.value) in said
    is_japanese = language is Language.JA
    assert (in_japanese(outcome.source) if is_japanese else outcome.source) in said


@pytest.mark.parametrize("outcome", CATALOGUE.values(), ids=lambda o: o.key)
def test_a_program_gets_the_fixed_keys(outcome):
    (record,) = [record_of(one, Language.JA) for one in explain(str(outcome.reply))]
    assert (record["key"], record["code"], record["enhanced"]) == (
        outcome.key,
        outcome.code,
        outcome.enhanced,
    )
    assert all(JAPANESE.search(text) for text in [*record["causes"], *record["remedies"]])


@pytest.mark.parametrize("text", ["535 5.7.139", "535 5.7.139 Authentication unsuccessful"])
def test_a_code_that_fits_several_alike_chooses_none_and_says_how_to_tell(text):
    said = printed(text)
    assert said.startswith("It is one of these 9")
    # One thing to do, and it is not what mends the first of them.
    assert said.count("What to do") == 1
    assert "Find the words behind the code" in said
    assert "Likely causes" not in said
    assert all(one.key in said for one in explain(text))
    assert all(record_of(one, Language.EN)["is_one_of"] for one in explain(text))
    assert "いずれか" in printed(text, Language.JA)


def test_where_there_is_room_for_one_it_is_told_that_it_is_one_of_several():
    (one,) = explain_briefly("535 5.7.139")
    assert one.key == UNDECIDED
    assert len(one.advice.causes) == 9
    assert one.advice.remedies == (FIND_WORDS,)
    (meaning,) = meanings_of("535 5.7.139 Authentication unsuccessful")
    assert meaning.key == UNDECIDED
    shown = Explainer(Language.JA).of("535 5.7.139")
    assert (shown["key"], len(shown["causes"])) == (UNDECIDED, 9)


def test_what_is_decided_beside_it_is_told_in_its_place():
    decided = "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found"
    keys = [one.key for one in explain_briefly(f"535 5.7.139\n{decided}")]
    assert keys == [UNDECIDED, "recipient-unknown"]
    keys = [one.key for one in explain_briefly(f"{decided}\n535 5.7.139")]
    assert keys == ["recipient-unknown", UNDECIDED]
    assert explain_briefly(decided) == explain(decided)


@pytest.mark.parametrize(
    "text", ["535 5.7.3", "535 5.7.139 basic authentication is disabled", "550 5.1.10"]
)
def test_what_fits_one_entry_best_is_told_in_full(text):
    assert "What to do" in printed(text)
    assert not any(record_of(one, Language.EN)["is_one_of"] for one in explain(text))


def test_a_known_refusal_is_a_problem():
    assert verdict_of(explain("535 5.7.3")) is Verdict.PROBLEM


@pytest.mark.parametrize("text", ["550 5.7.999 Go away", "450 busy", "?"])
def test_an_unknown_one_is_unclear(text):
    assert verdict_of(explain(text)) is Verdict.UNCLEAR
    assert {one.key for one in explain(text)} == {UNKNOWN}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("450 4.2.1 mailbox busy", "for the time being"),
        ("550 5.2.1 no", "mailbox is disabled"),
        ("550 5.7.999 banned", "this server's own"),
        ("452 no", "for the time being"),
        ("521 go away", "about the connection"),
    ],
)
def test_of_an_unknown_one_the_digits_are_read(text, said):
    assert said in printed(text)


def test_an_agreement_is_no_problem():
    assert [one.key for one in explain("250 2.1.5 Recipient OK")] == [ACCEPTED]
    assert verdict_of(explain("235 2.7.0 Authentication successful")) is Verdict.HEALTHY


def test_the_name_of_a_rule_is_enough():
    assert [one.key for one in explain("sender-not-yours")] == ["sender-not-yours"]
    line = 'event=refused rule=sender-throttled reply="550 5.7.60 SMTP"'
    assert [one.key for one in explain(line)] == ["sender-throttled"]


def test_the_dates_of_basic_authentication_stand_with_a_refusal_of_it():
    said = printed("535 5.7.139 Authentication unsuccessful, basic authentication is disabled.")
    assert "2028-09-01" in said
    assert "[withdrawn]" in said


def test_the_endpoint_that_ends_is_pointed_out():
    said = printed("connect to smtp-hve.office365.com: Connection refused")
    assert "smtp.hve.mx.microsoft" in said


@pytest.mark.parametrize(
    ("asked", "environment", "spoken"),
    [
        ("ja", {"LANG": "en_US.UTF-8"}, Language.JA),
        (None, {"LANG": "ja_JP.UTF-8"}, Language.JA),
        (None, {"LC_ALL": "C", "LANG": "ja_JP.UTF-8"}, Language.EN),
        (None, {"LC_ALL": "", "LC_MESSAGES": "ja_JP", "LANG": "C"}, Language.JA),
        (None, {"LANG": "de_DE.UTF-8"}, Language.EN),
    ],
)
def test_the_language_is_the_one_asked_for_else_the_locales(asked, environment, spoken):
    assert language_of(asked, environment) is spoken


@given(st.text(alphabet="45.0123 \r\n-[]<>'\"()認証b\\x\0é:/@"))
def test_any_text_has_an_answer_that_can_be_printed(text):
    explanations = explain(text)
    assert explanations
    assert all(line.text is not None for line in lines_of(explanations, Language.JA))


SWIFT = """\
Failed to authenticate on SMTP server with username "help@contoso.test" using 1 possible authenticators. \
Authenticator XOAUTH2 returned Expected response code 235 but got code "535", with message \
"535 5.7.3 Authentication unsuccessful [ZR0P278CA0009.CHEP278.PROD.OUTLOOK.COM 2026-02-22T09:34:23.313Z 08DD]"
"""


@pytest.mark.parametrize(
    "text",
    [
        SWIFT,
        "AUTH XOAUTH2 dXNlcj0=\r\n535 5.7.3 Authentication unsuccessful",
        "535 5.7.3 Authentication unsuccessful (OAUTHBEARER)",
        "C: auth=Bearer eyJ\nS: 535 5.7.3 Authentication unsuccessful",
    ],
)
@pytest.mark.parametrize("language", Language)
def test_where_a_token_was_tried_its_causes_come_before_the_passwords(text, language):
    outcome = CATALOGUE["auth-unsuccessful"]
    said = printed(text, language)
    places = [
        said.index(getattr(one, language.value))
        for one in (*outcome.by_token.causes, *outcome.causes)
    ]
    assert places == sorted(places)
    assert getattr(outcome.by_token.when, language.value) in said


@pytest.mark.parametrize(
    "text", ["535 5.7.3 Authentication unsuccessful", "AUTH LOGIN\n334 x\n535 5.7.3"]
)
def test_without_a_token_no_token_is_blamed(text):
    outcome = CATALOGUE["auth-unsuccessful"]
    (one,) = explain(text)
    assert not set(outcome.by_token.causes) & set(one.advice.causes)


def test_a_transcript_of_unknown_replies_is_unclear_by_each_ones_digits():
    found = explain("450 4.2.0 greylisted\n554 5.7.1 spam")
    assert [(one.reply.code, one.key) for one in found] == [(450, UNKNOWN), (554, UNKNOWN)]
