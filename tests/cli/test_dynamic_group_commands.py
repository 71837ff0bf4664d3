"""Dynamic groups on the command line: made, previewed, refreshed, and their history."""

import pytest

from kairan.directory.store import Directory

SALES = ("group", "add", "dynamic@example.com", "--conditional-department", "Sales")
ADDRESS = "dynamic@example.com"


def preview(shell, address=ADDRESS):
    return shell.done("group", "preview", address, "--json").json


@pytest.fixture
def many(people):
    """Forty more in Sales."""
    rows = "".join(f"p{n}@example.com,Sales\n" for n in range(40))
    (people.place / "many.csv").write_text(f"address,department\n{rows}")
    people.done("mailbox", "import", "many.csv")
    return people


def half_leaves(shell):
    rows = "".join(f"p{n}@example.com,IT\n" for n in range(20))
    (shell.place / "half.csv").write_text(f"address,department\n{rows}")
    shell.done("mailbox", "import", "half.csv", "--update")


def test_conditions_become_a_filter_that_is_shown_with_the_group(people):
    added = people.done(
        *SALES, "--conditional-department", "営業部", "--conditional-custom-attribute", "1=正社員",
        "--included-recipients", "MailboxUsers,MailContacts", "--refresh", "1h", "--json",
    ).json  # fmt: skip
    assert added["filter"] == (
        "((RecipientType -eq 'UserMailbox') -or (RecipientType -eq 'MailContact'))"
        " -and ((Department -eq 'Sales') -or (Department -eq '営業部'))"
        " -and (CustomAttribute1 -eq '正社員')"
    )
    assert added["included_recipients"] == ["MailboxUsers", "MailContacts"]
    assert added["conditions"] == {
        "Department": ["Sales", "営業部"],
        "CustomAttribute1": ["正社員"],
    }
    assert (added["is_dynamic"], added["refresh_seconds"]) == (True, 3_600)
    assert people.done("group", "show", ADDRESS, "--json").json == added
    listed = people.done("group", "list", "--json").json
    assert [one["address"] for one in listed if one["is_dynamic"]] == [ADDRESS]


def test_a_condition_that_is_set_replaces_its_own_values_alone(people):
    people.done(*SALES, "--conditional-company", "Contoso")
    people.done("group", "set", ADDRESS, "--conditional-department", "IT", "--yes")
    shown = people.done("group", "show", ADDRESS, "--json").json
    assert shown["conditions"] == {"Company": ["Contoso"], "Department": ["IT"]}
    people.done("group", "set", ADDRESS, "--conditional-company", "")
    assert preview(people)["members"] == ["cleo@example.com"]
    text = "Department -like 'S*'"
    shown = people.done(
        "group", "set", ADDRESS, "--filter", text, "--display-name", "S", "--refresh", "message",
        "--json",
    ).json  # fmt: skip
    assert (shown["filter"], shown["conditions"], shown["display_name"]) == (text, {}, "S")
    assert shown["refresh_seconds"] == 0
    assert preview(people)["members"] == ["akiko@example.com", "ben@example.com"]


def test_a_preview_shows_who_comes_and_goes_and_what_the_filter_became(people):
    people.done(*SALES)
    people.done("mailbox", "set", "ben@example.com", "--set", "department=IT")
    people.done("mailbox", "set", "cleo@example.com", "--set", "department=sales")
    people.done("mailbox", "add", "dan@example.com", "--set", "department=Sales", "--disabled")
    found = preview(people)
    assert (found["count"], found["members"]) == (2, ["akiko@example.com", "cleo@example.com"])
    assert (found["added"], found["removed"]) == (["cleo@example.com"], ["ben@example.com"])
    assert found["stored"]["count"] == 2
    assert found["ldap"].startswith("(&(|(msExchRecipientTypeDetails=1)")
    assert "mailbox.department" in found["sql"]
    assert found["left_out"]["disabled"] == 1
    said = people.done("group", "preview", ADDRESS).out
    assert "1 came since then: cleo@example.com" in said
    assert "1 went since then: ben@example.com" in said
    assert "left out: 1 disabled" in said


def test_a_refresh_makes_the_preview_true_and_is_in_the_history(people):
    people.done(*SALES)
    assert "nobody has come or gone" not in people.done("group", "history", ADDRESS).out
    people.done("mailbox", "set", "ben@example.com", "--set", "department=IT")
    assert "1 member, 0 came, 1 went" in people.done("group", "refresh", ADDRESS).out
    newest = people.done("group", "history", ADDRESS, "--json").json[0]
    assert (newest["members"], newest["removed"], newest["some_removed"]) == (
        1,
        1,
        ["ben@example.com"],
    )
    found = preview(people)
    assert (found["added"], found["removed"], found["count"]) == ([], [], 1)


def test_a_large_change_needs_a_yes_and_without_one_nothing_changes(many):
    many.done(*SALES)
    half_leaves(many)
    said = many.refused("group", "refresh", ADDRESS)
    assert "would gain 0 and lose 20 of 42 members" in said
    assert "--yes" in said
    assert preview(many)["needs_yes"] is True
    assert preview(many)["stored"]["count"] == 42
    said = many.refused("group", "set", ADDRESS, "--filter", "Department -eq 'IT'")
    assert "--yes" in said
    assert many.done("group", "refresh", ADDRESS, "--yes", "--json").json["after"] == 22


def test_on_a_terminal_a_large_change_is_asked_for(many, monkeypatch):
    many.done(*SALES)
    half_leaves(many)
    monkeypatch.setattr("kairan.cli.group_membership._is_at_a_terminal", lambda: True)
    assert many("group", "refresh", ADDRESS, stdin="n\n").code != 0
    assert preview(many)["stored"]["count"] == 42
    assert "20 of 42 go" in many.done("group", "refresh", ADDRESS, stdin="y\n").err
    assert preview(many)["stored"]["count"] == 22


