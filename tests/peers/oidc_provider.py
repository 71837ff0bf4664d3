"""npm's oidc-provider as a foreign issuer: client credentials, access tokens as JWT; people by the code.

with oidc_provider(lifetimeSeconds=3_600) as issuer:
    token = issuer.token()
    answer = await issuer.wait_signed_in(url, "akiko")  # as a browser would: the URL that leads back
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

HERE = Path(__file__).parent / "oidc"
AUDIENCE = "https://outlook.office365.com"
CLIENT, SECRET = "the-payroll-application", "a secret that only the payroll application has"

needs_oidc_provider = pytest.mark.skipif(
    shutil.which("node") is None or not (HERE / "node_modules" / "oidc-provider").is_dir(),
    reason="node or oidc-provider is not installed (make peers)",
)


@dataclass(frozen=True)
class ForeignIssuer:
    name: str
    object_id: str
    tenant: str

    @property
    def settings(self) -> str:
        return f'\n[[auth.issuers]]\nissuer = "{self.name}"\ntenant = "{self.tenant}"\n'

    def token(self, client: str = CLIENT, resource: str = AUDIENCE) -> str:
        answer = httpx.post(
            f"{self.name}/token",
            auth=(client, SECRET),
            data={
                "grant_type": "client_credentials",
                "scope": "Mail.Send",
                "resource": resource,
            },
            trust_env=False,
            timeout=30,
        )
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    async def wait_signed_in(self, url: str, login: str) -> str:
        """A browser of its own follows `url` to the login, signs in, and is led back to what is returned."""
        async with httpx.AsyncClient(base_url=self.name, trust_env=False, timeout=30) as browser:
            answer = await browser.get(url)
            while (place := answer.headers.get("location", "")).startswith((self.name, "/")):
                asked = f"{place}?as={login}" if "/login/" in place else place
                answer = await browser.get(asked)
            assert place, answer.text
            return str(place)


@contextmanager
def oidc_provider(**changes: Any) -> Iterator[ForeignIssuer]:
    given = {
        "clientId": CLIENT,
        "clientSecret": SECRET,
        "objectId": "44444444-dddd-4000-8000-000000000004",
        "tenant": "55555555-eeee-4000-8000-000000000005",
        "roles": ["Mail.Send"],
        "audience": AUDIENCE,
        "lifetimeSeconds": 3_600,
        "algorithm": "RS256",
        **changes,
    }
    with subprocess.Popen(
        ["node", str(HERE / "issuer.mjs"), json.dumps(given)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    ) as process:
        assert process.stdout
        assert process.stdin
        try:
            name = json.loads(process.stdout.readline())["issuer"]
            yield ForeignIssuer(name, given["objectId"], given["tenant"])
        finally:
            process.stdin.close()  # it ends with it
            process.wait(30)
