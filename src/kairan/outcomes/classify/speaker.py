"""Which server said it, where the text tells: a host's name, a log, the shape of a reply's end.

One code means different things at different servers: 4.7.0 is said for a missing PROXY header by us,
for its own trouble by Exchange, for a failed login by Postfix.  So an entry of the catalogue whose
words are not in the text is chosen only where its own server spoke.
"""

import re

from kairan.outcomes.outcome import Speaker

# Hosts of Microsoft 365 and its national clouds, and its own names for faults; not its banner, which
# we send, too.
_EXCHANGE = re.compile(
    r"(?<![@\w])(?:[\w-]{1,63}\.){0,9}(?:outlook\.com|outlook\.office(?:365)?\.com|office365\.(?:com|us)|mx\.microsoft|partner\.outlook\.cn|exchangelabs\.com)\b"
    r"|\[Hostname=|STOREDRV\.|RESOLVER\.|SMTPSEND\.|Microsoft Exchange",
    re.IGNORECASE,
)
# Our name in a host's name or a log; and the end of each of our replies,
# `[host time session-id]`, which Exchange Online has, too, but with its own hosts.
_KAIRAN = re.compile(
    r"(?<![@\w])kairan\b|\[[\w.-]{1,255} \d{4}-\d\d-\d\dT[\d:.]{8,15}Z [0-9A-F]{8,32}\]",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[^\s<>@]{1,64}@[^\s<>@,;]{1,255}")


def speaker_in(text: str) -> Speaker | None:
    """None: it does not say, or names both."""
    without = _ADDRESS.sub("", text) if "@" in text else text
    if _EXCHANGE.search(without):
        # Its replies end as ours do: there only our name is a mark.
        return None if re.search(r"(?i)(?<!\w)kairan\b", without) else Speaker.EXCHANGE
    return Speaker.KAIRAN if _KAIRAN.search(without) else None
