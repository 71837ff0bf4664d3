"""kairan group cost and group advise, on a service that has sent."""

import json
import subprocess
import sys

import pytest

from kairan.cli import sample
from kit.live import PAYROLL, PRINTER, open_directory, running_service, wait_for

SALES = [sample.user(n) for n in range(150, 155)]
LIST = "costs@kairan.test"
PRICE = '[billing]\nprice_per_million = 100.0\ncurrency = "EUR"\n'


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with running_service(tmp_path_factory.mktemp("costs"), settings=PRICE, workers=1) as one:
        with open_directory(one.place) as directory:
            directory.add_group("inner@kairan.test", initial_members=SALES[:3])
            directory.add_group(LIST, initial_members=[*SALES, "inner@kairan.test"])
        one.wait_directory()
        with one.client().login() as client:
            client.send(content(PRINTER, "to the list", "<cost-1@kairan.test>"), LIST, SALES[0])
        for person in SALES:
            one.wait_message(b"to the list", person)
        yield one


def content(sender: str, subject: str, message_id: str) -> bytes:
    fields = f"From: <{sender}>\r\nSubject: {subject}\r\nMessage-ID: {message_id}\r\n"
    return f"{fields}\r\nx\r\n".encode()


def answer(service, *words: str, until):
    """What the command says, once the trace has all of it."""

    def look():
        found = json.loads(service.kairan("group", *words, "--json"))
        return found if until(found) else None

    return wait_for(look, " ".join(words))


def test_a_message_to_a_list_costs_what_was_delivered_each_once(service):
    found = answer(
        service, "cost", LIST, until=lambda all_: all_["total"]["delivered"] == len(SALES)
    )
    (message,) = found["messages"]
    assert (message["account"], message["groups"]) == (PRINTER, [LIST, "inner@kairan.test"])
    assert (message["expanded"], message["billed"], message["failed"]) == (5, 5, 0)
    assert (message["cost"], found["currency"]) == (0.0005, "EUR")
    (group,) = found["groups"]
    assert (group["group"], group["messages"], group["cost"]) == (LIST, 1, 0.0005)


def test_one_message_is_found_by_its_id(service):
    found = answer(
        service,
        "cost",
        "--message-id",
        "cost-1@kairan.test",
        until=lambda all_: all_["total"]["billed"] == len(SALES),
    )
    assert found["messages"][0]["message_id"] == "<cost-1@kairan.test>"


def test_the_habit_of_an_account_is_found_and_the_list_named(service):
    for run in range(2):
        with service.client().login(PAYROLL) as client:
            for n, person in enumerate(SALES):
                mail = content(PAYROLL, f"run {run}", f"<habit-{run}-{n}@kairan.test>")
                client.send(mail, person, sender=PAYROLL)
        for person in SALES:
            service.wait_message(f"habit-{run}-".encode(), person)
    words = ("advise", "--recipients", "5", "--runs", "1")
    (one,) = answer(service, *words, until=lambda all_: any(a["messages"] == 10 for a in all_))
    assert (one["account"], one["recipients"]) == (PAYROLL, sorted(SALES))
    assert (one["list"]["kind"], one["list"]["name"]) == ("group", LIST)
    assert one["saves"]["messages"] == 9


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_advice_fits_eighty_columns(service, lang):
    text = subprocess.run(
        [
            sys.executable, "-m", "kairan", "group", "advise", "--recipients", "2", "--runs", "1",
            "--lang", lang, "-c", str(service.place / "kairan.toml"),
        ],
        capture_output=True, check=True, encoding="utf-8",
    ).stdout  # fmt: skip
    columns = [sum(2 if ord(c) > 0x2E80 else 1 for c in line) for line in text.splitlines()]
    assert max(columns) <= 80
