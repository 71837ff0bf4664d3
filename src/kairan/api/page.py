"""docs/api.md, made from the OpenAPI document.

python -m kairan.api > docs/api.md
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from kairan.api.application import application
from kairan.api.parts import Parts

_HEAD = """\
# The HTTP API

Step by step, and in Japanese: [the HTTP API](http-api.md). This page is made from the OpenAPI document by `python -m kairan.api`; a running service gives the document itself at `/openapi.json`.

    [api]
    enabled = true          # http://127.0.0.1:8025; other addresses are HTTPS with the certificate of [tls]

Mail is sent by an account, with its password (Basic) or its access token (Bearer); `202` means what SMTP's `250` means: the
message is on disk. Everything else needs a key:

    kairan api-key add monitoring --scope read

    curl -u erp@example.com:PASSWORD http://127.0.0.1:8025/v1/messages \\
      -H 'Content-Type: application/json' -H 'Idempotency-Key: order-4711' \\
      -d '{"from": "erp@example.com", "to": ["ann@example.com"], "subject": "Order 4711", "text": "Thank you."}'

    curl -H 'Authorization: Bearer KEY' 'http://127.0.0.1:8025/v1/trace?recipient=ann@example.com'

Every refusal is a problem document (RFC 9457) with `key`, `code`, `causes` and `remedies`, in the language of `Accept-Language`
(English, Japanese); [errors.md](errors.md) has them all. A try with the same `Idempotency-Key` and the same body within 24
hours sends nothing again, also where the service died in between; another body under the key is `422`.
"""


def document() -> Mapping[str, Any]:
    """Of the routes alone: nothing is asked of the parts."""
    return application(cast("Parts", None)).openapi()


def page() -> str:
    return "\n".join(_lines(document())) + "\n"


def _lines(api: Mapping[str, Any]) -> Iterator[str]:
    yield _HEAD
    for path, operations in api["paths"].items():
        for method, operation in operations.items():
            yield from _operation(path, method, operation)
    yield "## What goes in and comes out\n"
    for name, schema in sorted(api["components"]["schemas"].items()):
        yield from _schema(name, schema)


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"## `{method.upper()} {path}`\n"
    yield f"{operation['summary']}. {operation.get('description', '')}\n"
    schemes = " or ".join(f"`{name}`" for one in operation["security"] for name in one)
    yield f"Security: {schemes}.\n"
    parameters = operation.get("parameters", [])
    if parameters:
        yield "| parameter | in | type | |\n|---|---|---|---|"
        for one in parameters:
            about = one.get("description", "")
            yield f"| `{one['name']}` | {one['in']} | {_type(one['schema'])} | {about} |"
        yield ""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"Body: `{kind}`, {_type(content['schema'])}.\n"
    yield f"Answers: {', '.join(_answers(operation['responses']))}.\n"


def _answers(responses: Mapping[str, Any]) -> Iterator[str]:
    for status, answer in responses.items():
        (kind, content), *_ = answer.get("content", {"": {}}).items() or [("", {})]
        shown = f" {_type(content['schema'])}" if "json" in kind and "schema" in content else ""
        yield f"`{status}`{shown if status < '300' else ''}"


def _schema(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f"### {name}\n"
    if about := schema.get("description"):
        yield f"{' '.join(about.split())}\n"
    if "enum" in schema:
        yield ", ".join(f"`{one}`" for one in schema["enum"]) + "\n"
        return
    yield "| field | type | |\n|---|---|---|"
    required = schema.get("required", [])
    for field, its in schema.get("properties", {}).items():
        about = its.get("description", "")
        if field in required:
            about = f"required. {about}".strip()
        yield f"| `{field}` | {_type(its)} | {about} |"
    yield ""


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    kind = schema.get("type", "object")
    if kind == "array":
        return f"list of {_type(schema['items'])}"
    return " ".join(str(part) for part in (kind, schema.get("format", "")) if part)
