"""The OpenAPI document against a running service: no 500, every answer as documented.

The service is this file's own: who may do everything turns switches that others need.
"""

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from kairan.api.page import document, page
from kit.api import Api, made_keys
from kit.live import PASSWORD, PRINTER, running_service
from kit.ports import free_port


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    port = free_port()
    settings = f"\n[api]\nenabled = true\nport = {port}\n"
    with running_service(
        tmp_path_factory.mktemp("openapi"), settings=settings, workers=1
    ) as service:
        yield Api(service, port), made_keys(service)["admin"]


schema = schemathesis.openapi.from_dict(dict(document()))


@schema.parametrize()
@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_the_document_says(case, everything):
    api, key = everything
    if case.operation.path == "/v1/messages":
        answer = case.call(base_url=api.url, auth=(PRINTER, PASSWORD))
    else:
        answer = case.call(base_url=api.url, headers={"Authorization": f"Bearer {key}"})
    case.validate_response(
        answer,
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
            response_headers_conformance,
        ],
    )


def test_the_page_of_the_api_is_fresh():
    written = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -m kairan.api > docs/api.md"
