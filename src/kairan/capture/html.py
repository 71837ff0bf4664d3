"""HTML of a message, for a frame in which nothing runs and from which nothing is asked.

What keeps it so is the frame's sandbox and the Content-Security-Policy of the answer
(console/mail_pages.py).  Beside them, what would run, load or lead elsewhere by itself is put out of
effect here, and counted, so that its author learns of it: a browser resolves the names of
`<link rel=dns-prefetch>` whatever a policy says.
"""

import base64
import re
from collections.abc import Mapping

from kairan.capture.read import ReadMessage, ReadPart

# What runs, loads or leads elsewhere as an element.
_ELEMENTS = (
    "script",
    "link",
    "meta",
    "base",
    "iframe",
    "frame",
    "frameset",
    "object",
    "embed",
    "applet",
    "portal",
    "fencedframe",
    "form",
)


def _either_case(word: str) -> str:
    """As HTML compares names: ASCII letters alone.  Unlike re.IGNORECASE it leaves `re` the first letter
    to go by, so that a flood of `<` costs a look at each and not thirteen.
    """
    return "".join(f"[{one}{one.upper()}]" if one.isalpha() else re.escape(one) for one in word)


_BECOMES_TEXT = re.compile(
    f"<(?=/?+[{''.join(sorted({one[0] + one[0].upper() for one in _ELEMENTS}))}])"
    rf"(?=/?+(?:{'|'.join(map(_either_case, _ELEMENTS))})(?![\w-]))"
)
# With something behind its name: `<p>` has no attribute, and a page may be nothing but such.
_TAG = re.compile(r"<([A-Za-z][^\s/<>]*+)[\s/][^<>]*+>")
_LOADS_OR_RUNS = re.compile(
    r"""(?<=[\s"'/])(src|srcset|imagesrcset|background|poster|lowsrc|ping|data|xlink:href|on[a-z]+"""
    r"""|href)(?=\s*+=)(?!\s*+=\s*+["']?data:image/)""",
    re.IGNORECASE,
)
_LINKS = frozenset(
    {"a", "area"}
)  # lead elsewhere only where they are followed, and the frame is shut
# Each begins with one character of a set, which `re` looks for without trying the alternatives.
_STYLE = re.compile(
    f"[@uUiIsS](?:(?<=@){_either_case('import')}"
    f"|(?:(?<=[uU]){_either_case('rl')}|(?<=[iI]){_either_case('mage-set')}|(?<=[sS]){_either_case('rc')})"
    r"""\((?!\s*+["']?data:image/))"""
)
_CID = re.compile(r"""[Cc][Ii][Dd]:(?<=["'(=]....)([^"'()\s<>]{1,200})""")
_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
# Of all images shown inside: a few photographs.  They travel as a third more in the page.
_IMAGE_OCTETS_MAX = 2 * 1024 * 1024


def shown_html(message: ReadMessage, part: ReadPart) -> tuple[str, int]:
    """The document, and how many things in it were put out of effect."""
    text = message.text(part)
    images = _images(message) if "cid:" in text.lower() else {}
    text = _CID.sub(lambda found: images.get(found[1], found[0]), text)
    text, tags = _BECOMES_TEXT.subn("&lt;", text)
    text, styles = _STYLE.subn("without(", text)
    attributes = 0

    def quiet(found: "re.Match[str]") -> str:
        nonlocal attributes
        is_link = found[1].lower() in _LINKS

        def renamed(one: "re.Match[str]") -> str:
            nonlocal attributes
            if is_link and one[1].lower() == "href":
                return one[1]
            attributes += 1
            return f"data-without-{one[1]}"

        return _LOADS_OR_RUNS.sub(renamed, found[0])

    return _TAG.sub(quiet, text), tags + styles + attributes


def _images(message: ReadMessage) -> Mapping[str, str]:
    """The message's own, by Content-ID (RFC 2392), as addresses that hold them."""
    found: dict[str, str] = {}
    left = _IMAGE_OCTETS_MAX
    for part in message.parts:
        if part.kind not in _IMAGES or not part.content_id or part.content_id in found:
            continue
        if part.end - part.begin > 2 * left:
            continue
        octets = message.octets(part)
        if len(octets) <= left:
            left -= len(octets)
            found[part.content_id] = f"data:{part.kind};base64,{base64.b64encode(octets).decode()}"
    return found
