"""A sweep's results as the command shows them: blocks of text, tables, a heat map, JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.text import Text

from app.features.sweeps.points import PointList, PointOrder
from app.features.sweeps.results import HeatMap, SweepResults
from app.features.sweeps.verdict import verdict
from db.records import RunRecord
from engine.config import options_of, to_json
from engine.factors.registry import FACTORS, FactorName, parse_config
from engine.sweeps.sweep import SPAN_SHARPE
from scripts.console import number, percent, plain

_TOP = 10
_VALUES_SHOWN = 12
_LABEL = 26
_AS_IT_IS: Mapping[str, Any] = {"soft_wrap": True, "highlight": False, "markup": False}
"""Neither wrapped, cut nor coloured by rich."""
_POINT_COLUMNS = {
    "Sharpe": (SPAN_SHARPE, lambda value: number(value)),
    "annualised": ("annualized_return", lambda value: percent(value)),
    "volatility": ("annualized_volatility", lambda value: percent(value)),
    "max drawdown": ("max_drawdown", lambda value: percent(value)),
    "t": ("newey_west_t", lambda value: number(value)),
    "turnover": ("mean_turnover", lambda value: percent(value)),
    "break-even bps": ("break_even_cost_bps", lambda value: number(value, 1)),
    "periods": ("num_periods", lambda value: number(value, 0)),
}
_BEST_LINES = {
    "Sharpe ratio": (SPAN_SHARPE, lambda value: number(value, 4)),
    "of its own periods": ("sharpe_ratio", lambda value: number(value, 4)),
    "before costs": ("gross_sharpe_ratio", lambda value: number(value, 4)),
    "annualised return": ("annualized_return", lambda value: percent(value, 2)),
    "annualised volatility": ("annualized_volatility", lambda value: percent(value, 2)),
    "cumulative return": ("cumulative_return", lambda value: percent(value, 2)),
    "max drawdown": ("max_drawdown", lambda value: percent(value, 2)),
    "Calmar ratio": ("calmar_ratio", lambda value: number(value, 4)),
    "hit rate": ("hit_rate", lambda value: percent(value, 2)),
    "Newey-West t": ("newey_west_t", lambda value: number(value)),
    "probabilistic Sharpe": ("probabilistic_sharpe_ratio", lambda value: number(value, 4)),
    "mean turnover": ("mean_turnover", lambda value: percent(value, 2)),
    "break-even cost": ("break_even_cost_bps", lambda value: "-" if value is None else f"{value:,.1f} bps"),
    "periods": ("num_periods", lambda value: number(value, 0)),
    "skipped periods": ("skipped_periods", lambda value: number(value, 0)),
    "positions held, mean": ("breadth", lambda value: number(value, 1)),
}


def print_sweep(run: RunRecord, results: SweepResults) -> None:
    """What was swept, the best point and its surroundings, the best ten, the statistics, the verdict."""
    _print_plan(run, results)
    click.echo(f"\nbest point {results.best:,}: {_point_values(run, results, results.best)}")
    _print_lines(
        [(label, show(results.metric(name, results.best))) for label, (name, show) in _BEST_LINES.items()]
    )
    if results.neighbours:
        plateau = (
            "" if results.plateau is None else f"; their mean Sharpe is {results.plateau:.2f} of the best's"
        )
        click.echo(f"\nneighbours of the best{plateau}")
        _print_points(run, results, results.neighbours)
    page = PointList(sweep="", order=PointOrder(), failed=False).numbers(results)[:_TOP].tolist()
    click.echo(f"\nbest {len(page)} of {results.point_count - results.failed_count:,} points")
    _print_points(run, results, page)
    click.echo("\nluck and overfitting")
    _print_lines(_statistics(results))
    for one in results.undefined:
        click.echo(f"  {one.metric} is not defined: {one.detail}")
    click.echo(f"\n{verdict(results)}")


def print_heat_map(run: RunRecord, results: SweepResults, x: str, y: str) -> None:
    """Mean Sharpe ratio of the points of each cell, y down and x across; on a narrow terminal in parts."""
    cells = results.heat_map(x, y, SPAN_SHARPE)
    console = Console()
    click.echo(f"Sharpe ratio, {y} down, {x} across" + _averaged(cells))
    across = [_shown(run, x, value) for value in cells.x_values]
    down = [_shown(run, y, value) for value in cells.y_values]
    lead = max(map(len, down))
    column = max(*map(len, across), *(len(_cell(value)) for value in cells.mean.ravel().tolist())) + 1
    fitting = max(1, (console.width - lead) // column) if console.is_terminal else len(across)
    low, high = _range_of(cells)
    for start in range(0, len(across), fitting):
        part = slice(start, start + fitting)
        console.print(" " * lead + "".join(f"{label:>{column}}" for label in across[part]), **_AS_IT_IS)
        for label, row in zip(down, cells.mean[:, part].tolist(), strict=True):
            line = Text(f"{label:>{lead}}")
            for value in row:
                line.append(f"{_cell(value):>{column}}", _shade(value, low, high))
            console.print(line, **_AS_IT_IS)


def sweep_json(results: SweepResults, *, heat_map: tuple[str, str] | None = None) -> dict[str, object]:
    """All of a sweep's results in JSON types; the logits as their histogram."""
    told: dict[str, object] = {
        "axes": plain(results.axes),
        "grid_size": results.grid_size,
        "sample_size": results.sample_size,
        "periods_per_year": results.periods_per_year,
        "point_count": results.point_count,
        "failed_count": results.failed_count,
        "failures": plain(results.failures),
        "best": _point_json(results, results.best),
        "neighbours": [_point_json(results, point) for point in results.neighbours],
        "plateau": results.plateau,
        "deflated_sharpe": plain(results.deflated_sharpe),
        "overfitting": None if results.overfitting is None else _without_logits(results),
        "walk_forward": plain(results.walk_forward),
        "undefined": plain(results.undefined),
        "verdict": verdict(results),
        "points": [_point_json(results, point) for point in range(results.point_count)],
    }
    if heat_map is not None:
        cells = results.heat_map(*heat_map, SPAN_SHARPE)
        told["heat_map"] = {
            "x": heat_map[0],
            "y": heat_map[1],
            "metric": SPAN_SHARPE,
            "x_values": cells.x_values,
            "y_values": cells.y_values,
            "cells": cells.mean.tolist(),
            "counts": cells.counts.tolist(),
        }
    return told


