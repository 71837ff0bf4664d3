"""kairan send: to one server, with a journal that survives the program's end."""

import asyncio
import csv
import json
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from kairan.cli import sample
from kairan.config.installation import Installation, install
from kairan.testing import running_demo
from kairan.testing.peer import Hang, Rule, Say, ScriptedPeer
from kit.certificates import server_certificate

FROM = ("--from", "app@us.test")
LETTER = (*FROM, "--subject", "Hi", "--text", "Hello")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return server_certificate(tmp_path_factory.mktemp("certificates"))


class Kairan:
    """`kairan send …` to one peer."""

    def __init__(self, peer: ScriptedPeer, ca_file: Path) -> None:
        self.peer = peer
        self.server = ("--server", f"127.0.0.1:{peer.port}", "--ca", str(ca_file))

    async def start(self, *words: object) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kairan", "send", *self.server, *map(str, words)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    async def __call__(self, *words: object, code: int = 0) -> str:
        process = await self.start(*words)
        out, err = await process.communicate()
        assert process.returncode == code, (out, err)
        return (out or err).decode()

    @property
    def recipients(self) -> list[str]:
        return [r.strip("<>") for message in self.peer.messages for r in message.recipients]

    async def wait_messages(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self.peer.messages) < count:
                await asyncio.sleep(0.01)


@pytest.fixture
def peer_with(certificates):
    context, ca_file = certificates

    @asynccontextmanager
    async def start(*rules):
        async with ScriptedPeer(rules, tls=context) as peer:
            yield Kairan(peer, ca_file)

    return start


def addresses(path, count):
    path.write_text("".join(f"user{n:04}@x.test\n" for n in range(count)))
    return path


def rows(path, count):
    path.write_text("email,name\n" + "".join(f"user{n:04}@x.test,N{n}\n" for n in range(count)))
    return path


@pytest.fixture
def slip(tmp_path):
    path = tmp_path / "t.eml.j2"
    path.write_text("From: app@us.test\nSubject: For {{ name }}\n\nDear {{ name }}\n")
    return path


async def test_a_message_goes_to_a_file_of_addresses_in_batches(peer_with, tmp_path):
    async with peer_with() as kairan:
        out = await kairan(*LETTER, "--to-file", addresses(tmp_path / "to", 120), "--json")
    assert sorted(len(message.recipients) for message in kairan.peer.messages) == [20, 50, 50]
    answer = json.loads(out)
    assert (answer["sent"], answer["complete"], answer["failures"]) == (120, True, [])
    for message in kairan.peer.messages:
        assert b"user0" not in message.content
        assert b"To: undisclosed-recipients:;\r\n" in message.content


async def test_who_is_not_to_be_seen_is_not(peer_with, tmp_path):
    eml = tmp_path / "m.eml"
    eml.write_bytes(b"From: app@us.test\nTo: a@x.test\nBcc: spy@x.test\nSubject: S\n\nHi\n")
    shown = ("--to", "A <a@x.test>", "--cc", "c@x.test", "--bcc", "spy@x.test")
    async with peer_with() as kairan:
        await kairan(*LETTER, *shown)
        await kairan("--eml", eml)
    composed, as_it_is = kairan.peer.messages
    assert set(composed.recipients) == {"<a@x.test>", "<c@x.test>", "<spy@x.test>"}
    assert set(as_it_is.recipients) == {"<a@x.test>", "<spy@x.test>"}
    assert not [
        m for m in kairan.peer.messages if b"spy" in m.content or b"bcc" in m.content.lower()
    ]


async def test_html_and_attachments_go_with_it(peer_with, tmp_path):
    (tmp_path / "page.html").write_text("<p>Grüße</p>")
    (tmp_path / "list.csv").write_text("a,b\n")
    more = ("--html", tmp_path / "page.html", "--attach", tmp_path / "list.csv")
    async with peer_with() as kairan:
        await kairan(*LETTER, *more, "--to", "a@x.test")
    email = message_from_bytes(kairan.peer.messages[0].content, policy=default)
    assert email.get_body(("html",)).get_content().strip() == "<p>Grüße</p>"
    assert [part.get_filename() for part in email.iter_attachments()] == ["list.csv"]


