"""No part of a password is printed."""

import pytest

from kairan.runtime.secret_text import without_login

PASSWORDS = ["geheim", "ge@heim", "ge:heim", "ge/heim", "@@", "a@b:c@d", "?x=1@", "#@", "p%40ss"]


@pytest.mark.parametrize("user", ["me", "me@example.com", "", "me:"])
@pytest.mark.parametrize("password", PASSWORDS)
def test_a_url_is_shown_without_its_login(user, password):
    shown = without_login(f"smtp://{user}:{password}@relay.example.com:587?tls=require")
    assert shown == "smtp://***@relay.example.com:587?tls=require"


def test_a_password_in_the_query_is_hidden_and_the_name_of_its_file_is_not():
    assert (
        without_login("postgresql://h/db?password=geheim&x=1")
        == "postgresql://h/db?password=***&x=1"
    )
    assert "password_file=/etc/secret" in without_login("smtp://h?password_file=/etc/secret")


def test_a_url_without_a_login_stays():
    assert without_login("lmtp://127.0.0.1:24") == "lmtp://127.0.0.1:24"
