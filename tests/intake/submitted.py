"""A submission without a service around it."""

from types import SimpleNamespace

from kairan.admission.settings import AdmissionSettings
from kairan.intake.settings import IntakeSettings
from kairan.intake.submission import Origin, Submission
from kairan.intake.unfinished import Unfinished
from kairan.mail.address import Address
from kairan.smtp.server.grammar import MailCommand

PRINTER = Address("printer@kairan.test")
ORGANISATION = SimpleNamespace(accepted_domains=frozenset({"kairan.test"}))


def submission(unfinished=None, **settings):
    account = SimpleNamespace(address=PRINTER, aliases=frozenset(), reply_to="", id=1)
    context = SimpleNamespace(
        admission=AdmissionSettings(**settings),
        hostname="mail.kairan.test",
        clock=lambda: 1e9,
        unfinished=unfinished or Unfinished(IntakeSettings()),
        snapshot=lambda: SimpleNamespace(organisation=ORGANISATION),
        keeps_subject=False,
        spans=None,
    )
    return Submission(context, account, MailCommand(PRINTER), Origin("192.0.2.1", "Received: x; "))
