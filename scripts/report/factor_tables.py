"""The tables of a factor run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from db.records import LegRecord, PerformanceRecord
from engine.factors.performance import METRICS
from engine.statistics.performance import Metric, Unit
from engine.statistics.return_series import growth_of_100, monthly_returns
from scripts.report.drawing import DIVERGING
from scripts.report.gather import RunMaterial, finite
from scripts.report.layout import (
    Column,
    absent,
    block,
    grouped_table,
    pair,
    plain_list,
    scrolling,
    table,
    text,
)
from scripts.report.markup import Markup, element, join
from scripts.report.metrics import GROUPS, reasons
from scripts.report.numbers import DASH, count, number, percent, significant

MOST_POSITIONS = 60
"""Of a leg in a table; the rest is summed up in a last row."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def metrics_tables(gross: PerformanceRecord, net: PerformanceRecord | None) -> Markup:
    """Every metric by group, gross and (where costs are set) net; beneath, why some are missing."""
    columns = [text("metric"), Column("gross"), *([Column("net")] if net else [])]
    groups: dict[str, list[list[object]]] = {}
    for name, group in GROUPS.items():
        for metric in group:
            row: list[object] = [metric.label, shown(metric, gross)]
            if net is not None:
                row.append(shown(metric, net) if metric.of_returns else "")
            groups.setdefault(name, []).append(row)
    names = list(groups)
    halves = [{name: groups[name] for name in part} for part in (names[:3], names[3:])]
    remarks = {"Deepest drawdown, gross": _drawdown_dates(gross)} if gross.max_drawdown_trough_date else {}
    if net is not None and net.max_drawdown_trough_date:
        remarks["Deepest drawdown, net"] = _drawdown_dates(net)
    remarks |= _absences(gross, net)
    return join(
        [
            pair(*(grouped_table(columns, half) for half in halves)),
            block("Remarks", plain_list(remarks)) if remarks else None,
        ]
    )


def _absences(gross: PerformanceRecord, net: PerformanceRecord | None) -> dict[str, str]:
    """Why dashes stand for numbers: the metrics that share a reason, and the reason."""
    metrics_of: dict[str, list[str]] = {}
    why_gross, why_net = reasons(gross, but_not_recorded=False), {} if net is None else reasons(net)
    for group in GROUPS.values():
        for metric in group:
            if metric.name in why_gross:
                metrics_of.setdefault(why_gross[metric.name], []).append(metric.label)
            elif metric.of_returns and metric.name in why_net:
                metrics_of.setdefault(why_net[metric.name], []).append(f"{metric.label}, net")
    return {f"Not defined: {reason}": "; ".join(labels) for reason, labels in metrics_of.items()}


def shown(metric: Metric, performance: PerformanceRecord) -> str:
    value = getattr(performance, metric.name)
    if metric.unit is Unit.FRACTION:
        return percent(value, 2)
    if metric.unit is Unit.COUNT:
        return count(value)
    if metric.unit is Unit.BASIS_POINTS:
        return number(value, 1)
    return number(value, 3)


def _drawdown_dates(performance: PerformanceRecord) -> str:
    recovery = performance.max_drawdown_recovery_date
    return f"peak {performance.max_drawdown_peak_date}, trough {performance.max_drawdown_trough_date}, " + (
        f"recovered {recovery}" if recovery is not None else "not recovered by the end"
    )


def interval_table(facts: Mapping[str, Any]) -> Markup | None:
    rows = []
    for kind, key in (("gross", "confidence"), ("net", "net_confidence")):
        for one in facts.get(key) or []:
            form = percent if one["metric"] == "annualized_return" else number
            rows.append(
                [
                    METRICS[one["metric"]].label if one["metric"] in METRICS else one["metric"],
                    kind,
                    percent(one["level"], 0),
                    form(one["low"]),
                    form(one["high"]),
                    count(one["resamples"]),
                    number(one["block_length"], 1),
                ]
            )
    if not rows:
        return None
    columns = [
        text("metric"),
        text("returns"),
        *map(Column, ("level", "from", "to", "resamples", "mean block, periods")),
    ]
    return table(columns, rows)