async def test_refusals_are_an_exit_code_and_a_row_each(peer_with, tmp_path):
    refuse = Rule("RCPT", Say("550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found"), nth=2)
    results = tmp_path / "results.csv"
    async with peer_with(refuse) as kairan:
        to = addresses(tmp_path / "to", 3)
        out = await kairan(*LETTER, "--to-file", to, "--results", results, code=1)
    assert "sent 2, refused 1, unknown 0" in out
    with results.open(newline="") as file:
        found = {row["address"]: row for row in csv.DictReader(file)}
    assert [row["state"] for row in found.values()] == ["sent", "refused", "sent"]
    assert found["user0001@x.test"]["remedy"]
    assert found["user0000@x.test"]["message_id"]


async def test_a_killed_run_goes_on_and_nobody_is_mailed_twice(peer_with, tmp_path, slip):
    data, journal = rows(tmp_path / "rows.csv", 400), tmp_path / "journal"
    words = ("--template", slip, "--data", data, "--journal", journal, "--json")
    async with peer_with() as kairan:
        for part in (60, 150, 260):
            process = await kairan.start(*words)
            await kairan.wait_messages(part)
            process.kill()
            await process.communicate()
        answer = json.loads(await kairan(*words, code=1))
    sent = kairan.recipients
    assert len(sent) == len(set(sent))
    unknown = {failure["address"] for failure in answer["failures"]}
    assert {failure["state"] for failure in answer["failures"]} == {"unknown"}
    assert set(sent) | unknown == {f"user{n:04}@x.test" for n in range(400)}
    # Two for each of four sessions and as many again ready, at each of three ends.
    assert answer["unknown"] == len(unknown) <= 3 * 20
    assert answer["sent"] + answer["unknown"] == 400


async def test_a_killed_batch_is_unknown_and_the_rest_is_sent(peer_with, tmp_path):
    to, journal = addresses(tmp_path / "to", 1_000), tmp_path / "journal"
    words = (*LETTER, "--to-file", to, "--journal", journal, "--json")
    async with peer_with(Rule("DOT", Hang(), nth=2)) as kairan:
        process = await kairan.start(*words)
        await kairan.wait_messages(4)
        process.send_signal(signal.SIGKILL)
        await process.communicate()
        kairan.peer.rules.clear()
        answer = json.loads(await kairan(*words, code=1))
        assert await kairan(*words, code=1)
    assert len(kairan.recipients) == len(set(kairan.recipients))
    assert answer["sent"] + answer["unknown"] == 1_000
    assert answer["sent"] >= 500
    # The first run's message, to its last recipient.
    assert len({message.content for message in kairan.peer.messages}) == 1


async def test_being_asked_to_stop_it_waits_for_the_answers(peer_with, tmp_path, slip):
    words = ("--template", slip, "--data", rows(tmp_path / "rows.csv", 200))
    words += ("--journal", tmp_path / "journal", "--json")
    async with peer_with() as kairan:
        process = await kairan.start(*words, "--rate", "20/s")
        await kairan.wait_messages(10)
        process.terminate()
        out, _ = await process.communicate()
        stopped = json.loads(out)
        assert process.returncode == 1
        assert (stopped["complete"], stopped["unknown"]) == (False, 0)
        assert json.loads(await kairan(*words))["sent"] == 200
    assert len(kairan.recipients) == 200


async def test_a_test_leaves_the_journal_alone(peer_with, tmp_path, slip):
    words = ("--template", slip, "--data", rows(tmp_path / "rows.csv", 3))
    words += ("--journal", tmp_path / "journal")
    async with peer_with() as kairan:
        await kairan(*words, "--test", "me@us.test")
        assert kairan.recipients == ["me@us.test"]
        assert b"Subject: For N0\r\n" in kairan.peer.messages[0].content
        assert not (tmp_path / "journal").exists()
        await kairan(*words)
    assert len(kairan.recipients) == 4


