"""A refusal may end with the address of its explanation: `help_url` and its key."""

import pytest

from kairan.config.errors import ConfigError
from kairan.config.read import load
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.classify.classify import classify
from kairan.outcomes.outcome import REPLY_LINE_OCTETS_MAX

HELP = "https://docs.example.com/errors/#"
SIGNATURE = "[mail.example.com 2026-11-26T12:00:00.000Z 08DE2A6028D26C22]"
OUTCOMES = sorted(CATALOGUE.values(), key=lambda one: one.key)


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda one: one.key)
def test_every_refusal_has_room_for_it_and_is_otherwise_the_same(outcome):
    plain = outcome.reply_with(SIGNATURE)
    helpful = outcome.reply_with(SIGNATURE, help_url=HELP)
    assert helpful.text == f"{plain.text} See {HELP}{outcome.key}"
    assert (helpful.code, helpful.enhanced) == (plain.code, plain.enhanced)
    assert helpful.is_ours
    assert len(helpful.wire) <= REPLY_LINE_OCTETS_MAX
    assert len(helpful.lines) == 1


@pytest.mark.parametrize("help_url", [HELP, "https://h/550-5.7.1/", "http://wiki/4.7.0?error="])
@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda one: one.key)
def test_the_doctor_reads_it_as_it_reads_the_one_without(outcome, help_url):
    plain = str(outcome.reply_with(SIGNATURE))
    helpful = str(outcome.reply_with(SIGNATURE, help_url=help_url))
    assert classify(helpful).candidates == classify(plain).candidates


@pytest.mark.parametrize("length", range(440, 520))
def test_a_line_that_has_no_room_goes_out_without_it(length):
    outcome = OUTCOMES[0]
    said = "x" * (length - len(outcome.reply_with("").wire) - 1)
    plain = outcome.reply_with(said)
    helpful = outcome.reply_with(said, help_url=HELP)
    address = f" See {HELP}{outcome.key}"
    has_room = len(plain.wire) + len(address) <= REPLY_LINE_OCTETS_MAX
    assert helpful.text == plain.text + (address if has_room else "")


def configured(tmp_path, url):
    file = tmp_path / "kairan.toml"
    file.write_text(
        f"[server]\nhelp_url = {url}\n"
        '[tls]\ncertificate = "c"\nkey = "k"\n'
        '[[delivery.routes]]\npattern = "*"\nto = "maildir:m"\n',
        encoding="utf-8",
    )
    return load(file)


@pytest.mark.parametrize(
    "url", [HELP, "http://wiki/errors?key=", "https://[2001:db8::1]:8443/e/", '"none"']
)
def test_it_may_be(tmp_path, url):
    toml = url if url == '"none"' else f'"{url}"'
    assert configured(tmp_path, toml).help_url == ("" if url == '"none"' else url)


@pytest.mark.parametrize(
    "url",
    [
        "docs.example.com/errors/#",
        "javascript:alert(1)",
        "https://",
        "https:///errors",
        "https://docs.example.com/fehler hilfe#",
        "https://docs.example.com/エラー#",
        "https://docs.example.com/\\r\\n250 OK",
        "https://docs.example.com/<a>\\u0000",
        'https://docs.example.com/\\"',
        "https://docs.example.com/" + "a" * 200,
    ],
)
def test_it_may_not_be(tmp_path, url):
    with pytest.raises(ConfigError) as raised:
        configured(tmp_path, f'"{url}"')
    assert '"help_url" must be' in str(raised.value)
