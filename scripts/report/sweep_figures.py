"""The figures of a sweep: luck, overfitting, choosing in time, and how the Sharpe ratio goes with options."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from app.features.sweeps.results import MAX_HEAT_MAP_VALUES, SweepResults
from engine.sweeps.sweep import SPAN_SHARPE
from scripts.report.drawing import (
    DIVERGING,
    FULL,
    GREY,
    GROSS,
    HALF,
    INK,
    LOSS,
    NET,
    PALE_BLUE,
    PALE_ORANGE,
    count_axis,
    date_axis,
    drawing,
    legend_above,
    number_axis,
    percent_axis,
    to_svg,
    zero_line,
)
from scripts.report.factor_figures import draw_drawdown, draw_growth
from scripts.report.gather import RunMaterial, finite
from scripts.report.head import setting, words
from scripts.report.markup import Markup
from scripts.report.numbers import number

MOST_HEAT_MAPS = 4
_MOST_ANNOTATED = 150
_MOST_LABELS = 12
_LABEL_LENGTH = 18


def walk_forward_figure(material: RunMaterial) -> Markup | None:
    """Growth of 100 of what one would have chosen in time and of the best in hindsight, on one span."""
    walk, best = finite(material.series.get("WALK_FORWARD")), finite(material.series.get("BEST_POINT"))
    if walk is None or best is None:
        return None
    later = best.dates >= walk.dates[0]
    hindsight = replace(best, times=best.times[later], values=best.values[later])
    lines = [
        (hindsight, "best point, in hindsight", PALE_BLUE, 1.4),
        (walk, "walk-forward, chosen in time", GROSS, 1.7),
    ]
    with drawing(4.2) as figure:
        growth, losses = figure.subplots(2, 1, height_ratios=(3, 1.1), sharex=True)
        draw_growth(growth, lines)
        draw_drawdown(losses, walk, GROSS, filled=True, width=1.1)
        draw_drawdown(losses, hindsight, PALE_BLUE, filled=False, width=1.0)
        losses.set_ylabel("drawdown")
        percent_axis(losses)
        date_axis(losses)
        growth.margins(x=0.012)
        figure.align_ylabels()
        return to_svg(figure, "walkforward", "Growth of 100 of walk-forward choices and of the best point")


def sharpe_figure(results: SweepResults) -> Markup | None:
    """Sharpe ratios of all points, with the best one and the maximum that luck alone would give."""
    values = results.metrics[SPAN_SHARPE]
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return None
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-9:
        return None
    bins = int(np.clip(round(2.0 * math.sqrt(len(values))), 8, 40))
    with drawing(2.9, HALF) as figure:
        axes = figure.subplots()
        axes.hist(values, bins=bins, color=PALE_BLUE, edgecolor="white", linewidth=0.5)
        axes.axvline(high, color=GROSS, linewidth=1.4, label=f"best: {number(high)}")
        if results.deflated_sharpe is not None:
            luck = results.deflated_sharpe.expected_maximum * math.sqrt(results.periods_per_year)
            axes.axvline(
                luck, color=LOSS, linewidth=1.4, linestyle=(0, (4, 2)), label=f"luck: {number(luck)}"
            )
        axes.set_xlabel("Sharpe ratio")
        axes.set_ylabel("points")
        count_axis(axes)
        legend_above(axes, 3)
        return to_svg(figure, "sharpes", "Histogram of the Sharpe ratios of all points")


def logit_figure(results: SweepResults) -> Markup | None:
    """How the point that was best in sample ranked out of sample; at 0 it was the median."""
    bins = results.logit_histogram()
    if not bins:
        return None
    with drawing(2.9, HALF) as figure:
        axes = figure.subplots()
        for below, colour, label in ((True, PALE_ORANGE, "overfitted"), (False, PALE_BLUE, "held up")):
            side = [one for one in bins if (one.high <= 1e-12) is below]
            axes.bar(
                [one.low for one in side],
                [one.count for one in side],
                [one.high - one.low for one in side],
                align="edge",
                color=colour,
                edgecolor="white",
                linewidth=0.5,
                label=label,
            )
        axes.axvline(0.0, color=INK, linewidth=1.0)
        axes.set_xlabel("logit of the rank out of sample")
        axes.set_ylabel("combinations")
        count_axis(axes)
        legend_above(axes)
        return to_svg(figure, "logits", "Histogram of the logits of ranks out of sample")


def heat_map_figures(results: SweepResults) -> list[tuple[str, Markup]]:
    """(title, drawing) for the first pairs of axes whose values fit a picture."""
    options = [axis.option for axis in results.axes if 2 <= len(axis.values) <= MAX_HEAT_MAP_VALUES]
    drawn = []
    for y, x in list(combinations(options, 2))[:MOST_HEAT_MAPS]:
        title = f"Sharpe ratio by {words(y)} and {words(x)}"
        svg = _heat_map(results, x, y)
        if svg is not None:
            drawn.append((title, svg))
    return drawn


def _heat_map(results: SweepResults, x: str, y: str) -> Markup | None:
    cells = results.heat_map(x, y, SPAN_SHARPE)
    if not np.isfinite(cells.mean).any():
        return None
    rows, columns = cells.mean.shape
    reach = max(float(np.nanmax(np.abs(cells.mean))), 1e-9)
    height = float(np.clip(0.9 + 0.3 * rows, 2.2, 5.0))
    with drawing(height, HALF if columns <= 8 else FULL) as figure:
        axes = figure.subplots()
        axes.grid(False)
        axes.set_facecolor("#eef0f2")
        mesh = axes.pcolormesh(
            np.ma.masked_invalid(cells.mean),
            cmap=DIVERGING,
            vmin=-reach,
            vmax=reach,
            edgecolors="white",
            linewidth=1.0 if cells.mean.size <= 900 else 0.0,
            rasterized=cells.mean.size > 2_500,
        )
        if cells.mean.size <= _MOST_ANNOTATED and columns <= 16:
            _annotate(axes, cells.mean, reach)
        else:
            bar = figure.colorbar(mesh, ax=axes, shrink=0.9, pad=0.015)
            bar.outline.set_visible(False)
        place = {
            axis.option: int(at)
            for axis, at in zip(results.axes, results.positions[results.best], strict=True)
        }
        axes.add_patch(Rectangle((place[x], place[y]), 1, 1, fill=False, edgecolor=INK, linewidth=1.8))
        _value_ticks(axes, "x", x, cells.x_values)
        _value_ticks(axes, "y", y, cells.y_values)
        axes.set_xlabel(words(x))
        axes.set_ylabel(words(y))
        for spine in axes.spines.values():
            spine.set_visible(False)
        return to_svg(figure, f"heat-{x}-{y}", f"Mean Sharpe ratio by {words(y)} and {words(x)}")


def _annotate(axes: Axes, values: np.ndarray, reach: float) -> None:
    for (row, column), value in np.ndenumerate(values):
        dark = np.isfinite(value) and abs(value) / reach > 0.72
        text = number(float(value)) if np.isfinite(value) else "–"
        colour = "white" if dark else INK
        axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=7.5, color=colour)


def _value_ticks(axes: Axes, side: str, option: str, values: Sequence[object]) -> None:
    step = max(1, math.ceil(len(values) / _MOST_LABELS))
    places = np.arange(0, len(values), step)
    labels = [_label(option, values[int(place)]) for place in places]
    longest = max(map(len, labels))
    if side == "x":
        crowded = longest * len(labels) > 60
        axes.set_xticks(
            places + 0.5, labels, rotation=40 if crowded else 0, ha="right" if crowded else "center"
        )
        axes.tick_params(axis="x", length=0)
    else:
        axes.set_yticks(places + 0.5, labels)


def sensitivity_figure(results: SweepResults) -> Markup | None:
    """For each axis the mean and the range of the Sharpe ratio over all points with a value."""
    sharpe = results.metrics[SPAN_SHARPE]
    known = np.isfinite(sharpe)
    axes_drawn = [number for number, axis in enumerate(results.axes) if len(axis.values) > 1]
    if not known.any() or not axes_drawn:
        return None
    columns = 2 if len(axes_drawn) in (2, 4) else min(3, len(axes_drawn))
    rows = math.ceil(len(axes_drawn) / columns)
    with drawing(2.35 * rows + 0.2) as figure:
        grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
        for axes in grid.ravel()[len(axes_drawn) :]:
            axes.axis("off")
        for axes, axis_number in zip(grid.ravel(), axes_drawn, strict=False):
            axis = results.axes[axis_number]
            at = results.positions[:, axis_number]
            groups = [sharpe[known & (at == place)] for place in range(len(axis.values))]
            mean, low, high = (
                np.array([function(group) if len(group) else np.nan for group in groups])
                for function in (np.mean, np.min, np.max)
            )
            places = np.arange(len(axis.values)) + 0.5
            axes.vlines(places, low, high, color=PALE_BLUE, linewidth=5.0 if len(places) <= 20 else 2.0)
            joined = 1.4 if all(isinstance(value, int | float) for value in axis.values) else 0.0
            axes.plot(places, mean, color=GROSS, linewidth=joined, marker="o", markersize=3.2)
            best = int(results.positions[results.best, axis_number])
            axes.plot([places[best]], [sharpe[results.best]], marker="D", color=NET, markersize=4.5)
            zero_line(axes)
            axes.set_xlim(0, len(places))
            _value_ticks(axes, "x", axis.option, axis.values)
            axes.set_title(words(axis.option), fontsize=8.5, loc="left", color=GREY)
            number_axis(axes)
        for axes in grid[:, 0]:
            axes.set_ylabel("Sharpe ratio")
        return to_svg(
            figure, "sensitivity", "Mean and range of the Sharpe ratio by the values of each option"
        )


def _label(option: str, value: object) -> str:
    text = "off" if value is None else setting(option, value)
    return text if len(text) <= _LABEL_LENGTH else text[: _LABEL_LENGTH - 1] + "…"
