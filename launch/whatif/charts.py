"""Curves of several policies in one picture, as SVG that stands in the page itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 640, 200
COLORS = ("#1f6fb2", "#d1603d", "#3a8f5c", "#8a5bb5", "#b08a1e", "#5c6b73")


def color(number: int) -> str:
    """Of the policy with this number."""
    return COLORS[number % len(COLORS)]


def curves(title: str, times_s: Sequence[int], values: Mapping[str, Sequence[float]]) -> str:
    """A figure with a curve for each name; its script shows the values under the pointer."""
    top = max((max(column) for column in values.values()), default=0) or 1
    begin, span = times_s[0], max(times_s[-1] - times_s[0], 1)
    lines = []
    for number, column in enumerate(values.values()):
        points = " ".join(f"{WIDTH * (when - begin) / span:.1f},{HEIGHT - HEIGHT * value / top:.1f}"
                          for when, value in zip(times_s, column, strict=True))
        lines.append(f'<polyline points="{points}" stroke="{color(number)}"/>')
    return (f'<figure><figcaption>{escape(title)}</figcaption>'
            f'<svg viewBox="-4 -4 {WIDTH + 8} {HEIGHT + 8}" role="img" aria-label="{escape(title)}">'
            f'<rect width="{WIDTH}" height="{HEIGHT}"/>{"".join(lines)}<line y2="{HEIGHT}"/></svg>'
            f'<p><span>0 to {_short(top)}, over {_length(span)}</span> <output></output></p></figure>')


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.3g}"


def _length(seconds: int) -> str:
    name, size = next((pair for pair in (("days", 86400), ("hours", 3600), ("minutes", 60)) if seconds >= 2 * pair[1]),
                      ("seconds", 1))
    return f"{seconds / size:.1f} {name}"
