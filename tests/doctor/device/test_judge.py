"""What is wrong with a printer's settings: one fault a row, and what must not be called one."""

import re
from dataclasses import replace

import pytest

from kairan.doctor.answer import Language, Verdict
from kairan.doctor.device.endpoints import distance, meant_by
from kairan.doctor.device.findings import MEANINGS, Severity
from kairan.doctor.device.fleet import FleetError, judge_fleet
from kairan.doctor.device.judge import DeviceSettings, judge_device, verdict_of
from kairan.doctor.device.text import legend, lines_of, record_of
from kairan.outcomes.catalogue import CATALOGUE

GOOD = DeviceSettings(
    server="smtp.hve.mx.microsoft",
    port="587",
    tls="starttls",
    user="printer@example.com",
    sender="printer@example.com",
)
OWN = replace(GOOD, server="mail.example.com")


def keys(settings, *, info=False):
    found = judge_device(settings)
    return {one.key for one in found if info or one.severity is not Severity.INFO}


DIRECT = {"server": "contoso-com.mail.protection.outlook.com", "port": "25", "user": ""}

FAULTS = [
    ({"server": "smtp-have.office365.com"}, "server-mistranslated"),
    ({"server": "smtp.hve.mx.microsft"}, "server-misspelt"),
    ({"server": "smtp-hev.office365.com"}, "server-misspelt"),
    ({"server": "smtp.office356.com"}, "server-misspelt"),
    ({"server": "smtp_hve.office365.com"}, "server-invalid"),
    ({"server": "smtp-hve.office365.com"}, "server-retiring"),
    ({"server": "SMTP-HVE.Office365.com."}, "server-retiring"),
    ({"server": "smtp.office365.com"}, "server-client-submission"),
    ({"server": "smtp-legacy.office365.com"}, "server-legacy-tls"),
    ({"server": "contoso-com.mail.protection.outlook.com"}, "server-direct-send"),
    ({"server": "contoso-us.mail.protection.office365.us"}, "server-direct-send"),
    ({"server": "contoso-com.o-v1.mx.microsoft"}, "server-direct-send"),
    (DIRECT | {"port": "587"}, "direct-send-port"),
    (DIRECT | {"user": "printer@example.com"}, "direct-send-login"),
    ({"server": "smtp.office365.us"}, "server-national-cloud"),
    ({"server": "smtp-dod.office365.us"}, "server-national-cloud"),
    ({"server": "smtp.partner.outlook.cn"}, "server-national-cloud"),
    ({"server": "smtp-mail.outlook.com"}, "server-consumer"),
    ({"server": "smtp.office365.con"}, "server-misspelt"),
    ({"server": "smtp.office365.com", "sender": "scan@example.com"}, "from-needs-send-as"),
    ({"server": "smtp.office365.com", "sender": "scan@example.org"}, "from-needs-send-as"),
    ({"server": "mail.office365.com"}, "server-not-for-sending"),
    ({"server": "52.97.201.2"}, "server-ip-address"),
    ({"server": "2603:1026::1"}, "server-ip-address"),
    ({"server": ""}, "server-missing"),
    ({"server": "smtp.hve.mx.microsoft:587"}, "server-with-port"),
    ({"server": "smtp://smtp.hve.mx.microsoft"}, "server-with-scheme"),
    ({"server": "https://smtp.hve.mx.microsoft/"}, "server-with-scheme"),
    ({"server": " smtp.hve.mx.microsoft"}, "server-with-spaces"),
    ({"server": "smtp.hve. mx.microsoft"}, "server-with-spaces"),
    ({"server": "\uff53\uff4d\uff54\uff50.hve.mx.microsoft"}, "server-full-width"),
    ({"server": "printer@example.com"}, "server-is-address"),
    ({"server": "smtp..example.com"}, "server-invalid"),
    ({"server": "a-very-long-name-of-a-mail-server.example.com"}, "server-long"),
    ({"port": "465"}, "port-465"),
    ({"port": "25"}, "port-25"),
    ({"port": "2525"}, "port-not-587"),
    ({"port": "587/tcp"}, "port-invalid"),
    ({"port": "99999"}, "port-invalid"),
    ({"tls": "implicit"}, "tls-implicit"),
    ({"tls": "SSL/TLS"}, "tls-implicit"),
    ({"tls": "off"}, "tls-off"),
    ({"tls": "maybe"}, "tls-unreadable"),
    ({"tls_version": "1.0"}, "tls-old"),
    ({"tls_version": "TLSv1"}, "tls-old"),
    ({"tls_version": "TLS 1.0, 1.1"}, "tls-old"),
    ({"tls_version": "SSLv3"}, "tls-old"),
    ({"user": ""}, "user-missing"),
    ({"user": "printer"}, "user-not-address"),
    ({"user": "EXAMPLE\\printer"}, "user-with-backslash"),
    ({"user": "printer@example.com "}, "user-with-spaces"),
    ({"user": "p" * 60 + "@example.com"}, "user-long"),
    ({"auth": "none"}, "auth-none"),
    ({"auth": "CRAM-MD5"}, "auth-mechanism"),
    ({"auth": "plain"}, "auth-plain-hidden"),
    ({"sender": ""}, "from-missing"),
    ({"sender": "Scanner <scan@example.com>"}, "from-not-address"),
    ({"sender": "scan@example.org"}, "from-foreign-domain"),
    ({"password": ""}, "password-empty"),
    ({"password": 'secret"1'}, "password-characters"),
    ({"password": "geheim\u00df"}, "password-characters"),
    ({"password": "secret "}, "password-edge-space"),
    ({"password": "x" * 33}, "password-long"),
]


