"""How alerts go: mail past the queue, a webhook, a command; one that fails stops none of the others."""

import http.server
import json
import sys
import threading
from email import message_from_bytes, policy

import pytest

from kairan.alerts.alert import Alert, Concern
from kairan.alerts.alerts import Alerts
from kairan.alerts.settings import AlertSettings
from kairan.alerts.ways import message_of, wait_told, ways_of
from kairan.outcomes.outcome import Text

CONCERN = Concern(
    "refusal hve",
    "refusal",
    "hve",
    Text("held: 3 jobs wait.", "3 件が待機しています。"),
    {"jobs": 3},
)
ALERT = Alert(CONCERN, 1_800_000_000.0, is_over=False, ways=frozenset({"mail"}))


class Hook:
    """An HTTP server that answers as it is told, and keeps what it was sent."""

    def __init__(self, status: int = 200) -> None:
        self.bodies = []
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(hook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.status = status
        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?key=secret"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def hook():
    hook = Hook()
    yield hook
    hook.server.shutdown()
    hook.server.server_close()


def test_the_mail_says_it_in_both_languages_and_no_robot_answers_it():
    envelope, content = message_of(ALERT, "postmaster@k.test", ("ops@x.test",), "k.test", 1e9)
    message = message_from_bytes(content, policy=policy.SMTP)
    assert envelope.sender == ""
    assert [one.address for one in envelope.recipients] == ["ops@x.test"]
    assert message["Auto-Submitted"] == "auto-generated"
    assert "refusal" in message["Subject"]
    text = message.get_content()
    assert "held: 3 jobs wait." in text
    assert "3 件が待機しています。" in text
    assert content.count(b"\n") == content.count(b"\r\n")


async def told(settings: AlertSettings, mail=None) -> dict[str, str]:
    ways = ways_of(settings, "k.test", lambda: 1e9, mail)
    return {name: await wait_told(way, ALERT) for name, way in ways.items()}


async def test_the_webhook_gets_json(hook):
    assert await told(AlertSettings(webhook=hook.url)) == {"webhook": ""}
    (body,) = map(json.loads, hook.bodies)
    assert (body["kind"], body["about"], body["state"]) == ("refusal", "hve", "concern")
    assert body["facts"] == {"jobs": 3}
    assert body["text_ja"] == CONCERN.text.ja


async def test_a_webhook_that_refuses_or_is_away_says_so_without_its_address(hook):
    hook.status = 500
    assert await told(AlertSettings(webhook=hook.url)) == {"webhook": "HTTP 500"}
    away = await told(AlertSettings(webhook="http://127.0.0.1:1/hook?key=secret"))
    assert away["webhook"]
    assert "secret" not in away["webhook"]


async def test_the_command_gets_json_on_its_input_and_no_shell(tmp_path):
    file = tmp_path / "got"
    script = f"import sys; open({str(file)!r}, 'wb').write(sys.stdin.buffer.read())"
    settings = AlertSettings(command=(sys.executable, "-c", script))
    assert await told(settings) == {"command": ""}
    assert json.loads(file.read_bytes())["about"] == "hve"
    assert await told(AlertSettings(command=(sys.executable, "-c", "raise SystemExit(3)"))) == {
        "command": "exit code 3"
    }
    assert await told(AlertSettings(command=("/no/such/program",))) == {
        "command": "FileNotFoundError"
    }


async def test_one_way_that_fails_stops_no_other_and_is_tried_again(hook, tmp_path):
    hook.status = 503
    mails = []

    async def mail(_envelope, content) -> str:
        mails.append(content)
        return ""

    settings = AlertSettings(mail_to=("ops@x.test",), webhook=hook.url)
    file = tmp_path / "alerts.json"
    concerns = [CONCERN]
    ways = ways_of(settings, "k.test", lambda: 1e9, mail)
    alerts = Alerts(settings, lambda: concerns, ways, file, lambda: 1e9)
    await alerts.wait_looked()
    await alerts.wait_looked()
    assert (len(mails), len(hook.bodies)) == (1, 2)
    hook.status = 200
    await alerts.wait_looked()
    await Alerts(settings, lambda: concerns, ways, file, lambda: 1e9).wait_looked()
    assert (len(mails), len(hook.bodies)) == (1, 3)
    concerns.clear()
    await alerts.wait_looked()
    assert json.loads(hook.bodies[-1])["state"] == "over"
    assert file.stat().st_mode & 0o777 == 0o600
