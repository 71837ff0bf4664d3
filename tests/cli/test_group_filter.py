"""`kairan group filter` shows whom a filter fits, or where it cannot be read."""


def test_a_filter_shows_whom_it_fits_and_what_it_is_in_ldap(people):
    text = "(Department -eq 'Sales') -and (RecipientType -eq 'UserMailbox')"
    found = people.done("group", "filter", text, "--json").json
    assert found["count"] == 2
    assert found["members"] == ["akiko@example.com", "ben@example.com"]
    assert found["ldap"].startswith("(&(department=Sales)(|(msExchRecipientTypeDetails=1)")
    assert "2 recipients" in people.done("group", "filter", text).out


def test_groups_are_found_by_their_type(people):
    text = "RecipientType -eq 'MailUniversalDistributionGroup'"
    found = people.done("group", "filter", text, "--json").json
    assert found["members"] == ["everyone@example.com", "sales@example.com"]


def test_a_filter_that_cannot_be_read_is_refused_with_the_place(shell):
    said = shell.refused("group", "filter", "Department -eq Sales")
    assert "at character 16, `Sales`: expected a value" in said


def test_a_star_before_the_end_needs_the_setting(people):
    text = "Department -like '*les'"
    assert "exchange_online_limits = false" in people.refused("group", "filter", text)
    configuration = people.place / "kairan.toml"
    limits = "\n[recipient_filter]\nexchange_online_limits = false\n"
    configuration.write_text(configuration.read_text() + limits)
    assert people.done("group", "filter", text, "--json").json["count"] == 2