@pytest.mark.parametrize(
    ("change", "key"), FAULTS, ids=[f"{n}-{key}" for n, (_, key) in enumerate(FAULTS)]
)
def test_a_fault_is_found_and_is_a_problem(change, key):
    findings = judge_device(replace(GOOD, **change))
    assert key in {one.key for one in findings}
    assert verdict_of(findings) is Verdict.PROBLEM


def test_every_meaning_is_met_by_a_rule():
    assert {key for _, key in FAULTS} | {
        "from-differs",
        "tls-off-without-login",
        "tls-starttls-on-465",
        "hve-billing",
    } == set(MEANINGS)


def test_good_settings_are_healthy_and_say_until_when():
    assert keys(GOOD) == set()
    assert keys(GOOD, info=True) == {"hve-basic-auth-ends", "hve-billing"}
    assert verdict_of(judge_device(GOOD)) is Verdict.HEALTHY


def test_a_token_has_no_date_of_retirement():
    assert keys(replace(GOOD, auth="XOAUTH2"), info=True) == {"hve-billing"}


def test_another_address_of_the_account_is_information():
    assert keys(replace(GOOD, sender="scan@example.com"), info=True) >= {"from-differs"}
    assert keys(replace(GOOD, sender="scan@example.com")) == set()


def test_case_does_not_make_two_addresses():
    assert "from-differs" not in keys(replace(GOOD, sender="Printer@Example.COM"), info=True)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"port": "2525"},
        {"port": "465", "tls": "implicit"},
        {"user": ""},
        {"auth": "PLAIN"},
        {"tls_version": "1.2"},
        {"tls_version": "TLS 1.0, 1.1, 1.2"},
        {"server": "kairan"},
    ],
    ids=str,
)
def test_an_own_server_is_judged_by_what_holds_everywhere(change):
    assert keys(replace(OWN, **change), info=True) == set()


def test_a_device_listener_of_ours_may_do_without_tls_but_hears_of_it():
    assert keys(replace(OWN, tls="off", user="")) == {"tls-off-without-login"}
    assert keys(replace(OWN, tls="off")) == {"tls-off"}


def test_starttls_on_465_is_a_contradiction():
    assert keys(replace(OWN, port="465")) == {"tls-starttls-on-465"}


def test_several_faults_in_one_field_are_all_named_and_what_is_left_is_judged():
    assert keys(replace(GOOD, server=" smtp://smtp-have.office365.com:587")) >= {
        "server-with-spaces",
        "server-with-scheme",
        "server-with-port",
        "server-mistranslated",
    }


def test_the_worst_comes_first():
    found = judge_device(replace(GOOD, server="smtp-hve.office365.com", tls="off"))
    assert [one.severity for one in found] == [
        Severity.ERROR,
        Severity.WARNING,
        *[Severity.INFO] * 2,
    ]


@pytest.mark.parametrize("language", Language)
def test_the_password_is_never_printed(language):
    findings = judge_device(replace(GOOD, password='hunter2"~'))
    said = "\n".join(line.text for line in lines_of(findings, language))
    assert "hunter2" not in said
    assert "hunter2" not in repr(replace(GOOD, password="hunter2"))


