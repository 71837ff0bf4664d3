"""Power Automate: its custom connector, as the written file has it sent, and its plain SMTP connector's dialogue."""

import base64
import email
import email.policy
import json
from urllib.parse import quote

import httpx
import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator

from kairan.api.compose import AttachedFile, NewMessage
from kairan.api.looking import MessageFound
from kairan.api.messages import MessageAccepted
from kit.live import PASSWORD, PRINTER, USER, wait_for

# learn.microsoft.com/connectors/smtp, "Send Email (V3)", operation SendEmailV3.
SEND_EMAIL_V3 = ("From", "To", "CC", "Subject", "Body", "Bcc", "Importance", "Read Receipt")
SEND_EMAIL_V3 += ("Delivery Receipt", "Attachments")
ATTACHMENT_V3 = {"Content data", "Content type", "File name", "Content id"}


@pytest.fixture(scope="module")
def connector(api, tmp_path_factory):
    folder = tmp_path_factory.mktemp("connector") / "new"
    said = api.service.kairan(
        "connector", "power-automate", "--host", "mail.kairan.test:8025", "--out", str(folder)
    )
    names = {"apiDefinition.swagger.json", "apiProperties.json"}
    assert {path.name for path in folder.iterdir()} == names
    assert all(name in said for name in names)
    return {name: json.loads((folder / name).read_text(encoding="utf-8")) for name in names}


@pytest.fixture(scope="module")
def swagger(connector):
    return connector["apiDefinition.swagger.json"]


def operation(swagger, operation_id):
    for path, methods in swagger["paths"].items():
        for method, found in methods.items():
            if found["operationId"] == operation_id:
                return path, method, found
    raise AssertionError(operation_id)


def email_fields(swagger):
    """Names of the body's fields, by what the editor calls them."""
    _, _, sending = operation(swagger, "SendEmailV3")
    (body,) = (one for one in sending["parameters"] if one["in"] == "body")
    schema = swagger["definitions"][body["schema"]["$ref"].rpartition("/")[2]]
    return {field["x-ms-summary"]: name for name, field in schema["properties"].items()}


def call(api, swagger, operation_id, given, body=None):
    """What a custom connector without code does: values by the parameters of the file, and no others."""
    path, method, found = operation(swagger, operation_id)
    headers = {}
    for one in found["parameters"]:
        value = given.get(one["name"], one.get("default"))
        if value is None:
            assert not one["required"] or one["in"] == "body", one["name"]
        elif one["in"] == "header":
            headers[one["name"]] = value
        elif one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", quote(value, safe=""))
    with httpx.Client(auth=(PRINTER, PASSWORD), timeout=30) as client:
        address = api.url + swagger["basePath"].rstrip("/") + path
        return client.request(method, address, headers=headers, json=body)


def arrived(api, marker):
    octets = api.service.wait_message(marker.encode())
    return email.message_from_bytes(octets, policy=email.policy.default)


def test_a_foreign_validator_takes_the_definition(swagger):
    assert list(OpenAPIV2SpecValidator(swagger).iter_errors()) == []
    assert swagger["host"] == "mail.kairan.test:8025"
    assert swagger["schemes"] == ["https"]


def test_every_field_of_send_email_v3_is_there_and_is_one_of_the_api(swagger):
    fields = email_fields(swagger)
    assert set(SEND_EMAIL_V3) <= set(fields)
    assert {"Reply To", "Sensitivity", "Plain text"} <= set(fields)
    known = {field.alias or name for name, field in NewMessage.model_fields.items()}
    assert set(fields.values()) <= known
    attachment = swagger["definitions"]["Attachment"]["properties"]
    assert {one["x-ms-summary"] for one in attachment.values()} == ATTACHMENT_V3
    assert set(attachment) == set(AttachedFile.model_fields)


def test_the_answers_that_it_promises_are_the_apis(swagger):
    for name, model in (("Accepted", MessageAccepted), ("Status", MessageFound)):
        assert set(swagger["definitions"][name]["properties"]) == set(model.model_fields)


def test_a_connection_asks_for_an_account_and_hides_its_password(connector):
    asked = connector["apiProperties.json"]["properties"]["connectionParameters"]
    assert set(asked) == {"username", "password"}
    assert {one["type"] for one in asked.values()} == {"securestring"}
    assert asked["password"]["uiDefinition"]["constraints"]["clearText"] is False


