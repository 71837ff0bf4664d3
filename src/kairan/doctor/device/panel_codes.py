"""What a printer shows at its panel when its mail did not go: the maker's own codes, by the makers' manuals.

A code says nothing without the maker: Kyocera's 1101 and a line number look alike, and Canon's #535 is no
reply of a mail server.  What no manual that we have seen explains stays unknown.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from kairan.outcomes.outcome import Text

# A panel has a line or two; longer texts are logs and bounces, in which a maker's name is an accident.
_PANEL_CHARACTERS_MAX = 300


@dataclass(frozen=True, slots=True)
class PanelCode:
    """`source`: the manual, and where it is read."""

    when: Text
    causes: tuple[Text, ...]
    remedies: tuple[Text, ...]
    source: str


@dataclass(frozen=True, slots=True)
class PanelReading:
    """`known` is None where no manual that we have seen explains the code; `rest`: the text without it."""

    maker: str
    code: str
    known: PanelCode | None
    rest: str

    @property
    def key(self) -> str:
        return f"panel-{self.maker.split()[0]}-{self.code.lstrip('#')}".lower()


@dataclass(frozen=True, slots=True)
class _Maker:
    """`names`: of the maker and its machines; `shape`: of its codes."""

    names: re.Pattern[str]
    shape: re.Pattern[str]


def _maker(names: str, shape: str) -> _Maker:
    return _Maker(re.compile(names, re.IGNORECASE), re.compile(shape, re.IGNORECASE))


_ERROR_WORD = r"(?:error|code|fault|エラー|コード|障害)"
# Behind such a word; a number of three digits is rather the reply of a server that the panel repeats.
_NAMED = rf"{_ERROR_WORD}[\s:：#(-]{{0,3}}(?P<named>(?![245]\d\d(?!\d))[A-Z]{{0,3}}-?\d{{1,4}}(?:[.-][\dA-F]{{1,3}})*)(?![\w.])"
_THREE_AND_THREE = rf"(?<![\w-])(?P<native>\d{{3}}-\d{{3}})(?![\w-])|{_NAMED}"

# Fuji Xerox stands before Xerox, whose name is in it.
_MAKERS: Mapping[str, _Maker] = {
    "Canon": _maker(
        r"\bcanon\b|キヤノン|キャノン|\bimage(?:RUNNER|CLASS|PRESS)|\bi-?R-?ADV",
        rf"(?P<native>[#＃]\d{{3}})(?!\d)|{_NAMED}",
    ),
    "Kyocera": _maker(
        r"\bkyocera\b|京セラ|\bTASKalfa\b|\bECOSYS\b",
        rf"{_NAMED}|(?:kyocera|京セラ)\W{{0,3}}(?P<native>\d{{4}})(?!\d)",
    ),
    "Fujifilm": _maker(r"\bfuji ?(?:film|xerox)\b|富士フイルム|富士ゼロックス|\bApeos|\bDocuCentre", _THREE_AND_THREE),
    "Xerox": _maker(r"\bxerox\b|ゼロックス|\bWorkCentre\b|\bVersaLink\b|\bAltaLink\b", _THREE_AND_THREE),
    "Konica Minolta": _maker(r"\bkonica\b|コニカ|\bbizhub\b", _NAMED),
    "Ricoh": _maker(r"\bricoh\b|リコー|\baficio\b", _NAMED),
    "HP": _maker(r"\bHP\b|\b(?:Laser|Office)Jet\b", rf"(?<![\w.])(?P<native>\d\d\.[\dA-F]{{2}}(?:\.[\dA-F]{{2}})?)(?![\w.])|{_NAMED}"),
    "Brother": _maker(r"\bbrother\b|ブラザー|\b(?:MFC|DCP)-[A-Z]?\d", rf"(?<!\w)(?P<native>TS-\d\d)(?!\d)|{_NAMED}"),
}  # fmt: skip

_CANON_SMTP_AUTH = PanelCode(
    when=Text(
        "The device shows a code of SMTP AUTH: its login at the mail server did not succeed. The chapter that we have seen "
        "names #839 and #843 together and does not tell them apart.",
        "SMTP 認証に関するコードです。機器はメール サーバーにログインできませんでした。参照できた章は #839 と #843 を"
        "まとめて挙げており、両者の違いは示していません。",
    ),
    causes=(
        Text(
            "User name or password of SMTP AUTH at the device is not what the mail server has.",
            "機器に設定した SMTP 認証のユーザー名またはパスワードが、メール サーバーのものと一致していません。",
        ),
    ),
    remedies=(
        Text(
            "Enter user name and password again at the device: Additional Functions > System Settings > Network "
            "Settings > E-Mail/I-Fax > Authent./Encryption.",
            "機器でユーザー名とパスワードを入力し直してください: システム設定 > ネットワーク設定 > E メール/I ファクス > 認証/暗号化",
        ),
        Text(
            "The server's log of that minute has its reply, which says more: with Kairan, the event "
            "intake.login-refused; explain the reply in it.",
            "サーバーのログには、その時刻の応答が残っています（Kairan では intake.login-refused）。詳しくはその応答を調べてください。",
        ),
    ),
    source="Canon, service manual DU7-1178-000 (Universal Send Kit-E1), chapter 2: http://www.manualslib.com/manual/1034958/Canon-Du7-1178-000.html?page=56",
)
PANEL_CODES: Mapping[tuple[str, str], PanelCode] = {
    ("Canon", "#839"): _CANON_SMTP_AUTH,
    ("Canon", "#843"): _CANON_SMTP_AUTH,
}


def panel_reading(text: str) -> PanelReading | None:
    """None: no maker is named, or nothing in the text has the shape of its codes."""
    if len(text) > _PANEL_CHARACTERS_MAX:
        return None
    for maker, facts in _MAKERS.items():
        if facts.names.search(text):
            found = facts.shape.search(text)
            return None if found is None else _reading(maker, found, text)
    return None


def _reading(maker: str, found: re.Match[str], text: str) -> PanelReading:
    name = found.lastgroup or "named"
    shown = found[name].replace("＃", "#").upper()
    code = f"#{shown}" if maker == "Canon" and shown.isdigit() else shown
    begin, end = found.span(name)
    return PanelReading(maker, code, PANEL_CODES.get((maker, code)), text[:begin] + text[end:])
