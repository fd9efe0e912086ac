"""Charts of the monitor page as SVG, in the page's colours."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from sentiment.monitoring.palette import DASHES, colours
from sentiment.monitoring.shares import Estimate

WIDTH, HEIGHT = 460, 250
LEFT, RIGHT, TOP, BOTTOM = 48, 84, 24, 28
LINE = 16  # height of a line of text, which is larger on a phone
CHARACTER = 7  # width of one


@dataclass(frozen=True)
class Lines:
    """The labels that charts show, with their indices in the estimates and the share at the top of the axis."""

    names: Sequence[str]
    shown: Sequence[int]
    top: float = 1.0

    def ys(self, shares: Any) -> Any:
        return HEIGHT - BOTTOM - np.asarray(shares) / self.top * (HEIGHT - TOP - BOTTOM)


@dataclass(frozen=True, slots=True)
class Mark:
    """A change: its place on the time axis, its target and its title."""

    start: int
    target: str
    title: str


def lines(series: Sequence[Estimate], labels: Lines, names: Sequence[str], marks: Sequence[Mark]) -> str:
    """Draw a line with its band for each label over time, and a mark for each change."""
    starts = np.array([one.start for one in series], dtype=float)
    span = max(1.0, starts[-1] - starts[0])
    xs = LEFT + (starts - starts[0]) / span * (WIDTH - LEFT - RIGHT)
    parts, ys = [*axis(labels), *dates(xs, names)], labels.ys
    for mark in marks:
        x = float(np.interp(mark.start, starts, xs))
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
    shares, low, high = (
        np.array([getattr(one, name)[[*labels.shown]] for one in series]) for name in ("shares", "low", "high")
    )
    for j, colour in enumerate(colours(labels.names)):
        band = [*zip(xs, ys(high[:, j]), strict=True), *reversed([*zip(xs, ys(low[:, j]), strict=True)])]
        parts.append(f'<polygon class="band series-{colour}" points="{points(band)}"/>')
    for j, colour in enumerate(colours(labels.names)):
        line = points([*zip(xs, ys(shares[:, j]), strict=True)])
        parts.append(f'<polyline class="line series-{colour}" stroke-dasharray="{DASHES[colour]}" points="{line}"/>')
    parts += ends(shares[-1], labels)
    for mark in marks:
        x = float(np.interp(mark.start, starts, xs))
        parts.append(
            f'<a href="#{mark.target}" aria-label="{escape(mark.title)}"><title>{escape(mark.title)}</title>'
            f'<circle class="hit" cx="{x:.1f}" cy="{TOP - 8}" r="15"/>'
            f'<path class="flag" d="M{x - 6:.1f} {TOP - 14}h12l-6 11z"/></a>'
        )
    return svg(parts, HEIGHT)


def dots(estimates: Sequence[Estimate], labels: Lines) -> str:
    """Draw the name of each group, with a dot and an interval for each label below it."""
    row = LINE * (len(labels.names) + 1) + 12
    height = TOP + row * len(estimates) + BOTTOM
    left, right = 96, 20
    scale = WIDTH - left - right
    parts = []
    for share in np.linspace(0, labels.top, 5):
        x = left + share / labels.top * scale
        parts.append(f'<line class="rule" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{height - BOTTOM}"/>')
        parts.append(text(x, height - 8, f"{100 * share:g} %", "middle"))
    for i, one in enumerate(estimates):
        top = TOP + i * row
        parts.append(text(4, top + LINE / 2 + 4, short(one.group, 40), "start", "strong"))
        for line, (j, colour) in enumerate(zip(labels.shown, colours(labels.names), strict=True), 1):
            y = top + LINE * line + LINE / 2
            low, at, high = (left + float(x) / labels.top * scale for x in (one.low[j], one.shares[j], one.high[j]))
            parts.append(text(left - 8, y + 4, short(labels.names[line - 1], 9), "end"))
            parts.append(f'<line class="line series-{colour}" x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}"/>')
            parts.append(f'<circle class="dot series-{colour}" cx="{at:.1f}" cy="{y}" r="4"/>')
    return svg(parts, height)


def svg(parts: Sequence[str], height: float) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="group">{"".join(parts)}</svg>'


def axis(labels: Lines) -> list[str]:
    parts = []
    for share in np.linspace(0, labels.top, 5):
        y = float(labels.ys(share))
        parts.append(f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(text(LEFT - 6, y + 4, f"{100 * share:g} %", "end"))
    return parts


def dates(xs: Any, names: Sequence[str]) -> list[str]:
    """Name the first and the last period, and those between for which there is room."""
    width = CHARACTER * max(map(len, names))
    parts, end, last = [], 0.0, len(names) - 1
    for i, x in enumerate(xs):
        anchor = "start" if i == 0 else "end" if i == last else "middle"
        left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        right = left + width
        if i in (0, last) or left > end + LINE and right < xs[last] - width - LINE:
            parts.append(text(float(x), HEIGHT - 8, names[i], anchor))
            end = right
    return parts


def ends(shares: Any, labels: Lines) -> list[str]:
    """Name each line at its end, names moved apart where lines end together."""
    order = np.argsort(-shares)
    places = labels.ys(shares)[order] + 4
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + LINE)
    places -= max(0.0, places[-1] - (HEIGHT - BOTTOM + 4))
    shown = colours(labels.names)
    parts = []
    for y, j in zip(places, order, strict=True):
        x = WIDTH - RIGHT + 6
        parts.append(f'<rect class="dot series-{shown[j]}" x="{x}" y="{y - 8:.1f}" width="8" height="8" rx="2"/>')
        parts.append(text(x + 12, float(y), short(labels.names[j], 10), "start"))
    return parts


def points(pairs: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in pairs)


def text(x: float, y: float, words: str, anchor: str, kind: str = "") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def short(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"