def test_a_setting_says_how_much_may_change(many):
    many.done(*SALES)
    half_leaves(many)
    configuration = many.place / "kairan.toml"
    limits = "\n[dynamic_groups]\nchange_max_percent = 50\n"
    configuration.write_text(configuration.read_text() + limits)
    assert many.done("group", "refresh", ADDRESS, "--json").json["removed"] == 20


WRONG = {
    "a filter that cannot be read": (
        ("group", "add", "x@example.com", "--filter", "Department -eq Sales"),
        "at character 16, `Sales`: expected a value",
    ),
    "an unknown property": (
        ("group", "add", "x@example.com", "--filter", "Departement -eq 'Sales'"),
        "did you mean Department?",
    ),
    "a filter and conditions": (
        ("group", "add", "x@example.com", "--filter", "City -eq 'A'", "--department", "Sales"),
        "--filter says all",
    ),
    "a filter and members": (
        ("group", "add", "x@example.com", "--department", "Sales", "--member", "ben@example.com"),
        "the members of a dynamic group follow from its filter",
    ),
    "all and others": (
        ("group", "add", "x@example.com", "--included-recipients", "AllRecipients,MailUsers"),
        "AllRecipients already includes the others",
    ),
    "unknown kind": (
        ("group", "add", "x@example.com", "--included-recipients", "People"),
        'there are no included recipients "People"',
    ),
    "a star in a condition": (
        ("group", "add", "x@example.com", "--department", "Sal*"),
        "compares the whole text",
    ),
    "an attribute of no number": (
        ("group", "add", "x@example.com", "--conditional-custom-attribute", "16=x"),
        '"16=x" is not N=TEXT',
    ),
    "no interval": (
        ("group", "add", "x@example.com", "--department", "Sales", "--refresh", "often"),
        '"often" is no interval',
    ),
    "too short an interval": (
        ("group", "add", "x@example.com", "--department", "Sales", "--refresh", "5s"),
        '"5s" is no interval',
    ),
    "an interval of a static group": (
        ("group", "add", "x@example.com", "--refresh", "1h"),
        "--refresh is of dynamic groups",
    ),
    "a filter for a static group": (
        ("group", "set", "sales@example.com", "--department", "Sales"),
        "sales@example.com is no dynamic group",
    ),
    "a refresh of a static group": (
        ("group", "refresh", "sales@example.com"),
        "there is no dynamic group sales@example.com",
    ),
    "a history of nothing": (
        ("group", "history", "nothing@example.com"),
        "there is no dynamic group nothing@example.com",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_is_refused_with_the_reason(people, case):
    words, sentence = WRONG[case]
    assert sentence in people.refused(*words)


def test_more_than_exchange_takes_is_refused_and_the_setting_lets_it_pass(people):
    words = [word for n in range(80) for word in ("--department", f"Department {n:03}")]
    said = people.refused("group", "add", "x@example.com", *words)
    assert "2048 at most" in said
    configuration = people.place / "kairan.toml"
    limits = "\n[recipient_filter]\nexchange_online_limits = false\n"
    configuration.write_text(configuration.read_text() + limits)
    people.done("group", "add", "x@example.com", *words)


# -- what somebody might try -----------------------------------------------------------------------

INJECTIONS = (
    "x' OR '1'='1",
    "x'; DROP TABLE mailbox; --",
    'x" OR ""="',
    "x)(|(mail=*",
    "*)(objectClass=*",
    "x\\2a",
    "%",
    "_____",
    "x')) -or (Alias -ne $null",
    "Sales' -or Department -eq 'IT",
)


@pytest.mark.parametrize("text", INJECTIONS)
def test_no_text_of_a_filter_is_syntax_of_sql_ldap_or_opath(people, text):
    quoted = text.replace("'", "''")
    if "*" not in text:
        people.done("group", "add", "a@example.com", "--department", text)
        assert preview(people, "a@example.com")["count"] == 0
    people.done("group", "add", "b@example.com", "--filter", f"Department -eq '{quoted}'")
    people.done("mailbox", "add", "victim@example.com", "--set", f"department={text}")
    found = preview(people, "b@example.com")
    assert found["members"] == ["victim@example.com"]
    inside = found["ldap"].removeprefix("(department=").removesuffix(")")
    assert not set("()*") & set(inside)
    with Directory.open(f"sqlite:///{people.place}/data/directory.db", migrate=False) as directory:
        assert len(list(directory.mailboxes())) == 4


def test_a_filter_nests_50_deep_and_what_is_deeper_than_we_take_is_an_error(people):
    deep = "(" * 50 + "Department -eq 'Sales'" + ")" * 50
    people.done("group", "add", "deep@example.com", "--filter", deep)
    assert preview(people, "deep@example.com")["count"] == 2
    nots = "-not (" * 50 + "Department -eq 'Sales'" + ")" * 50
    people.done("group", "add", "nots@example.com", "--filter", nots)
    assert preview(people, "nots@example.com")["count"] == 2
    said = people.refused(
        "group", "add", "x@example.com", "--filter", "-not (" * 65 + deep + ")" * 65
    )
    assert "a filter nests 64 deep at most" in said


def test_groups_nested_50_deep_reach_everybody_once_in_a_preview_or_say_why_not(people):
    inner = "sales@example.com"
    for number in range(12):
        outer = f"g{number}@example.com"
        people.done("group", "add", outer, "--member", inner)
        inner = outer
    text = "RecipientType -eq 'MailUniversalDistributionGroup'"
    people.done("group", "add", ADDRESS, "--filter", text)
    found = preview(people)
    assert found["members"] == ["akiko@example.com", "ben@example.com", "cleo@example.com"]
