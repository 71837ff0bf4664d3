"""What is different each time and means nothing: names of hosts, times, addresses, numbers."""

import re

# In this order: what is longer and holds the others goes first.
_VOLATILE: tuple[tuple[re.Pattern[str], str], ...] = (
    # Exchange's and our `[host time session-id]`, and `[session-id]` in the greeting.
    (re.compile(r"\[[\w.-]+ \d{4}-\d\d-\d\dT[^\]]*\]"), "[…]"),
    (re.compile(r"\[[0-9A-F]{12,20}\]"), "[…]"),
    (
        re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{1,2} \w{3} \d{4} [\d:]{8} [+-]\d{4}"),
        "TIME",
    ),
    (re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.]{5,15}(?:Z|[+-][\d:]{4,5})?"), "TIME"),
    (re.compile(r"\[?(?:\d{1,3}\.){3}\d{1,3}\]?"), "ADDRESS"),
    (re.compile(r"\[?(?:IPv6:)?(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}\]?"), "ADDRESS"),
    (re.compile(r"\b(?=[0-9A-Fa-f-]{0,39}\d)[0-9A-Fa-f-]{12,40}\b"), "ID"),
    (re.compile(r"(?<=queued as )\S+|(?<=Queued as )\S+|(?<=InternalId=)\d+"), "ID"),
)


# A message's id, named before the word that says what became of it.
_MESSAGE_ID = re.compile(r"(?<![\w.$+-])<?[\w.$+-]{8,}+@[\w.-]++(?:>|\b)(?= )")
_QUEUED = ("InternalId", "Queued", "queued")
# A reply line has 512 octets (RFC 5321 section 4.5.3.1.5); servers with links in theirs have 2,048.
_LINE_CHARACTERS_MAX = 4_096


def masked(line: str, host: str) -> str:
    """`host`: what the server called itself in its greeting."""
    line = line[:_LINE_CHARACTERS_MAX]
    text = re.sub(re.escape(host), "HOST", line, flags=re.IGNORECASE) if host else line
    end = max(map(text.rfind, _QUEUED))
    if end >= 0:
        text = _MESSAGE_ID.sub("ID", text[:end]) + text[end:]
    for pattern, word in _VOLATILE:
        text = pattern.sub(word, text)
    return text


def own_name(greeting: str) -> str:
    """RFC 5321 section 4.2: the name stands first behind 220."""
    words = greeting[4:].split()
    return words[0] if words and "." in words[0] else ""
