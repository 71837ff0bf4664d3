"""A month as a file: whole in itself, and nothing in it is more than text."""

import re
from xml.etree import ElementTree as ET

import pytest

from kairan.doctor.answer import Language
from kairan.runtime.operator_error import OperatorError
from kairan.trace.record import Trace
from kairan.trace.settings import BillingSettings
from kairan.usage.month import html_of, last_month, month_of, month_span, svg_of_month
from usage.conftest import DAY, ERP, QUICK, START, Clock, accept, deliver, expand

HOSTILE = "<script>alert(1)</script>\u202egnp.exe\x1b[31m\x00&\"'"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Strangers wrote a sender, a group's name and replies."""
    folder = tmp_path_factory.mktemp("hostile")
    trace = Trace(folder / "trace-0.db", QUICK, clock=Clock())
    accept(trace, "1", number=1, sender=f"{HOSTILE}@x")
    expand(trace, "1", f"{HOSTILE}@group", number=1)
    deliver(trace, "1", "a@x", number=1)
    trace.record("FAIL", message_id="<1@x>", recipient="b@x", reason=f"599 {HOSTILE}")
    accept(trace, "2", f"{HOSTILE}@account", number=2)
    trace.close()
    return folder


@pytest.mark.parametrize("language", Language)
def test_html_of_hostile_texts_has_no_mark_of_theirs(hostile, language):
    month = month_of(hostile, "2026-11", BillingSettings(), None)
    text = html_of(month, f"host{HOSTILE}", language)
    assert not re.findall(r"<script|<img|https?://|src=", text)
    assert not {"\u202e", "\x1b", "\x00"} & set(text)
    assert text.count("&lt;script&gt;") > 5
    assert text.count("<table") == text.count("<caption>") == text.count("<svg") > 4
    assert f'<html lang="{language}">' in text


def test_svg_of_hostile_texts_is_xml_with_titles(hostile):
    month = month_of(hostile, "2026-11", BillingSettings(), None)
    root = ET.fromstring(svg_of_month(month, HOSTILE, Language.JA))
    names = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert "script" not in names
    assert names.count("title") == names.count("desc") + 1 > 5
    assert root.attrib["height"].isdecimal()


def test_a_month_has_its_own_events_alone(directory, tmp_path):
    text = html_of(month_of(directory, "2026-11", BillingSettings(), None), "h", Language.EN)
    assert "4 messages, 6 billed recipients, 7,200 bytes" in text
    assert ERP in text
    text = html_of(month_of(directory, "2026-10", BillingSettings(), None), "h", Language.EN)
    assert "0 messages, 0 billed recipients, 0 bytes" in text
    assert ERP not in text


def test_months_begin_and_end_at_midnight_utc():
    november, december = month_span("2026-11"), month_span("2026-12")
    assert november.since == START - DAY - 8 * 3_600
    assert 0 < december.since - november.until < 0.001
    assert month_span("2027-01").since - december.until < 0.001
    assert last_month(december.since) == "2026-11"
    assert last_month(month_span("2027-01").since + 1) == "2026-12"


@pytest.mark.parametrize("text", ["", "2026", "2026-13", "9999-12", "november", "2026-11-01"])
def test_what_is_no_month_is_said(text):
    with pytest.raises(OperatorError, match="write 2026-11"):
        month_span(text)
