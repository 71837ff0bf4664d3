"""Why a job waits: the one thing in front of it, and what the last answer means."""

import pytest

from kairan.cli.output import plain
from kairan.cli.queue_why import lines_of, record_of
from kairan.delivery.pauses import OperatorPause, PauseKind
from kairan.delivery.routes import Router
from kairan.delivery.settings import RouteSettings
from kairan.delivery.statistics import QueueFacts
from kairan.doctor.answer import Language
from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.outcomes.refusal_class import RefusalClass
from kairan.spool.interface import Job, JobId, SpoolId, SpoolItem
from kairan.status.why import SENTENCES, QueueView, Waiting, why

NOW = 1_800_000_000.0
ROUTER = Router([RouteSettings("x.test", "hve://?identity=hve"), RouteSettings("*", "mx:")])
LOGIN = "451 4.7.8 The login at the next server failed (535 5.7.139 Authentication unsuccessful, basic authentication is disabled.)"
TLS = "451 4.7.5 TLS with the next server failed (self-signed certificate)"
HELD = QueueFacts("x.test", "held", 0, 0, LOGIN, 120.0)


def item(
    detail: str = "", *, to: str = "a@x.test", held: bool = False, due: float = NOW, attempts=1
):
    recipients = (Recipient(Address(to)),)
    job = Job(JobId(SpoolId(1), 2), "", recipients, due, attempts, detail)
    envelope = Envelope(Address("me@kairan.test"), recipients, NOW - 60)
    return SpoolItem(job, envelope, held)


def asked(one: SpoolItem, *queues: QueueFacts, pauses=(), route: str = "x.test"):
    view = QueueView(ROUTER, pauses, queues, 86_400.0, NOW)
    return why(one, (route,), view)


@pytest.mark.parametrize(
    ("one", "queues", "pauses", "expected"),
    [
        (item(held=True), [HELD], [OperatorPause(PauseKind.ROUTE, "x.test")], Waiting.HELD),
        (item(), [HELD], [OperatorPause(PauseKind.ROUTE, "x.test")], Waiting.PAUSED),
        (item(), [HELD], [OperatorPause(PauseKind.DESTINATION, "x.test")], Waiting.PAUSED),
        (item(), [HELD], [OperatorPause(PauseKind.ROUTE, "*")], Waiting.ROUTE_HELD),
        (item(LOGIN), [], [], Waiting.ROUTE_HELD),
        (item(), [QueueFacts("x.test", "down", 0, 0, "", 3.0)], [], Waiting.DOWN),
        (
            item("451 4.3.2 busy", due=NOW + 9),
            [QueueFacts("y", "open", 0, 0, "")],
            [],
            Waiting.RETRY,
        ),
        (item(), [QueueFacts("x.test", "open", 4, 9, "")], [], Waiting.RUNNING),
        (item(attempts=0), [], [], Waiting.TURN),
    ],
)
def test_what_stands_in_front_of_the_job(one, queues, pauses, expected):
    assert asked(one, *queues, pauses=pauses).waiting is expected


def test_the_servers_own_words_are_explained_not_our_wrapping():
    answer = asked(item(LOGIN), HELD)
    assert [one.key for one in answer.meanings] == ["basic-auth-disabled", "peer-refused-login"]
    assert answer.kind is RefusalClass.CONFIGURATION
    assert (answer.next_try, answer.expires) == (NOW + 120.0, None)


@pytest.mark.parametrize("language", Language)
def test_a_bare_code_of_nine_causes_names_none_of_them_as_the_cause(language):
    said = "451 4.7.8 The login at the next server failed (535 5.7.139)"
    answer = asked(item(said), QueueFacts("x.test", "held", 0, 0, said, 120.0))
    assert answer.kind is RefusalClass.CONFIGURATION
    record = record_of("0-1.2", answer, language)
    assert record["key"] == "undecided"
    assert "9" in record["meaning"]
    assert len(record["causes"]) == 9
    (remedy,) = record["remedies"]
    assert "kairan doctor probe" in remedy
    shown = "\n".join(line.text for line in lines_of("0-1.2", answer, language))
    assert all(cause in shown for cause in record["causes"])


def test_a_certificate_that_does_not_verify_is_named():
    answer = asked(item(), QueueFacts("x.test", "held", 0, 0, TLS, 60.0))
    assert answer.meanings[0].key == "peer-tls-failed"
    assert "self-signed" in answer.last_reply


def test_a_job_by_mx_is_found_in_its_domains_queue():
    queue = QueueFacts("* y.test", "down", 0, 0, "421 4.3.2 closing", 5.0)
    answer = asked(item(to="a@y.test"), queue, route="*")
    assert (answer.destination, answer.waiting) == ("* y.test", Waiting.DOWN)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("waiting", Waiting)
def test_every_answer_can_be_printed_in_both_languages(language, waiting):
    assert getattr(SENTENCES[waiting], language)
    for one in (item(LOGIN), item("599 what is this"), item()):
        answer = asked(one, HELD)
        assert plain(record_of("0-1.2", answer, language))["id"] == "0-1.2"
        assert len(list(lines_of("0-1.2", answer, language))) > 3
