"""OPATH: the filter as it is written, read into a tree.

The grammar is PowerShell's, as "Recipient filters in Exchange PowerShell commands" describes it
(learn.microsoft.com, powershell/exchange/recipient-filters, read on 2026-11-26):

- a hyphen before every operator; names and operators in any case;
- text in single quotes, where '' is one quote, or in double quotes; whole numbers with or without;
- `$true`, `$false` and `$null` without, and with the backtick that PowerShell wants in double quotes;
- braces around all of it, as scripts have them;
- `-and` and `-or` bind alike, from left to right (about_Operator_Precedence): `a -or b -and c` is
  `(a -or b) -and c`.  `-not` binds what follows it.

Lark's LALR parser reads it in one pass, linear and without recursion.  How deep the tree becomes is
bounded before and while it is made, so what recurses over it later cannot run out of stack.
"""

import re
from datetime import UTC, datetime
from typing import NamedTuple
from unicodedata import category

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken, v_args
from lark.exceptions import VisitError

from kairan.directory.recipient_filter.errors import RecipientFilterError
from kairan.directory.recipient_filter.properties import (
    Kind,
    Property,
    details_of,
    is_disabled,
    property_of,
)
from kairan.directory.recipient_filter.settings import (
    CONDITIONS_MAX,
    NESTING_MAX,
    WILDCARDS_MAX,
    RecipientFilterSettings,
)
from kairan.directory.recipient_filter.tree import (
    And,
    Compares,
    Equals,
    Filter,
    Inequality,
    IsBlank,
    Matches,
    Not,
    OfType,
    Or,
)
from kairan.outcomes.outcome import Text

_GRAMMAR = r"""
    ?start: chain | "{" chain "}"
    ?chain: operand ((AND | OR) operand)*
    ?operand: comparison
        | NOT operand -> negation
        | "(" chain ")"
    comparison: NAME OPERATOR value
    ?value: QUOTED | DOUBLE_QUOTED | NUMBER | SYSTEM

    AND.2: /-and(?![a-z])/i
    OR.2: /-or(?![a-z])/i
    NOT.2: /-not(?![a-z])|!/i
    OPERATOR: /-(eq|ne|lt|le|gt|ge|like|notlike)(?![a-z])/i
    NAME: /[a-z][a-z0-9]*/i
    QUOTED: /'(?:[^']|'')*'/
    DOUBLE_QUOTED: /"(?:[^"]|"")*"/
    NUMBER: /-?[0-9]+(?![0-9a-z.])/i
    SYSTEM: /`?\$(true|false|null)(?![a-z0-9_])/i
    %ignore /\s+/
"""

_SIGNS = {"LPAR": "(", "NOT": "-not", "AND": "-and", "OR": "-or", "RPAR": ")", "RBRACE": "}"}
# For people, in the order in which they are listed.
_EXPECTED = {
    "NAME": Text("a property such as Department", "プロパティ（例: Department）"),
    "OPERATOR": Text(
        "-eq, -ne, -like, -notlike, -lt, -le, -gt or -ge",
        "-eq、-ne、-like、-notlike、-lt、-le、-gt、-ge のいずれか",
    ),
    "QUOTED": Text(
        "a value: text in single quotes, a whole number, $true, $false or $null",
        "値（一重引用符で囲んだ文字列、整数、$true、$false、$null）",
    ),
    **{name: Text(sign, sign) for name, sign in _SIGNS.items()},
    "$END": Text("the end", "フィルターの終わり"),
}
_CLOSED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_CURLY_QUOTES = "\u2018\u2019\u201a\u201b\u201c\u201d"
_DEFAULTS = RecipientFilterSettings()
_ORDERS = {order.value: order for order in Inequality}
_NUMBER_MAX = 1 << 31  # an integer of Active Directory has 32 bits (INTEGER, 2.5.5.9)
_SYSTEM = re.compile(r"`?\$(true|false|null)", re.IGNORECASE)
# As ISO 8601 writes it.  Other ways depend on the country of the server that reads them.
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?)?")


