"""A custom connector for Power Automate: its definition (Swagger 2.0) and its settings.

The fields are those of "Send Email (V3)" of Microsoft's SMTP connector (operation SendEmailV3: From, To, CC,
Subject, Body, Bcc, Importance, Read Receipt, Delivery Receipt, and of an attachment content data, content
type, file name and content id), with Reply To, Sensitivity and a plain text beside them.  A custom connector without
code sends the fields under the names that the definition has, so these are the API's own.
"""

from collections.abc import Mapping
from typing import Any

from kairan import __version__

DEFINITION_FILE = "apiDefinition.swagger.json"
PROPERTIES_FILE = "apiProperties.json"
_Document = dict[str, Any]
_BRAND_COLOR = "#1f4e79"
_SEPARATED = "Addresses, with semicolons between them: ann@example.com;ben@example.com"


def definition(host: str) -> _Document:
    """`host`: name and port under which Power Automate, or its gateway, reaches the API by HTTPS."""
    return {
        "swagger": "2.0",
        "info": {
            "title": "Kairan",
            "description": "Send mail within the organisation, and ask where it is.",
            "version": __version__,
        },
        "host": host,
        "basePath": "/",
        "schemes": ["https"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "securityDefinitions": {"basic": {"type": "basic"}},
        "security": [{"basic": []}],
        "paths": {
            "/v1/messages": {"post": _send()},
            "/v1/messages/{id}": {"get": _status()},
        },
        "definitions": {
            "Email": _email(),
            "Attachment": _attachment(),
            "Accepted": _accepted(),
            "Status": _found(),
            "Problem": _problem(),
        },
    }


def properties() -> _Document:
    """Of the connection: an account's address and password (Basic)."""
    return {
        "properties": {
            "connectionParameters": {
                "username": _secret(
                    "Account", "The address of the account that sends", 1, shown=True
                ),
                "password": _secret("Password", "The account's password", 2, shown=False),
            },
            "iconBrandColor": _BRAND_COLOR,
            "capabilities": [],
            "policyTemplateInstances": [],
        }
    }


def _secret(name: str, about: str, place: int, *, shown: bool) -> _Document:
    return {
        "type": "securestring",
        "uiDefinition": {
            "displayName": name,
            "description": about,
            "tooltip": about,
            "constraints": {"tabIndex": place, "clearText": shown, "required": "true"},
        },
    }


def _send() -> _Document:
    return {
        "operationId": "SendEmailV3",
        "summary": "Send an email",
        "description": "Sends an email to one or more recipients. It is on disk when this succeeds.",
        "x-ms-visibility": "important",
        "parameters": [
            # Else the flow would wait for what the 202 names, and take its answer for this one's.
            _fixed_header("Prefer", "return=representation"),
            _header(
                "Idempotency-Key",
                "Retry key",
                "With the same key nothing is sent twice, for 24 hours: workflow()['run']['name'], and a "
                "word for the step.",
                maxLength=200,
            ),
            _header(
                "Accept-Language",
                "Language",
                "Of the reason, where the email is refused.",
                enum=["en", "ja"],
            ),
            {
                "name": "email",
                "in": "body",
                "required": True,
                "schema": {"$ref": "#/definitions/Email"},
            },
        ],
        "responses": _answers("202", "It is on disk.", "Accepted"),
    }


def _status() -> _Document:
    return {
        "operationId": "GetStatus",
        "summary": "Get status",
        "description": "Where an email of this account is, recipient by recipient.",
        "x-ms-visibility": "important",
        "parameters": [
            {
                "name": "id",
                "in": "path",
                "required": True,
                "type": "string",
                "x-ms-summary": "Id",
                "description": 'The id that "Send an email" gave.',
                "x-ms-url-encoding": "single",
            }
        ],
        "responses": _answers("200", "Found.", "Status"),
    }


def _answers(status: str, about: str, schema: str) -> _Document:
    return {
        status: {"description": about, "schema": {"$ref": f"#/definitions/{schema}"}},
        "default": {
            "description": "Refused: code, causes and what to do.",
            "schema": {"$ref": "#/definitions/Problem"},
        },
    }


def _header(name: str, title: str, about: str, **more: object) -> _Document:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "type": "string",
        "x-ms-summary": title,
        "description": about,
        "x-ms-visibility": "advanced",
        **more,
    }