async def test_a_dry_run_sends_nothing_and_shows_all(peer_with, tmp_path, slip):
    data = rows(tmp_path / "rows.csv", 100)
    data.write_text(data.read_text() + "short\n")
    async with peer_with() as kairan:
        out = await kairan("--template", slip, "--data", data, "--dry-run", "--json")
        text = await kairan("--template", slip, "--data", data, "--dry-run")
    answer = json.loads(out)
    assert (answer["plan"]["messages"], answer["plan"]["way"]) == (100, "one-by-one")
    assert "Subject: For N0" in answer["message"]
    assert answer["refused"] == 1
    assert "row 102" in answer["faults"][0]
    assert "Dear N0" in text
    assert kairan.peer.sessions == 0


async def test_every_row_has_its_line_in_the_results(peer_with, tmp_path, slip):
    data = tmp_path / "rows.csv"
    data.write_text("email,name\na@x.test,A\nb@x.test\na@x.test,again\n,nobody\n")
    words = ("--template", slip, "--data", data, "--results", tmp_path / "results.csv")
    async with peer_with() as kairan:
        out = await kairan(*words, code=1)
        faults = json.loads(await kairan(*words, "--dry-run", "--json"))["faults"]
    assert "sent 1, refused 3, unknown 0" in out
    assert "row 2 came first" in out
    with (tmp_path / "results.csv").open(newline="") as file:
        found = {int(row["row"]): (row["address"], row["state"]) for row in csv.DictReader(file)}
    assert found == {
        2: ("a@x.test", "sent"),
        3: ("row 3", "refused"),
        4: ("a@x.test", "refused"),
        5: ("", "refused"),
    }
    assert len(faults) == 3


@pytest.mark.parametrize(
    "first",
    ["", "user9999@x.test\n", ",N\n", "nobody,N\n", 'a@x.test,"two\nlines"\n', "a@x.test,N,N\n"],
)
async def test_a_first_row_that_makes_no_message_is_a_refused_row(peer_with, tmp_path, slip, first):
    data = tmp_path / "staff.csv"
    data.write_text(f"email,name\n{first}b@x.test,B\nc@x.test,C\n")
    async with peer_with() as kairan:
        out = await kairan("--template", slip, "--data", data, "--json", code=1 if first else 0)
    answer = json.loads(out)
    assert (answer["sent"], answer["refused"]) == (2, 1 if first else 0)
    assert sorted(kairan.recipients) == ["b@x.test", "c@x.test"]
    assert [one["row"] for one in answer["failures"]] == ([2] if first else [])


@pytest.mark.parametrize(
    ("text", "encoding", "words"),
    [
        ("email,name\nb@x.test,山田\n", "utf-8-sig", ()),
        ("email,name\nb@x.test,山田\n", "utf-16", ()),
        ("email,name\nb@x.test,山田\n", "cp932", ("--encoding", "cp932")),
        ("email;name\r\nb@x.test;山田\r\n", "utf-8", ()),
        ("email\tname\nb@x.test\t山田\n", "utf-16", ()),
    ],
)
async def test_rows_are_read_as_office_programs_save_them(
    peer_with, tmp_path, slip, text, encoding, words
):
    data = tmp_path / "staff.csv"
    data.write_text(text, encoding=encoding)
    async with peer_with() as kairan:
        await kairan("--template", slip, "--data", data, *words)
    email = message_from_bytes(kairan.peer.messages[0].content, policy=default)
    assert email["Subject"] == "For 山田"
    assert email.get_content().strip() == "Dear 山田"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--data", "sqlite:///x.db"), "by --query, which is missing"),
        (("--data", "postgresql://u@127.0.0.1:1/x", "--query", "select 1"), "driver is not inst"),
        (("--data", "x://y", "--query", "select 1"), "the query was not answered"),
        (("--data", "t.xlsx"), "rows are read from .csv"),
    ],
)
def test_a_source_of_rows_that_is_none_is_said(shell, slip, words, said):
    assert said in shell.refused("send", "--template", slip, *words)