def parse(text: str, settings: RecipientFilterSettings = _DEFAULTS) -> Filter:
    """Raises RecipientFilterError."""
    if len(text) > settings.characters_max:
        place = settings.characters_max
        raise RecipientFilterError(
            text,
            place,
            Text(
                f"a filter has {place} characters at most, this one {len(text)}",
                f"フィルターは {place} 文字までです（現在 {len(text)} 文字）",
            ),
        )
    _check_nesting(text)
    try:
        tree = _PARSER.parse(text)
    except UnexpectedInput as error:
        raise _unexpected(text, error) from error
    try:
        return _Tree(text, settings).transform(tree).filter
    except VisitError as error:
        if isinstance(error.orig_exc, RecipientFilterError):
            raise error.orig_exc from None
        raise


_PARSER = Lark(_GRAMMAR, parser="lalr", propagate_positions=False, maybe_placeholders=False)

_TOO_DEEP = Text(
    f"a filter nests {NESTING_MAX} deep at most", f"フィルターの入れ子は {NESTING_MAX} 段までです"
)
_LEVELS = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[()]|-(?:not|and|or)(?![a-z])|!", re.IGNORECASE
)


def _check_nesting(text: str) -> None:
    """So many parentheses, and so many negations; `-not (` is one level to who writes it.  A negation
    ends where what it negates does: at the next `-and` or `-or`, or with its parenthesis.
    """
    opened: list[int] = [0]  # negations before each open parenthesis, and behind the last
    for found in _LEVELS.finditer(text):
        match found[0]:
            case "(":
                opened.append(0)
            case ")":
                if len(opened) > 1:
                    opened.pop()
                opened[-1] = 0
            case mark if mark[0] in "'\"":
                pass
            case mark if mark == "!" or mark.lower() == "-not":
                opened[-1] += 1
            case _:
                opened[-1] = 0
        if max(len(opened) - 1, sum(opened)) > NESTING_MAX:
            raise RecipientFilterError(text, found.start(), _TOO_DEEP)


# -- what cannot be read ---------------------------------------------------------------------------


def _unexpected(text: str, error: UnexpectedInput) -> RecipientFilterError:
    place = error.pos_in_stream
    is_at_end = isinstance(error, UnexpectedToken) and error.token.type == "$END"
    place = len(text) if is_at_end or place is None else place
    names = set(error.accepts or error.expected) if isinstance(error, UnexpectedToken) else set()
    names |= set(getattr(error, "allowed", None) or ())
    wanted = [words for name, words in _EXPECTED.items() if name in names]
    expected = _listed(wanted)
    return RecipientFilterError(text, place, _reason(text, place, names, expected))


def _reason(text: str, place: int, names: set[str], expected: Text) -> Text:
    rest = text[place:]
    if not rest.strip():
        return _instead(expected, "the filter ends too early", "フィルターが途中で終わっています")
    if rest[0] in _CURLY_QUOTES:
        return Text(
            "this quote is a typographic one; write a straight ' instead",
            "これは組版用の引用符です。' を使用してください",
        )
    if rest[0] in "'\"" and not _CLOSED.match(rest):
        return Text(
            f"this quote is not closed; a quote within the text is written {rest[0] * 2}",
            f"引用符が閉じていません。文字列内の引用符は {rest[0] * 2} と記述します",
        )
    if "QUOTED" in names:
        return _no_value(rest, expected)
    operator = re.match(r"-\w+", rest)
    if operator:
        return _instead(
            expected, f"there is no {operator[0]} here", f"ここに {operator[0]} は置けません"
        )
    if rest[0] in "=<>":
        return _instead(expected, "comparisons are words here", "比較は演算子名で記述します")
    if rest[0] in "&|":
        return _instead(
            expected, "conditions are joined by words here", "条件は -and、-or で結合します"
        )
    return _instead(expected)