def quantile_table(quantiles: Mapping[str, Any]) -> Markup | None:
    buckets = quantiles.get("buckets") or []
    if not any(one["num_periods"] for one in buckets):
        return None
    rows = [
        [
            f"{one['bucket']}"
            + (" (lowest signals)" if one["bucket"] == 1 else "")
            + (" (highest signals)" if one["bucket"] == len(buckets) else ""),
            count(one["num_periods"]),
            percent(one["mean_return"], 2),
            percent(one["annualized_return"]),
            percent(one["annualized_volatility"]),
            number(one["sharpe_ratio"]),
            percent(one["cumulative_return"]),
        ]
        for one in buckets
    ]
    columns = [
        text("quantile"),
        *map(Column, ("periods", "mean a period", "annualised", "volatility", "Sharpe", "cumulative")),
    ]
    caption = (
        f"Spread, long end minus the other: mean {percent(quantiles['spread_mean_return'], 2)} a period, "
        f"Newey-West t {number(quantiles['spread_newey_west_t'])}, "
        f"Sharpe {number(quantiles['spread_sharpe_ratio'])}. "
        f"Monotonicity {number(quantiles['monotonicity'])}, "
        f"permutation p {number(quantiles['monotonicity_p_value'], 3)}."
    )
    return block("Quantile portfolios in numbers", table(columns, rows), caption=caption)


def decay_table(decay: Sequence[Mapping[str, Any]]) -> Markup | None:
    if not decay:
        return None
    rows = [
        [
            str(one["horizon"]),
            number(one["mean"], 4),
            number(one["std"], 4),
            number(one["t"]),
            count(one["num_periods"]),
        ]
        for one in decay
    ]
    columns = [text("periods ahead"), *map(Column, ("mean rank IC", "deviation", "Newey-West t", "periods"))]
    return block("Decay in numbers", table(columns, rows))


def subperiod_table(subperiods: Sequence[Mapping[str, Any]]) -> Markup:
    net = any(one.get("net_cumulative_return") is not None for one in subperiods)
    rows = []
    for one in subperiods:
        label = one["label"] if one["kind"] == "YEAR" else f"market {str(one['label']).lower()}"
        rows.append(
            [
                label,
                f"{one['start_date']} to {one['end_date']}",
                count(one["num_periods"]),
                percent(one["cumulative_return"]),
                percent(one["mean_annual_return"]),
                percent(one["annualized_volatility"]),
                number(one["sharpe_ratio"]),
                percent(one["max_drawdown"]),
                percent(one["hit_rate"]),
                *([percent(one["net_cumulative_return"]), number(one["net_sharpe_ratio"])] if net else []),
            ]
        )
    numbers = ["periods", "return", "mean a year", "volatility", "Sharpe", "max drawdown", "hit rate"]
    if net:
        numbers += ["net return", "net Sharpe"]
    return table([text("subperiod"), text("period ends"), *map(Column, numbers)], rows)


def monthly_table(material: RunMaterial) -> Markup:
    """Years by months, coloured by size; the year's compounded return at the end."""
    record = finite(material.series.get("FACTOR"))
    if record is None:
        return absent("This run has no return series.")
    months, returns = monthly_returns(record.dates, record.values)
    known = returns[np.isfinite(returns)]
    reach = float(np.quantile(np.abs(known), 0.95)) if len(known) else 1.0
    by_month = dict(zip(months.astype(str).tolist(), returns.tolist(), strict=True))
    years = record.dates.astype("datetime64[Y]")
    rows = []
    for year in np.unique(years):
        cells = [_month_cell(by_month.get(f"{year}-{month:02d}"), reach) for month in range(1, 13)]
        total = float(growth_of_100(record.values[years == year])[-1] / 100.0 - 1.0)
        rows.append(
            element(
                "tr",
                element("th", str(year), scope="row"),
                cells,
                element("td", _short(total), class_="total"),
            )
        )
    head = element("tr", element("th", ""), [element("th", name) for name in _MONTHS], element("th", "Year"))
    return scrolling(element("table", element("thead", head), element("tbody", rows), class_="months"))


def _month_cell(value: float | None, reach: float) -> Markup:
    if value is None or not np.isfinite(value):
        return element("td", "")
    place = float(np.clip(value / max(reach, 1e-12), -1.0, 1.0))
    ink = "#fff" if abs(place) > 0.72 else "#1c2430"
    colour = to_hex(DIVERGING(0.5 + 0.5 * place))
    return element("td", _short(value), style=f"background:{colour};color:{ink}")


def _short(value: float) -> str:
    return number(100.0 * value, 1 if abs(value) < 10 else 0)


