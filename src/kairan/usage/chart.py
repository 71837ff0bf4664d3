"""Plots as SVG, made here: bars, with a title and a description for who cannot see them.

No script and no style attribute: within a page the page's style sheet colours them (its policy allows no
other), in a file of its own `STYLE` does.  The numbers stand in the table beside each plot, too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from kairan.runtime.visible import visible

STYLE = """\
:root { color-scheme: light dark; --plot-ink: #1c1c1c; --plot-bar: #0b4a94; --plot-line: #767f8c; }
@media (prefers-color-scheme: dark) { :root { --plot-ink: #ececec; --plot-bar: #8ebdff; --plot-line: #8b94a1; } }
.plot { font: 12px system-ui, "Noto Sans JP", "IPAGothic", sans-serif; }
.plot text { fill: var(--plot-ink); }
.plot rect { fill: var(--plot-bar); }
.plot line { stroke: var(--plot-line); }
"""
WIDTH = 640
_BARS_SHOWN = 15
_LABEL_CHARACTERS = 36
_ROW_HEIGHT = 22
_LABEL_WIDTH = 250
_VALUE_WIDTH = 90
_COLUMN_HEIGHT = 120
_FONT_ROOM = 16


@dataclass(frozen=True, slots=True)
class Plot:
    """`name`: of its elements in a page, another for each plot; letters, digits and hyphens."""

    name: str
    title: str
    description: str
    bars: Sequence[tuple[str, float]]  # label and value, none below zero
    width: int = WIDTH


@dataclass(frozen=True, slots=True)
class Drawn:
    body: str
    height: int


def rows_svg(plot: Plot) -> str:
    """A bar below the other: what is named.  The first few."""
    return _svg(plot, _rows(plot))


def columns_svg(plot: Plot) -> str:
    """A bar beside the other: what follows in time."""
    return _svg(plot, _columns(plot))


def standalone(svg: str) -> str:
    """As a file: with its namespace, and colours for light and dark."""
    return svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).replace(
        "<title", f"<style>{STYLE}</style><title", 1
    )


def sheet(headings: Sequence[tuple[str, int]], plots: Sequence[tuple[str, str]]) -> str:
    """As a file: headings, each with its size, then plots under their titles, one below the other."""
    drawn = [
        f'<svg class="plot"><text x="0" y="16" font-size="{size}">{_text(text)}</text></svg>'
        for text, size in headings
    ]
    heights = [size + 5 for _, size in headings]
    for title, svg in plots:
        above = (
            f'<svg class="plot"><text x="0" y="14" font-weight="bold">{_text(title)}</text></svg>'
        )
        drawn += [above, svg]
        heights += [18, _height(svg)]
    whole = _stacked(drawn, heights)
    return standalone(whole.replace(">", f"><title>{_text(headings[0][0])}</title>", 1))


def _height(svg: str) -> int:
    return int(svg.partition(f'viewBox="0 0 {WIDTH} ')[2].partition('"')[0])


def _stacked(plots: Sequence[str], heights: Sequence[int]) -> str:
    """Several drawings below each other, in one."""
    parts, top = [], 0
    for svg, height in zip(plots, heights, strict=True):
        parts.append(svg.replace("<svg ", f'<svg y="{top}" ', 1))
        top += height + _FONT_ROOM
    return (
        f'<svg class="plot" width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}">'
        f"{''.join(parts)}</svg>"
    )


def _svg(plot: Plot, drawn: Drawn) -> str:
    title, about = f"{plot.name}-title", f"{plot.name}-about"
    return (
        f'<svg class="plot" role="img" aria-labelledby="{title} {about}" width="{plot.width}" '
        f'height="{drawn.height}" viewBox="0 0 {plot.width} {drawn.height}">'
        f'<title id="{title}">{_text(plot.title)}</title>'
        f'<desc id="{about}">{_text(plot.description)}</desc>{drawn.body}</svg>'
    )


def _rows(plot: Plot) -> Drawn:
    shown = plot.bars[:_BARS_SHOWN]
    top = max((value for _, value in shown), default=0) or 1
    room = plot.width - _LABEL_WIDTH - _VALUE_WIDTH
    parts = []
    for place, (label, value) in enumerate(shown):
        base = place * _ROW_HEIGHT + _FONT_ROOM
        length = room * value / top
        parts.append(
            f'<text x="0" y="{base}">{_text(_cut(label))}</text>'
            f'<rect x="{_LABEL_WIDTH}" y="{base - 11}" width="{length:.1f}" height="14"/>'
            f'<text x="{_LABEL_WIDTH + length + 6:.1f}" y="{base}">{value:,.0f}</text>'
        )
    return Drawn("".join(parts), max(len(shown), 1) * _ROW_HEIGHT + 4)


def _columns(plot: Plot) -> Drawn:
    bars = plot.bars
    top = max((value for _, value in bars), default=0)
    height = _COLUMN_HEIGHT + 2 * _FONT_ROOM
    base = _COLUMN_HEIGHT + _FONT_ROOM
    parts = [
        f'<text x="0" y="{_FONT_ROOM - 4}">{top:,.0f}</text>',
        f'<line x1="0" y1="{base}" x2="{plot.width}" y2="{base}"/>',
        *_rectangles(plot, top, base),
    ]
    if bars:
        first, last = _text(_cut(bars[0][0])), _text(_cut(bars[-1][0]))
        parts.append(f'<text x="0" y="{height - 2}">{first}</text>')
        if len(bars) > 1:
            parts.append(f'<text x="{plot.width}" y="{height - 2}" text-anchor="end">{last}</text>')
    return Drawn("".join(parts), height)


def _rectangles(plot: Plot, top: float, base: int) -> Iterator[str]:
    step = plot.width / max(len(plot.bars), 1)
    width = max(step * 0.8, 0.5)
    for place, (_, value) in enumerate(plot.bars):
        if value:
            tall = _COLUMN_HEIGHT * value / top
            left, above = place * step, base - tall
            yield (
                f'<rect x="{left:.1f}" y="{above:.1f}" width="{width:.1f}" height="{tall:.1f}"/>'
            )


def _cut(label: str) -> str:
    is_long = len(label) > _LABEL_CHARACTERS
    return f"{label[: _LABEL_CHARACTERS - 1]}…" if is_long else label


def _text(text: str) -> str:
    return escape(visible(text), {'"': "&quot;"})
