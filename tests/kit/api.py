"""The HTTP API of a running service: clients of it, and a key of each scope."""

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from kairan.auth.made_secrets import hash_secret, make_secret
from kairan.directory.operations.api_keys import ApiKey, Scope
from kit.live import PASSWORD, PRINTER, Service, open_directory


@dataclass
class Api:
    service: Service
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, account: str = PRINTER, password: str = PASSWORD) -> httpx.Client:
        return httpx.Client(base_url=self.url, auth=(account, password), timeout=30)

    def anonymous(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=30)

    def operator(self, key: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)


def web_process(children: Iterable[int]) -> int | None:
    """The child that has the table of keys open; None: it is being started."""
    return next((pid for pid in children if _has_open(pid, "idempotency.db")), None)


def _has_open(pid: int, name: str) -> bool:
    with suppress(OSError):  # closed meanwhile, or ended
        for path in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                if name in str(path.readlink()):
                    return True
    return False


def made_keys(service: Service) -> Mapping[str, str]:
    """A key of each scope, by its name; the names of the keys themselves are `a-read` and so on."""
    made = {scope: make_secret() for scope in Scope}
    with open_directory(service.place) as directory:
        for scope, secret in made.items():
            key = ApiKey(f"a-{scope}", hash_secret(secret), scope, int(time.time()), None)
            directory.api_keys.add(key)
    return {str(scope): secret for scope, secret in made.items()}
