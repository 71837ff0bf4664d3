import pytest

from kairan.directory.errors import DirectoryError
from kairan.directory.model import Organisation


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


# -- a postmaster who is there --------------------------------------------------------------------


def test_an_organisation_without_a_postmaster_has_a_problem(directory):
    assert "no postmaster" in directory.postmaster_problem()


@pytest.mark.parametrize(
    ("postmaster", "problem"),
    [
        ("person@kairan.test", ""),
        ("alias@kairan.test", ""),
        ("team@kairan.test", ""),
        ("somebody@elsewhere.test", ""),
        ("nobody@kairan.test", "does not exist"),
        ("printer@kairan.test", "is an account"),
        ("empty@kairan.test", "without members"),
        ("off@kairan.test", "disabled"),
    ],
)
def test_a_postmaster_is_somebody_who_receives_mail(directory, postmaster, problem):
    directory.add_mailbox("person@kairan.test", aliases=["alias@kairan.test"])
    directory.add_account("printer@kairan.test")
    directory.add_group("team@kairan.test", initial_members=["person@kairan.test"])
    directory.add_group("empty@kairan.test")
    directory.add_group("off@kairan.test", initial_members=["person@kairan.test"], enabled=False)
    directory.set_organisation(postmaster=postmaster)
    said = directory.postmaster_problem()
    assert problem in said
    assert bool(said) == bool(problem)
