"""Sources are said in Japanese where Japanese is spoken; facts that changed stand in the texts as they are now."""

import re

import pytest

from kairan.outcomes import catalogue
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.dates import MILESTONES
from kairan.outcomes.entra import SOURCE
from kairan.outcomes.sources import in_japanese

SOURCES = sorted({o.source for o in CATALOGUE.values()} | {m.source for m in MILESTONES} | {SOURCE})
TEXTS = {
    o.key: [
        o.when,
        *o.causes,
        *o.remedies,
        *((o.by_token.when, *o.by_token.causes, *o.by_token.remedies) if o.by_token else ()),
    ]
    for o in CATALOGUE.values()
}
# Titles by which a page is found, and names.
TITLES = re.compile(
    r"Microsoft (?:Learn|サポート)[:,] [A-Z][\w'/, -]+|\([A-Z][A-Za-z ]+\)|ブログ: [A-Z][\w' -]+|github\.com/\S+|\([a-z_]+\)"
    r"|Microsoft Defender for Office 365|PROXY protocol|data/codes|smtp_sasl_glue\.c|sendmail|nodemailer|smtplib|msmtp"
)  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
def test_nothing_but_names_stays_english(source):
    said = TITLES.sub("", in_japanese(source))
    assert not re.search(r"\b[a-z]{3,}\b", said), said


def test_what_was_seen_on_the_wire_is_said_so():
    assert in_japanese("seen on the wire of Exchange Online").startswith(
        "Exchange Online の実際の応答"
    )
    assert in_japanese("RFC 5321 section 4.1.4") == "RFC 5321 4.1.4 節"
    assert in_japanese("RFC 6531 sections 3.2 and 3.5") == "RFC 6531 3.2、3.5 節"


GONE = {
    "en": [
        "Set-MailUser ADDRESS -Password",  # it changes nobody else's
        "Identity > Overview",
        "> Monitoring > Sign-in logs",
        "Azure Communication Services",  # its dates are data
    ],
    "ja": [
        "[ID] > [概要]",
        "[監視] > [サインイン ログ]",
        "対象ユーザー、",
        "HVE アカウントの許可リスト",
        "[ユーザー] > [メール]",
        "メール送信の権限",
        "送信者欄",
    ],
}


@pytest.mark.parametrize("key", CATALOGUE)
def test_no_text_says_what_is_no_longer_so(key):
    for text in TEXTS[key]:
        assert not [word for word in GONE["en"] if word in text.en]
        assert not [word for word in GONE["ja"] if word in text.ja]
        assert not re.search(r"(?<!Microsoft )Entra 管理センター", text.ja)


def test_a_password_is_reset_by_the_cmdlet_that_can():
    said = [text.en for text in CATALOGUE["credentials-incorrect"].remedies]
    assert "Update-MgUser -UserId ADDRESS -PasswordProfile" in said[0]


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (catalogue.RECIPIENT_LIMIT_DAILY, "Your message can't be sent because you've reached your daily limit for message recipients"),
        (catalogue.FROM_INVALID, "Access denied, message must be RFC 5322 section 3.6.2 compliant"),
        (catalogue.TENANT_RECIPIENT_BLOCK, "blocked by your organization using Tenant Allow Block List."),
    ],
)  # fmt: skip
def test_the_words_are_microsofts_own(outcome, words):
    assert words in outcome.text


def test_conditional_access_is_named_with_the_licence_it_needs():
    said = CATALOGUE["basic-auth-not-allowed"].remedies[1]
    assert "Microsoft Entra ID P1 or higher" in said.en
    assert "Microsoft Entra ID P1 以上" in said.ja


def test_many_who_change_are_reached_by_a_dynamic_group():
    said = CATALOGUE["too-many-recipients"].remedies[0]
    assert "dynamic distribution group" in said.en
    assert "動的配布グループ" in said.ja


def test_the_end_of_december_is_a_date_of_its_own():
    dates = {m.key: m.earliest.isoformat() for m in MILESTONES}
    assert dates["client-basic-auth-off-by-default"] == "2026-12-31"
    assert dates["acs-email-ends"] == "2028-09-30"
