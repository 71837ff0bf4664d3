"""SCIM documents and requests as Entra sends them."""

from typing import Any

import httpx

from kairan.directory.store import Directory

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
KAIRAN = "urn:ietf:params:scim:schemas:extension:kairan:2.0:User"


def user(name: str = "bjensen", **more: Any) -> dict[str, Any]:
    return {
        "schemas": [USER, ENTERPRISE],
        "externalId": f"{name}-0a21f0f2",
        "userName": f"{name}@testuser.com",
        "active": True,
        "emails": [{"primary": True, "type": "work", "value": f"{name}@testuser.com"}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Barbara Jensen", "familyName": "Jensen", "givenName": "Barbara"},
        "roles": [],
        **more,
    }


def group(name: str = "Sales (EMEA)", **more: Any) -> dict[str, Any]:
    return {
        "schemas": [
            GROUP,
            "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group",
        ],
        "externalId": f"{name}-8aa1a0c0",
        "displayName": name,
        "meta": {"resourceType": "Group"},
        **more,
    }


def created(scim: httpx.Client, path: str, document: dict[str, Any]) -> dict[str, Any]:
    answer = scim.post(path, json=document)
    assert answer.status_code == 201, answer.text
    assert answer.headers["content-type"] == "application/scim+json"
    assert answer.headers["location"] == answer.json()["meta"]["location"]
    made: dict[str, Any] = answer.json()
    return made


def patched(scim: httpx.Client, path: str, *operations: dict[str, Any]) -> httpx.Response:
    return scim.patch(path, json={"schemas": [PATCH], "Operations": list(operations)})


def members(directory: Directory, address: str) -> list[str]:
    return [one for chunk in directory.members(address) for one in chunk]
