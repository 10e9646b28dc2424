"""The pandas reference implementation against numbers worked by hand on tiny frames."""

import math

import pandas as pd
import pytest

from tests.reference import oracle_metrics, oracle_periods
from tests.reference.frames import NO_FILTERS, SUNDAY, four_assets, weekly_frame
from tests.reference.pandas_oracle import (
    OracleInfeasibleMaxWeight,
    OracleMissingField,
    OracleNoPeriods,
    cap_weights,
    run_factor,
)


def legs_on(result, period: str) -> dict[str, list[str]]:
    held = result.holdings[result.holdings["period"] == period]
    return {leg: sorted(group["asset"]) for leg, group in held.groupby("leg")}


def test_smb_buys_small_and_sells_big():
    result = run_factor(four_assets(), "smb", NO_FILTERS)
    assert list(result.returns.index) == [pd.Timestamp("2021-01-10"), pd.Timestamp("2021-01-17")]
    assert result.returns["long"].to_list() == pytest.approx([0.2, 0.5])
    assert result.returns["short"].to_list() == pytest.approx([0.2, -0.25])
    assert result.returns["factor"].to_list() == pytest.approx([0.0, 0.75])
    assert legs_on(result, "2021-01-17") == {"long": ["a", "b"], "short": ["c", "d"]}
    assert result.metrics["breadth"] == 4
    assert result.metrics["long_hhi"] == pytest.approx(0.5)
    assert result.metrics["long_only_return"] == pytest.approx(0.8)
    assert result.metrics["short_only_return"] == pytest.approx(-0.1)


def test_market_cap_weights_come_from_the_previous_period():
    frame = four_assets()
    frame.loc[frame["date"] == "2021-01-10", "mc"] *= [1, 5, 1, 1]
    result = run_factor(frame, "smb", NO_FILTERS | {"weighting": "market_cap", "end_date": "2021-01-10"})
    long = result.holdings.query("leg == 'long'").set_index("asset")["weight"]
    assert long.to_dict() == pytest.approx({"a": 1 / 3, "b": 2 / 3})
    assert result.returns["long"].item() == pytest.approx(0.1 / 3 + 0.3 * 2 / 3)


def test_numbers_of_a_period_do_not_move_its_composition():
    frame = four_assets()
    changed = frame.copy()
    last = changed["date"] == "2021-01-17"
    changed.loc[last, ["price", "mc"]] = [[9, 9], [9, 1], [9, 5], [math.nan, math.nan]]
    for factor in ("smb", "market"):
        config = NO_FILTERS | ({"top_n": 2} if factor == "market" else {})
        before = run_factor(frame, factor, config)
        after = run_factor(changed, factor, config)
        assert legs_on(before, "2021-01-17") == legs_on(after, "2021-01-17")


def test_a_held_asset_without_price_earns_the_missing_return_and_is_counted():
    frame = four_assets()
    frame.loc[(frame["date"] == "2021-01-17") & (frame["asset"] == "a"), "price"] = -3.0
    result = run_factor(frame, "smb", NO_FILTERS | {"missing_return": -0.4})
    assert result.returns["long"].iloc[-1] == pytest.approx((-0.4 + 0) / 2)
    assert result.metrics["missing_returns"] == 1
    missing = result.holdings[result.holdings["period_return"].isna()]
    assert missing["asset"].to_list() == ["a"]


def test_market_holds_the_largest_and_breaks_ties_by_id():
    frame = weekly_frame(
        price={"a": [1, 2], "b": [1, 1], "c": [1, 1], "d": [1, 5]},
        mc={"a": [5, 5], "b": [2, 2], "c": [2, 2], "d": [1, 1]},
    )
    result = run_factor(frame, "market", NO_FILTERS | {"top_n": 2})
    assert legs_on(result, "2021-01-10") == {"long": ["a", "b"]}
    assert result.returns["factor"].item() == pytest.approx(5 / 7)
    assert result.returns["short"].isna().all()
    assert result.metrics["short_only_return"] is None
    with pytest.raises(OracleNoPeriods) as caught:
        run_factor(frame, "market", NO_FILTERS | {"top_n": 5})
    assert caught.value.max_eligible == 4


