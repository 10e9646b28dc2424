"""The page of a factor run: key figures and verdict first, then how it was earned, tested and traded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from db.records import PerformanceRecord, RunOrigin
from scripts.report import factor_figures as figures
from scripts.report import signal_figures
from scripts.report.definitions import FACTOR_DEFINITIONS, small_print
from scripts.report.factor_tables import (
    composition_tables,
    decay_table,
    extremes_table,
    interval_table,
    metrics_tables,
    monthly_table,
    quantile_table,
    subperiod_table,
    target_tables,
)
from scripts.report.gather import RunMaterial
from scripts.report.head import heading, provenance_section, settings_block, verdict
from scripts.report.layout import (
    Column,
    absent,
    block,
    figure,
    key_figure,
    key_figures,
    page,
    pair,
    section,
    table,
    text,
)
from scripts.report.markup import Markup
from scripts.report.numbers import DASH, count, number, percent
from scripts.report.sentences import NOT_PROFITABLE, headline, interval_of, sentences, span


@np.errstate(over="ignore", invalid="ignore")  # what leaves double precision is shown as a dash
def factor_page(material: RunMaterial) -> str:
    """The whole page as HTML."""
    title = f"{material.title}: run {material.run.id}"
    return page(
        title,
        heading(material, span(material.performance)),
        key_figures(_keys(material)),
        verdict(headline(material), sentences(material)),
        _missing(material),
        settings_block(material),
        _performance(material),
        _significance(material),
        _signal(material),
        _trading(material),
        _portfolio(material),
        _metrics(material),
        provenance_section(material),
        section("Definitions and sources", small_print(FACTOR_DEFINITIONS)),
    )


def _keys(material: RunMaterial) -> list[Markup]:
    gross = material.performance or PerformanceRecord()
    net = material.net
    interval = interval_of(material.facts, "sharpe_ratio")

    def after_costs(name: str, percentage: bool = True) -> str | None:
        if net is None:
            return None
        value = getattr(net, name)
        return f"net {percent(value) if percentage else number(value)}"

    bounds = None
    if interval is not None:
        bounds = f"{percent(interval['level'], 0)}: {number(interval['low'])} to {number(interval['high'])}"
    error = gross.sharpe_standard_error
    drawn_down = (
        None if gross.max_drawdown_trough_date is None else f"trough {gross.max_drawdown_trough_date}"
    )
    why = {item.reason for item in gross.undefined_metrics if item.metric == "break_even_cost_bps"}
    keys = [
        key_figure(
            "Annualised return, gross", percent(gross.annualized_return), after_costs("annualized_return")
        ),
        key_figure(
            "Volatility a year", percent(gross.annualized_volatility), after_costs("annualized_volatility")
        ),
        key_figure(
            "Sharpe ratio, gross",
            number(gross.sharpe_ratio) + ("" if error is None else f" ± {number(error)}"),
            bounds,
            after_costs("sharpe_ratio", False),
        ),
        key_figure(
            "Newey-West t of the mean", number(gross.newey_west_t), after_costs("newey_west_t", False)
        ),
        key_figure(
            "Probability of Sharpe > 0",
            percent(gross.probabilistic_sharpe_ratio),
            after_costs("probabilistic_sharpe_ratio"),
        ),
        key_figure("Max drawdown", percent(gross.max_drawdown), drawn_down, after_costs("max_drawdown")),
        key_figure("Cumulative return", percent(gross.cumulative_return), after_costs("cumulative_return")),
        key_figure("Turnover a period", percent(gross.mean_turnover), "one way, both legs"),
        key_figure(
            "Break-even cost",
            number(gross.break_even_cost_bps, 0) + ("" if gross.break_even_cost_bps is None else "\u00a0bps"),
            "no profit before costs" if NOT_PROFITABLE in why else "a trade",
        ),
        key_figure(
            "Rank IC, mean",
            number(gross.ic_mean, 3),
            None if gross.ic_t is None else f"t {number(gross.ic_t)}",
        ),
        key_figure("Alpha a year", percent(gross.alpha), after_costs("alpha")),
        key_figure(
            "Beta to the market",
            number(gross.beta),
            None if gross.num_periods is None else f"{count(gross.num_periods)} periods",
        ),
    ]
    return [key for key in keys if f">{DASH}<" not in key] if not material.facts else keys


def _missing(material: RunMaterial) -> Markup | None:
    """What a run of an older engine or of another system does not have."""
    lacking = []
    if material.performance is None:
        lacking.append("metrics")
    if "FACTOR" not in material.series:
        lacking.append("return series")
    if material.document is None:
        lacking.append(
            "confidence intervals, quantile portfolios, signal decay, subperiods, extremes and target "
            "portfolio"
        )
    if material.composition is None:
        lacking.append("compositions")
    if not lacking:
        return None
    if material.run.origin is RunOrigin.IMPORTED:
        return absent(
            f"This run was imported and has no {'; no '.join(lacking)}: its log did not record them."
        )
    return absent(
        f"This run was computed by an earlier engine version and has no {'; no '.join(lacking)}. Compute it "
        "again to have them."
    )


def _performance(material: RunMaterial) -> Markup:
    subperiods = material.facts.get("subperiods") or []
    window = None
    if "FACTOR" in material.series:
        window = figures.rolling_window(material, len(material.series["FACTOR"].values))
    subperiod_parts = (
        [
            figure(
                "By year and market regime",
                figures.subperiod_figure(subperiods),
                "Compounded return and Sharpe ratio of each calendar year, and of the periods formed in a "
                "rising and in a falling market.",
            ),
            subperiod_table(subperiods),
        ]
        if subperiods
        else []
    )
    return section(
        "Performance",
        figure(
            "Growth of 100",
            figures.growth_figure(material),
            "Value of 100 invested before the first period, and how far it lay below its peak.",
            "This run has no return series.",
        ),
        pair(
            figure(
                "Rolling Sharpe ratio",
                figures.rolling_sharpe_figure(material),
                f"Of the last {window} periods.",
            ),
            figure(
                "Distribution of period returns",
                figures.histogram_figure(material),
                "Gross, with the normal density of the same mean and deviation.",
            ),
        ),
        block(
            "Monthly returns", monthly_table(material), caption="Periods by the month of their end, per cent."
        ),
        *subperiod_parts,
    )


def _significance(material: RunMaterial) -> Markup | None:
    intervals = interval_table(material.facts)
    if intervals is None:
        return None
    return section(
        "Significance",
        block(
            "Confidence intervals",
            intervals,
            caption="Stationary block bootstrap, which keeps the autocorrelation of the returns.",
        ),
    )


def _signal(material: RunMaterial) -> Markup | None:
    facts = material.facts
    if not facts and "IC" not in material.series:
        return None
    quantiles: Mapping[str, Any] = facts.get("quantiles") or {}
    return section(
        "Signal",
        figure(
            "Rank IC by period",
            signal_figures.ic_figure(material),
            "Spearman correlation of the signal and the return that followed; above 0 the long end won.",
            "Fewer than three periods have a rank IC.",
        ),
        pair(
            figure(
                "Decay of the signal",
                signal_figures.decay_figure(facts.get("decay") or []),
                "Mean rank IC with the return over as many periods; dark where |t| is at least 1.96.",
            ),
            figure(
                "Quantile portfolios",
                signal_figures.quantile_bars_figure(quantiles),
                "Mean period return by signal, from the lowest to the highest.",
                "No period had an asset for each quantile.",
            ),
        ),
        figure(
            "Growth of 100 by quantile, and of the spread",
            signal_figures.quantile_growth_figure(material),
            "Each quantile held long without costs; the spread is the long leg's end minus the other.",
            "No period had an asset for each quantile.",
        ),
        quantile_table(quantiles),
        pair(
            decay_table(facts.get("decay") or []),
            _quality(material.performance, facts.get("persistence") or {}),
        ),
    )


def _quality(performance: PerformanceRecord | None, persistence: Mapping[str, Any]) -> Markup:
    """How well and how steadily the signal ranks."""
    known = performance or PerformanceRecord()
    rows = [
        ["rank IC, mean", number(known.ic_mean, 4)],
        ["rank IC, deviation", number(known.ic_std, 4)],
        ["rank IC, t", number(known.ic_t)],
        ["rank IC, autocorrelation", number(known.ic_autocorrelation, 3)],
        ["correlation of consecutive rankings, mean", number(persistence.get("autocorrelation"), 3)],
        ["half-life of a ranking, periods", number(persistence.get("half_life_periods"), 1)],
    ]
    return block("Quality and persistence", table([text("statistic"), Column("value")], rows))


def _trading(material: RunMaterial) -> Markup | None:
    extremes = material.facts.get("extremes")
    if "TURNOVER" not in material.series and not extremes:
        return None
    return section(
        "Trading and concentration",
        figure(
            "Turnover and breadth",
            signal_figures.turnover_figure(material),
            "One-way turnover of both legs together, and the number of assets held, long and short.",
        ),
        extremes_table(extremes),
    )


def _portfolio(material: RunMaterial) -> Markup | None:
    parts = [target_tables(material), composition_tables(material)]
    if not any(parts):
        return None
    return section("Portfolio", *parts)


def _metrics(material: RunMaterial) -> Markup | None:
    if material.performance is None:
        return None
    return section("All metrics", metrics_tables(material.performance, material.net))
