"""How much one account may send within a minute."""

import pytest

from kairan.admission.rate import judge_rate
from kairan.admission.settings import AdmissionSettings
from kairan.directory.model import Account
from kairan.outcomes import catalogue as outcomes
from kairan.outcomes.decision import Refuse


def judged(account, *, messages=0, recipients=0, more=1, settings=None):
    verdict = judge_rate(
        account,
        settings or AdmissionSettings(),
        messages=lambda _: messages,
        recipients=lambda _: recipients,
        more=more,
    )
    return verdict.outcome if isinstance(verdict, Refuse) else None


PLAIN = Account(1, "erp@kairan.test", "")
OWN = Account(1, "erp@kairan.test", "", messages_per_minute=2, recipients_per_minute=10)
NO_LIMITS = AdmissionSettings(messages_per_minute_max=None, recipients_per_minute_max=None)


def test_there_is_a_generous_default():
    defaults = AdmissionSettings()
    assert judged(PLAIN, messages=defaults.messages_per_minute_max - 1) is None
    assert judged(PLAIN, messages=defaults.messages_per_minute_max) is outcomes.RATE_EXCEEDED
    full = defaults.recipients_per_minute_max
    assert judged(PLAIN, recipients=full - 1) is None
    assert judged(PLAIN, recipients=full) is outcomes.RECIPIENT_RATE_EXCEEDED
    assert judged(PLAIN, messages=10**9, recipients=10**9, settings=NO_LIMITS) is None


@pytest.mark.parametrize("settings", [AdmissionSettings(), NO_LIMITS])
def test_an_accounts_own_limits_beat_the_organisations(settings):
    assert judged(OWN, messages=1, recipients=5, more=5, settings=settings) is None
    assert judged(OWN, messages=2, settings=settings) is outcomes.RATE_EXCEEDED
    verdict = judged(OWN, recipients=5, more=6, settings=settings)
    assert verdict is outcomes.RECIPIENT_RATE_EXCEEDED
