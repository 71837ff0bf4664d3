"""What of a status concerns an operator."""

import pytest

from kairan.alerts.settings import AlertSettings
from kairan.directory.sources.store import SourceState
from kairan.status.concerns import IdentityStatus, concerns_of
from kairan.status.facts import CertificateStatus, DestinationStatus, Status

NOW = 1_800_000_000.0
LOGIN = "451 4.7.8 The login at the next server failed (535 5.7.139 Authentication unsuccessful, basic authentication is disabled.)"
TO = "hve://?identity=hve&from=rewrite"


def of(*destinations, certificates=(), **more):
    settings = AlertSettings(quiet_seconds=more.pop("quiet", ()))
    status = Status(
        NOW, "1", is_running=True, destinations=destinations, certificates=tuple(certificates)
    )
    return {one.key for one in concerns_of(status, settings, **more)}


def destination(state="open", *, jobs=1, age=10.0, error="", held=0):
    return DestinationStatus("hve", TO, state, jobs, jobs, held, 0, age, error)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (destination("held", error=LOGIN), {"refusal hve"}),
        (
            destination("held", error="451 4.7.5 TLS with the next server failed (x)"),
            {"refusal hve"},
        ),
        (destination("", error=LOGIN), {"refusal hve"}),
        (destination(error=LOGIN, jobs=0), set()),
        (destination("down", error="451 4.4.1 The next server did not answer"), set()),
        (destination(error="432 4.3.2 Concurrent connections limit exceeded."), set()),
        (destination(error="535 5.7.143 Expired token"), {"refusal hve"}),
        (destination(age=3_600.0), {"age hve"}),
        (destination(age=3_599.0), set()),
        (destination(age=9_999.0, held=1), set()),
    ],
)
def test_a_destination_concerns_by_what_it_says_and_by_age(one, expected):
    assert of(one) == expected


def test_what_a_list_makes_wait_concerns_nobody():
    waiting = DestinationStatus(
        "(moderation)", "", "", 1, 1, 0, 0, 99_999.0, "450 4.7.1 Message waits"
    )
    assert of(waiting) == set()


def test_a_certificate_concerns_two_weeks_before_its_end():
    soon, later = (CertificateStatus(f"{n}.pem", (), NOW, n) for n in (14, 15))
    assert of(certificates=[soon, later]) == {"certificate 14.pem"}
    assert of(identities=[IdentityStatus("hve", NOW + 9_999, 600.0, soon)]) == {
        "certificate 14.pem"
    }


@pytest.mark.parametrize(
    ("ends", "jobs", "concerns"),
    [
        (NOW + 601, 1, False),
        (NOW + 600, 1, True),
        (NOW - 1, 1, True),
        (None, 1, True),
        (None, 0, False),
    ],
)
def test_a_token_concerns_where_mail_waits_for_one_that_was_not_renewed(ends, jobs, concerns):
    found = of(destination(jobs=jobs), identities=[IdentityStatus("hve", ends, 600.0)])
    assert found == ({"token hve"} if concerns else set())
    assert of(destination(), identities=[IdentityStatus("hv", None, 600.0)]) == set()


def test_an_account_or_device_that_went_quiet_concerns():
    quiet = (("payroll@x.test", 3_600.0), ("mfp-3f", 60.0), ("new@x.test", 60.0))
    last = {"payroll@x.test": NOW - 3_599, "mfp-3f": NOW - 61}
    assert of(quiet=quiet, last_sent=last) == {"quiet mfp-3f", "quiet new@x.test"}


def test_a_source_that_changed_nothing_concerns_at_once():
    good = SourceState("csv", tried=int(NOW), succeeded=int(NOW))
    doubted = SourceState(
        "ad", tried=int(NOW), succeeded=int(NOW) - 7_200, problem="5 of 10 are missing"
    )
    assert of(sources=[good, doubted]) == {"source ad"}
