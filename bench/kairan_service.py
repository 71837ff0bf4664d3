"""Kairan itself, set up as an administrator would: through its own commands, in its own folder.

Beside the hve listener stands a device listener on loopback: the only one that takes mail without TLS,
which it does for addresses that are listed.  Limits that would stop one account from sending with
all its might are lifted, as Postfix's are.
"""

import compileall
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import kairan
from bench import console, process
from bench.errors import BenchError
from bench.load import TargetListener
from bench.scenario import EVERY_KIND
from bench.settings import DOMAIN, LIST, MAILBOX, PASSWORD, USER, BenchSettings
from bench.sink import Sink
from kairan import __version__
from kairan.testing.configuration import kairan_toml, listener

TENANT = "5b6f1c2e-7d80-4a35-9c14-2e0f8d9a6b71"
TAG = "Bench"  # the department of everybody
TOKEN_SECONDS = 86_400  # the longest there is: a run must not end because its token does
# To its first greeting, on a machine at other work; so many mailboxes are read a second before that.
START_SECONDS = 30.0
MAILBOXES_A_SECOND = 10_000


class Kairan(process.Programs):
    name = "kairan"
    version = f"Kairan {__version__}"
    kinds = EVERY_KIND
    encrypts = True
    delivers = True

    def __init__(
        self,
        folder: Path,
        sink: Sink,
        settings: BenchSettings,
        certificate: tuple[Path, Path],
        *,
        profile: str = "hve-2025",
        answers_http: bool = False,
        has_long_trace: bool = False,
        spool: Mapping[str, str | list[str]] | None = None,
        routes: Mapping[str, str] | None = None,
    ) -> None:
        """`routes`: that come before the one to the sink.  `answers_http`: with the HTTP API, whose process would stand in the memory of other rows."""
        super().__init__()
        login_port, plain_port, self._issuer_port, api_port = process.free_ports(4)
        self.api: TargetListener | None = None
        self.api_key = ""
        self._has_long_trace = has_long_trace
        if answers_http:
            self.api = TargetListener(api_port, "off", USER, PASSWORD, http="/v1/messages")
        self.plain = TargetListener(plain_port)
        self.login = TargetListener(login_port, "starttls", USER, PASSWORD)
        self._folder = folder / "kairan"
        self.spool: Path | None = self._folder / "data" / "spool"
        self._token_file = folder / "token"
        self.token: TargetListener | None = TargetListener(
            login_port, "starttls", USER, token_file=self._token_file
        )
        self.application: Mapping[str, str] = {}  # its client_id and secret, once it is installed
        self._log = folder / "kairan.log"
        self._settings = settings
        self._profile = profile
        self._spool_settings = dict(spool or {})
        self._routes = dict(routes or {})
        self._settings_text = self._configuration(sink, certificate)

    def _configuration(self, sink: Sink, certificate: tuple[Path, Path]) -> str:
        issuer = self.issuer.removesuffix("/v2.0")
        return kairan_toml(
            hostname="kairan.bench.invalid",
            workers=self._settings.workers,
            tls={"certificate": certificate[0], "key": certificate[1]},
            listeners=[
                listener("hve", port=self.login.port),
                listener("device", port=self.plain.port, tls="off", devices={"127.0.0.0/8": USER}),
            ],
            routes=self._routes | {"*": f"smtp://127.0.0.1:{sink.port}"},
            intake={"connections_per_address_max": 100_000},
            admission={
                "connections_per_account_max": 100_000,
                "messages_per_minute_max": "none",
                "recipients_per_minute_max": "none",
            },
            spool=self._spool_settings,
            api={"enabled": self.api is not None, "port": self.api.port if self.api else 8025},
            issuer={"enabled": True, "port": self._issuer_port, "tenant": TENANT},
            auth={
                "tokens": {"profile": self._profile},
                "issuers": [
                    {
                        "issuer": self.issuer,
                        "jwks_url": f"{issuer}/discovery/v2.0/keys",
                        "audiences": ["https://outlook.office365.com"],
                        "tenant": TENANT,
                    }
                ],
            },
        )

    def start(self) -> None:
        if not self._folder.exists():
            self._install()
        running = self._run(command("serve", "-c", str(self._file)), self._log)
        seconds = START_SECONDS + self._settings.list_members / MAILBOXES_A_SECOND
        process.wait_until_open(self.login.port, running, self._log, timeout_seconds=seconds)
        process.wait_until_open(self._issuer_port, running, self._log, greeting=False)
        if self.api is not None:
            process.wait_until_open(self.api.port, running, self._log, greeting=False)

    def trace(self, *words: str) -> list[dict[str, str]]:
        """The events that `kairan trace` has."""
        said = process.ask(command("trace", *words, "--json", "-c", str(self._file)))
        events: list[dict[str, str]] = json.loads(said)
        return events

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self._issuer_port}/{TENANT}/v2.0"

    @property
    def _file(self) -> Path:
        return self._folder / "kairan.toml"

    def _install(self) -> None:
        compile_package()
        process.run(command("init", str(self._folder), "--domain", DOMAIN), self._log)
        self._file.write_text(self._settings_text)
        self._organisation()
        self._application()
        if self._has_long_trace:
            self._console()

    def _organisation(self) -> None:
        """One account, the mailboxes and the list of all of them, which the directory's tags make."""
        people = [f"{MAILBOX % n},{TAG}" for n in range(self._settings.list_members)]
        mailboxes = self._folder / "mailboxes.csv"
        mailboxes.write_text("\n".join(["address,department", *people, ""]))
        password = self._folder / "password"
        password.write_text(PASSWORD)
        self._tell("account", "add", USER, "--password-file", str(password))
        self._tell("mailbox", "import", str(mailboxes))
        self._tell("group", "add", LIST, "--department", TAG)

    def _application(self) -> None:
        """The token is made here, where the issuer's key lies."""
        end = ("-c", str(self._file))
        added = process.ask(command("app", "add", "bench", f"--account={USER}", "--json", *end))
        self.application = json.loads(added)
        words = ("app", "token", "bench", f"--user={USER}", f"--lifetime={TOKEN_SECONDS}")
        token = process.ask(command(*words, *end))
        self._token_file.touch(mode=0o600)
        self._token_file.write_text(token)

    def _console(self) -> None:
        """Who looks, a key, and what there is to be found."""
        end = ("-c", str(self._file))
        password = self._folder / "console-password"
        password.write_text(console.PASSWORD)
        words = ("console", "user", "add", console.NAME, "--role", "admin")
        process.run(command(*words, "--password-file", str(password), *end), self._log)
        added = process.ask(command("api-key", "add", "bench", "--json", *end))
        self.api_key = json.loads(added)["key"]
        trace = self._folder / "data" / "trace" / "trace-0.db"
        kept = Path(self._settings.trace_file) if self._settings.trace_file else None
        console.filled(trace, self._settings.trace_events, kept)

    def _tell(self, *words: str) -> None:
        process.run(command(*words, "-c", str(self._file)), self._log)


def compile_package() -> None:
    """As pip does when it installs.  In a checkout nobody may have written bytecode, and each start compiles."""
    compileall.compile_dir(Path(kairan.__file__).parent, quiet=1)


def command(*words: str) -> list[str]:
    """The command that stands beside the Python we run in, wherever the caller's PATH leads."""
    beside = Path(sys.executable).with_name("kairan")
    program = str(beside) if beside.exists() else shutil.which("kairan")
    if program is None:
        raise BenchError("the command `kairan` is not installed beside this Python: pip install .")
    return [program, *words]