@pytest.mark.parametrize("results", ["none/r.csv", "", "to"])
async def test_where_results_cannot_be_written_nobody_is_mailed(peer_with, tmp_path, results):
    to = addresses(tmp_path / "to", 3)
    path = tmp_path / results if results != "to" else to / "r.csv"
    async with peer_with() as kairan:
        out = await kairan(*LETTER, "--to-file", to, "--results", path, code=2)
    assert f"--results {path}: " in out
    assert kairan.peer.sessions == 0


async def test_results_that_were_not_written_leave_no_file(peer_with, tmp_path):
    async with peer_with(Rule("CONNECT", Say("554 5.7.1 No"))) as kairan:
        to = addresses(tmp_path / "to", 3)
        await kairan(*LETTER, "--to-file", to, "--results", tmp_path / "r.csv", code=1)
    assert not (tmp_path / "r.csv").exists()


@pytest.mark.parametrize(
    ("server", "said"),
    [
        (("--server", "nowhere.invalid"), "nowhere.invalid: The next server's name could not be"),
        (("--server", "127.0.0.1:1"), "look at host and port in --server"),
        ((), "--ca FILE names the authority"),
    ],
)
async def test_a_server_that_was_not_reached_has_not_answered(peer_with, server, said):
    async with peer_with() as kairan:
        kairan.server = server or kairan.server[:2]
        out = await kairan(*LETTER, "--to", "a@x.test", code=1)
    assert said in out
    assert "answered" not in out
    assert "check-config" not in out


async def test_a_template_that_fits_no_row_mails_nobody(peer_with, tmp_path, slip):
    data = tmp_path / "staff.csv"
    data.write_text("email,nmae\na@x.test,A\nb@x.test,B\n")
    async with peer_with() as kairan:
        out = await kairan("--template", slip, "--data", data, code=2)
    assert (
        "no message can be made of any row; row 2: 'name' is undefined; the row has email, nmae"
        in out
    )
    assert kairan.peer.sessions == 0


async def test_rows_of_a_parquet_file_are_sent(peer_with, tmp_path, slip):
    data = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"mail": ["a@x.test", "b@x.test"], "name": ["A", "B"]}), data)
    async with peer_with() as kairan:
        await kairan("--template", slip, "--data", data)
    assert sorted(kairan.recipients) == ["a@x.test", "b@x.test"]


async def test_without_tls_only_where_that_is_said(tmp_path):
    async with ScriptedPeer() as peer:
        kairan = Kairan(peer, "none")
        kairan.server = kairan.server[:2]
        assert "STARTTLS" in await kairan(*LETTER, "--to", "a@x.test", code=1)
        await kairan(*LETTER, "--to", "a@x.test", "--tls", "none")
        (tmp_path / "secret").write_text("s\n")
        login = ("--user", "app@us.test", "--password-file", tmp_path / "secret")
        await kairan(*LETTER, *login, "--to", "a@x.test", "--tls", "none", code=1)
    assert kairan.recipients == ["a@x.test"]
    assert "AUTH" not in peer.verbs()


