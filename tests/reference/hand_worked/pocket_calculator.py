"""The pocket calculator behind the worksheet: checks the typed paper and writes its sums out.

It knows no model. Who is eligible, held, at what weight and with what return is typed in `paper.py`; here
those numbers are multiplied and added as exact fractions, compared with `panel.csv` where the paper repeats
what the panel says, and written to `expected.json` and `worksheet.md`. From the repository root:

    python -m tests.reference.hand_worked.pocket_calculator
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from tests.reference.hand_worked import paper, tables
from tests.reference.hand_worked.arithmetic import (
    Exact,
    compound,
    decimal,
    deviation,
    drawdown,
    mean,
    ratios,
    sum_of_products,
)
from tests.reference.hand_worked.typed_lines import Leg, Period

HERE = Path(__file__).parent
PERIODS_A_YEAR = {"WEEKLY": 52, "MONTHLY": 12}
# The date on which wealth is 1: the grid period end before the first reported one.
GRID = {"WEEKLY": tables.WEEK_ENDS, "MONTHLY": ("2024-01-31", "2024-02-29")}


def daily_rows() -> list[dict[str, str]]:
    with (HERE / "panel.csv").open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def check_weekly_tables() -> None:
    """The typed weekly tables say what the daily rows say."""
    rows = daily_rows()
    checks = (
        ("price", tables.PRICE, 1, "last"),
        ("mc", tables.MARKET_CAP_MILLIONS, 1_000_000, "last"),
        ("24h_volume", tables.VOLUME_MILLIONS, 1_000_000, "sum"),
        ("fees", tables.FEES, 1, "sum"),
        ("dau", tables.DAU, 1, "mean"),
        ("revenue", tables.REVENUE, 1, "sum"),
    )
    for field, table, unit, how in checks:
        for asset, line in table.items():
            for week_end, typed in zip(tables.WEEK_ENDS, line.split(), strict=True):
                last_day = date.fromisoformat(week_end)
                first_day = (last_day - timedelta(days=6)).isoformat()
                seen = [
                    Fraction(row[field])
                    for row in rows
                    if row["asset"] == asset
                    and first_day <= row["date"] <= week_end
                    and row[field] != ""
                    and not (field == "price" and Fraction(row[field]) <= 0)
                ]
                if typed == "-":
                    assert not seen, (field, asset, week_end)
                else:
                    value = {"last": seen[-1], "sum": sum(seen), "mean": sum(seen) / len(seen)}[how]
                    assert value == Fraction(typed) * unit, (field, asset, week_end, value, typed)
    for asset, line in tables.RETURN.items():
        prices = tables.PRICE[asset].split()
        for t, typed in enumerate(line.split()):
            if t == 0 or prices[t - 1] == "-":
                assert typed == "-", (asset, t)
            elif prices[t] == "-":
                assert typed == "x", (asset, t)
            else:
                assert Fraction(typed) == Fraction(prices[t]) / Fraction(prices[t - 1]) - 1, (asset, t)


def composites_of(day: str, metrics: tuple[str, ...]) -> tuple[dict[str, Decimal], list[str]]:
    """Mean z-score of each asset from the typed growth rates, and the lines that show it."""
    scores: dict[str, list[Decimal]] = {}
    shown = []
    percentiles = {}
    for line in paper.GROWTH_PERCENTILES[day].strip().splitlines():
        metric, low, high = (part.strip() for part in line.split("|"))
        percentiles[metric] = (low, high)
    for line in paper.GROWTH_RATES[day].strip().splitlines():
        metric, bounds, entries = (part.strip() for part in line.split("|"))
        low, high = (Fraction(bound) for bound in bounds.split())
        assert (low, high) == tuple(sum_of_products(text) for text in percentiles[metric]), (day, metric)
        table = {"fees": tables.FEES, "dau": tables.DAU, "revenue": tables.REVENUE}[metric]
        t = tables.WEEK_ENDS.index(day)
        clipped = {}
        for entry in entries.split(", "):
            asset, raw, cut = entry.split()
            before, after = (Fraction(table[asset].split()[t - back]) for back in (2, 1))
            assert Fraction(raw) == after / before - 1, (day, metric, asset)
            assert Fraction(cut) == min(max(Fraction(raw), low), high), (day, metric, asset)
            clipped[asset] = Fraction(cut)
        if metric not in metrics:
            continue
        middle = mean(list(clipped.values()))
        squares = sum(((x - middle) ** 2 for x in clipped.values()), start=Fraction(0))
        listed = ", ".join("{} {} → {}".format(*entry.split()) for entry in entries.split(", "))
        shown.append(
            f"- {metric}: {listed}. p5 = {percentiles[metric][0]} = {low}; p95 = {percentiles[metric][1]} = "
            f"{high}. Mean {middle}, variance {squares / (len(clipped) - 1)}"
            + (", dropped." if squares == 0 else ".")
        )
        if squares == 0:
            continue
        spread = deviation(list(clipped.values()))
        for asset, x in clipped.items():
            scores.setdefault(asset, []).append(decimal(x - middle) / spread)
    return {asset: mean(zs) for asset, zs in scores.items()}, shown


def check_signals(name: str, period: Period, factor: str, config: dict) -> None:
    """The typed weekly signals follow from the weekly tables; growth has its own sums."""
    t = tables.WEEK_ENDS.index(period.date)
    for asset, signal in period.signals.items():
        cap = Fraction(tables.MARKET_CAP_MILLIONS[asset].split()[t - 1]) * 1_000_000
        if factor in ("smb", "market"):
            assert signal == cap, (name, period.date, asset)
        elif factor == "value":
            assert signal == cap / Fraction(tables.FEES[asset].split()[t - 1]), (name, period.date, asset)
        elif factor == "momentum":
            prices = tables.PRICE[asset].split()
            growth = Fraction(prices[t - 1]) / Fraction(prices[t - 1 - config["lookback_periods"]]) - 1
            if config["volatility_adjusted"]:
                pair = [Fraction(r) for r in tables.RETURN[asset].split()[t - 2 : t]]
                spread = deviation(pair)
                growth = decimal(growth) * abs(decimal(mean(pair))) / spread if spread else Decimal(0)
                assert abs(growth - decimal(signal)) < Decimal("1e-40"), (name, period.date, asset)
            else:
                assert signal == growth, (name, period.date, asset)


def check_period(name: str, period: Period, config: dict, side: str) -> None:
    """The typed order is sorted, the legs are its ends, and the earned returns are those of the table."""
    if None not in period.signals.values():
        sign = -1 if side == "top" else 1
        expected = sorted(period.order, key=lambda asset: (sign * period.signals[asset], asset))
        assert period.order == expected, (name, period.date, expected)
    if period.skipped:
        assert len(period.order) < config["min_assets"], (name, period.date)
        return
    if side == "top":
        assert period.long.assets == period.order[: config["top_n"]], (name, period.date)
    else:
        k = len(period.long.assets)
        assert k == len(period.short.assets) == int(len(period.order) * Fraction(str(config["breakpoint"])))
        first, last = period.order[:k], period.order[-k:]
        low, high = (period.long, period.short) if side == "low" else (period.short, period.long)
        assert sorted(low.assets) == sorted(first), (name, period.date)
        assert sorted(high.assets) == sorted(last), (name, period.date)
    missing_return = Fraction(str(config["missing_return"]))
    for leg in period.legs:
        for h in leg.holdings:
            if config["max_weight"] is not None:
                assert h.weight <= Fraction(str(config["max_weight"])), (name, period.date, h.asset)
            if h.missing:
                assert h.earned == missing_return, (name, period.date, h.asset)
            if config["rebalance"] == "WEEKLY":
                typed = tables.RETURN[h.asset].split()[tables.WEEK_ENDS.index(period.date)]
                assert (typed == "x") if h.missing else (Fraction(typed) == h.earned), (name, h.asset)


def metrics_of(periods: list[Period], config: dict) -> dict[str, Exact]:
    formed = [p for p in periods if not p.skipped]
    dates = [p.date for p in formed]
    returns = [p.factor for p in formed]
    assert all(returns), "a factor return of exactly 0 would leave the hit rate to rounding"
    grid = GRID[config["rebalance"]]
    first, last = grid.index(dates[0]), grid.index(dates[-1])
    days = (date.fromisoformat(dates[-1]) - date.fromisoformat(dates[0])).days
    result = drawdown(dates, returns, grid[first - 1])
    years = Fraction(days, 365)
    if days == 0:
        annualized = None
    elif result["wiped_out_on"]:
        annualized = Fraction(-1)
    else:
        annualized = (1 + decimal(result["cumulative_return"])) ** (1 / decimal(years)) - 1
    deepest = result["max_drawdown"]
    calmar = None if annualized is None or deepest == 0 else decimal(annualized) / abs(decimal(deepest))
    legs = [leg for p in formed for leg in p.legs]
    has_short = formed[-1].short is not None
    return (
        result
        | ratios(returns, PERIODS_A_YEAR[config["rebalance"]])
        | {
            "annualized_return": annualized,
            "calmar_ratio": calmar,
            "years": years,
            "long_only_return": compound([p.long.result for p in formed]),
            "short_only_return": compound([p.short.result for p in formed]) if has_short else None,
            "num_periods": len(formed),
            "skipped_periods": len(periods) - len(formed),
            "missing_returns": sum(h.missing for leg in legs for h in leg.holdings),
            "coverage": Fraction(len(formed), last - first + 1),
            "breadth": Fraction(sum(len(leg.holdings) for leg in legs), len(formed)),
            "long_hhi": formed[-1].long.hhi,
            "short_hhi": formed[-1].short.hhi if has_short else None,
            "start_date": dates[0],
            "end_date": dates[-1],
        }
    )


def as_number(value: Exact) -> float | int | str | None:
    return float(value) if isinstance(value, Fraction | Decimal) else value


def leg_as_json(leg: Leg, period: Period) -> list[dict]:
    return [
        {
            "asset": h.asset,
            "weight": float(h.weight),
            "weight_exact": str(h.weight),
            "signal": as_number(period.signals[h.asset]),
            "signal_exact": period.signals_on_paper[h.asset],
            "period_return": None if h.missing else float(h.earned),
            "period_return_exact": None if h.missing else str(h.earned),
            "earned_return": float(h.earned),
        }
        for h in leg.holdings
    ]


def case_as_json(name: str, periods: list[Period], metrics: dict[str, Exact]) -> dict:
    factor, config, _, _, _, note = paper.CASES[name]
    formed = [p for p in periods if not p.skipped]
    series = {"factor": [p.factor for p in formed], "long": [p.long.result for p in formed]}
    if formed[0].short:
        series["short"] = [p.short.result for p in formed]
    return {
        "name": name,
        "factor": factor,
        "shows": note,
        "config": config,
        "dates": [p.date for p in formed],
        "returns": {key: [float(r) for r in values] for key, values in series.items()},
        "returns_exact": {key: [str(r) for r in values] for key, values in series.items()},
        "skipped_dates": [p.date for p in periods if p.skipped],
        "eligible": {p.date: p.order for p in periods},
        "signals": {p.date: {a: as_number(s) for a, s in p.signals.items()} for p in formed},
        "holdings": {
            p.date: {
                side: leg_as_json(leg, p)
                for side, leg in (("long", p.long), ("short", p.short))
                if leg is not None
            }
            for p in formed
        },
        "metrics": {key: as_number(value) for key, value in sorted(metrics.items())},
        "metrics_exact": {
            key: str(value) for key, value in sorted(metrics.items()) if isinstance(value, Fraction)
        },
    }


def short_number(value: Exact) -> str:
    if value is None:
        return "not defined"
    if isinstance(value, Fraction):
        return f"{value}" if value.denominator == 1 else f"{value} = {float(value):.10f}"
    return f"{value:.12f}" if isinstance(value, Decimal) else str(value)


def case_on_paper(
    name: str, periods: list[Period], metrics: dict[str, Exact], z_lines: dict
) -> Iterator[str]:
    factor, config, _, unit, _, note = paper.CASES[name]
    yield f"### {name}"
    settings = ", ".join(
        f"{k} {v}" for k, v in config.items() if k not in paper.FILTERS or v != paper.FILTERS[k]
    )
    yield f"{factor}; {settings}. {note}"
    for p in periods:
        lines = z_lines.get(p.date, []) if unit == "z" else []
        if unit == "z":
            listed = [f"{a} {s:.6f}" if s is not None else a for a, s in p.signals.items()]
        elif unit == "1/sqrt(2)":
            listed = [f"{a} {s}" for a, s in p.signals_on_paper.items()]
        else:
            listed = [f"{a} {Fraction(s) / Fraction(unit)}" for a, s in p.signals_on_paper.items()]
        head = f"**{p.date}**, n = {len(p.order)}: {' < '.join(listed) or 'no asset has a signal'}."
        if factor == "market":
            head = head.replace(" < ", " > ")
        if p.skipped:
            yield f"{head} Fewer than {config['min_assets']}: skipped."
            continue
        body = [f"- long {p.long.on_paper()}"]
        if p.short:
            body.append(f"- short {p.short.on_paper()}")
            body.append(f"- factor {p.long.result} - ({p.short.result}) = {short_number(p.factor)}")
        yield "\n".join([head, *lines, *body])
    yield "| metric | value |\n|---|---|\n" + "\n".join(
        f"| {key} | {short_number(value)} |" for key, value in sorted(metrics.items())
    )


def weekly_table(title: str, table: dict[str, str], missing: str) -> str:
    lines = [f"**{title}**", "", "| | " + " | ".join(f"W{t}" for t in range(8)) + " |", "|---" * 9 + "|"]
    for asset, line in table.items():
        lines.append(f"| {asset} | " + " | ".join(missing if v == "-" else v for v in line.split()) + " |")
    return "\n".join(lines)


def documents() -> tuple[str, str]:
    """The text of expected.json and of worksheet.md."""
    check_weekly_tables()
    cases, sections = [], []
    for name, (factor, config, lines, unit, side, _) in paper.CASES.items():
        z_lines, periods = {}, []
        for line in lines.strip().splitlines():
            day = line.split("|")[0].strip()
            composites: dict[str, Decimal] = {}
            if unit == "z" and day in paper.GROWTH_RATES:
                composites, z_lines[day] = composites_of(day, tuple(config["growth_metrics"]))
            periods.append(Period(line, unit, composites))
            assert not composites or composites.keys() == periods[-1].signals.keys(), (name, day)
            check_period(name, periods[-1], config, side)
            if config["rebalance"] == "WEEKLY":
                check_signals(name, periods[-1], factor, config)
        metrics = metrics_of(periods, config)
        cases.append(case_as_json(name, periods, metrics))
        sections.extend(case_on_paper(name, periods, metrics, z_lines))
    sections.append("## Cases that must fail")
    errors = []
    for name, (factor, config, error, note, facts) in paper.ERRORS.items():
        errors.append({"name": name, "factor": factor, "config": config, "error": error} | facts)
        sections.append(f"- {name}: {error}. {note}")
    expected = {
        "calendar": "EVERY_DAY",
        "first_date": "2024-01-01",
        "last_date": "2024-02-29",
        "week_ends": list(tables.WEEK_ENDS),
        "cases": cases,
        "error_cases": errors,
    }
    shown_tables = [
        weekly_table("Price, last positive", tables.PRICE, ""),
        weekly_table("Return P[t] / P[t-1] - 1 (x: held without a price)", tables.RETURN, ""),
        weekly_table("Market cap, millions of USD, last", tables.MARKET_CAP_MILLIONS, ""),
        weekly_table("Volume, millions of USD, sum", tables.VOLUME_MILLIONS, ""),
        weekly_table("Fees, USD, sum", tables.FEES, ""),
        weekly_table("Active users, mean", tables.DAU, ""),
        weekly_table("Revenue, USD, sum", tables.REVENUE, ""),
    ]
    template = (HERE / "worksheet_head.md").read_text(encoding="utf-8")
    worksheet = template.replace("<!-- weekly tables -->", "\n\n".join(shown_tables)).rstrip() + "\n\n"
    return json.dumps(expected, indent=1) + "\n", worksheet + "\n\n".join(sections) + "\n"


def main() -> None:
    files = dict(zip(("expected.json", "worksheet.md"), documents(), strict=True))
    for name, text in files.items():
        (HERE / name).write_text(text, encoding="utf-8")
        print(f"wrote {name}")


if __name__ == "__main__":
    main()