def test_what_the_connector_sends_arrives_with_every_field(api, swagger):
    names = email_fields(swagger)
    picture = base64.b64encode(b"\x89PNG").decode()
    filled = {
        "From": PRINTER,
        "To": f"{USER}; ",
        "CC": f"{USER};{USER}",
        "Bcc": "",
        "Subject": "connector-8101 月次",
        "Body": '<p>報告 <img src="cid:logo"></p>',
        "Plain text": "Report connector-8101",
        "Importance": "High",
        "Sensitivity": "Confidential",
        "Reply To": "helpdesk@kairan.test;desk@kairan.test",
        "Read Receipt": "reader@kairan.test",
        "Delivery Receipt": "arrived@kairan.test",
        "Attachments": [
            {"content": picture, "type": "image/png", "name": "logo.png", "content_id": "logo"},
            {"content": base64.b64encode(b"a,b\n").decode(), "type": "text/csv", "name": "表.csv"},
        ],
    }
    body = {names[title]: value for title, value in filled.items()}
    answer = call(api, swagger, "SendEmailV3", {"Idempotency-Key": "run-8101"}, body)
    assert answer.status_code == 202, answer.text
    assert "Location" not in answer.headers  # the flow would go there, and take that for the answer
    assert set(answer.json()) == set(swagger["definitions"]["Accepted"]["properties"])
    again = call(api, swagger, "SendEmailV3", {"Idempotency-Key": "run-8101"}, body)
    assert again.json() == answer.json()

    found = arrived(api, "connector-8101")
    assert found["Subject"] == "connector-8101 月次"
    assert found["Importance"] == "High"
    assert found["X-Priority"] == "1"
    assert found["Sensitivity"] == "Company-Confidential"
    assert found["Disposition-Notification-To"] == "reader@kairan.test"
    assert found["Return-Receipt-To"] == "arrived@kairan.test"
    assert [one.addr_spec for one in found["Reply-To"].addresses] == [
        "helpdesk@kairan.test",
        "desk@kairan.test",
    ]
    assert found.get_body(("plain",)).get_content().strip() == "Report connector-8101"
    assert "報告" in found.get_body(("html",)).get_content()
    (table,) = found.iter_attachments()
    assert table.get_filename() == "表.csv"
    (logo,) = (one for one in found.walk() if one.get_content_type() == "image/png")
    assert logo["Content-ID"] == "<logo>"
    assert logo.get_content_disposition() == "inline"
    assert logo.get_content() == b"\x89PNG"


def test_its_status_is_asked_for_with_the_id_that_sending_gave(api, swagger):
    body = {"from": PRINTER, "to": USER, "subject": "connector-8102", "html": "<p>x</p>"}
    sent = call(api, swagger, "SendEmailV3", {}, body).json()

    def delivered():
        answer = call(api, swagger, "GetStatus", {"id": sent["id"]})
        is_there = answer.status_code == 200 and answer.json()["status"] == "delivered"
        return answer.json() if is_there else None

    found = wait_for(delivered, "the status of what was sent")
    assert set(found) == set(swagger["definitions"]["Status"]["properties"])
    assert [one["address"] for one in found["recipients"]] == [USER]


def test_a_refusal_comes_as_the_problem_of_the_definition_in_the_language_asked(api, swagger):
    body = {"from": "somebody@kairan.test", "to": USER, "subject": "connector-8103", "text": "x"}
    answer = call(api, swagger, "SendEmailV3", {"Accept-Language": "ja"}, body)
    assert answer.status_code == 403
    assert set(swagger["definitions"]["Problem"]["properties"]) <= set(answer.json())
    assert not answer.json()["title"].isascii()


@pytest.mark.parametrize(
    "more",
    [
        {"to": "a@kairan.test, b@kairan.test"},
        {"to": ";"},
        {"cc": "nobody"},
        {"importance": "urgent"},
        {"sensitivity": "secret"},
        {"read_receipt": "a@b\r\nBcc: x@y.test"},
        {"delivery_receipt": "nobody"},
        {"importance": "high", "headers": {"importance": "low"}},
        {"read_receipt": USER, "headers": {"Disposition-Notification-To": PRINTER}},
        {"attachments": [{"name": "a", "content": "", "content_id": "a>\r\nX: y"}]},
    ],
)
def test_a_field_that_says_something_else_is_refused_whole(api, more):
    document = {"from": PRINTER, "to": [USER], "subject": "never-8104", "text": "x"} | more
    with api.client() as client:
        answer = client.post("/v1/messages", json=document)
    assert answer.status_code == 422, answer.text
    assert answer.json()["key"] == "api-invalid"


def test_the_plain_smtp_connectors_dialogue_is_spoken(api):
    """As System.Net.Mail speaks it: STARTTLS, the user with `AUTH login`, the password asked for."""
    text = "\r\n".join(
        [
            "MIME-Version: 1.0",
            f"From: {PRINTER}",
            f"To: {USER}",
            "X-Priority: 1",
            "Priority: urgent",
            "Importance: high",
            "Date: 27 Nov 2026 14:30:00 +0000",
            "Subject: =?utf-8?B?c210cC04MTA1IOaciOasoQ==?=",
            "Content-Type: text/html; charset=utf-8",
            "Content-Transfer-Encoding: base64",
            "",
            base64.b64encode("<p>月次</p>".encode()).decode(),
        ]
    )
    with api.service.client(tls=False) as client:
        assert client.greeting.startswith("220")
        assert "STARTTLS" in client.ask(b"EHLO RD0003FF123456")
        assert client.ask(b"STARTTLS").startswith("220")
        client.start_tls()
        assert "LOGIN" in client.ask(b"EHLO RD0003FF123456")
        user = base64.b64encode(PRINTER.encode())
        assert client.ask(b"AUTH login " + user) == "334 UGFzc3dvcmQ6"
        assert client.ask(base64.b64encode(PASSWORD.encode())).startswith("235")
        assert client.ask(f"MAIL FROM:<{PRINTER}>".encode()).startswith("250")
        assert client.ask(f"RCPT TO:<{USER}>".encode()).startswith("250")
        assert client.ask(b"DATA").startswith("354")
        client.say(text.encode() + b"\r\n\r\n.\r\n")
        assert client.reply().startswith("250 2.6.0")
        assert client.ask(b"QUIT").startswith("221")
    found = arrived(api, "c210cC04MTA1")
    assert found["Subject"] == "smtp-8105 月次"
