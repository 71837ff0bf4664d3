"""Two servers' answers side by side."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

from kairan.doctor.answer import Language, Line, say
from kairan.doctor.compare.compare import Comparison, Difference, Pair
from kairan.outcomes.outcome import Text

_SAME = Text(
    "All {} steps were answered alike.",
    "{} 個の手順すべてで応答が一致しました。",
)
_DIFFER = Text(
    "{} of {} steps were answered differently.",
    "{1} 個の手順のうち {0} 個で応答が異なります。",
)
_KINDS = {
    Difference.CODE: Text(
        "another code: clients will behave differently",
        "コードが異なります（クライアントの動作が変わります）",
    ),
    Difference.ENHANCED: Text("another enhanced code", "拡張コードが異なります"),
    Difference.LINES: Text("other lines", "行が異なります"),
    Difference.TEXT: Text("other words", "文言が異なります"),
}
_CUT = Text(
    'The dialogue ended early, at the step "{}"; what would follow was not compared.',
    "手順「{}」で終了したため、以降は比較していません。",
)
_UNREACHED = Text("Could not be reached", "接続できませんでした")
_COLUMN = 60


def lines_of(comparison: Comparison, language: Language, *, everything: bool) -> Iterator[Line]:
    if comparison.unreached:
        yield Line(f"{say(_UNREACHED, language)}: {comparison.unreached}", "bold red")
        return
    yield Line(f"  {'A: ' + comparison.a:<{_COLUMN}} B: {comparison.b}", "bold")
    for pair in comparison.pairs:
        if pair.difference or everything:
            yield from _pair_lines(pair, language)
    if comparison.cut:
        yield Line(say(_CUT, language).format(comparison.cut), "bold red")
        cut = [pair for pair in comparison.pairs if pair.step == comparison.cut]
        yield from (line for pair in cut for line in _pair_lines(pair, language))
    differing = sum(bool(pair.difference) for pair in comparison.pairs)
    if differing:
        text = say(_DIFFER, language)
        text = text.replace("{}", "{0}", 1).replace("{}", "{1}")
        yield Line(text.format(differing, len(comparison.pairs)), "bold yellow")
    else:
        style = "yellow" if comparison.cut else "bold green"
        yield Line(say(_SAME, language).format(len(comparison.pairs)), style)


def record_of(comparison: Comparison) -> dict[str, Any]:
    """For --json."""
    return {
        "a": comparison.a,
        "b": comparison.b,
        "unreached": comparison.unreached,
        "cut": comparison.cut,
        "differences": sum(bool(pair.difference) for pair in comparison.pairs),
        "steps": [
            {
                "step": pair.step,
                "sent": pair.sent,
                "a": list(pair.a),
                "b": list(pair.b),
                "difference": pair.difference.value,
            }
            for pair in comparison.pairs
        ],
    }


def _pair_lines(pair: Pair, language: Language) -> Iterator[Line]:
    kind = f"  [{say(_KINDS[pair.difference], language)}]" if pair.difference else ""
    yield Line(f"{pair.step}{kind}", "yellow" if pair.difference else "dim")
    for one, other in zip_longest(_wrapped(pair.a), _wrapped(pair.b), fillvalue=""):
        yield Line(f"{' ' if one == other else '|'} {one:<{_COLUMN}} {other}")


def _wrapped(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield line[:_COLUMN]
        yield from (
            f"    {line[at : at + _COLUMN - 4]}" for at in range(_COLUMN, len(line), _COLUMN - 4)
        )
