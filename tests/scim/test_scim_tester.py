"""scim2-tester, which nobody here wrote, against the endpoint."""

import httpx
from scim2_client import BaseSyncSCIMClient
from scim2_models import ScimProvider
from scim2_tester import Status, check_server


class JudgesClient(BaseSyncSCIMClient):
    """Its client over ours."""

    def __init__(self, client: httpx.Client) -> None:
        super().__init__(provider=ScimProvider())
        self.client = client

    def _stays_under_base_url(self, endpoint):
        return True

    def _parse_json(self, response):
        return response.json()

    def request(self, method, url, **kwargs):
        return self.client.request(method, url.lstrip("/"), **kwargs)


def is_added_to(one):
    """It adds to a list that has a value already, and expects the new one alone.  RFC 7644 section
    3.5.2.1: values are added to those that are there.
    """
    return one.title == "check_add_attribute" and "proxyAddresses" in str(one.reason)


def test_the_judge_of_scim_servers_finds_nothing_wrong(scim):
    results = check_server(JudgesClient(scim))
    wrong = [
        f"{one.title} {one.resource_type}: {one.reason}"
        for one in results
        if one.status not in {Status.SUCCESS, Status.SKIPPED} and not is_added_to(one)
    ]
    assert not wrong, "\n".join(wrong)
    assert sum(one.status is Status.SUCCESS for one in results) > 60