@pytest.mark.parametrize("key", MEANINGS)
def test_every_finding_is_told_in_both_languages_and_names_a_known_refusal(key):
    meaning = MEANINGS[key]
    for text in (meaning.text, meaning.remedy):
        assert text.en.isascii()
        assert re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", text.ja)
        assert text.en.count("{}") == text.ja.count("{}")
    assert meaning.outcome == "" or meaning.outcome in CATALOGUE


def test_a_program_gets_key_severity_and_text():
    (record,) = [record_of(one, Language.EN) for one in judge_device(replace(OWN, port="25"))]
    assert record["key"] == "port-25"
    assert record["severity"] == "warning"
    assert record["text"]


@pytest.mark.parametrize(
    ("one", "other", "slips"),
    [
        ("", "", 0),
        ("abc", "abc", 0),
        ("abc", "acb", 1),
        ("abc", "abd", 1),
        ("abc", "", 3),
        ("have", "hve", 1),
    ],
)
def test_slips_are_counted(one, other, slips):
    assert distance(one, other) == distance(other, one) == slips


def test_a_name_of_ones_own_is_not_taken_for_a_slip():
    assert meant_by("smtp.hve.example.com") == ""
    assert meant_by("smtp.example.com") == ""


@pytest.mark.parametrize(
    "host",
    ["smtp.office365.us", "smtp.office365.uk", "smtp.office365.cn", "smtp.office365.net", "smtp.partner.outlook.cn", "smtp.hve.mx.org"],
)  # fmt: skip
def test_another_top_level_domain_is_no_slip(host):
    assert meant_by(host) == ""
    assert "server-misspelt" not in keys(replace(GOOD, server=host), info=True)


def test_direct_send_is_a_service_of_its_own():
    settings = replace(GOOD, **DIRECT, tls="off")
    assert keys(settings, info=True) == {"server-direct-send"}


# Fleets.

HEADER = "name,server,port,tls,user,from\n"


def fleet(tmp_path, text, encoding="utf-8"):
    file = tmp_path / "fleet.csv"
    file.write_bytes(text.encode(encoding))
    return list(judge_fleet(file))


def test_a_fleet_is_judged_row_by_row(tmp_path):
    rows = "a,smtp-have.office365.com,587,TLS,p@x.test,p@x.test\n\nb,mail.x.test,,on,p@x.test,p@x.test\n"
    first, second = fleet(tmp_path, HEADER + rows)
    assert (first.row, first.name) == (2, "a")
    assert (second.row, second.name, second.findings) == (4, "b", ())
    assert "server-mistranslated" in {one.key for one in first.findings}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp932"])
def test_a_fleet_may_come_from_excel_in_japan(tmp_path, encoding):
    text = "機器名;サーバー;ポート;暗号化;ユーザー名;差出人\n複合機;mail.x.test;587;有効;p@x.test;p@x.test\n"
    (device,) = fleet(tmp_path, text, encoding)
    assert (device.name, device.findings) == ("複合機", ())


def test_thousands_of_rows_are_told_as_a_table_and_a_legend(tmp_path):
    row = "p{0},smtp-have.office365.com,587,starttls,p{0}@x.test,p{0}@x.test\n"
    devices = fleet(tmp_path, HEADER + "".join(row.format(n) for n in range(3_000)))
    said = [line.text for line in legend(devices, Language.EN)]
    assert len(devices) == 3_000
    assert said[1] == "3000 x  server-mistranslated: p0, p1, p2, p3, p4 …"
    assert len(said) == 1 + 3 * 3  # the fault, billing and the date


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no column `server`"),
        ("name,port\n", "no column `server`"),
        (HEADER + '"' + "x" * 200_000, "quote"),
        ("server,a" + "x" * 200_000 + "\n", "a row cannot be read"),
    ],
)
def test_what_is_no_fleet_is_said_to_be_none(tmp_path, text, sentence):
    with pytest.raises(FleetError, match=sentence):
        fleet(tmp_path, text)


def test_octets_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "fleet.csv").write_bytes(b"server\n\x81\xff\xff\n")
    with pytest.raises(FleetError, match="save it as UTF-8"):
        list(judge_fleet(tmp_path / "fleet.csv"))