def test_value_low_negates_value_high():
    frame = four_assets()
    frame["fees"] = [1.0, 0.0, 1.0, 1.0, 1.0, 1.0, -1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    config = NO_FILTERS | {"min_assets": 3}
    high = run_factor(frame, "value", config)
    low = run_factor(frame, "value", config | {"long_side": "LOW"})
    traded = high.holdings[["period", "asset"]]
    for date, asset in frame.loc[frame["fees"] <= 0, ["date", "asset"]].itertuples(index=False):
        next_week = date + pd.Timedelta(days=7)
        assert not ((traded["period"] == next_week) & (traded["asset"] == asset)).any()
    assert low.returns["factor"].to_list() == pytest.approx((-high.returns["factor"]).to_list())


def test_volatility_adjusted_momentum_by_hand():
    frame = weekly_frame(
        price={
            "flat": [10, 10, 10, 10],
            "steady": [100, 110, 132, 132],
            "jumpy": [100, 50, 120, 120],
            "fall": [100, 90, 45, 45],
        }
    )
    config = NO_FILTERS | {"lookback_periods": 2, "volatility_adjusted": True}
    result = run_factor(frame, "momentum", config)
    signal = result.holdings.set_index("asset")["signal"]
    assert signal["flat"] == 0
    assert signal["steady"] == pytest.approx(0.32 * 0.15 / math.sqrt(0.005))
    assert signal["jumpy"] == pytest.approx(0.2 * 0.45 / math.sqrt(2 * 0.95**2))
    assert signal["fall"] == pytest.approx(-0.55 * 0.3 / math.sqrt(2 * 0.2**2))
    assert legs_on(result, "2021-01-24") == {"long": ["jumpy", "steady"], "short": ["fall", "flat"]}


def test_momentum_v2_needs_every_calendar_row_up_to_the_period_end():
    dates = pd.date_range("2021-01-04", "2021-01-17")
    prices = {"a": 1.01, "b": 1.02, "c": 0.99, "d": 0.98, "gap": 1.05, "late": 1.05}
    rows = [
        {"date": date, "asset": asset, "price": 100 * growth**day + (day % 2)}
        for asset, growth in prices.items()
        for day, date in enumerate(dates)
        if not (asset == "gap" and day == 4) and not (asset == "late" and day == 6)
    ]
    frame = pd.DataFrame(rows)
    result = run_factor(frame, "momentum_v2", NO_FILTERS | {"lookback_days": 3, "breakpoint": 0.5})
    assert legs_on(result, "2021-01-17") == {"long": ["a", "b"], "short": ["c", "d"]}

    path = [100 * 1.01**day + day % 2 for day in (3, 4, 5, 6)]
    daily = pd.Series(path).pct_change().dropna()
    expected = (path[-1] / path[0] - 1) * abs(daily.mean()) / daily.std()
    assert result.holdings.set_index("asset").loc["a", "signal"] == pytest.approx(expected)


def test_growth_clips_at_percentiles_and_scores_with_sample_deviation():
    growth_rates = {"a": 0.0, "b": 0.1, "c": 0.2, "d": 0.3, "e": 0.4}
    frame = weekly_frame(
        price={asset: [1, 1, 1] for asset in [*growth_rates, "few_users"]},
        fees={asset: [1000, 1000 * (1 + rate), 1] for asset, rate in growth_rates.items()}
        | {"few_users": [1000, 9000, 1]},
        dau={asset: [200, 200, 200] for asset in growth_rates} | {"few_users": [100, 100, 100]},
    )
    config = NO_FILTERS | {"growth_window": 1, "min_assets": 5}
    result = run_factor(frame, "growth", config)
    signal = result.holdings.set_index("asset")["signal"].to_dict()
    std = math.sqrt((2 * 0.18**2 + 2 * 0.1**2) / 4)
    expected = {"a": -0.18 / std, "b": -0.1 / std, "d": 0.1 / std, "e": 0.18 / std}
    assert signal == pytest.approx(expected)  # dau did not vary, so only fees score
    with pytest.raises(OracleMissingField, match="revenue"):
        run_factor(frame, "growth", config | {"growth_metrics": ["revenue"]})


def test_inverse_variance_needs_eight_returns():
    zigzag = {"a": 0.1, "b": 0.2, "c": 0.1, "d": 0.1}
    prices = {asset: [100 * (1 + step * (week % 2)) for week in range(11)] for asset, step in zigzag.items()}
    caps = {asset: [cap] * 11 for cap, asset in enumerate(zigzag, start=1)}
    config = NO_FILTERS | {"weighting": "inverse_variance"}
    result = run_factor(weekly_frame(price=prices, mc=caps), "smb", config)
    assert result.returns.index[0] == pd.Timestamp(SUNDAY) + pd.Timedelta(weeks=9)
    assert result.metrics["skipped_periods"] == 8

    def variance(step: float) -> float:
        return pd.Series([step, -step / (1 + step)] * 4).var()

    first = result.holdings[result.holdings["period"] == result.returns.index[0]].set_index("asset")
    ratio = first.loc["a", "weight"] / first.loc["b", "weight"]
    assert ratio == pytest.approx(variance(0.2) / variance(0.1))


def test_capped_weights_are_redistributed_until_none_exceeds():
    weights = pd.Series({"a": 0.5, "b": 0.35, "c": 0.15})
    assert cap_weights(weights, 0.4).to_dict() == pytest.approx({"a": 0.4, "b": 0.4, "c": 0.2})
    assert cap_weights(pd.Series({"a": 0.9, "b": 0.1}), 0.5).to_dict() == pytest.approx({"a": 0.5, "b": 0.5})
    with pytest.raises(OracleInfeasibleMaxWeight):
        cap_weights(weights, 0.3)


def test_filters_use_scaled_thresholds_and_whole_lifetime():
    frame = weekly_frame(
        price={asset: [1, 1, 1] for asset in "abcde"},
        mc={asset: [5, 5, 5] for asset in "abcde"},
        volume={"a": [70.0] * 3, "b": [70.1] * 3, "c": [71.0] * 3, "d": [72.0] * 3, "e": [73.0] * 3},
    )
    config = NO_FILTERS | {"liquidity_threshold": 70.0, "market_cap_threshold": 4.9}
    assert legs_on(run_factor(frame, "smb", config), "2021-01-10") == {
        "long": ["b", "c"],
        "short": ["d", "e"],
    }
    aged = run_factor(frame, "smb", config | {"min_lifetime_days": 14})
    assert list(aged.returns.index) == [pd.Timestamp("2021-01-17")]
    daily = run_factor(frame, "smb", config | {"rebalance": "DAILY", "liquidity_threshold": 70.0 * 7})
    assert list(daily.returns.index) == [pd.Timestamp("2021-01-04"), pd.Timestamp("2021-01-11")]
    assert daily.metrics["coverage"] == 2 / 8
    assert daily.metrics["missing_returns"] == 8
    with pytest.raises(OracleNoPeriods):
        run_factor(frame, "smb", config | {"market_cap_threshold": 5})


def test_universe_and_exclude_take_ids_and_attributes():
    frame = weekly_frame(
        price={asset: [1, 1] for asset in "abcdef"},
        mc={asset: [cap, cap] for cap, asset in enumerate("abcdef", start=1)},
    )
    attributes = {"stable": {"b": "yes", "c": "no"}}
    kept = run_factor(frame, "smb", NO_FILTERS | {"exclude": ["stable=yes", "f"]}, attributes=attributes)
    assert legs_on(kept, "2021-01-10") == {"long": ["a", "c"], "short": ["d", "e"]}
    only = run_factor(
        frame, "smb", NO_FILTERS | {"universe": ["stable=no", "a", "d", "e"]}, attributes=attributes
    )
    assert legs_on(only, "2021-01-10") == {"long": ["a", "c"], "short": ["d", "e"]}
    for unknown in ("zzz", "sector=x"):
        with pytest.raises(ValueError, match="no asset or attribute"):
            run_factor(frame, "smb", NO_FILTERS | {"exclude": [unknown]}, attributes=attributes)


def test_a_filter_without_its_field_is_an_error():
    frame = weekly_frame(price={"a": [1, 1]}, mc={"a": [1, 1]})
    with pytest.raises(OracleMissingField, match="24h_volume"):
        run_factor(frame, "smb")
    with pytest.raises(OracleMissingField, match="fees"):
        run_factor(frame, "value", NO_FILTERS)


def test_every_day_periods_are_contiguous_and_the_last_must_be_complete():
    dates = pd.DatetimeIndex(["2021-01-05", "2021-01-26"])
    weekly = oracle_periods.complete_periods(dates, "WEEKLY", "EVERY_DAY")
    assert weekly.to_list() == [pd.Timestamp(end) for end in ("2021-01-10", "2021-01-17", "2021-01-24")]
    monthly = oracle_periods.complete_periods(
        dates.append(pd.DatetimeIndex(["2021-02-28"])), "MONTHLY", "EVERY_DAY"
    )
    assert monthly.to_list() == [pd.Timestamp("2021-01-31"), pd.Timestamp("2021-02-28")]


def test_observed_periods_end_on_their_last_session():
    sessions = pd.DatetimeIndex(["2021-01-07", "2021-01-20", "2021-01-21", "2021-01-29"])
    weekly = oracle_periods.complete_periods(sessions, "WEEKLY", "OBSERVED")
    assert weekly.to_list() == [pd.Timestamp(end) for end in ("2021-01-07", "2021-01-21", "2021-01-29")]
    assert len(oracle_periods.complete_periods(sessions[:3], "WEEKLY", "OBSERVED")) == 1
    assert oracle_periods.complete_periods(sessions, "MONTHLY", "OBSERVED").to_list() == [sessions[-1]]
    assert len(oracle_periods.complete_periods(sessions, "DAILY", "OBSERVED")) == 4


def test_a_period_takes_last_price_and_cap_summed_flows_and_mean_users():
    frame = pd.DataFrame(
        {
            "date": pd.to_datetime(["2021-01-05", "2021-01-06", "2021-01-07", "2021-01-10"] * 2),
            "asset": ["a"] * 4 + ["b"] * 4,
            "price": [1, 2, 0, None, 1, 1, 1, 4],
            "mc": [7, None, 8, None, 1, 1, 1, 1],
            "24h_volume": [1, None, 2, 3, None, None, None, None],
            "dau": [10, 20, None, 30, 1, 1, 1, 1],
            "revenue": [None] * 8,
        }
    )
    periods = oracle_periods.aggregate(oracle_periods.clean(frame), "WEEKLY", "EVERY_DAY")
    assert {field: table["a"].item() for field, table in periods.tables.items()} == {
        "price": 2,
        "mc": 8,
        "24h_volume": 6,
        "dau": 20,
    }
    assert math.isnan(periods.tables["24h_volume"]["b"].item())


def test_metrics_by_hand():
    ends = pd.date_range("2021-01-10", periods=4, freq="7D")
    returns = pd.Series([0.10, -0.20, 0.05, 0.25], index=ends)
    metrics = oracle_metrics.return_metrics(returns, pd.Timestamp(SUNDAY), 52)
    annualized = 1.155 ** (365 / 21) - 1
    std = math.sqrt(0.105 / 3)
    expected = {
        "cumulative_return": 0.155,
        "years": 21 / 365,
        "annualized_return": annualized,
        "mean_annual_return": 2.6,
        "annualized_volatility": std * math.sqrt(52),
        "sharpe_ratio": 0.05 / std * math.sqrt(52),
        "sortino_ratio_target": 0.5 * math.sqrt(52),
        "max_drawdown": -0.2,
        "calmar_ratio": annualized / 0.2,
        "value_at_risk_95": 0.1625,
        "expected_shortfall_95": 0.2,
        "hit_rate": 0.75,
    }
    assert {name: metrics[name] for name in expected} == pytest.approx(expected)
    assert metrics["sortino_ratio"] is None
    assert metrics["max_drawdown_peak_date"] == ends[0]
    assert metrics["max_drawdown_trough_date"] == ends[1]
    assert metrics["max_drawdown_recovery_date"] == ends[3]


def test_a_first_loss_peaks_on_the_formation_date_and_ruin_ends_wealth():
    ends = pd.date_range("2021-01-10", periods=3, freq="7D")
    first_loss = oracle_metrics.return_metrics(
        pd.Series([-0.1, 0.0, 0.0], index=ends), pd.Timestamp(SUNDAY), 52
    )
    assert first_loss["max_drawdown_peak_date"] == pd.Timestamp(SUNDAY)
    assert first_loss["max_drawdown_trough_date"] == ends[0]
    assert first_loss["max_drawdown_recovery_date"] is None

    ruin = oracle_metrics.return_metrics(pd.Series([0.1, -1.2, 0.5], index=ends), pd.Timestamp(SUNDAY), 52)
    ruined = ("cumulative_return", "annualized_return", "max_drawdown", "calmar_ratio")
    assert [ruin[name] for name in ruined] == [-1, -1, -1, -1]
    assert ruin["wiped_out_on"] == ruin["max_drawdown_trough_date"] == ends[1]
    assert ruin["max_drawdown_peak_date"] == ends[0]
    assert ruin["mean_annual_return"] == pytest.approx(-0.2 * 52)


def test_constant_returns_have_no_ratio_and_no_drawdown():
    ends = pd.date_range("2021-01-10", periods=5, freq="7D")
    metrics = oracle_metrics.return_metrics(pd.Series([0.1] * 5, index=ends), pd.Timestamp(SUNDAY), 52)
    undefined = ("sharpe_ratio", "sortino_ratio", "sortino_ratio_target", "skewness", "calmar_ratio")
    assert all(metrics[name] is None for name in (*undefined, "excess_kurtosis", "max_drawdown_peak_date"))
    assert metrics["max_drawdown"] == 0
