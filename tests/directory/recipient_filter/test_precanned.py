"""Precanned conditions become the filter that an administrator could have written."""

import pytest

from kairan.directory.errors import DirectoryError
from kairan.directory.recipient_filter.opath import parse
from kairan.directory.recipient_filter.precanned import IncludedRecipients, opath

USERS, CONTACTS = IncludedRecipients.MAILBOX_USERS, IncludedRecipients.MAIL_CONTACTS


def test_kinds_and_values_are_alternatives_and_properties_must_all_hold():
    made = opath(
        [USERS, CONTACTS], {"Department": ["Marketing", "Sales"], "CustomAttribute3": ["O'Brien"]}
    )
    written = (
        "((RecipientType -eq 'UserMailbox') -or (RecipientType -eq 'MailContact'))"
        " -and ((Department -eq 'Marketing') -or (Department -eq 'Sales'))"
        " -and (CustomAttribute3 -eq 'O''Brien')"
    )
    assert parse(made) == parse(written)


@pytest.mark.parametrize("kind", IncludedRecipients)
def test_each_kind_of_recipient_is_a_filter(kind):
    parse(opath([kind]))


@pytest.mark.parametrize(
    ("included", "conditional", "words"),
    [
        ([], {}, "say which recipients"),
        ([IncludedRecipients.ALL_RECIPIENTS, USERS], {}, "give it alone"),
        ([USERS], {"Title": ["x"]}, "no condition on Title"),
        ([USERS], {"Department": []}, "has no value"),
        ([USERS], {"Department": ["Sales*"]}, "compares the whole text"),
    ],
)
def test_what_exchange_does_not_take_is_refused_with_the_reason(included, conditional, words):
    with pytest.raises(DirectoryError, match=words):
        opath(included, conditional)
