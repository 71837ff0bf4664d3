"""The probe against a real Postfix, and the log that Postfix itself then wrote."""

import pytest

from doctor.probe.probe_talk import LOGIN, SETTINGS, keys, marks, step
from kairan.doctor.answer import Verdict
from kairan.doctor.log.read import read_logs
from kairan.doctor.log.settings import LogSettings
from kairan.doctor.probe.probe import probe
from kairan.doctor.probe.settings import ProbeTarget, ProbeTls, ProbeTransaction
from kairan.doctor.probe.step import StepMark
from kairan.doctor.wire import ServerLogin
from peers.postfix import postfix_smtp

NOBODY = ServerLogin()
pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def postfix():
    with postfix_smtp(tls=True) as server:
        yield server


def ask(postfix, login=NOBODY, *, trusted=True, **more):
    ca_file = postfix.certificate.file if trusted else None
    return probe(ProbeTarget("localhost", postfix.port, ca_file=ca_file, **more), login, SETTINGS)


def test_postfix_is_healthy_up_to_a_recipient_of_its_own(postfix):
    report = ask(
        postfix, transaction=ProbeTransaction(sender="a@postfix.test", recipient="b@postfix.test")
    )
    # "localhost" is ::1 too, where the fixture does not listen.
    assert step(report, "connect").mark in {StepMark.OK, StepMark.WARNING}
    assert report.verdict is Verdict.HEALTHY
    assert marks(report)["rcpt"] == "ok"
    assert postfix.messages() == []


def test_its_self_signed_certificate_is_named(postfix):
    report = ask(postfix, LOGIN, trusted=False)
    assert "certificate-self-signed" in keys(report)
    assert step(report, "auth").mark is StepMark.SKIPPED


def test_a_certificate_that_ends_tomorrow_is_a_warning(postfix):
    report = ask(postfix)
    assert step(report, "certificate").mark is StepMark.WARNING
    assert "certificate-ends-soon" in keys(report)


def test_without_sasl_it_has_no_mechanism_for_a_password(postfix):
    assert "no-usable-mechanism" in keys(ask(postfix, LOGIN))


def test_implicit_tls_at_its_port_is_the_wrong_kind(postfix):
    assert "starttls-port" in keys(ask(postfix, tls=ProbeTls.IMPLICIT))


def test_a_refusal_is_explained_at_once_and_found_again_in_its_log(postfix):
    asked = ProbeTransaction("printer@postfix.test", "someone@example.org")
    report = ask(postfix, transaction=asked)
    assert step(report, "rcpt").meanings[0].key == "relay-denied"
    found = read_logs([str(postfix.base / "log" / "postfix.log")], LogSettings())
    # A failed handshake of another test may stand in the log as well.
    cause = next(one for one in found.causes if one.key == "relay-denied")
    assert found.files[0].format == "postfix"
    assert cause.accounts == (("printer@postfix.test", 1),)
    assert cause.times.first is not None
