"""The figures of a factor's signal and trading: rank IC, decay, quantile portfolios, turnover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex

from scripts.report.drawing import (
    FULL,
    GROSS,
    HALF,
    NET,
    PALE_BLUE,
    Dates,
    Values,
    bar_labels,
    count_axis,
    date_axis,
    drawing,
    legend_above,
    number_axis,
    percent_axis,
    thinned,
    to_svg,
    zero_line,
)
from scripts.report.factor_figures import draw_growth
from scripts.report.gather import RunMaterial, finite
from scripts.report.markup import Markup
from scripts.report.numbers import number, percent

_MOST_BARS = 700


def ic_figure(material: RunMaterial) -> Markup | None:
    """Each period's rank IC with its 26-period mean, and how often which value occurred."""
    record = finite(material.series.get("IC"))
    if record is None or len(record.values) < 3:
        return None
    values, window = np.clip(record.values, -1.0, 1.0), min(26, len(record.values))
    mean = float(values.mean())
    with drawing(2.8) as figure:
        axes, side = figure.subplots(1, 2, width_ratios=(3.4, 1), sharey=True)
        _draw_bars(axes, record.dates, values)
        rolled = np.convolve(values, np.ones(window) / window, mode="valid")
        label = f"mean of {window} periods"
        axes.plot(*thinned(record.dates[window - 1 :], rolled), color=GROSS, linewidth=1.6, label=label)
        for each in (axes, side):
            zero_line(each)
        axes.axhline(mean, color=NET, linewidth=1.1, linestyle=(0, (4, 3)), label=f"mean: {number(mean, 3)}")
        axes.set_ylabel("rank IC")
        number_axis(axes)
        date_axis(axes)
        legend_above(axes)
        side.hist(
            values, bins=24, orientation="horizontal", color=PALE_BLUE, edgecolor="white", linewidth=0.5
        )
        side.axhline(mean, color=NET, linewidth=1.1, linestyle=(0, (4, 3)))
        count_axis(side, horizontal=True)
        side.set_xlabel("periods")
        return to_svg(figure, "ic", "Rank information coefficient by period")


def _draw_bars(axes: Axes, dates: Dates, values: Values) -> None:
    """A bar a period; one outline where there are too many to tell apart."""
    if len(values) > _MOST_BARS:
        axes.fill_between(*thinned(dates, values), 0.0, step="mid", color=PALE_BLUE, linewidth=0)
        return
    width = 0.8 * float(np.median(np.diff(dates).astype(int)))
    axes.bar(dates, values, width, color=PALE_BLUE, linewidth=0)


def decay_figure(decay: Sequence[Mapping[str, Any]]) -> Markup | None:
    shown = [one for one in decay if one.get("mean") is not None]
    if not shown:
        return None
    places, means = [float(one["horizon"]) for one in shown], [float(one["mean"]) for one in shown]
    significant = [abs(one.get("t") or 0.0) >= 1.96 for one in shown]
    with drawing(2.9, HALF) as figure:
        axes = figure.subplots()
        axes.bar(places, means, 0.62, color=[GROSS if one else PALE_BLUE for one in significant])
        zero_line(axes)
        bar_labels(
            axes, places, means, ["" if one.get("t") is None else f"t {number(one['t'], 1)}" for one in shown]
        )
        axes.set_xticks(places)
        axes.tick_params(axis="x", length=0)
        axes.set_xlabel("periods ahead")
        axes.set_ylabel("mean rank IC")
        number_axis(axes)
        return to_svg(figure, "decay", "Mean rank IC by horizon")


def quantile_bars_figure(quantiles: Mapping[str, Any]) -> Markup | None:
    shown = [one for one in quantiles.get("buckets", []) if one.get("mean_return") is not None]
    if not shown:
        return None
    places, means = [float(one["bucket"]) for one in shown], [float(one["mean_return"]) for one in shown]
    with drawing(2.9, HALF) as figure:
        axes = figure.subplots()
        axes.bar(places, means, 0.62, color=bucket_colours(len(shown)))
        zero_line(axes)
        bar_labels(axes, places, means, [percent(mean, 2) for mean in means])
        names = [str(one["bucket"]) for one in shown]
        names[0], names[-1] = f"{names[0]}\nlowest signal", f"{names[-1]}\nhighest signal"
        axes.set_xticks(places, names)
        axes.tick_params(axis="x", length=0)
        axes.set_ylabel("mean return a period")
        percent_axis(axes)
        return to_svg(figure, "quantilemeans", "Mean return of each quantile portfolio")


def quantile_growth_figure(material: RunMaterial) -> Markup | None:
    """Growth of 100 in each quantile portfolio; beside it that of the spread."""
    buckets = [record for one in material.quantile_series() if (record := finite(one)) is not None]
    spread = finite(material.series.get("QUANTILE_SPREAD"))
    if not buckets:
        return None
    with drawing(2.9, FULL) as figure:
        left, right = figure.subplots(1, 2)
        colours = bucket_colours(len(buckets))
        draw_growth(
            left,
            [
                (record, record.name.removeprefix("QUANTILE_"), colour, 1.3)
                for record, colour in zip(buckets, colours, strict=True)
            ],
        )
        legend_above(left, 5)
        date_axis(left)
        if spread is None:
            right.axis("off")
        else:
            draw_growth(right, [(spread, "spread, long end minus short end", GROSS, 1.5)])
            date_axis(right)
        return to_svg(
            figure, "quantilegrowth", "Growth of 100 in each quantile portfolio and in their spread"
        )


def turnover_figure(material: RunMaterial) -> Markup | None:
    turnover, breadth = finite(material.series.get("TURNOVER")), finite(material.series.get("BREADTH"))
    if turnover is None or breadth is None:
        return None
    with drawing(2.5) as figure:
        left, right = figure.subplots(1, 2)
        left.plot(*thinned(turnover.dates, turnover.values), color=GROSS, linewidth=0.9)
        mean = None if material.performance is None else material.performance.mean_turnover
        if mean is not None:
            label = f"mean: {percent(mean)}"
            left.axhline(mean, color=NET, linewidth=1.1, linestyle=(0, (4, 3)), label=label)
            legend_above(left)
        left.set_ylabel("turnover a period, one way")
        left.set_ylim(bottom=0.0)
        percent_axis(left)
        right.step(*thinned(breadth.dates, breadth.values), where="mid", color=GROSS, linewidth=1.1)
        right.set_ylabel("assets held")
        right.set_ylim(0.0, 1.12 * max(float(breadth.values.max()), 1.0))
        count_axis(right)
        for axes in (left, right):
            date_axis(axes)
        return to_svg(figure, "turnover", "Turnover and number of assets held by period")


def bucket_colours(count: int) -> list[str]:
    """From orange, the lowest signals, over grey to blue, the highest: apart in hue and in lightness."""
    scale = LinearSegmentedColormap.from_list(
        "quantiles", ["#d9741a", "#eebd8d", "#b9bec6", "#7da1cd", "#1f4e8c"]
    )
    return [to_hex(scale(place)) for place in np.linspace(0.0, 1.0, count)]
