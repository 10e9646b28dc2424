"""Costs, lags, inference and research against the plain pandas reference, which knows the contract alone."""

from __future__ import annotations

import math
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from engine.factors.compute import FactorResult, compute_factor
from engine.factors.registry import FactorName, parse_config
from engine.factors.research.analyse import Research, analyse
from engine.panel import Panel
from tests.engine.panels import panel_of, real_frame, synthetic_frame
from tests.reference.oracle_research import OracleResearch, research

CLOSE = {"rel": 1e-10, "abs": 1e-10}
EVERY_DAY = panel_of(synthetic_frame(11, assets=26, days=330))
_WEEKS_LOST = np.isin((EVERY_DAY.dates - np.datetime64("2019-12-30")).astype(int) // 7, (20, 27, 28, 36))
GAPPY = replace(
    EVERY_DAY,
    fields={
        name: np.where(_WEEKS_LOST[:, None], np.nan, values) for name, values in EVERY_DAY.fields.items()
    },
)
SESSIONS = panel_of(synthetic_frame(12, assets=20, days=300, weekdays_only=True), "OBSERVED")


def between(panel: Panel, first: int, last: int) -> Panel:
    """Return these rows of a panel: the reference takes its time for each."""
    fields = {name: values[first:last] for name, values in panel.fields.items()}
    return replace(panel, dates=panel.dates[first:last], fields=fields)


BASE = {"min_assets": 6, "market_cap_threshold": 2e6, "liquidity_threshold": 1e5}
COSTS = {"cost_bps": 20.0, "short_carry_bps": 300.0}
LAGS = {"execution_lag_days": 1, "publication_lag_days": 9}
EXTREMES = {"max_abs_return": 0.12, "missing_return": -0.3}

CASES = {
    "smb": ("SMB", EVERY_DAY, COSTS),
    "smb with gaps": ("SMB", GAPPY, {**COSTS, "min_assets": 18}),
    "momentum with gaps": ("MOMENTUM", GAPPY, {**COSTS, "lookback_periods": 2, "missing_return": -0.2}),
    "smb excluding extremes": ("SMB", EVERY_DAY, {**COSTS, **EXTREMES, "extreme_returns": "EXCLUDE"}),
    "smb flagging extremes": ("SMB", EVERY_DAY, {**EXTREMES, "quantiles": 3}),
    "smb with a lag": ("SMB", EVERY_DAY, {**COSTS, "execution_lag_days": 1}),
    "market": ("MARKET", EVERY_DAY, {"top_n": 7, "cost_bps": 10.0}),
    "market by variance, capped": (
        "MARKET",
        EVERY_DAY,
        {"top_n": 9, "weighting_method": "INVERSE_VARIANCE", "max_weight": 0.2, "cost_bps": 5.0},
    ),
    "value with lags": ("VALUE", EVERY_DAY, {**COSTS, **LAGS}),
    "value, academic": ("VALUE", EVERY_DAY, {"long_side": "LOW", "weighting_method": "MARKET_CAP", **COSTS}),
    "momentum by cap": (
        "MOMENTUM",
        EVERY_DAY,
        {"weighting_method": "MARKET_CAP", "breakpoint": 0.3, **COSTS},
    ),
    "momentum within dates": (
        "MOMENTUM",
        EVERY_DAY,
        {"start_date": "2020-04-01", "end_date": "2020-09-20", "quantiles": 4},
    ),
    "momentum_v2": ("MOMENTUM_V2", EVERY_DAY, {"lookback_days": 8, "quantiles": 2, "cost_bps": 1.0}),
    "growth with lags": ("GROWTH", EVERY_DAY, {**LAGS, "cost_bps": 30.0}),
    "daily": (
        "MOMENTUM",
        between(EVERY_DAY, 0, 120),
        {"rebalance": "DAILY", "execution_lag_days": 1, "end_date": "2020-04-26", **COSTS},
    ),
    "monthly": ("SMB", EVERY_DAY, {"rebalance": "MONTHLY", **COSTS}),
    "sessions": ("SMB", SESSIONS, {**COSTS, "execution_lag_days": 1}),
    "sessions, published late": ("VALUE", SESSIONS, {**LAGS, "execution_lag_days": 0}),
    "sessions, daily": (
        "MOMENTUM",
        between(SESSIONS, 180, 300),
        {"rebalance": "DAILY", "start_date": "2020-11-01"},
    ),
}


def case(name: str) -> tuple[FactorResult, Research, OracleResearch]:
    factor, panel, options = CASES[name]
    return computed(factor, panel, {**BASE, **options})


def computed(
    factor: str, panel: Panel, options: dict[str, object]
) -> tuple[FactorResult, Research, OracleResearch]:
    if factor == "MARKET":
        options.pop("min_assets", None)
    config = parse_config(FactorName(factor), options)
    result = compute_factor(panel, config)
    return result, analyse(result), research(panel, config)


@pytest.fixture(params=CASES, scope="module")
def both(request) -> tuple[FactorResult, Research, OracleResearch]:
    return case(request.param)


def test_the_case_with_gaps_has_some():
    result, _, _ = case("smb with gaps")
    assert (np.diff(result.rows) > 1).sum() >= 3
    assert result.trading.entries.sum() >= 4


def assert_same(value: object, expected: object, label: object) -> None:
    if expected is None or (isinstance(expected, float) and math.isnan(expected)):
        assert value is None or math.isnan(value), (label, value)
    elif isinstance(expected, int | float | np.number):
        assert value == pytest.approx(float(expected), **CLOSE), label
    else:
        assert str(value)[:10] == str(expected)[:10], label


def series_of(result: FactorResult, found: Research) -> dict[str, np.ndarray | None]:
    buckets = {f"QUANTILE_{number + 1}": column for number, column in enumerate(found.bucket_returns.T)}
    return {
        "FACTOR": result.factor,
        "LONG": result.long,
        "SHORT": result.short,
        "NET": result.net,
        "TURNOVER": result.trading.turnover,
        "IC": result.ics,
        "MARKET": result.market[result.rows + 1],
        "SIGNAL_AUTOCORRELATION": found.signal_autocorrelations,
        "QUANTILE_SPREAD": found.spread_returns,
        **buckets,
    }


def test_series(both):
    result, found, expected = both
    assert result.dates.tolist() == [day.date() for day in expected.series.index]
    ours = series_of(result, found)
    for name, values in expected.series.items():
        if name == "BREADTH" or (name == "SHORT" and result.short is None):
            continue
        np.testing.assert_allclose(
            ours[name], values.to_numpy(dtype=float), rtol=1e-9, atol=1e-10, err_msg=name
        )
    assert (result.net is None) == ("NET" not in expected.series)


def test_metrics_gross_and_net(both):
    result, _, expected = both
    for name, value in expected.metrics.items():
        assert_same(getattr(result.performance, name), value, name)
    assert (result.net_performance is None) == (expected.net_metrics is None)
    for name, value in (expected.net_metrics or {}).items():
        assert_same(getattr(result.net_performance, name), value, f"net {name}")


def test_quantiles_persistence_and_decay(both):
    _, found, expected = both
    for bucket in found.quantiles.buckets:
        for name, value in expected.quantiles.loc[bucket.bucket].items():
            assert_same(getattr(bucket, name), value, (bucket.bucket, name))
    assert len(found.quantiles.buckets) == len(expected.quantiles)
    spread = expected.quantile_spread
    assert_same(found.quantiles.spread_mean_return, spread["mean_return"], "spread")
    assert_same(found.quantiles.spread_newey_west_t, spread["newey_west_t"], "spread t")
    assert_same(found.quantiles.spread_sharpe_ratio, spread["sharpe_ratio"], "spread Sharpe")
    assert_same(found.quantiles.monotonicity, expected.monotonicity["rho"], "monotonicity")
    assert_same(found.quantiles.monotonicity_p_value, expected.monotonicity["p_value"], "its p")
    assert_same(
        found.persistence.autocorrelation, expected.persistence["mean_autocorrelation"], "persistence"
    )
    assert_same(found.persistence.half_life_periods, expected.persistence["half_life_periods"], "half-life")
    for horizon in found.decay:
        for name, value in expected.ic_decay.loc[horizon.horizon].items():
            assert_same(getattr(horizon, name), value, (horizon.horizon, name))


def test_subperiods(both):
    _, found, expected = both
    table = expected.subperiods
    assert [(one.kind.value, one.label) for one in found.subperiods] == list(
        table[["kind", "label"]].astype(str).itertuples(index=False, name=None)
    )
    for one, row in zip(found.subperiods, table.to_dict("records"), strict=True):
        for name, value in asdict(one).items():
            if name in row:
                assert_same(value, row[name], (one.label, name))


def test_extremes(both):
    _, found, expected = both
    ours = found.extremes
    assert len(ours.positions) == len(expected.extremes)
    for one, row in zip(ours.positions, expected.extremes.to_dict("records"), strict=True):
        assert (str(one.date), one.asset, one.leg.lower()) == (
            str(row["date"])[:10],
            row["asset"],
            row["leg"].lower(),
        )
        assert_same(one.weight, row["weight"], "weight")
        assert_same(one.period_return, row["return"], "return")
        assert_same(one.contribution, row["contribution"], "contribution")
    assert_same(ours.contribution, expected.extremes_summary["total_contribution"], "total")
    assert_same(ours.share, expected.extremes_summary["share"], "share")
    without = expected.extremes_summary["cumulative_return_without"]
    assert_same(ours.cumulative_return_without, without, "without")


def test_the_target_portfolio(both):
    result, found, expected = both
    target, summary = found.target, expected.target_summary
    assert str(target.formation_date) == str(summary["formation_date"])[:10]
    assert str(target.period_end) == str(summary["period_end"])[:10]
    assert target.eligible == summary["num_eligible"]
    assert (target.absence is None) == (summary["reason"] is None)
    if expected.target is None:
        assert target.long is None
        return
    rows = []
    for name, leg in (("long", target.long), ("short", target.short)):
        if leg is not None:
            assets = np.array(result.periods.panel.assets)[leg.assets]
            rows += zip(
                [name] * len(assets), assets, leg.weights, leg.previous_weights, leg.trades, strict=True
            )
    ours = pd.DataFrame(rows, columns=["leg", "asset", "weight", "previous_weight", "trade"])
    theirs = expected.target[list(ours.columns)].copy()
    theirs["leg"] = theirs["leg"].str.lower()
    keys = ["leg", "asset"]
    merged = ours.merge(theirs, on=keys, how="outer", suffixes=("", "_expected"))
    assert len(merged) == len(ours) == len(theirs)
    for name in ("weight", "previous_weight", "trade"):
        np.testing.assert_allclose(merged[name], merged[f"{name}_expected"], atol=1e-12)


def test_a_real_panel():
    panel = panel_of(real_frame("crypto_panel"))
    options = {"min_assets": 10, "market_cap_threshold": 1e7, "liquidity_threshold": 7e5, "cost_bps": 15.0}
    both = computed("MOMENTUM", panel, options)
    for check in (test_series, test_metrics_gross_and_net, test_quantiles_persistence_and_decay):
        check(both)
    for check in (test_subperiods, test_extremes, test_the_target_portfolio):
        check(both)


@pytest.mark.parametrize("lag", [0, 1])
def test_the_target_is_formed_at_the_last_grid_row_even_if_its_execution_lies_ahead(lag):
    """The reference knows no row whose execution price is still to come; a trader needs it most."""
    days = np.datetime64("2020-11-22") - EVERY_DAY.dates[0]  # a Sunday
    panel = between(EVERY_DAY, 0, days.astype(int) + 1)
    config = parse_config(FactorName.SMB, {**BASE, "execution_lag_days": lag})
    result = compute_factor(panel, config)
    target = analyse(result).target
    assert str(result.dates[-1]) == ("2020-11-22" if lag == 0 else "2020-11-15")
    assert (str(target.formation_date), str(target.period_end)) == ("2020-11-22", "2020-11-29")
    assert target.long.previous_weights.sum() == pytest.approx(1.0)
