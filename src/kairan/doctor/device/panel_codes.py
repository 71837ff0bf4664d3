"""What a printer shows at its panel when its mail did not go: the maker's own codes, by the makers' manuals.

A code says nothing without the maker: Kyocera's 1101 and a line number look alike, and Canon's #535 is no
reply of a mail server.  Of a bare code the makers are named that show codes of its shape, and none is chosen.
What no manual that we have seen explains stays unknown.
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

# What the panel shows of them and nothing else: `bare`.
_BARE: Mapping[str, re.Pattern[str]] = {
    maker: re.compile(shape)
    for maker, shape in {
        "Canon": r"#\d{3}|[6-8]\d{2}",
        "Kyocera": r"\d{4}",
        "Fujifilm": r"\d{3}-\d{3}",
        "Xerox": r"\d{3}-\d{3}",
        "Konica Minolta": r"T\d{1,3}",
        "HP": r"\d\d\.[\dA-F]{2}(?:\.[\dA-F]{2})?",
        "Brother": r"TS-\d\d",
    }.items()
}
_WORDS_AROUND = re.compile(
    rf"(?:(?:send|scan|tx|mail|e-?mail|smtp|to|送信|スキャン|メール|{_ERROR_WORD})[\s:：(（-]*)*(?P<code>[#＃]?[\w.-]+)[\s)）.!]*",
    re.IGNORECASE,
)
_SERVER_SAYS_MORE = Text(
    "The server's log of that minute has its reply, which says more: with Kairan, the event "
    "intake.login-refused; explain the reply in it.",
    "サーバーのログには、その時刻の応答が残っています（Kairan では intake.login-refused）。詳しくはその応答を調べてください。",
)
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
        _SERVER_SAYS_MORE,
    ),
    source="Canon, service manual DU7-1178-000 (Universal Send Kit-E1), chapter 2: http://www.manualslib.com/manual/1034958/Canon-Du7-1178-000.html?page=56",
)
_KYOCERA_LOGIN = PanelCode(
    when=Text(
        "The device reached the server and its login there did not succeed: of e-mail at the mail server, of a folder at "
        "the computer or FTP server. The guide that we have seen is about Kyocera's devices, not by Kyocera.",
        "機器はサーバーに接続しましたが、ログインできませんでした（メール送信ではメール サーバー、フォルダー送信ではコンピューターまたは "
        "FTP サーバー）。参照できたのは京セラ製品に関する第三者のガイドで、京セラ自身の取扱説明書ではありません。",
    ),
    causes=(
        Text(
            "User name or password at the device is not what the server has, or the name has another form (user, "
            "user@domain, domain\\user).",
            "機器のユーザー名またはパスワードがサーバーのものと一致しない、または名前の形式（user、user@domain、domain\\user）が違います。",
        ),
        Text(
            "The provider refuses logins by password; the guide names Gmail.",
            "プロバイダーがパスワードによるログインを拒否しています（ガイドは Gmail を挙げています）。",
        ),
        Text(
            "A sign in the user name or password that the device does not take.",
            "ユーザー名またはパスワードに、機器が扱えない記号があります。",
        ),
    ),
    remedies=(
        Text(
            "Enter user name and password again, the name as the server wants it: with Kairan and Microsoft 365 the whole "
            "address.",
            "ユーザー名とパスワードを入力し直してください。名前はサーバーが求める形式で入力します（Kairan と Microsoft 365 ではアドレス全体）。",
        ),
        _SERVER_SAYS_MORE,
    ),
    source="Guide for Kyocera printers, send and scan error codes, 1102 (a third party's): https://sites.google.com/view/howtoguidesforkyoceraprinters/send-scan-error-codes-and-explanations/1102",
)
PANEL_CODES: Mapping[tuple[str, str], PanelCode] = {
    ("Canon", "#839"): _CANON_SMTP_AUTH,
    ("Canon", "#843"): _CANON_SMTP_AUTH,
    ("Kyocera", "1102"): _KYOCERA_LOGIN,
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


@dataclass(frozen=True, slots=True)
class BarePanelCode:
    """A code and no maker; `makers` show codes of this shape."""

    code: str
    makers: tuple[str, ...]


def bare_panel_code(text: str) -> BarePanelCode | None:
    """None: there is more in the text than a code and words like "error", or it has no such shape."""
    found = _WORDS_AROUND.fullmatch(text.strip()) if len(text) <= _PANEL_CHARACTERS_MAX else None
    if found is None:
        return None
    code = found["code"].replace("＃", "#").upper()
    makers = tuple(maker for maker, shape in _BARE.items() if shape.fullmatch(code))
    return BarePanelCode(code, makers) if makers else None


def _reading(maker: str, found: re.Match[str], text: str) -> PanelReading:
    name = found.lastgroup or "named"
    shown = found[name].replace("＃", "#").upper()
    code = f"#{shown}" if maker == "Canon" and shown.isdigit() else shown
    begin, end = found.span(name)
    return PanelReading(maker, code, PANEL_CODES.get((maker, code)), text[:begin] + text[end:])