def _fixed_header(name: str, value: str) -> _Document:
    """Sent always and shown to nobody."""
    return {
        "name": name,
        "in": "header",
        "required": True,
        "type": "string",
        "enum": [value],
        "default": value,
        "x-ms-visibility": "internal",
    }


def _email() -> _Document:
    return _object(
        {
            "from": _text("From", "The account's address, or another that it may use.", "email"),
            "to": _text("To", _SEPARATED, "email"),
            "cc": _text("CC", _SEPARATED, "email"),
            "subject": _text("Subject", "The subject."),
            "html": _text("Body", "The text, formatted.", "html"),
            "bcc": _advanced(_text("Bcc", _SEPARATED, "email")),
            "reply_to": _advanced(_text("Reply To", _SEPARATED, "email")),
            "text": _advanced(
                _text("Plain text", "Instead of the body, or beside it for programs without HTML.")
            ),
            "importance": _advanced(
                _text("Importance", "Of the email.", enum=["High", "Normal", "Low"])
            ),
            "sensitivity": _advanced(
                _text(
                    "Sensitivity",
                    "What the recipient's program shows.",
                    enum=["Normal", "Personal", "Private", "Confidential"],
                )
            ),
            "read_receipt": _advanced(
                _text("Read Receipt", "Who is to be told that it was read.", "email")
            ),
            "delivery_receipt": _advanced(
                _text("Delivery Receipt", "Who is to be told that it has arrived.", "email")
            ),
            "attachments": _advanced(
                {
                    "type": "array",
                    "x-ms-summary": "Attachments",
                    "description": "Files.",
                    "items": {"$ref": "#/definitions/Attachment"},
                }
            ),
        },
        required=("from", "to"),
    )


def _attachment() -> _Document:
    return _object(
        {
            "content": _text("Content data", "The file's content.", "byte"),
            "type": _text("Content type", "Such as application/pdf."),
            "name": _text("File name", "Such as report.pdf."),
            "content_id": _text("Content id", "Where the body shows it: cid: and this."),
        },
        required=("content", "name"),
    )


def _accepted() -> _Document:
    refused = _object({"address": _text("Address"), "problem": {"$ref": "#/definitions/Problem"}})
    return _object(
        {
            "id": _text("Id", "For Get status."),
            "message_id": _text("Message-ID"),
            "accepted": {"type": "array", "x-ms-summary": "Accepted", "items": {"type": "string"}},
            "refused": {"type": "array", "x-ms-summary": "Refused", "items": refused},
        }
    )


def _found() -> _Document:
    recipient = _object(
        {
            "address": _text("Recipient"),
            "status": _text("Recipient's status"),
            "time": _text("Since", "", "date-time"),
            "detail": _text("Detail", "The next server's answer."),
        }
    )
    return _object(
        {
            "id": _text("Id"),
            "message_id": _text("Message-ID"),
            "account": _text("Account"),
            "sender": _text("From"),
            "subject": _text("Subject"),
            "status": _text("Status"),
            "recipients": {"type": "array", "x-ms-summary": "Recipients", "items": recipient},
            "left_out": {"type": "integer", "x-ms-summary": "Events left out"},
        }
    )


def _problem() -> _Document:
    lines = {"type": "array", "items": {"type": "string"}}
    return _object(
        {
            "title": _text("Title"),
            "status": {"type": "integer", "x-ms-summary": "HTTP status"},
            "detail": _text("Answer"),
            "key": _text("Refusal"),
            "code": _text("Code"),
            "causes": {**lines, "x-ms-summary": "Causes"},
            "remedies": {**lines, "x-ms-summary": "Remedies"},
        }
    )


def _object(fields: Mapping[str, _Document], *, required: tuple[str, ...] = ()) -> _Document:
    document: _Document = {"type": "object", "properties": dict(fields)}
    return {**document, "required": list(required)} if required else document


def _text(title: str, about: str = "", form: str = "", **more: object) -> _Document:
    written: _Document = {"type": "string", "x-ms-summary": title, **more}
    if about:
        written["description"] = about
    if form:
        written["format"] = form
    return written


def _advanced(field: _Document) -> _Document:
    return {**field, "x-ms-visibility": "advanced"}
