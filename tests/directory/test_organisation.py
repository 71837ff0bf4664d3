import pytest

from kairan.directory import DirectoryError, Organisation


def test_the_organisation_keeps_its_settings(directory):
    directory.set_organisation(name="回覧", postmaster="Post@kairan.test")
    directory.set_organisation(external_recipients_allowed=True)
    assert directory.organisation() == Organisation(
        name="回覧",
        accepted_domains=frozenset({"kairan.test"}),
        postmaster="post@kairan.test",
        external_recipients_allowed=True,
    )


def test_accepted_domains_come_and_go(directory):
    directory.add_accepted_domain("@Example.ORG")
    assert directory.accepted_domains() == ["example.org", "kairan.test"]
    directory.remove_accepted_domain("example.org")
    assert directory.accepted_domains() == ["kairan.test"]


@pytest.mark.parametrize(
    ("method", "domain", "sentence"),
    [
        ("add_accepted_domain", "not a domain", "is not a domain name"),
        ("add_accepted_domain", "kairan.test", "is an accepted domain already"),
        ("remove_accepted_domain", "example.org", "example.org is not an accepted domain"),
        ("remove_accepted_domain", "kairan.test", "still used by 2 addresses"),
    ],
)
def test_a_domain_that_cannot_be_changed_is_explained(directory, method, domain, sentence):
    directory.add_mailbox("ann@kairan.test", aliases=["a@kairan.test"])
    with pytest.raises(DirectoryError, match=sentence):
        getattr(directory, method)(domain)
    assert directory.accepted_domains() == ["kairan.test"]