def _no_value(rest: str, expected: Text) -> Text:
    word = re.match(r"[^\s()]+", rest)
    found = word[0] if word else rest[0]
    if found.startswith("$"):
        return Text(
            f"{found} is none of $true, $false and $null; a variable must be replaced by its value",
            f"{found} は $true、$false、$null のいずれでもありません。変数は値に置き換えてください",
        )
    if word is None:
        return _instead(expected)
    return Text(
        f"expected {expected.en}; text is written '{found}'",
        f"必要なもの: {expected.ja}。文字列は '{found}' と記述します",
    )


def _instead(expected: Text, en: str = "", ja: str = "") -> Text:
    return Text(
        f"{en}; expected {expected.en}" if en else f"expected {expected.en}",
        f"{ja}。必要なもの: {expected.ja}" if ja else f"必要なもの: {expected.ja}",
    )


def _listed(several: list[Text]) -> Text:
    words = [one.en for one in several]
    en = " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    return Text(en, " または ".join(one.ja for one in several))


# -- what it means ---------------------------------------------------------------------------------


class _Part(NamedTuple):
    filter: Filter
    depth: int = 1
    conditions: int = 1


@v_args(inline=True)
class _Tree(Transformer[Token, _Part]):
    def __init__(self, text: str, settings: RecipientFilterSettings) -> None:
        super().__init__()
        self._text = text
        self._settings = settings

    def chain(self, first: _Part, *rest: Token | _Part) -> _Part:
        joined = first
        for operator, part in zip(rest[::2], rest[1::2], strict=True):
            assert isinstance(operator, Token)
            assert isinstance(part, _Part)
            joined = self._joined(joined, operator, part)
        return joined

    def _joined(self, left: _Part, operator: Token, right: _Part) -> _Part:
        kind = And if operator.type == "AND" else Or
        is_more = isinstance(left.filter, kind)
        before = left.filter.parts if isinstance(left.filter, kind) else (left.filter,)
        depth = max(left.depth if is_more else left.depth + 1, right.depth + 1)
        if depth > NESTING_MAX:
            what = Text(
                f"-and and -or alternate {NESTING_MAX} times at most",
                f"-and と -or の切り替えは {NESTING_MAX} 回までです",
            )
            raise self._error(operator, what)
        conditions = left.conditions + right.conditions
        if conditions > CONDITIONS_MAX:
            what = Text(
                f"a filter has {CONDITIONS_MAX} conditions at most",
                f"フィルターの条件は {CONDITIONS_MAX} 個までです",
            )
            raise self._error(operator, what)
        return _Part(kind((*before, right.filter)), depth, conditions)

    def negation(self, operator: Token, part: _Part) -> _Part:
        if part.depth >= NESTING_MAX:
            raise self._error(operator, _TOO_DEEP)
        return _Part(Not(part.filter), part.depth + 1, part.conditions)

    def comparison(self, name: Token, operator: Token, value: Token) -> _Part:
        return _Part(self._condition(name, operator, value))

    def _condition(self, name: Token, operator: Token, value: Token) -> Filter:
        wanted = property_of(name)
        if isinstance(wanted, Text):
            raise self._error(name, wanted)
        match operator.lower():
            case "-eq":
                return self._equals(wanted, value)
            case "-ne":
                return Not(self._equals(wanted, value))
            case "-like":
                return self._like(wanted, operator, value)
            case "-notlike":
                return Not(self._like(wanted, operator, value))
            case order:
                return self._compares(wanted, _ORDERS[order], operator, value)

    def _equals(self, wanted: Property, value: Token) -> Filter:
        system = _system(value)
        if system == "null":
            return self._blank(wanted, value)
        if wanted.kind is Kind.RECIPIENT_TYPE:
            details = details_of(wanted, self._quoted(wanted, value))
            if isinstance(details, Text):
                raise self._error(value, details)
            return OfType(details)
        if wanted.kind is Kind.BOOLEAN:
            return Equals(wanted, self._boolean(wanted, value))
        if wanted.kind is Kind.ACCOUNT_CONTROL:
            return Equals(wanted, self._disabled(wanted, value))
        if wanted.kind is Kind.NUMBER:
            return Equals(wanted, self._number(wanted, value))
        if wanted.kind is Kind.DATE:
            return Equals(wanted, self._date(wanted, value))
        text = self._quoted(wanted, value)
        if wanted.kind is Kind.LINK:
            self._check_link(wanted, text, value)
        return Equals(wanted, _with_scheme(wanted, text))

    def _blank(self, wanted: Property, value: Token) -> Filter:
        if wanted.kind in {Kind.BOOLEAN, Kind.RECIPIENT_TYPE, Kind.ACCOUNT_CONTROL}:
            kind = wanted.kind.value
            what = Text(
                f"{wanted.name} is never blank; expected {kind.en}",
                f"{wanted.name} が空になることはありません。必要なもの: {kind.ja}",
            )
            raise self._error(value, what)
        return IsBlank(wanted)

    def _like(self, wanted: Property, operator: Token, value: Token) -> Filter:
        if wanted.kind is not Kind.TEXT:
            word, kind = operator.lower(), wanted.kind.value
            what = Text(
                f"{word} compares text, and {wanted.name} is {kind.en}",
                f"{word} は文字列を比較します。{wanted.name} の値は {kind.ja} です",
            )
            raise self._error(operator, what)
        if _system(value) is not None:
            word = operator.lower()
            what = Text(
                f"{word} needs a text; blank is -eq $null",
                f"{word} には文字列が必要です。空の値は -eq $null で指定します",
            )
            raise self._error(value, what)
        text = self._quoted(wanted, value)
        if "*" not in text:
            return Equals(wanted, _with_scheme(wanted, text))
        if not text.strip("*"):
            return Not(IsBlank(wanted))
        parts = tuple(re.split(r"\*+", text))
        self._check_wildcards(parts, value)
        return Matches(wanted, (_with_scheme(wanted, parts[0]), *parts[1:]))

    def _check_wildcards(self, parts: tuple[str, ...], value: Token) -> None:
        if self._settings.exchange_online_limits and (len(parts) > 2 or parts[1]):
            place = value.start_pos + value.index("*") if value.start_pos is not None else 0
            what = Text(
                "Exchange Online takes * at the end of a text alone, as in 'Sales*'; with"
                " exchange_online_limits = false it may be anywhere",
                "Exchange Online では * は文字列の末尾にのみ使用できます（例: 'Sales*'）。"
                "exchange_online_limits = false の場合はどこにでも使用できます",
            )
            raise RecipientFilterError(self._text, place, what)
        if len(parts) > WILDCARDS_MAX + 1:
            what = Text(
                f"a text has {WILDCARDS_MAX} * at most: each is tried at every place",
                f"1 つの文字列に使用できる * は {WILDCARDS_MAX} 個までです",
            )
            raise self._error(value, what)

    def _compares(
        self, wanted: Property, order: Inequality, operator: Token, value: Token
    ) -> Filter:
        if wanted.kind is Kind.NUMBER:
            return Compares(wanted, order, self._number(wanted, value))
        if wanted.kind is Kind.DATE:
            return Compares(wanted, order, self._date(wanted, value))
        word, kind = operator.lower(), wanted.kind.value
        what = Text(
            f"{word} compares numbers and dates: {wanted.name} is {kind.en},"
            " of which directories do not agree what comes first",
            f"{word} は数値と日付を比較します。{wanted.name} の値は {kind.ja} で、"
            "順序がディレクトリによって異なります",
        )
        raise self._error(operator, what)

    # -- values ----------------------------------------------------------------------------------

    def _quoted(self, wanted: Property, value: Token) -> str:
        if system := _system(value):
            raise self._error(value, _is_not(wanted, f"${system}"))
        text = _plain(value)
        if not text.strip():
            what = Text(
                f"an empty text fits nobody; blank is {wanted.name} -eq $null",
                f"空の文字列には誰も一致しません。空の値は {wanted.name} -eq $null で指定します",
            )
            raise self._error(value, what)
        if any(category(letter) == "Cc" for letter in text):
            what = Text("a text holds no control characters", "文字列に制御文字は使用できません")
            raise self._error(value, what)
        return text

    def _boolean(self, wanted: Property, value: Token) -> bool:
        """In quotes too, as Exchange shows filters that it has stored."""
        word = _system(value) or _plain(value).lower()
        if word not in {"true", "false"}:
            raise self._error(value, _is_a(wanted))
        return word == "true"

    def _disabled(self, wanted: Property, value: Token) -> bool:
        found = None if _system(value) else is_disabled(_plain(value))
        if found is None:
            kind = wanted.kind.value
            what = Text(
                f"all that is known of {wanted.name} here is {kind.en}",
                f"{wanted.name} に指定できる値: {kind.ja}",
            )
            raise self._error(value, what)
        return found

    def _number(self, wanted: Property, value: Token) -> int:
        text = _plain(value)
        if not re.fullmatch(r"-?[0-9]{1,10}", text) or abs(int(text)) >= _NUMBER_MAX:
            raise self._error(value, _is_a(wanted, " of at most 32 bits", "（32 ビット以内）"))
        return int(text)

    def _date(self, wanted: Property, value: Token) -> int:
        text = _plain(value)
        what = _is_a(
            wanted, "; without a zone it is UTC", "。タイム ゾーンがない場合は UTC とみなします"
        )
        if not _DATE.fullmatch(text):
            raise self._error(value, what)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            also = Text(f"{error}; {what.en}", f"{error}。{what.ja}")
            raise self._error(value, also) from error
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())

    def _check_link(self, wanted: Property, text: str, value: Token) -> None:
        """A name would be taken by Exchange and match nobody, which is worse than an error."""
        is_name = re.match(r"\s*[A-Za-z][A-Za-z0-9-]*\s*=", text)
        if not is_name and "@" not in text:
            kind = Kind.LINK.value
            what = Text(
                f"{wanted.name} is compared with {kind.en}, or an address of this directory;"
                f" the name '{text}' would match nobody",
                f"{wanted.name} は {kind.ja}、またはこのディレクトリのアドレスと比較します。"
                f"名前 '{text}' には誰も一致しません",
            )
            raise self._error(value, what)

    def _error(self, token: Token, what: Text) -> RecipientFilterError:
        return RecipientFilterError(self._text, token.start_pos or 0, what)


def _is_a(wanted: Property, en: str = "", ja: str = "") -> Text:
    kind = wanted.kind.value
    return Text(f"{wanted.name} is {kind.en}{en}", f"{wanted.name} の値は {kind.ja} です{ja}")


def _is_not(wanted: Property, found: str) -> Text:
    return _is_a(wanted, f", not {found}", f"（{found} は不可）")


def _system(value: Token) -> str | None:
    """In quotes too: so scripts write it within texts of theirs, and nobody is called $null."""
    found = _SYSTEM.fullmatch(_plain(value))
    return found[1].lower() if found else None


def _plain(value: Token) -> str:
    if value.type == "QUOTED":
        return value[1:-1].replace("''", "'")
    if value.type == "DOUBLE_QUOTED":
        return value[1:-1].replace('""', '"')
    return str(value)


def _with_scheme(wanted: Property, text: str) -> str:
    """Of an address without one: mail."""
    return f"smtp:{text}" if wanted.is_address and ":" not in text else text
