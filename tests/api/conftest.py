"""One service with the HTTP API for all tests here; each test sends mail of its own marker."""

import time
from dataclasses import dataclass

import httpx
import pytest

from kairan.auth.made_secrets import hash_secret, make_secret
from kairan.directory.operations.api_keys import ApiKey, Scope
from kit.live import PASSWORD, PRINTER, Service, open_directory, running_service
from kit.ports import free_port


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
        return httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=30
        )


@pytest.fixture(scope="package")
def api(tmp_path_factory):
    port = free_port()
    place = tmp_path_factory.mktemp("api")
    settings = f"\n[api]\nenabled = true\nport = {port}\n"
    with running_service(place, settings=settings) as service:
        yield Api(service, port)


@pytest.fixture(scope="package")
def keys(api):
    """A key of each scope, by its name."""
    made = {scope: make_secret() for scope in Scope}
    with open_directory(api.service.place) as directory:
        for scope, secret in made.items():
            key = ApiKey(f"a-{scope}", hash_secret(secret), scope, int(time.time()), None)
            directory.api_keys.add(key)
    return {str(scope): secret for scope, secret in made.items()}
