"""A run as a picture: growth of 100, its legs, and the drawdown beneath."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import dates as mdates
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from app.errors import InvalidInput, StorageFailure
from app.runs.series import SeriesName
from db.records import PerformanceRecord, RunRecord, SeriesRecord
from engine.factors.registry import FACTORS, FactorName
from engine.statistics.return_series import drawdown, growth_of_100
from scripts.console import day, number, percent

FORMATS = frozenset({".png", ".svg", ".pdf"})
_FACTOR, _LONG, _SHORT, _LOSS, _GREY = "#1b4f9c", "#2a9d5c", "#c8553d", "#b3261e", "#444444"
_LOG_RATIO = 3.0  # a range wider than this is read better on a logarithmic scale


def draw_run(
    run: RunRecord,
    performance: PerformanceRecord,
    series: Mapping[SeriesName, SeriesRecord],
    dataset: str,
    path: Path,
) -> None:
    """Write the picture to `path`; its suffix gives the format. Raises InvalidInput, StorageFailure."""
    save_figure(lambda: _figure(run, performance, series, dataset), path)


def check_format(path: Path) -> None:
    """Raises InvalidInput for a suffix that names no format."""
    if path.suffix.lower() not in FORMATS:
        raise InvalidInput(f"--plot writes {', '.join(sorted(FORMATS))}, not {path.suffix or 'no suffix'!r}")


def save_figure(draw: Callable[[], Figure], path: Path) -> None:
    """Draw in the style of all pictures and write to `path`. Raises InvalidInput, StorageFailure."""
    check_format(path)
    with mpl.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        figure = draw()
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
    heading, growth, losses = figure.subplots(3, 1, height_ratios=(0.42, 3, 1.15))
    losses.sharex(growth)
    _write_heading(heading, run, performance, dataset, len(series[SeriesName.FACTOR].dates))
    _draw_growth(growth, series)
    _draw_drawdown(losses, series[SeriesName.FACTOR])
    if performance.wiped_out_on is not None:
        for axes in (growth, losses):
            axes.axvline(np.datetime64(performance.wiped_out_on), color=_LOSS, linewidth=1.0, linestyle="--")
        growth.annotate(
            f"wiped out {day(performance.wiped_out_on)}",
            (mdates.date2num(performance.wiped_out_on), 0.03),
            xycoords=growth.get_xaxis_transform(),
            xytext=(6, 0),
            textcoords="offset points",
            color=_LOSS,
        )
    return figure


def _write_heading(
    axes: Axes, run: RunRecord, performance: PerformanceRecord, dataset: str, periods: int
) -> None:
    axes.axis("off")
    title = FACTORS[FactorName(run.subject)].title
    axes.text(0, 0.62, title, fontsize=15, fontweight="bold", transform=axes.transAxes)
    span = f"{day(performance.start_date)} to {day(performance.end_date)}"
    axes.text(1, 0.62, f"{dataset}, run {run.id}, {span}", ha="right", color=_GREY, transform=axes.transAxes)
    facts = (
        f"annualised {percent(performance.annualized_return)}    "
        f"volatility {percent(performance.annualized_volatility)}    "
        f"Sharpe {number(performance.sharpe_ratio)}    "
        f"max drawdown {percent(performance.max_drawdown)}    "
        f"{periods} periods"
    )
    axes.text(0, 0.02, facts, fontsize=11, color=_GREY, transform=axes.transAxes)


def _draw_growth(axes: Axes, series: Mapping[SeriesName, SeriesRecord]) -> None:
    two_legs = SeriesName.SHORT in series
    curves = [(SeriesName.FACTOR, "factor (long - short)" if two_legs else "factor", _FACTOR, 2.2)]
    if two_legs:
        curves += [
            (SeriesName.LONG, "long leg", _LONG, 1.0),
            (SeriesName.SHORT, "short leg, held long", _SHORT, 1.0),
        ]
    lowest, highest = 100.0, 100.0
    for name, label, colour, width in curves:
        dates, value = _from_100(series[name])
        visible = np.where(value > 0, value, np.nan)  # what is wiped out leaves the picture
        order = 3 if name is SeriesName.FACTOR else 2
        axes.plot(
            dates, visible, color=colour, linewidth=width, zorder=order, label=f"{label}: {value[-1]:,.0f}"
        )
        lowest, highest = min(lowest, np.nanmin(visible)), max(highest, np.nanmax(visible))
    axes.axhline(100.0, color="#777777", linewidth=0.8, linestyle=":")
    if highest / lowest > _LOG_RATIO:
        axes.set_yscale("log")
        decades = np.log10(highest / lowest)
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5) if decades < 1.5 else (1, 2, 5)))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_ylabel("growth of 100")
    axes.tick_params(labelbottom=False)
    axes.legend(loc="upper left", frameon=False)
    axes.grid(alpha=0.25)


def _draw_drawdown(axes: Axes, factor: SeriesRecord) -> None:
    depth = 100.0 * drawdown(factor.values)
    axes.fill_between(factor.dates, depth, 0.0, color=_LOSS, alpha=0.35, linewidth=0)
    axes.plot(factor.dates, depth, color=_LOSS, linewidth=1.0)
    axes.set_ylim(min(float(np.min(depth)) * 1.08, -1.0), 0.0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f} %"))
    axes.set_ylabel("drawdown")
    axes.grid(alpha=0.25)
    axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(axes.xaxis.get_major_locator()))


def _from_100(record: SeriesRecord) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
    """The curve with its beginning, one period before the first return."""
    dates = record.dates
    step = np.diff(dates).min() if len(dates) > 1 else np.timedelta64(7, "D")
    return np.concatenate([[dates[0] - step], dates]), np.concatenate([[100.0], growth_of_100(record.values)])