def extremes_table(extremes: Mapping[str, Any] | None) -> Markup | None:
    if not extremes or not extremes.get("positions"):
        return None
    rows = [
        [
            one["date"],
            one["asset"],
            str(one["leg"]).lower(),
            percent(one["weight"], 2),
            percent(one["period_return"]),
            percent(one["contribution"], 2),
        ]
        for one in extremes["positions"]
    ]
    columns = [
        *(text(name) for name in ("period end", "asset", "leg")),
        *map(Column, ("weight in the leg", "asset's return", "contribution")),
    ]
    share = extremes.get("share")
    caption = (
        f"Together they contributed {percent(extremes['contribution'], 2)}"
        + ("" if share is None else f", {percent(share)} of the sum of all period returns")
        + f". Had they earned nothing, the cumulative return would be "
        f"{percent(extremes['cumulative_return_without'])}."
    )
    return block("The most extreme positions", table(columns, rows), caption=caption)


# -- portfolios --------------------------------------------------------------------------------------------


def target_tables(material: RunMaterial) -> Markup | None:
    """What to hold next and the trades that lead there."""
    target = material.facts.get("target")
    if not target:
        return None
    title = f"Target portfolio formed {target['formation_date']}, to be held until {target['period_end']}"
    if target.get("absence"):
        return block(title, absent(f"There is none: {target['absence']} ({target['eligible']} eligible)."))
    arrays = {} if material.document is None else material.document.arrays
    sides = [side for side in ("long", "short") if f"target.{side}.assets" in arrays]
    legs = [_target_leg(material, side, arrays) for side in sides]
    caption = (
        f"From {count(target['eligible'])} eligible assets. Weights are fractions of a leg, signals as the "
        "factor defines them; a trade is the weight less what drifted holdings make up, below 0 to be sold."
    )
    return block(title, pair(*legs) if len(legs) > 1 else legs, caption=caption) if legs else None


def _target_leg(material: RunMaterial, side: str, arrays: Mapping[str, NDArray[Any]]) -> Markup:
    assets, weights, previous, signals = (
        arrays[f"target.{side}.{column}"] for column in ("assets", "weights", "previous_weights", "signals")
    )
    trades = weights - previous
    order = np.lexsort((assets, -np.abs(trades), -weights))
    rows = [
        [
            material.asset(int(assets[at])),
            _weight(float(weights[at])),
            _weight(float(previous[at])),
            percent(float(trades[at]), 2, signed=True),
            significant(float(signals[at])),
        ]
        for at in order[:MOST_POSITIONS]
    ]
    rest = order[MOST_POSITIONS:]
    if len(rest):
        sums = [percent(float(one[rest].sum()), 2) for one in (weights, previous)]
        rows.append([f"{len(rest)} more", *sums, percent(float(trades[rest].sum()), 2, signed=True), ""])
    turnover = float(np.abs(trades).sum()) / 2.0
    columns = [text(f"{side} leg"), *map(Column, ("weight", "held", "trade", "signal"))]
    return element(
        "div", table(columns, rows), element("p", f"Turnover of the leg: {percent(turnover)}.", class_="note")
    )


def _weight(value: float) -> str:
    return percent(value, 2) if value > 0.0 else DASH


def composition_tables(material: RunMaterial) -> Markup | None:
    """The last portfolio that the run reports, with what each position earned."""
    held = material.composition
    if held is None:
        return None
    legs = [("long", held.long), *([("short", held.short)] if held.short is not None else [])]
    tables = [_held_leg(material, side, leg) for side, leg in legs]
    title = f"Latest composition, held from {held.period_start} to {held.period_end}"
    return block(title, pair(*tables) if len(tables) > 1 else tables)


def _held_leg(material: RunMaterial, side: str, leg: LegRecord) -> Markup:
    order = np.lexsort((leg.asset_ordinals, -leg.weights))
    rows = [
        [
            material.asset(int(leg.asset_ordinals[at])),
            percent(float(leg.weights[at]), 2),
            percent(float(leg.period_returns[at])),
            significant(float(leg.signals[at])),
            _money(float(leg.market_caps[at])),
        ]
        for at in order[:MOST_POSITIONS]
    ]
    rest = order[MOST_POSITIONS:]
    if len(rest):
        rows.append([f"{len(rest)} more", percent(float(leg.weights[rest].sum()), 2), "", "", ""])
    columns = [text(f"{side} leg"), *map(Column, ("weight", "return", "signal", "market cap"))]
    return table(columns, rows)


def _money(value: float) -> str:
    if not np.isfinite(value):
        return DASH
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if abs(value) >= size:
            return f"{number(value / size, 1)}\u202f{letter}"
    return number(value, 0)