async def test_a_login_that_is_refused_sends_nothing_and_marks_nobody(peer_with, tmp_path):
    (tmp_path / "secret").write_text("wrong\n")
    login = ("--user", "app@us.test", "--password-file", tmp_path / "secret")
    journal = ("--journal", tmp_path / "journal")
    refuse = Rule("AUTH", Say("535 5.7.3 Authentication unsuccessful"))
    async with peer_with(refuse) as kairan:
        kairan.peer.capabilities.append("AUTH PLAIN LOGIN")
        said = await kairan(*LETTER, *login, *journal, "--to", "a@x.test", code=1)
        assert "nothing was sent" in said
        assert "wrong" not in said
        kairan.peer.rules.clear()
        await kairan(*LETTER, *login, *journal, "--to", "a@x.test")
    assert kairan.recipients == ["a@x.test"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (LETTER, "nobody to send to"),
        (("--to", "a@x.test"), "give one of"),
        ((*LETTER, "--to", "a@x.test", "--eml", "m.eml"), "give one of"),
        ((*LETTER, "--to", "a@x.test", "--rate", "fast"), "no rate"),
        ((*LETTER, "--to", "a@x.test", "--at", "noon"), "not a time"),
        ((*LETTER, "--to", "a@x.test", "--user", "u"), "go together"),
        ((*LETTER, "--to", "a@x.test", "--identity", "hve", "-c", "none.toml"), "none.toml"),
        (("--eml", "missing.eml", "--to", "a@x.test"), "missing.eml"),
        (("--template", "t.j2", "--to", "a@x.test"), "--data"),
        (("--subject", "S", "--text", "T", "--to", "a@x.test"), "--from"),
        (("--from", "me", *LETTER[2:], "--to", "a@x.test"), '--from: "me" is no address'),
        ((*LETTER, "--to-file", "/dev/null"), "nobody to send to: /dev/null has no address"),
        ((*LETTER, "--to", "a@x.test", "--server", "x", "--journal", "/none/j"), "cannot be made"),
        (("--template", "/dev/null", "--data", "x.csv"), "no blank line"),
        ((*LETTER, "--to", "a@x.test", "--server", "x", "--ca", "none.pem"), "none.pem: No such"),
        ((*LETTER, "--to", "a@x.test", "--server", "x", "--ca", "/dev/null"), "no certificate in"),
        (
            (
                *LETTER,
                *("--to", "a@x.test", "--server", "x", "--user", "u", "--password-file", "no"),
            ),
            "no: No such file or directory; name another file",
        ),
    ],
)
def test_what_cannot_be_sent_is_one_sentence_and_exit_code_2(shell, words, said):
    assert said in shell.refused("send", "--server", "127.0.0.1:1", *words)


def test_the_demo_takes_it(tmp_path):
    with running_demo(tmp_path / "demo") as demo:
        sender, to = demo.accounts[0], [f"user{n}@{demo.domain}" for n in (180, 181, 182)]
        (tmp_path / "secret").write_text(sender.password + "\n")
        (tmp_path / "to").write_text("\n".join(to))
        command = ["send", "--server", f"{demo.smtp_host}:{demo.smtp_port}", "--ca", demo.ca_file]
        command += ["--user", sender.address, "--password-file", tmp_path / "secret"]
        command += ["--from", sender.address, "--subject", "Closed", "--text", "On Friday."]
        command += ["--to-file", tmp_path / "to", "--json"]
        done = subprocess.run(
            [sys.executable, "-m", "kairan", *map(os.fspath, command)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["sent"] == len(to)
        for address in to:
            assert b"On Friday." in demo.wait_messages(address, count=1)[0].read_bytes()


@pytest.fixture(scope="module")
def organisation(tmp_path_factory):
    """A directory at hand, whose service need not run: all-hands@ has 200 mailboxes."""
    place = tmp_path_factory.mktemp("organisation")
    plan = Installation(
        place=place, hostname="mail.kairan.test", domain=sample.DOMAIN, host="127.0.0.1"
    )
    install(plan, now=datetime.now(UTC), fill=sample.fill)
    return place / "kairan.toml"


def some_users(path, count):
    path.write_text("".join(f"{sample.user(n)}\n" for n in range(1, count + 1)))
    return path


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("en", "194 of these addresses are 97 % of all-hands@kairan.test; 6 more would get it: "),
        ("ja", "このうち 194 件は all-hands@kairan.test の 97 % です"),
    ],
)
def test_a_row_of_addresses_that_is_nearly_a_list_is_told_so(
    shell, tmp_path, organisation, lang, text
):
    to = some_users(tmp_path / "to", 194)
    words = ("send", *LETTER, "--to-file", to, "--dry-run", "-c", organisation, "--lang", lang)
    assert text in shell.done(*words).out
    (advice,) = json.loads(shell.done(*words, "--json").out)["advice"]
    assert (advice["address"], advice["covered"]) == ("all-hands@kairan.test", 194)
    assert (advice["others"], advice["more"], advice["share"]) == (0, 6, 0.97)
    assert advice["text"][lang].startswith(text)


