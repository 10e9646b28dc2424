"""A portfolio's exposures as a picture: betas, what the return is made of, betas over time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import dates as mdates
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from app.features.exposures.service import ExposureAnswer
from engine.exposures.attribution import ALPHA, RESIDUAL, RISK_FREE, Attribution
from engine.exposures.results import ExposureRegression, Method, RollingBetas
from engine.panel import FloatArray
from scripts.console import day, number, percent
from scripts.exposure_view import PART_LABELS, rolling_betas
from scripts.plot import save_figure

_TOTAL, _GREY, _FAINT = "#111111", "#444444", "#777777"
_OTHER_PARTS = {ALPHA: ("#444444", "--"), RISK_FREE: ("#b0b0b0", "-"), RESIDUAL: ("#777777", ":")}
_MOST_POINTS = 200  # of the attribution's lines, each of which is linked anew
_HEADING, _ROW, _PANEL, _ENTRY = 0.75, 0.34, 3.1, 0.18  # heights in inches
_LONGEST_NAME = 40


def draw_exposures(answer: ExposureAnswer, name: str, path: Path) -> None:
    """Write the picture to `path`; its suffix gives the format. Raises InvalidInput, StorageFailure."""
    save_figure(lambda: _figure(answer, name), path)


def _figure(answer: ExposureAnswer, name: str) -> Figure:
    found = answer.exposures
    heights = [_HEADING, 1.0 + _ROW * len(answer.labels)]
    legend = _ENTRY * (len(answer.labels) + len(PART_LABELS) + 1)
    heights += [max(_PANEL, legend)] * ((found.attribution is not None) + (found.rolling is not None))
    figure = Figure(figsize=(10, sum(heights)), layout="constrained")
    heading, betas, *panels = figure.subplots(len(heights), 1, height_ratios=heights)
    # tab10 repeats after ten factors; twenty are the most that there can be.
    shades = mpl.colormaps["tab10" if len(answer.labels) <= 10 else "tab20"].colors
    colours = dict(zip(answer.labels, shades, strict=False))
    _write_heading(heading, answer, name)
    _draw_betas(betas, answer, colours)
    if found.attribution is not None:
        _draw_attribution(panels.pop(0), found.attribution, colours, in_excess=found.in_excess)
    if found.rolling is not None:
        _draw_rolling(panels.pop(0), found.rolling, found.regressions, colours)
    return figure


def _write_heading(axes: Axes, answer: ExposureAnswer, name: str) -> None:
    axes.axis("off")
    found, first = answer.exposures, answer.exposures.regressions[0]
    shown = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..."
    # A dollar sign of a name is no formula.
    style: dict[str, Any] = {"fontsize": 15, "fontweight": "bold", "parse_math": False}
    axes.text(0, 0.62, f"Exposures of {shown}", transform=axes.transAxes, **style)
    dataset = f"{answer.dataset.name} (synthetic)" if answer.dataset.synthetic else answer.dataset.name
    span = f"{dataset}, {day(first.start_week)} to {day(first.end_week)}"
    axes.text(1, 0.62, span, ha="right", color=_GREY, transform=axes.transAxes)
    facts = [f"{first.observations:,} weeks"]
    if found.method is Method.JOINT:
        facts = [
            f"alpha {percent(first.alpha)} a year",
            f"R2 {number(first.r_squared, 3)}",
            f"residual volatility {percent(first.residual_volatility)}",
            *facts,
        ]
    axes.text(0, 0.02, "    ".join(facts), fontsize=11, color=_GREY, transform=axes.transAxes)


def _draw_betas(axes: Axes, answer: ExposureAnswer, colours: dict[str, tuple[float, float, float]]) -> None:
    found, regressions = answer.exposures, answer.exposures.regressions
    factors = [factor for regression in regressions for factor in regression.factors]
    for place, factor in enumerate(factors):
        colour = colours[factor.name]
        axes.plot([factor.lower, factor.upper], [place, place], color=colour, linewidth=2.0, alpha=0.55)
        axes.plot(factor.beta, place, "o", color=colour, markersize=7)
        axes.annotate(
            number(factor.beta),
            (factor.beta, place),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=_GREY,
        )
    axes.axvline(0.0, color=_FAINT, linewidth=0.8, linestyle=":")
    axes.set_yticks(range(len(factors)), [factor.name for factor in factors])
    axes.set_ylim(len(factors) - 0.4, -0.75)
    excess = "" if answer.risk_free is None else f" in excess of {answer.risk_free}"
    alone = "each factor alone, " if found.method is Method.UNIVARIATE else ""
    returns = f"{alone}{found.kind.lower()} returns{excess}"
    axes.set_xlabel(f"beta with its {100 * found.confidence:g} % interval: {returns}", parse_math=False)
    axes.grid(alpha=0.25, axis="x")


def _draw_attribution(
    axes: Axes,
    attribution: Attribution,
    colours: dict[str, tuple[float, float, float]],
    *,
    in_excess: bool,
) -> None:
    """Up to each week the parts of the return since the start, which add up to the whole."""
    ends = np.unique(np.linspace(0, len(attribution.weeks) - 1, _MOST_POINTS).round().astype(int))
    weeks = attribution.weeks[ends]
    so_far = [attribution.between(None, week) for week in weeks]
    parts = 100.0 * np.array([one.linked for one in so_far])
    total = 100.0 * np.array([one.total for one in so_far])
    for name, values in zip(attribution.names, parts.T, strict=True):
        if name == RISK_FREE and not in_excess:
            continue
        colour, line = _OTHER_PARTS.get(name, (colours.get(name), "-"))
        label = f"{PART_LABELS.get(name, name)}: {values[-1]:,.1f} %"
        axes.plot(weeks, values, color=colour, linestyle=line, linewidth=1.3, label=label)
    axes.plot(weeks, total, color=_TOTAL, linewidth=2.2, zorder=3, label=f"total: {total[-1]:,.1f} %")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f} %"))
    axes.set_ylabel("contribution to the return")
    _finish(axes)


def _draw_rolling(
    axes: Axes,
    rolling: RollingBetas,
    regressions: tuple[ExposureRegression, ...],
    colours: dict[str, tuple[float, float, float]],
) -> None:
    weeks = rolling.weeks[rolling.window - 1 :]
    for name, betas in rolling_betas(rolling, regressions).items():
        values: FloatArray = np.array(betas, dtype=np.float64)
        marker = "o" if len(values) == 1 else None
        last = f"{name}: {number(betas[-1])}" if betas and np.isfinite(values[-1]) else name
        axes.plot(weeks, values, color=colours[name], linewidth=1.3, marker=marker, label=last)
    axes.set_ylabel(f"beta over {rolling.window} weeks")
    _finish(axes)


def _finish(axes: Axes) -> None:
    axes.axhline(0.0, color=_FAINT, linewidth=0.8, linestyle=":")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)
    axes.grid(alpha=0.25)
    axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(axes.xaxis.get_major_locator()))
