"""Shared style of all figures: matplotlib draws them, the page's style sheet sets light and dark colours."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, MUTED, GRID = "#1b1f24", "#59636e", "#d8dee4"
SERIES = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
)  # Okabe and Ito's, safe for colour-blind eyes
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))  # distinguishable in black and white too
VARIABLES = {INK: "ink", MUTED: "muted", GRID: "grid"} | {colour: f"series-{i}" for i, colour in enumerate(SERIES)}
SETTINGS: Any = {
    "svg.fonttype": "none",  # text stays text, in the page's font
    "svg.hashsalt": "sentiment",  # the same figure gives the same bytes
    "text.parse_math": False,  # a label may hold a $
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}
SIZE = (4.6, 3.5)  # inches; at a phone's width the text is still as large as the page's
LEFT, RIGHT, BOTTOM, TOP = 0.165, 0.965, 0.155, 0.96  # of the axes, shares of SIZE; a tick such as 0.0001 fits
LINE = 0.055  # height of a line of text, share of SIZE


@dataclass(frozen=True, slots=True)
class Figure:
    """SVG figure with a title and a description."""

    name: str
    title: str
    text: str  # description for readers new to this kind of figure
    svg: str

    @property
    def inline(self) -> str:
        """SVG for embedding in a page: responsive width, the page's colours, ids prefixed by the figure's name."""
        head = f'<svg role="img" aria-label="{self.title}"'
        svg = re.sub(r'<svg([^>]*?) width="[^"]*"', rf"{head}\1", re.sub(r' height="[\d.]+pt"', "", self.svg, count=1))
        svg = re.sub(r'(id="|href="#|url\(#)', rf"\1{self.name}-", svg)
        for colour, variable in VARIABLES.items():
            svg = svg.replace(colour, f"var(--{variable})")
        return svg


def draw(
    name: str,
    title: str,
    text: str,
    paint: "Callable[[Axes], None]",
    *,
    tick_lines: int = 1,
    fitted: bool = False,
) -> Figure:
    """Draw a figure with a single pair of axes, which `paint` fills.

    Args:
        name: Name of the file, and prefix of the ids in a page.
        title: Title, which stands above the figure.
        text: Description, which stands below it.
        paint: Draws on the axes.
        tick_lines: Lines of the labels of the x axis.
        fitted: Measure all texts and leave room for them, in twice the time of fixed margins.
    """
    import matplotlib
    from matplotlib.figure import Figure as Canvas

    with matplotlib.rc_context(SETTINGS):
        canvas = Canvas(figsize=SIZE, layout="constrained" if fitted else None)
        if not fitted:
            canvas.subplots_adjust(LEFT, BOTTOM + LINE * (tick_lines - 1), RIGHT, TOP)
        paint(canvas.subplots())
        buffer = StringIO()
        canvas.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.DOTALL)
    return Figure(name, title, text, svg[svg.index("<svg") :])
