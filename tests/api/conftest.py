"""One service with the HTTP API for all tests here; each test sends mail of its own marker."""

import pytest

from kit.api import Api, made_keys
from kit.live import running_service
from kit.ports import free_port


@pytest.fixture(scope="package")
def api(tmp_path_factory):
    port = free_port()
    place = tmp_path_factory.mktemp("api")
    settings = (
        f"\n[api]\nenabled = true\nport = {port}\n[issuer]\nenabled = true\nport = {free_port()}\n"
    )
    with running_service(place, settings=settings) as service:
        yield Api(service, port)


@pytest.fixture(scope="package")
def keys(api):
    return made_keys(api.service)
