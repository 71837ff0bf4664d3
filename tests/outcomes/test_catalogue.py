"""What every entry of the catalogue must have."""

import re
from dataclasses import fields

import pytest

from kairan.outcomes import catalogue
from kairan.outcomes.catalogue import CATALOGUE, TOPICS, outcomes_of
from kairan.outcomes.outcome import PROFILES, Outcome

ENTRIES = [outcome for topic in TOPICS for outcome in outcomes_of(topic)]
by_key = pytest.mark.parametrize("outcome", ENTRIES, ids=lambda outcome: outcome.key)

# Exchange writes these with an enhanced class other than the code's first digit: a server that
# wants STARTTLS may be tried again, what is wrong then is for good; an expired message is
# returned for good, though each try failed for the time being.
CLASS_EXCEPTIONS = {"starttls-required", "message-expired"}

# RFC 5321 section 4.5.3.1.5 allows 512 octets; Exchange's [host time session-id] takes up to 120.
REPLY_TEXT_MAX = 512 - 120

JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


def texts_of(outcome):
    return (outcome.when, *outcome.causes, *outcome.remedies)


def test_keys_are_unique():
    assert len({outcome.key for outcome in ENTRIES}) == len(ENTRIES) == len(CATALOGUE)


def test_every_entry_is_a_constant_named_like_its_key():
    for outcome in ENTRIES:
        assert getattr(catalogue, outcome.key.upper().replace("-", "_")) is outcome


@by_key
def test_text_is_printable_ascii_and_fits_a_reply_line(outcome):
    assert re.fullmatch(r"[ -~]+", outcome.text)
    assert len(outcome.reply.wire) <= REPLY_TEXT_MAX


@by_key
def test_enhanced_class_matches_the_code(outcome):
    assert re.fullmatch(r"[45]\.\d{1,3}\.\d{1,3}", outcome.enhanced)
    agrees = outcome.enhanced[0] == str(outcome.code)[0]
    assert agrees is (outcome.key not in CLASS_EXCEPTIONS)


@by_key
def test_it_has_a_cause_a_remedy_and_a_source(outcome):
    assert outcome.causes
    assert outcome.remedies
    assert outcome.source


@by_key
def test_every_explanation_is_written_in_both_languages(outcome):
    for text in texts_of(outcome):
        assert text.en.isascii()
        assert JAPANESE.search(text.ja)


@by_key
def test_commands_stand_alike_in_both_languages(outcome):
    for text in texts_of(outcome):
        assert sorted(re.findall(r"`[^`]+`", text.en)) == sorted(re.findall(r"`[^`]+`", text.ja))


@by_key
def test_it_belongs_to_a_known_edition(outcome):
    assert outcome.profiles
    assert set(outcome.profiles) <= set(PROFILES)


def test_one_reply_stands_for_one_entry_within_an_edition():
    for profile in PROFILES:
        replies = [str(outcome.reply) for outcome in ENTRIES if profile in outcome.profiles]
        assert not [reply for reply in replies if replies.count(reply) > 1]


def test_suffix_goes_behind_the_text():
    reply = catalogue.AUTH_UNSUCCESSFUL.reply_with("[mx.kairan.test 2026-01-01T00:00:00Z 01]")
    assert str(reply) == (
        "535 5.7.3 Authentication unsuccessful [mx.kairan.test 2026-01-01T00:00:00Z 01]"
    )


def test_a_four_is_transient_and_a_five_is_not():
    assert catalogue.TOO_MANY_RECIPIENTS.is_transient
    assert not catalogue.RELAY_DENIED.is_transient


def test_an_outcome_cannot_be_changed():
    for field in fields(Outcome):
        with pytest.raises(AttributeError):
            setattr(catalogue.RELAY_DENIED, field.name, None)


# The first troubleshooting page, row by row; the later page's four codes after it.
@pytest.mark.parametrize(
    ("key", "reply_start", "profiles"),
    [
        ("auth-unsuccessful", "535 5.7.3 ", PROFILES),
        ("basic-auth-not-allowed", "535 5.7.139 ", PROFILES),
        ("xoauth2-not-base64", "501 5.5.121 ", PROFILES),
        ("xoauth2-format", "501 5.5.122 ", PROFILES),
        ("xoauth2-user-missing", "501 5.5.123 ", PROFILES),
        ("xoauth2-user-invalid", "501 5.5.124 ", PROFILES),
        ("xoauth2-type-missing", "501 5.5.125 ", PROFILES),
        ("xoauth2-token-missing", "501 5.5.126 ", PROFILES),
        ("token-expires-soon", "501 5.5.127 ", ("hve-2025",)),
        ("token-expired", "501 5.5.128 ", ("hve-2025",)),
        ("token-permission", "501 5.5.129 ", ("hve-2025",)),
        ("oauth-unsuccessful", "535 5.7.127 ", PROFILES),
        ("token-expires-soon-2026", "535 5.7.142 ", ("hve-2026",)),
        ("token-expired-2026", "535 5.7.143 ", ("hve-2026",)),
        ("token-permission-2026", "535 5.7.144 ", ("hve-2026",)),
        ("app-not-allowed", "550 5.7.240 ", ("hve-2026",)),
    ],
)
def test_every_row_of_the_troubleshooting_pages_is_there(key, reply_start, profiles):
    outcome = CATALOGUE[key]
    assert str(outcome.reply).startswith(reply_start)
    assert outcome.profiles == profiles


@pytest.mark.parametrize(
    "ending",
    [
        "the organization configuration doesn't allow this authentication request.",
        "user is locked by your organization's security defaults policy.",
        "basic authentication is disabled.",
        "SmtpClientAuthentication is disabled for the Tenant.",
        "SmtpClientAuthentication is disabled for the Mailbox.",
        "the request did not meet the criteria to be authenticated successfully.",
        "the user credentials were incorrect.",
        "federated STS service was unreachable.",
        "the federated STS URL does not support HTTPS.",
    ],
)
def test_every_known_text_of_5_7_139_is_an_entry_of_its_own(ending):
    found = [o for o in ENTRIES if o.enhanced == "5.7.139" and ending in o.text]
    assert len(found) == 1
