"""What must not leave a log through us: passwords and tokens, also within base64."""

import re

_HIDDEN = "[hidden]"

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # AUTH PLAIN dGVz…, also as traces write it: "C: AUTH XOAUTH2 dXNlcj…", send: 'AUTH PLAIN …\r\n'
    (
        re.compile(r"(?i)\b(AUTH[ =](?:PLAIN|LOGIN|XOAUTH2|OAUTHBEARER|CRAM-MD5)[ =]+)[^\s'\"\\]+"),
        rf"\1{_HIDDEN}",
    ),
    (re.compile(r"(?i)\b(Bearer[ =:]+)[\w.~+/=-]{8,}"), rf"\1{_HIDDEN}"),
    (re.compile(r"\beyJ[\w-]+(?:\.[\w-]*){0,4}"), _HIDDEN),  # a JSON web token
    (
        re.compile(
            r"(?i)(pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|パスワード)"
            r"([\"']?\s*[=:]\s*)(?:\"[^\"]*\"|'[^']*'|[^\s,;&)\]}\"']+)"
        ),
        rf"\1\2{_HIDDEN}",
    ),
    # Base64 of credentials without a word before it.  Shorter words may be queue ids and hosts.
    (
        re.compile(
            r"(?<![\w/+@.-])(?=[A-Za-z0-9+/]*[a-z])(?=[A-Za-z0-9+/]*[A-Z])[A-Za-z0-9+/]{24,}={0,2}(?![\w@.-])"
        ),
        _HIDDEN,
    ),
)


def as_example(line: str, characters: int) -> str:
    """A line as it may be shown, on one line of a terminal's text."""
    printable = "".join(one if one.isprintable() else " " for one in redact(line).strip())
    return printable[:characters]


def redact(text: str) -> str:
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text