# -- text --------------------------------------------------------------------------------------------------


def _print_plan(run: RunRecord, results: SweepResults) -> None:
    sampled = results.point_count < results.grid_size
    points = f"{results.point_count:,} points"
    if sampled:
        points += f", a sample of the grid's {results.grid_size:,} (seed {run.config['seed']})"
    click.echo(points + (f"; {results.failed_count:,} failed" if results.failed_count else ""))
    for axis in results.axes:
        shown = [_shown(run, axis.option, value) for value in axis.values]
        if len(shown) > _VALUES_SHOWN:
            shown = [*shown[: _VALUES_SHOWN - 1], "...", shown[-1]]
        click.echo(f"  {axis.option}: {', '.join(shown)}")
    if fixed := _fixed(run, results):
        click.echo(f"  for all points: {fixed}")
    for failure in results.failures:
        points = "point" if failure.count == 1 else "points"
        click.echo(f"  failed, {failure.count:,} {points}: {failure.code}: {failure.message}")
    click.echo("figures of a point are net where it has costs; its Sharpe ratio is over the periods of all")


def _fixed(run: RunRecord, results: SweepResults) -> str:
    """The options that are neither swept nor left at their defaults."""
    defaults = to_json(parse_config(FactorName(run.subject), {}))
    swept = {axis.option for axis in results.axes}
    return ", ".join(
        f"{option}={_shown(run, option, value)}"
        for option, value in run.config["base"].items()
        if option not in swept and value != defaults[option]
    )


def _print_lines(lines: Sequence[tuple[str, str]]) -> None:
    for label, text in lines:
        click.echo(f"  {label:<{_LABEL}}{text}")


