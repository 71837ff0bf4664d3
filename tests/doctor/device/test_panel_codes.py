"""What a printer shows at its panel: the maker's own code, explained where a manual does."""

import re

import pytest

from kairan.doctor.answer import Language, Verdict
from kairan.doctor.device.panel_codes import PANEL_CODES, panel_reading
from kairan.doctor.explain.explain import UNKNOWN, explain, verdict_of
from kairan.doctor.explain.text import lines_of, record_of

JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


@pytest.mark.parametrize(
    "line",
    [
        "Canon #839",
        "Canon iR-ADV C5535  NG  #839",
        "imageRUNNER: TX error #839",
        "キヤノン \uff03839",
    ],
)
def test_a_maker_s_code_is_found_in_what_the_panel_shows(line):
    (one,) = explain(line)
    assert one.key == "panel-canon-839"
    assert verdict_of([one]) is Verdict.PROBLEM


@pytest.mark.parametrize(
    "line",
    [
        "Kyocera 1102",
        "TASKalfa 2553ci - scan to email - Error 1102",
        "ECOSYS M2540dn error code: 1102",
        "京セラ エラーコード 1102",
    ],
)
def test_a_guide_that_is_not_the_maker_s_is_named_as_such(line):
    (one,) = explain(line)
    assert one.key == "panel-kyocera-1102"
    assert "not by Kyocera" in one.advice.when.en
    assert "a third party's" in one.advice.source


@pytest.mark.parametrize(("maker", "code"), PANEL_CODES)
@pytest.mark.parametrize("language", Language)
def test_each_code_has_cause_remedy_and_its_manual(maker, code, language):
    explanations = explain(f"{maker} {code}")
    record = record_of(explanations[0], language)
    assert record["causes"]
    assert record["remedies"]
    assert "http" in record["source"]
    texts = [record["when"], *record["causes"], *record["remedies"], record["source"]]
    if language is Language.JA:
        assert all(JAPANESE.search(text) for text in texts)
    said = "\n".join(line.text for line in lines_of(explanations, language))
    assert all(text in said for text in texts)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("bare", "makers"),
    [
        ("#839", ["Canon"]),
        ("839", ["Canon"]),
        ("Error code: #802", ["Canon"]),
        ("\uff03801", ["Canon"]),
        ("1101", ["Kyocera"]),
        ("error 1102", ["Kyocera"]),
        ("Scan to E-mail error: 1102", ["Kyocera"]),
        ("送信エラー 2101", ["Kyocera"]),
        ("016-503", ["Fujifilm", "Xerox"]),
        ("エラーコード 016-764", ["Fujifilm", "Xerox"]),
        ("TS-05", ["Brother"]),
        ("T81", ["Konica Minolta"]),
        ("error (49.38.07)", ["HP"]),
    ],
)
def test_without_a_maker_those_are_named_that_show_such_codes_and_none_is_chosen(
    bare, makers, language
):
    explanations = explain(bare)
    (one,) = explanations
    assert one.key == UNKNOWN
    assert verdict_of(explanations) is Verdict.UNCLEAR
    said = "\n".join(line.text for line in lines_of(explanations, language))
    assert all(maker in said for maker in makers)
    others = {maker for maker, _ in PANEL_CODES} - set(makers)
    assert not any(maker in said for maker in others)
    assert not one.advice.causes


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("535", "unknown"),
        ("550", "unknown"),
        ("5.7.139", "basic-auth-not-allowed"),
        ("error 535 5.7.3", "auth-unsuccessful"),
        ("250", "accepted"),
        ("hello", "unknown"),
    ],
)
def test_what_a_server_replies_is_no_code_of_a_panel(text, key):
    (one, *_) = explain(text)
    assert one.key == key
    assert "panel" not in one.advice.when.en


@pytest.mark.parametrize(
    ("line", "maker", "code"),
    [
        ("Canon #801", "Canon", "#801"),
        ("Canon #535", "Canon", "#535"),
        ("Canon iR #550", "Canon", "#550"),
        ("Kyocera 1101", "Kyocera", "1101"),
        ("TASKalfa 3554ci send error 2101", "Kyocera", "2101"),
        ("京セラ エラーコード 3101", "Kyocera", "3101"),
        ("Xerox 016-503", "Xerox", "016-503"),
        ("Fuji Xerox ApeosPort 016-764", "Fujifilm", "016-764"),
        ("富士フイルム 016-535", "Fujifilm", "016-535"),
        ("bizhub C360i error code T81", "Konica Minolta", "T81"),
        ("HP LaserJet 49.38.07", "HP", "49.38.07"),
        ("Brother MFC-L2710DW TS-05", "Brother", "TS-05"),
    ],
)
def test_a_code_that_no_manual_explains_is_unknown_and_is_no_reply_of_a_server(line, maker, code):
    reading = panel_reading(line)
    assert (reading.maker, reading.code) == (maker, code)
    (one,) = explain(line)
    assert one.key == UNKNOWN
    assert one.reply.code is None
    assert "not a reply of a mail server" in one.advice.when.en
    assert verdict_of([one]) is Verdict.UNCLEAR


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("Ricoh 535 5.7.3 Authentication unsuccessful", "auth-unsuccessful"),
        ("HP LaserJet SMTP error code 535 5.7.3", "auth-unsuccessful"),
        ("Canon #801 535 5.7.3 Authentication unsuccessful", "auth-unsuccessful"),
        ("Xerox 016-503: 550 5.7.60 SMTP; Client does not have permissions", "sender-not-yours"),
    ],
)
def test_the_server_s_reply_beside_a_code_says_more(line, key):
    assert explain(line)[0].key == key


def test_what_the_panel_and_the_server_say_stand_together():
    keys = [one.key for one in explain("Canon #839: 535 5.7.3 Authentication unsuccessful")]
    assert keys[:2] == ["panel-canon-839", "auth-unsuccessful"]


@pytest.mark.parametrize(
    "line",
    [
        "Nov 26 2026 10:00 brother MFC-8860DN from=<hp@kairan.test> size=1101",
        "Canon imageRUNNER 2625i",
        "HP LaserJet MFP M428 at 10.1.2.3, 2026-11-26",
        "Konica Minolta bizhub C4000i",
        "Kyocera ECOSYS M3540dn smtp.example.com 587",
        "RICOH Aficio MP 6001",
    ],
)
def test_names_of_machines_dates_and_addresses_are_no_codes(line):
    assert panel_reading(line) is None
