"""kairan report, on a service that has sent."""

import csv
import re
import shutil
from datetime import UTC, datetime
from io import StringIO
from xml.etree import ElementTree as ET

import pytest

from cli.conftest import Shell
from kairan.cli import sample
from kit.live import PRINTER, open_directory, running_service, wait_for

PEOPLE = [sample.user(n) for n in range(160, 164)]
LIST = "reports@kairan.test"
OUTSIDE = "somebody@elsewhere.example"
REFUSED = ("refused", "拒否")
PRICE = '[billing]\nprice_per_million = 1000000.0\ncurrency = "EUR"\n'


def content(sender: str, subject: str, message_id: str) -> bytes:
    fields = f"From: <{sender}>\r\nSubject: {subject}\r\nMessage-ID: {message_id}\r\n"
    return f"{fields}\r\nx\r\n".encode()


TO_LIST = content(PRINTER, "to the list", "<report-1@kairan.test>")
TO_ONE = content(PRINTER, "to one", "<report-2@kairan.test>")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with running_service(tmp_path_factory.mktemp("reports"), settings=PRICE, workers=2) as one:
        with open_directory(one.place) as directory:
            directory.add_group(LIST, initial_members=PEOPLE)
        one.wait_directory()
        with one.client().login() as client:
            client.send(TO_LIST, LIST, PEOPLE[0])
            client.send(TO_ONE, PEOPLE[1])
            assert client.envelope(OUTSIDE).startswith("550")
        for person in PEOPLE:
            one.wait_message(b"to the list", person)
        one.wait_message(b"to one", PEOPLE[1])
        yield one


def asked(service, *words):
    return Shell(service.place).done(*words, "-c", service.place / "kairan.toml")


def rows(service, *words, until=bool):
    """What the command says, once the trace has all of it."""

    def look():
        found = asked(service, "report", *words, "--json").json["rows"]
        return found if until(found) else None

    return wait_for(look, " ".join(words))


def is_whole(found):
    return found and found[0]["billed_recipients"] == 5


def test_usage_is_billed_as_hve_bills_and_is_what_group_cost_says(service):
    (one,) = rows(service, "usage", until=is_whole)
    assert (one["account"], one["messages"], one["cost"]) == (PRINTER, 2, 5.0)
    assert one["bytes"] == sum(len(message) + len(b"\r\n") for message in (TO_LIST, TO_ONE))
    (group,) = rows(service, "usage", "--by", "group")
    assert (group["group"], group["messages"], group["billed_recipients"]) == (LIST, 1, 4)
    cost = asked(service, "group", "cost", LIST, "--json").json
    assert cost["total"]["billed"] == group["billed_recipients"]


def test_clients_say_protocol_and_tls_version_of_a_real_session(service):
    (one,) = rows(service, "clients", until=lambda all_: all_ and all_[0]["messages"] == 2)
    assert (one["sender"], one["domain"], one["protocol"]) == (PRINTER, "kairan.test", "Basic")
    assert one["tls_1_2"] + one["tls_1_3"] == 100.0


def test_refusals_have_cause_and_remedy_in_both_languages(service):
    found = {}
    for lang in ("en", "ja"):
        words = ("refusals", "--lang", lang)
        (found[lang],) = [one for one in rows(service, *words) if one["event"] in REFUSED]
    assert found["en"]["code"].startswith("550 5.7.")
    assert found["en"]["remedy"]
    assert re.search(r"[ぁ-ん]", found["ja"]["remedy"])


def test_growth_counts_what_was_accepted_delivered_and_refused(service):
    (day,) = rows(service, "growth", until=lambda all_: all_ and all_[-1]["delivered"] == 5)
    assert (day["accepted"], day["refused"], day["failed"]) == (2, 1, 0)


def test_csv_has_the_keys_as_its_first_line_and_a_table_says_the_total(service):
    rows(service, "usage", until=is_whole)
    (row,) = csv.DictReader(StringIO(asked(service, "report", "usage", "--csv").out))
    assert (row["account"], row["billed_recipients"], row["cost"]) == (PRINTER, "5", "5")
    assert "5 billed recipients: 5.000000 EUR" in asked(service, "report", "usage").out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("usage", "--json", "--csv"), "take one"),
        (("growth", "--since", "1h", "--until", "2h"), "exchange them"),
        (("monthly", "--out", "x.doc"), "name the file so"),
        (("monthly", "--out", "x.html", "--month", "2026-13"), "write 2026-11"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(shell, words, sentence):
    assert sentence in shell.refused("report", *words)


def test_without_chromium_a_pdf_says_what_to_install(shell, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    sentence = shell.refused("report", "monthly", "--out", "x.pdf", code=1)
    assert "install it" in sentence
    assert not (shell.place / "x.pdf").exists()


@pytest.mark.peers
@pytest.mark.skipif(not shutil.which("chromium"), reason="no chromium")
@pytest.mark.parametrize(("form", "begins"), [("pdf", b"%PDF-"), ("png", b"\x89PNG")])
def test_chromium_prints_the_month(shell, form, begins):
    out = shell.place / f"month.{form}"
    shell.done("report", "monthly", "--out", out)
    octets = out.read_bytes()
    assert octets.startswith(begins)
    assert len(octets) > 2_000
    assert out.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("form", ["html", "svg"])
def test_a_month_is_a_file_that_needs_nothing_else(service, tmp_path, form):
    rows(service, "usage", until=is_whole)
    out, month = tmp_path / f"month.{form}", f"{datetime.now(UTC):%Y-%m}"
    asked(service, "report", "monthly", "--out", out, "--month", month, "--lang", "ja")
    text = out.read_text(encoding="utf-8")
    assert month in text
    assert PRINTER in text
    assert not re.findall(r"<script|src=|href=", text)
    if form == "svg":
        assert ET.fromstring(text).tag.endswith("svg")