def _print_points(run: RunRecord, results: SweepResults, points: Sequence[int]) -> None:
    columns = ["point", *(axis.option for axis in results.axes), *_POINT_COLUMNS]
    rows = []
    for point in points:
        values = [_shown(run, option, value) for option, value in _values(results, point).items()]
        figures = [show(results.metric(name, point)) for name, show in _POINT_COLUMNS.values()]
        failure = results.failure(point)
        if failure is not None:
            figures[0] = failure.code
        rows.append([f"{point:,}", *values, *figures])
    lines = [columns, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    console = Console()
    if console.is_terminal:  # the last columns are left out sooner than any is cut
        least = 2 + len(results.axes)
        while len(widths) > least and sum(widths) + 2 * (len(widths) - 1) > console.width:
            del widths[-1]
    for place, line in enumerate(lines):
        text = "  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=False))
        click.echo(click.style(text, bold=True) if place == 0 else text)


def _statistics(results: SweepResults) -> list[tuple[str, str]]:
    root = math.sqrt(results.periods_per_year)
    lines = []
    if (deflated := results.deflated_sharpe) is not None:
        lines += [
            ("deflated Sharpe ratio", f"{deflated.probability:.4f} that the best is more than luck"),
            (
                "expected maximum Sharpe",
                f"{deflated.expected_maximum * root:.4f} by luck alone, annualised; the best has "
                f"{deflated.sharpe_ratio * root:.4f}",
            ),
            (
                "effective trials",
                f"{deflated.effective_trials:,.1f} of {deflated.trials:,} that vary; mean correlation "
                f"{deflated.mean_correlation:.2f}",
            ),
        ]
    if (overfitting := results.overfitting) is not None:
        mean = overfitting.mean_out_of_sample_sharpe
        lines += [
            (
                "overfitting (PBO)",
                f"{percent(overfitting.probability)} of {overfitting.combinations:,} splits into "
                f"{overfitting.partitions} blocks",
            ),
            (
                "  chosen, out of sample",
                f"Sharpe {number(None if mean is None else mean * root)}, a loss in "
                f"{percent(overfitting.probability_of_loss)}",
            ),
        ]
    if (walk := results.walk_forward) is not None:
        lines += [
            (
                "walk-forward",
                f"Sharpe {number(walk.sharpe_ratio)}, annualised {percent(walk.annualized_return)}, "
                f"max drawdown {percent(walk.max_drawdown)}",
            ),
            (
                "  choices",
                f"{walk.num_choices:,}, {walk.distinct_points:,} different; the best of all time has Sharpe "
                f"{number(walk.in_sample_best_sharpe_ratio)} there",
            ),
        ]
    return lines


def _point_values(run: RunRecord, results: SweepResults, point: int) -> str:
    values = _values(results, point)
    return ", ".join(f"{option}={_shown(run, option, value)}" for option, value in values.items())


def _shown(run: RunRecord, option: str, value: object) -> str:
    """A value as one would type it; of several names each is kept as it is spelt."""
    if value is None:
        return "off"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        short = f"{value:g}"
        return re.sub(r"e\+0*", "e", short if float(short) == value else f"{value:.12g}")
    if isinstance(value, list):
        return f"[{','.join(value)}]"
    return str(value) if options_of(FACTORS[run.subject].config_type)[option].is_list else str(value).lower()


# -- heat map ----------------------------------------------------------------------------------------------


def _averaged(cells: HeatMap) -> str:
    most = int(cells.counts.max(initial=0))
    return f"; each cell the mean of up to {most:,} points" if most > 1 else ""


def _range_of(cells: HeatMap) -> tuple[float, float]:
    known = cells.mean[np.isfinite(cells.mean)]
    return (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)


def _cell(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _shade(value: float, low: float, high: float) -> str:
    """From red over yellow to green: of the cells among themselves, not of 0."""
    if math.isnan(value):
        return "dim"
    share = 1.0 if high <= low else (value - low) / (high - low)
    red, green = round(220 * min(1.0, 2 - 2 * share)), round(200 * min(1.0, 2 * share))
    return f"black on rgb({red},{green},60)"


# -- JSON --------------------------------------------------------------------------------------------------


def _values(results: SweepResults, point: int) -> dict[str, object]:
    places = results.positions[point].tolist()
    return {axis.option: axis.values[place] for axis, place in zip(results.axes, places, strict=True)}


def _point_json(results: SweepResults, point: int) -> dict[str, object]:
    failure = results.failure(point)
    return {
        "number": point,
        "values": _values(results, point),
        "metrics": {name: results.metric(name, point) for name in results.metrics},
        "failure": None if failure is None else {"code": failure.code, "message": failure.message},
    }


def _without_logits(results: SweepResults) -> dict[str, object]:
    told: dict[str, object] = plain(results.overfitting)
    del told["logits"]
    return {**told, "logit_histogram": plain(results.logit_histogram())}