@pytest.mark.parametrize("count", [99, 179])
def test_a_row_that_is_not_is_not(shell, tmp_path, organisation, count):
    to = some_users(tmp_path / "to", count)
    words = ("send", *LETTER, "--to-file", to, "--dry-run", "-c", organisation, "--json")
    assert json.loads(shell.done(*words).out)["advice"] == []


def test_a_list_is_known_and_its_members_are_counted(shell, organisation):
    words = ("send", *LETTER, "--to", "all-hands@kairan.test", "-c", organisation)
    out = shell.done(*words, "--dry-run", "--results", "r.csv").out
    assert "list: all-hands@kairan.test is a list: one recipient, expanded by the service" in out
    assert "billed by HVE: 200, " in out
    assert "a list answers once for all its members" in out


async def test_the_advice_is_given_where_it_is_sent_too_and_stops_nothing(
    peer_with, tmp_path, organisation
):
    to = some_users(tmp_path / "to", 200)
    async with peer_with() as kairan:
        process = await kairan.start(*LETTER, "--to-file", to, "-c", organisation)
        out, err = await process.communicate()
        answer = await kairan(*LETTER, "--to-file", to, "-c", organisation, "--json")
    assert b"200 of these addresses are 100 % of all-hands@kairan.test: send to the list?" in err
    assert b"sent 200, refused 0" in out
    assert json.loads(answer)["advice"][0]["share"] == 1


IDENTITY_ALONE = """
[[identity]]
name = "hve"
user = "app@us.test"
tenant = "us.test"
client_id = "4711"
client_secret_file = "secret"
"""


@pytest.mark.parametrize("configuration", ["", IDENTITY_ALONE])
def test_without_a_directory_there_is_no_advice_and_no_complaint(shell, tmp_path, configuration):
    (tmp_path / "secret").write_text("s")
    file = tmp_path / "kairan.toml"
    file.write_text(configuration)
    to = some_users(tmp_path / "to", 200)
    words = ("send", *LETTER, "--to-file", to, "--dry-run", "-c", file, "--json")
    assert json.loads(shell.done(*words).out)["advice"] == []


def test_a_configuration_that_was_named_and_is_none_is_said(shell, tmp_path):
    (tmp_path / "kairan.toml").write_text("nonsense =")
    words = ("send", *LETTER, "--to", "a@x.test", "--dry-run", "-c")
    assert "kairan.toml" in shell.refused(*words, tmp_path / "kairan.toml")
    assert "none.toml" in shell.refused(*words, tmp_path / "none.toml")


def test_an_identity_of_a_file_of_its_own_logs_in_with_a_token(tmp_path):
    with running_demo(tmp_path / "demo") as demo:
        authority, _, tenant = demo.oauth["authority"].rpartition("/")
        (tmp_path / "secret").write_text(demo.oauth["client_secret"])
        (tmp_path / "kairan.toml").write_text(
            f"""
[[identity]]
name = "app"
user = "{demo.accounts[0].address}"
authority = "{authority}"
tenant = "{tenant}"
client_id = "{demo.oauth["client_id"]}"
client_secret_file = "secret"
scope = "{demo.oauth["scope"]}"
ca_file = "{demo.ca_file}"
"""
        )
        command = ["send", "--server", f"{demo.smtp_host}:{demo.smtp_port}", "--ca", demo.ca_file]
        command += ["--identity", "app", "-c", tmp_path / "kairan.toml"]
        command += ["--from", demo.accounts[0].address, "--subject", "Closed", "--text", "T"]
        command += ["--to", f"user180@{demo.domain}", "--json"]
        done = subprocess.run(
            [sys.executable, "-m", "kairan", *map(os.fspath, command)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["sent"] == 1
        demo.wait_messages(f"user180@{demo.domain}", count=1)
