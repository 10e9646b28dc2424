"""The figures of a factor run: returns and what became of 100."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import dates as mdates
from matplotlib.axes import Axes

from db.records import PerformanceRecord, SeriesRecord
from engine.statistics.return_series import drawdown, growth_of_100, rolling_sharpe
from scripts.report.drawing import (
    GROSS,
    HALF,
    INK,
    LOSS,
    MARKET,
    NET,
    PALE_BLUE,
    Dates,
    Values,
    count_axis,
    date_axis,
    drawing,
    growth_axis,
    legend_above,
    number_axis,
    percent_axis,
    thinned,
    to_svg,
    zero_line,
)
from scripts.report.gather import RunMaterial, finite
from scripts.report.markup import Markup
from scripts.report.numbers import number, percent


def growth_figure(material: RunMaterial) -> Markup | None:
    """Growth of 100 gross, net and of the market, with the drawdown beneath."""
    lines = [
        (finite(material.series.get(name)), label, colour, width)
        for name, label, colour, width in (
            ("MARKET", "market", MARKET, 1.1),
            ("FACTOR", "factor, gross", GROSS, 1.7),
            ("NET", "factor, net of costs", NET, 1.5),
        )
        if not (name == "MARKET" and material.run.subject == "MARKET")
    ]
    drawn = [line for line in lines if line[0] is not None]
    if finite(material.series.get("FACTOR")) is None:
        return None
    with drawing(4.7) as figure:
        growth, losses = figure.subplots(2, 1, height_ratios=(3, 1.1), sharex=True)
        draw_growth(growth, drawn)
        for record, label, colour, width in drawn:
            if label != "market":
                draw_drawdown(losses, record, colour, filled=label.endswith("gross"), width=width - 0.6)
        losses.set_ylabel("drawdown")
        percent_axis(losses)
        date_axis(losses)
        _mark_wipe_out(growth, losses, material.performance)
        growth.margins(x=0.012)
        figure.align_ylabels()
        return to_svg(figure, "growth", "Growth of 100 with drawdown beneath")


def draw_growth(axes: Axes, lines: Sequence[tuple[SeriesRecord, str, str, float]]) -> None:
    """Curves from 100 on; what is wiped out, or beyond double precision, leaves the picture."""
    lowest, highest = 100.0, 100.0
    for record, label, colour, width in lines:
        dates, value = from_100(record)
        with np.errstate(invalid="ignore"):
            visible = np.where((value > 0) & (value < 1e300), value, np.nan)
        last = f"{label}: {number(float(value[-1]), 0)}"
        axes.plot(*thinned(dates, visible), color=colour, linewidth=width, label=last)
        lowest, highest = min(lowest, float(np.nanmin(visible))), max(highest, float(np.nanmax(visible)))
    logarithmic = growth_axis(axes, lowest, highest)
    zero_line(axes, 100.0)
    axes.set_ylabel("growth of 100" + (" (log scale)" if logarithmic else ""))
    legend_above(axes)


def draw_drawdown(axes: Axes, record: SeriesRecord, colour: str, *, filled: bool, width: float) -> None:
    with np.errstate(invalid="ignore"):
        depth = np.concatenate([[0.0], np.nan_to_num(drawdown(record.values), nan=-1.0)])
    dates, depth = thinned(from_100(record)[0], depth)
    if filled:
        axes.fill_between(dates, depth, 0.0, color=colour, alpha=0.16, linewidth=0)
    axes.plot(dates, depth, color=colour, linewidth=width)
    axes.set_ylim(min(float(depth.min()) * 1.05, axes.get_ylim()[0] if not filled else 0.0, -0.01), 0.0)


def from_100(record: SeriesRecord) -> tuple[Dates, Values]:
    """The curve with its beginning, one period before the first return."""
    dates = record.dates
    step = np.diff(dates).min() if len(dates) > 1 else np.timedelta64(7, "D")
    return np.concatenate([[dates[0] - step], dates]), np.concatenate([[100.0], growth_of_100(record.values)])


def rolling_window(material: RunMaterial, points: int) -> int:
    """A year of periods, or half of one where there are not two years."""
    year = material.periods_per_year
    return max(2, year if points >= 2 * year else year // 2)


def rolling_sharpe_figure(material: RunMaterial) -> Markup | None:
    gross, net = finite(material.series.get("FACTOR")), finite(material.series.get("NET"))
    if gross is None:
        return None
    window = rolling_window(material, len(gross.values))
    if len(gross.values) < window + 4:
        return None
    with drawing(2.9, HALF) as figure:
        axes = figure.subplots()
        for record, label, colour in ((gross, "gross", GROSS), (net, "net", NET)):
            if record is not None:
                ratio = rolling_sharpe(record.values, window, material.periods_per_year)
                axes.plot(*thinned(record.dates, ratio), color=colour, linewidth=1.3, label=label)
        zero_line(axes)
        overall = None if material.performance is None else material.performance.sharpe_ratio
        if overall is not None:
            axes.axhline(
                overall, color=GROSS, linewidth=0.8, linestyle=(0, (4, 3)), label="gross, all periods"
            )
        number_axis(axes)
        axes.set_ylabel("Sharpe ratio")
        date_axis(axes)
        legend_above(axes)
        return to_svg(figure, "rolling", f"Sharpe ratio of the last {window} periods")


def histogram_figure(material: RunMaterial) -> Markup | None:
    """Period returns with the normal density of the same mean and deviation, VaR and ES."""
    record = finite(material.series.get("FACTOR"))
    if record is None or len(record.values) < 10:
        return None
    returns = record.values
    mean, deviation = float(returns.mean()), float(returns.std(ddof=1))
    if not (math.isfinite(deviation) and deviation > 1e-12):
        return None
    # A few extreme periods would leave one bar: they are counted in the outermost ones.
    low = max(float(returns.min()), mean - 5.0 * deviation)
    high = min(float(returns.max()), mean + 5.0 * deviation)
    bins = int(np.clip(round(2.0 * math.sqrt(len(returns))), 12, 48))
    edges = np.linspace(low, high, bins + 1)
    counts, _ = np.histogram(np.clip(returns, low, high), edges)
    with drawing(2.9, HALF) as figure:
        axes = figure.subplots()
        axes.bar(
            edges[:-1],
            counts,
            np.diff(edges),
            align="edge",
            color=PALE_BLUE,
            edgecolor="white",
            linewidth=0.5,
        )
        grid = np.linspace(low, high, 200)
        density = np.exp(-0.5 * ((grid - mean) / deviation) ** 2) / (deviation * math.sqrt(2.0 * math.pi))
        axes.plot(
            grid, density * len(returns) * (edges[1] - edges[0]), color=INK, linewidth=1.1, label="normal"
        )
        for name, label, style in (
            ("value_at_risk_95", "VaR 95 %", (0, (4, 2))),
            ("expected_shortfall_95", "ES 95 %", "-"),
        ):
            loss = None if material.performance is None else getattr(material.performance, name)
            if loss is not None and low <= -loss <= high:
                axes.axvline(
                    -loss, color=LOSS, linewidth=1.2, linestyle=style, label=f"{label}: {percent(loss)}"
                )
        count_axis(axes)
        axes.set_ylabel("periods")
        percent_axis(axes, horizontal=True)
        legend_above(axes, 3)
        return to_svg(figure, "histogram", "Histogram of period returns with a normal density")


def subperiod_figure(subperiods: Sequence[Mapping[str, Any]]) -> Markup | None:
    """Mean annual return and Sharpe ratio by calendar year and market regime."""
    shown = [one for one in subperiods if one.get("cumulative_return") is not None]
    if not shown:
        return None
    labels = [_subperiod_label(one) for one in shown]
    places = np.arange(len(shown), dtype=np.float64)
    years = sum(one["kind"] == "YEAR" for one in shown)
    places[years:] += 0.6
    with drawing(2.7) as figure:
        left, right = figure.subplots(1, 2)
        for axes, gross_key, net_key, unit in (
            (left, "cumulative_return", "net_cumulative_return", "return"),
            (right, "sharpe_ratio", "net_sharpe_ratio", "Sharpe ratio"),
        ):
            gross = np.array([_number(one.get(gross_key)) for one in shown])
            net = np.array([_number(one.get(net_key)) for one in shown])
            both = bool(np.isfinite(net).any())
            width = 0.38 if both else 0.62
            axes.bar(places - (width / 2 if both else 0), gross, width, color=GROSS, label="gross")
            if both:
                axes.bar(places + width / 2, net, width, color=NET, label="net")
            zero_line(axes)
            axes.set_xticks(places, labels, rotation=0 if len(labels) <= 9 else 45)
            axes.tick_params(axis="x", length=0)
            axes.set_ylabel(unit)
            if unit == "return":
                percent_axis(axes)
            else:
                number_axis(axes)
            legend_above(axes)
        return to_svg(figure, "subperiods", "Return and Sharpe ratio by year and market regime")


def _mark_wipe_out(growth: Axes, losses: Axes, performance: PerformanceRecord | None) -> None:
    if performance is None or performance.wiped_out_on is None:
        return
    for axes in (growth, losses):
        axes.axvline(np.datetime64(performance.wiped_out_on), color=LOSS, linewidth=1.0, linestyle="--")
    growth.annotate(
        f"wiped out {performance.wiped_out_on}",
        (mdates.date2num(performance.wiped_out_on), 0.03),
        xycoords=growth.get_xaxis_transform(),
        xytext=(6, 0),
        textcoords="offset points",
        color=LOSS,
    )


def _subperiod_label(one: Mapping[str, Any]) -> str:
    return str(one["label"]) if one["kind"] == "YEAR" else f"market\n{str(one['label']).lower()}"


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
