r"""Which part of a pasted text is the server's reply.

A reply comes to us bare, or wrapped by the software that met it:

    535 5.7.3 Authentication unsuccessful [host time id]          a transcript
    535-5.7.3 Authentication\r\n535 5.7.3 unsuccessful            a reply of several lines
    SMTPAuthenticationError: (535, b'5.7.3 Authentication …')     Python
    The server response was: 5.7.57 Client not authenticated      .NET, which drops the first code
    dsn=4.5.127, status=deferred (… said: 501 5.5.127 …)          Postfix, which may turn the class
    Remote Server returned '550 5.1.10 RESOLVER.ADR…'             a non-delivery report

So the two codes side by side are looked for first, then the enhanced one alone, then the basic one
where a word before it says that it is one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kairan.outcomes.classify.speaker import speaker_in
from kairan.outcomes.outcome import Speaker

# A reply line has 512 octets, Exchange's diagnostics several lines; more says nothing new.
REPLY_CHARACTERS_MAX = 2_000
_LINE_CHARACTERS = 500  # before the codes: who said them

_BETWEEN = r"""(?:[ \t\-:;,#'"(|\\]|b(?=['"])){1,8}"""
# What must not stand before is asked behind the first digit: a pattern that begins with a set of
# characters is searched for three times as fast.
_ENHANCED = r"(?P<enhanced>[45]\.\d{1,3}\.\d{1,3})(?!\.?\d)"
_BOTH = re.compile(rf"(?P<code>[45](?<![\d.].)\d\d){_BETWEEN}{_ENHANCED}")
_ENHANCED_ALONE = re.compile(rf"(?<![\d.])(?<!dsn=){_ENHANCED}")
_ENHANCED_BY_POSTFIX = re.compile(rf"dsn={_ENHANCED}")
# "size=503" and "index.js:427:20" have the shape of one, so a word before it must name it.
_CODE_ALONE = re.compile(
    r"""(?:^|[(<>'"#|]|<[-*~=<]{1,3}|\w:(?= )|(?:code|status|error|reply|response)[:=]|\bcode)[ *]{0,4}"""
    r"""(?P<code>[45]\d\d)(?=[ \-:,;)'"]|$)""",
    re.MULTILINE | re.IGNORECASE,
)
_CODE_AT_ALL = re.compile(r"(?<![\w.:\[=/-])(?P<code>[45]\d\d)(?![\d.:\]])")

# A reply without words of its own to AUTH is told by what stands around it: the command before it,
# in a dialogue on the line above; a library's name for a failed login; nodemailer's field behind it.
_AUTH_COMMAND = r"AUTH(?:=| +)(?:PLAIN|LOGIN|XOAUTH2|OAUTHBEARER|NTLM|GSSAPI|(?:CRAM|DIGEST)-MD5|SCRAM-[\w-]{1,20})\b"
_BEFORE_AUTH_REPLY = re.compile(
    rf"(?:{_AUTH_COMMAND}[^\r\n]{{0,120}}(?:\r?\n[^\w\r\n]{{0,20}})?[^\r\n]{{0,80}}"
    r"|AUTH(?: \w{1,20})? command failed:? ?|SASL authentication failed[^\r\n]{0,300} said: |Invalid login:? ?"
    r"|Authentication(?:Failed|Error)?(?:Exception|Error)?: (?:\w{1,30}: )?\(?"
    r"|authentication failed \(method \w{1,20}\)[^\d]{0,60})$",
    re.IGNORECASE,
)
_BEHIND_AUTH_REPLY = re.compile(
    r"command: ?['\"]AUTH\b|in reply to AUTH\b|after AUTH\b", re.IGNORECASE
)
_AUTH_CHARACTERS = 400
# RFC 5321 section 4.2.2: the codes of a command that the server does not know.
_COMMAND_UNKNOWN = frozenset({"500", "502"})

_CONTINUATION = re.compile(r"(?<![\r\n])[\r\n]++[45]\d\d[- ](?:[45]\.\d{1,3}\.\d{1,3} )?")
# Exchange's `[host]` or `[host time session-id]`, ours likewise: volatile, and says nothing.
_SUFFIX = re.compile(r"\[[\w.-]+\.[\w-]+(?: \d{4}-\d\d-\d\dT[^\]]{0,60})?\]|\[Hostname=[^\]\[]*+\]")


@dataclass(frozen=True, slots=True)
class ReplyPart:
    code: int | None
    enhanced: str  # empty: none was there
    text: str  # what follows the codes; all of it where there are none
    speaker: Speaker | None = None  # whose reply it is, where that can be told
    lacks_auth: bool = False  # it says to AUTH that the command is not known


def reply_part(text: str) -> ReplyPart:
    """The first reply in the text; without codes the whole text is its own words."""
    both = _BOTH.search(text)
    if both:
        words = _words(text[both.end() :])
        lacks_auth = says_no_auth(text, both)
        return ReplyPart(int(both["code"]), both["enhanced"], words, speaker_in(text), lacks_auth)
    enhanced = _ENHANCED_ALONE.search(text) or _ENHANCED_BY_POSTFIX.search(text)
    code = _CODE_ALONE.search(text) or (_CODE_AT_ALL.search(text) if enhanced else None)
    return ReplyPart(
        int(code["code"]) if code else None,
        enhanced["enhanced"] if enhanced else "",
        _words(text),
        speaker_in(text),
        bool(code and says_no_auth(text, code)),
    )


def reply_parts(text: str) -> Iterator[ReplyPart]:
    """Each different reply of a transcript, in its order."""
    found = list(_BOTH.finditer(text))
    if not found:
        yield reply_part(text)
        return
    whole = speaker_in(text)
    seen: set[tuple[str, str]] = set()
    for this, following in zip(found, [*found[1:], None], strict=True):
        codes = (this["code"], this["enhanced"])
        if codes not in seen:
            seen.add(codes)
            same = following is None or codes == (following["code"], following["enhanced"])
            end = len(text) if same or following is None else following.start()
            words = _words(text[this.end() : end])
            line = text.rfind("\n", max(0, this.start() - _LINE_CHARACTERS), this.start()) + 1
            own = speaker_in(text[line or max(0, this.start() - _LINE_CHARACTERS) : end])
            lacks_auth = says_no_auth(text, this)
            yield ReplyPart(int(codes[0]), codes[1], words, own or whole, lacks_auth)


def says_no_auth(text: str, reply: re.Match[str]) -> bool:
    """Whether the reply whose `code` was found says to AUTH that the command is not known."""
    if reply["code"] not in _COMMAND_UNKNOWN:
        return False
    begin, end = reply.span("code")
    before = text[max(0, begin - _AUTH_CHARACTERS) : begin]
    behind = text[end : end + _AUTH_CHARACTERS]
    return bool(_BEFORE_AUTH_REPLY.search(before) or _BEHIND_AUTH_REPLY.search(behind))


def _words(text: str) -> str:
    joined = _CONTINUATION.sub(" ", text[:REPLY_CHARACTERS_MAX])
    return _SUFFIX.sub("", joined).strip()
