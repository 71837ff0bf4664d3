"""The OpenAPI document against a running service: no 500, every answer as documented."""

from pathlib import Path

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
from kit.live import PASSWORD, PRINTER

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
def test_every_answer_is_as_the_document_says(case, keys, api):
    if case.operation.path == "/v1/messages":
        answer = case.call(base_url=api.url, auth=(PRINTER, PASSWORD))
    else:
        answer = case.call(base_url=api.url, headers={"Authorization": f"Bearer {keys['admin']}"})
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
