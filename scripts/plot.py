"""A run as a picture: growth of 100, its legs, and the drawdown beneath."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import dates as mdates
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from app.errors import InvalidInput, StorageFailure
from app.services.series import SeriesName
from db.records import PerformanceRecord, RunRecord, SeriesRecord
from engine.factors.config import FactorName
from engine.factors.registry import FACTORS
from engine.performance import drawdown, growth_of_100
from scripts.console import day, number, percent

FORMATS = frozenset({".png", ".svg", ".pdf"})
_FACTOR, _LONG, _SHORT, _LOSS = "#1b4f9c", "#2a9d5c", "#c8553d", "#b3261e"
_LOG_RATIO = 5.0  # a range wider than this is read better on a logarithmic scale


def draw_run(
    run: RunRecord,
    performance: PerformanceRecord,
    series: Mapping[SeriesName, SeriesRecord],
    dataset: str,
    path: Path,
) -> None:
    """Write the picture to `path`; its suffix gives the format. Raises InvalidInput, StorageFailure."""
    if path.suffix.lower() not in FORMATS:
        raise InvalidInput(f"--plot writes {', '.join(sorted(FORMATS))}, not {path.suffix or 'no suffix'!r}")
    with mpl.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        figure = _figure(run, performance, series, dataset)
        try:
            figure.savefig(path, dpi=150)
        except OSError as error:
            raise StorageFailure(f"{path} cannot be written: {error.strerror}") from None


def _figure(
    run: RunRecord,
    performance: PerformanceRecord,
    series: Mapping[SeriesName, SeriesRecord],
    dataset: str,
) -> Figure:
    figure = Figure(figsize=(10, 6.4), layout="constrained")
    growth, losses = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.15))
    factor = series[SeriesName.FACTOR]
    curves = {
        "factor (long - short)" if SeriesName.SHORT in series else "factor": (factor, _FACTOR, 2.0),
        "long leg": (series.get(SeriesName.LONG), _LONG, 1.0),
        "short leg, held long": (series.get(SeriesName.SHORT), _SHORT, 1.0),
    }
    if SeriesName.SHORT not in series:
        curves.pop("long leg")  # it is the factor itself
    lowest, highest = 100.0, 100.0
    for label, (record, colour, width) in curves.items():
        if record is None:
            continue
        value = growth_of_100(record.values)
        growth.plot(record.dates, value, color=colour, linewidth=width, label=f"{label}: {value[-1]:,.0f}")
        lowest, highest = min(lowest, float(value.min())), max(highest, float(value.max()))
    growth.axhline(100.0, color="#777777", linewidth=0.8, linestyle=":")
    if lowest > 0 and highest / lowest > _LOG_RATIO:
        growth.set_yscale("log")
        growth.yaxis.set_minor_formatter(FuncFormatter(_sparse_log_label))
    growth.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    growth.set_ylabel("growth of 100")
    growth.legend(loc="upper left", frameon=False)
    growth.grid(alpha=0.25)

    depth = 100.0 * drawdown(factor.values)
    losses.fill_between(factor.dates, depth, 0.0, color=_LOSS, alpha=0.35, linewidth=0)
    losses.plot(factor.dates, depth, color=_LOSS, linewidth=1.0)
    losses.set_ylim(min(float(np.min(depth)) * 1.08, -1.0), 0.0)
    losses.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f} %"))
    losses.set_ylabel("drawdown")
    losses.grid(alpha=0.25)
    losses.xaxis.set_major_formatter(mdates.ConciseDateFormatter(losses.xaxis.get_major_locator()))
    if performance.wiped_out_on is not None:
        for axes in (growth, losses):
            axes.axvline(np.datetime64(performance.wiped_out_on), color=_LOSS, linewidth=1.0, linestyle="--")
        growth.annotate(
            f"wiped out {day(performance.wiped_out_on)}",
            (np.datetime64(performance.wiped_out_on), highest),
            xytext=(6, -4),
            textcoords="offset points",
            color=_LOSS,
            va="top",
        )
    figure.suptitle(
        f"{FACTORS[FactorName(run.factor)].title}\n", x=0.01, ha="left", fontsize=14, fontweight="bold"
    )
    growth.set_title(
        f"{dataset}, run {run.id}, {day(performance.start_date)} to {day(performance.end_date)}.   "
        f"Annualised {percent(performance.annualized_return)}, volatility "
        f"{percent(performance.annualized_volatility)}, Sharpe {number(performance.sharpe_ratio)}, "
        f"max drawdown {percent(performance.max_drawdown)}",
        loc="left",
        fontsize=9.5,
        color="#444444",
    )
    return figure


def _sparse_log_label(value: float, _: object) -> str:
    """Labels at 2 and 5 of each decade: enough to read a value, few enough not to touch."""
    leading = value / 10 ** np.floor(np.log10(value))
    return f"{value:,.0f}" if round(leading) in (2, 5) and abs(leading - round(leading)) < 1e-6 else ""
