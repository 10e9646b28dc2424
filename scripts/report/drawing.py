"""The common look of a page's figures, and how they become SVG inside the page."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
from matplotlib import dates as mdates
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from app.runs.series import sample_rows
from scripts.report.markup import Markup, element
from scripts.report.numbers import number, percent

INK, GREY, RULE = "#1c2430", "#667080", "#e3e6ea"
# Blue, orange and grey stay apart for every kind of colour vision, and in print by their lightness.
GROSS, NET, MARKET = "#1f4e8c", "#d9741a", "#9aa3ae"
LOSS, PALE_BLUE, PALE_ORANGE = "#b5461f", "#9db8d9", "#f0c39a"
DIVERGING = LinearSegmentedColormap.from_list(
    "loss to gain", ["#c8571c", "#f2c9a8", "#ffffff", "#a9c4e4", GROSS]
)

FULL, HALF = 10.0, 4.85
"""Widths in inches, so that letters have one size across the page."""

MOST_POINTS = 1_500
"""Of a curve: more than a page has dots across."""

Dates = NDArray[np.datetime64]
Values = NDArray[np.float64]

_LOG_RATIO = 4.0  # a range wider than this is read better on a logarithmic scale
_STYLE = {
    "font.family": ["DejaVu Sans"],
    "font.size": 8.5,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": "#aab1ba",
    "axes.labelcolor": GREY,
    "axes.labelsize": 8.5,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.unicode_minus": True,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "xtick.color": "#aab1ba",
    "ytick.color": "#aab1ba",
    "xtick.labelcolor": GREY,
    "ytick.labelcolor": GREY,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
}
_FONTS = "-apple-system, 'Segoe UI', 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"


@contextmanager
def drawing(height: float, width: float = FULL) -> Iterator[Figure]:
    """A figure in the common style, to be drawn and made SVG inside the block."""
    with mpl.rc_context(_STYLE):
        yield Figure(figsize=(width, height), layout="constrained")


def to_svg(figure: Figure, name: str, description: str) -> Markup:
    """The figure to stand inside a page. `name` keeps its ids apart from those of other figures."""
    target = io.StringIO()
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure.savefig(
            target, format="svg", metadata={"Date": None, "Creator": None, "Type": None, "Format": None}
        )
    drawn = target.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<(metadata|style)\b.*?</\1>", "", drawn, flags=re.DOTALL)
    used = set(re.findall(r"""(?:url\(#|xlink:href="#)([\w.-]+)""", drawn))
    drawn = re.sub(r"<[^<>]+>", lambda tag: _own_ids(tag[0], name, used), drawn)
    label = element("svg", role="img", aria_label=description)[len("<svg") : -len("></svg>")]
    head = re.match(r"<svg [^>]*>", drawn)
    sizeless = re.sub(r' (?:width|height)="[\d.]+pt"', "", head[0] if head else "")
    return Markup(sizeless[:-1] + label + ">" + drawn[len(head[0]) if head else 0 :])


def _own_ids(tag: str, name: str, used: set[str]) -> str:
    """Without the ids that nothing refers to; the others with the figure's name before them."""

    def own(match: re.Match[str]) -> str:
        return f' id="{name}-{match[1]}"' if match[1] in used else ""

    tag = re.sub(r' id="([^"]*)"', own, tag)
    tag = re.sub(r"url\(#([\w.-]+)\)", rf"url(#{name}-\1)", tag)
    tag = re.sub(r'xlink:href="#([\w.-]+)"', rf'xlink:href="#{name}-\1"', tag)
    return tag.replace("'DejaVu Sans'", _FONTS).replace("DejaVu Sans", _FONTS)


def thinned(dates: Dates, values: Values) -> tuple[Dates, Values]:
    """At most MOST_POINTS of a curve (n,) that keep its look, its extremes included."""
    if len(values) <= MOST_POINTS:
        return dates, values
    kept = sample_rows([values], MOST_POINTS)
    return dates[kept], values[kept]


# -- axes --------------------------------------------------------------------------------------------------


def percent_axis(axes: Axes, *, horizontal: bool = False) -> None:
    """Ticks of fractions as per cent, with as many decimals as they need."""
    _numeric_axis(
        axes.xaxis if horizontal else axes.yaxis, lambda value, digits: percent(value, digits), 100.0
    )


def number_axis(axes: Axes) -> None:
    _numeric_axis(axes.yaxis, number, 1.0)


def count_axis(axes: Axes, *, horizontal: bool = False) -> None:
    """Ticks at whole numbers."""
    axis = axes.xaxis if horizontal else axes.yaxis
    axis.set_major_locator(MaxNLocator(nbins=5, integer=True, min_n_ticks=1))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 0)))


def _numeric_axis(axis: Axis, form: Callable[[float, int], str], scale: float) -> None:
    locator = MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10])
    axis.set_major_locator(locator)

    def label(value: float, _: int | None) -> str:
        ticks = locator()
        step = scale * float(np.diff(ticks).min()) if len(ticks) > 1 else 1.0
        return form(value, _decimals(step))

    axis.set_major_formatter(FuncFormatter(label))


def _decimals(step: float) -> int:
    """That tell apart ticks which lie a step apart."""
    if not step < 1_000.0:
        return 0
    return next((digits for digits in range(6) if abs(step * 10**digits % 1.0 - 0.5) > 0.499999), 6)


def date_axis(axes: Axes) -> None:
    """Years; where there are few, months or days with their year."""
    first, last = axes.get_xlim()
    days = last - first
    if days > 913:
        axes.xaxis.set_major_locator(mdates.YearLocator(max(1, round(days / 365.25 / 9))))
        axes.xaxis.set_major_formatter(mdates.DateFormatter("%Y"))
        return
    axes.xaxis.set_major_locator(mdates.AutoDateLocator(minticks=2, maxticks=5))
    axes.xaxis.set_major_formatter(mdates.DateFormatter("%b %Y" if days > 150 else "%d %b %Y"))


def growth_axis(axes: Axes, lowest: float, highest: float) -> bool:
    """Logarithmic where growth spans much; whether it is."""
    logarithmic = lowest > 0 and highest / lowest > _LOG_RATIO
    if logarithmic:
        axes.set_yscale("log")
        decades = float(np.log10(highest / lowest))
        subs = (1, 2, 3, 5) if decades < 1.5 else ((1, 2, 5) if decades < 3 else (1,))
        axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=9))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 0 if value >= 10 else 2)))
    return logarithmic


def zero_line(axes: Axes, level: float = 0.0) -> None:
    axes.axhline(level, color="#8b939e", linewidth=0.8, zorder=1.5)


def legend_above(axes: Axes, columns: int = 4) -> None:
    """Over the axes, where it hides nothing."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=columns,
        borderaxespad=0.2,
        handlelength=1.5,
        columnspacing=1.6,
    )


def bar_labels(axes: Axes, places: list[float], values: list[float], texts: list[str]) -> None:
    """A text beyond the end of each bar."""
    for place, value, text in zip(places, values, texts, strict=True):
        above = value >= 0
        axes.annotate(
            text,
            (place, value),
            xytext=(0, 3 if above else -3),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize=7.5,
            color=GREY,
        )
    axes.margins(y=0.16)
