"""The reference research against numbers worked by hand on tiny frames."""

import itertools
import math
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from engine.factors.config import WeightingMethod
from engine.factors.models.smb import SmbConfig
from engine.panel import Calendar, Panel
from tests.reference import oracle_inference, oracle_periods
from tests.reference.frames import NO_FILTERS, four_assets, weekly_frame
from tests.reference.oracle_costs import drifted
from tests.reference.oracle_research import research, research_frame
from tests.reference.pandas_oracle import run_factor

W1, W2, W3 = (pd.Timestamp(day) for day in ("2021-01-10", "2021-01-17", "2021-01-24"))
HAND_RETURNS = pd.Series([0.10, -0.20, 0.05, 0.25], index=pd.date_range("2021-01-10", periods=4, freq="7D"))


def daily_frame(days: pd.DatetimeIndex, **fields: list[float | None]) -> pd.DataFrame:
    """One asset, one row a day."""
    return pd.DataFrame({"date": days, "asset": "a", **fields})


# --- lags and extreme returns


def test_published_figures_arrive_days_later():
    days = pd.date_range("2021-01-04", "2021-01-24")  # three whole weeks, Monday to Sunday
    numbers = [float(n) for n in range(1, 22)]
    frame = daily_frame(days, price=[1.0] * 21, fees=numbers, dau=numbers, **{"24h_volume": numbers})
    tables = oracle_periods.aggregate(oracle_periods.clean(frame), "WEEKLY", "EVERY_DAY", 3).tables
    # known by Sunday 10: days 1 to 4; by Sunday 17: 5 to 11; by Sunday 24: 12 to 18
    assert tables["fees"]["a"].to_list() == [10, 56, 105]
    assert tables["dau"]["a"].to_list() == [2.5, 8, 15]
    assert tables["24h_volume"]["a"].to_list() == [28, 77, 126]

    late = oracle_periods.aggregate(oracle_periods.clean(frame), "WEEKLY", "EVERY_DAY", 14).tables["fees"][
        "a"
    ]
    assert late.isna().to_list() == [True, True, False]
    assert late.iloc[2] == 28


def test_what_is_published_after_the_last_session_belongs_to_the_next_week():
    sessions = pd.bdate_range("2021-01-04", "2021-01-15")
    frame = daily_frame(sessions, price=[1.0] * 10, revenue=[float(n) for n in range(1, 11)])
    tables = oracle_periods.aggregate(oracle_periods.clean(frame), "WEEKLY", "OBSERVED", 1).tables
    # Friday's 5 is known on Saturday, when the week has closed
    assert tables["revenue"]["a"].to_list() == [1 + 2 + 3 + 4, 5 + 6 + 7 + 8 + 9]


def test_a_lagged_execution_takes_the_last_price_up_to_one_row_later():
    days = pd.DatetimeIndex(
        ["2021-01-03", "2021-01-04", "2021-01-10", "2021-01-11", "2021-01-17", "2021-01-24"]
    )
    frame = daily_frame(days, price=[10.0, 20.0, 11.0, 22.0, 30.0, 7.0])
    periods = oracle_periods.aggregate(oracle_periods.clean(frame), "WEEKLY", "EVERY_DAY", 0, 1)
    # of Sunday 3: Monday 4; of 10: Monday 11; of 17: itself, for Monday 18 has none; no day is after 24
    assert list(periods.ends) == [pd.Timestamp("2021-01-03"), W1, W2]
    assert periods.execution_prices["a"].to_list() == [20, 22, 30]
    assert periods.tables["price"]["a"].to_list() == [10, 11, 30]


def test_a_lagged_execution_skips_to_the_next_session():
    sessions = pd.DatetimeIndex(["2021-01-08", "2021-01-14", "2021-01-15", "2021-01-19"])
    frame = daily_frame(sessions, price=[1.0, 2.0, 3.0, 4.0])
    periods = oracle_periods.aggregate(oracle_periods.clean(frame), "WEEKLY", "OBSERVED", 0, 1)
    assert list(periods.ends) == [pd.Timestamp("2021-01-08"), pd.Timestamp("2021-01-15")]
    assert periods.execution_prices["a"].to_list() == [2, 4]


def test_a_lagged_run_earns_between_execution_prices_and_ranks_by_the_others():
    frame = four_assets()
    mondays = frame.assign(date=frame["date"] + pd.Timedelta(days=1))
    mondays["mc"] = mondays["mc"].iloc[::-1].to_numpy()  # must not be looked at
    mondays.loc[(mondays["date"] == "2021-01-04") & (mondays["asset"] == "a"), "price"] = 5.0
    run = run_factor(pd.concat([frame, mondays]), "smb", NO_FILTERS | {"execution_lag_days": 1})
    earned = run.holdings.set_index(["period", "asset"])["period_return"]
    assert earned[W1, "a"] == pytest.approx(11 / 5 - 1)
    assert earned[W2, "a"] == pytest.approx(1.0)
    assert set(run.holdings.query("leg == 'long'")["asset"]) == {"a", "b"}


def test_a_missing_entry_price_is_a_missing_return():
    frame = four_assets()
    mondays = frame.assign(date=frame["date"] + pd.Timedelta(days=1))
    frame = pd.concat([frame, mondays])
    # a's only prices are of Sunday 3, which is no execution row, and of Monday 11 and after
    frame = frame[
        ~((frame["asset"] == "a") & frame["date"].isin(pd.to_datetime(["2021-01-04", "2021-01-10"])))
    ]
    run = run_factor(frame, "smb", NO_FILTERS | {"execution_lag_days": 1, "missing_return": -0.5})
    first = run.holdings[run.holdings["period"] == W1].set_index("asset")
    assert math.isnan(first.loc["a", "period_return"])
    assert run.returns.loc[W1, "long"] == pytest.approx((-0.5 + 0.3) / 2)
    assert run.metrics["missing_returns"] == 1


def test_extreme_returns_are_counted_and_on_request_not_earned():
    # returns of a b c d: 0.1 0.3 -0.1 0.5, then 1 0 0 -0.5; a and b are long
    flagged = run_factor(four_assets(), "smb", NO_FILTERS | {"max_abs_return": 0.4})
    assert flagged.extreme_returns == 3
    assert flagged.returns["factor"].to_list() == pytest.approx([0.0, 0.75])
    assert run_factor(four_assets(), "smb", NO_FILTERS | {"max_abs_return": 0.5}).extreme_returns == 1

    settings = {"max_abs_return": 0.4, "extreme_returns": "EXCLUDE", "missing_return": -0.2}
    excluded = run_factor(four_assets(), "smb", NO_FILTERS | settings)
    assert excluded.extreme_returns == 3
    assert excluded.metrics["missing_returns"] == 0
    assert excluded.returns["long"].to_list() == pytest.approx([0.2, (-0.2 + 0) / 2])
    assert excluded.returns["short"].to_list() == pytest.approx([(-0.1 - 0.2) / 2, (0 - 0.2) / 2])


# --- costs


def test_drift_follows_what_was_earned():
    assert drifted({"a": 0.5, "b": 0.5}, {"a": 0.1, "b": 0.3}) == pytest.approx({"a": 11 / 24, "b": 13 / 24})
    assert drifted({"a": 0.5, "b": 0.5}, {"a": -1.0, "b": -1.0}) == {"a": 0, "b": 0}


def test_costs_by_hand():
    settings = NO_FILTERS | {"cost_bps": 100.0, "short_carry_bps": 3650.0}
    result = research_frame(four_assets(), "smb", settings)
    # long 1/2 1/2 drifts to 11/24 13/24, short 1/2 1/2 to 3/8 5/8; carry is 0.365 * 7/365
    assert result.trading["traded_long"].to_list() == pytest.approx([1, 1 / 12])
    assert result.trading["traded_short"].to_list() == pytest.approx([1, 1 / 4])
    assert result.series["TURNOVER"].to_list() == pytest.approx([1, 1 / 6])
    assert result.metrics["mean_turnover"] == pytest.approx(1 / 6)
    net = [0 - 0.02 - 0.007, 0.75 - 0.01 / 3 - 0.007]
    assert result.series["NET"].to_list() == pytest.approx(net)
    assert result.net_metrics["cumulative_return"] == pytest.approx((1 + net[0]) * (1 + net[1]) - 1)
    assert result.metrics["cumulative_return"] == pytest.approx(0.75)
    assert result.metrics["break_even_cost_bps"] == pytest.approx((0.375 - 0.007) / (7 / 6) * 1e4)


def test_at_the_break_even_cost_nothing_is_left():
    free = research_frame(four_assets(), "smb", NO_FILTERS)
    assert free.net_metrics is None
    assert "NET" not in free.series
    charged = research_frame(
        four_assets(), "smb", NO_FILTERS | {"cost_bps": free.metrics["break_even_cost_bps"]}
    )
    assert charged.series["NET"].mean() == pytest.approx(0)


def gapped_frame(weeks: int, missing_in: int) -> pd.DataFrame:
    """Prices at rest; in one week asset a has no cap, so that the week after it is skipped."""
    caps = {asset: [float(cap)] * weeks for cap, asset in enumerate("abcd", start=1)}
    caps["a"][missing_in] = None
    return weekly_frame(price={asset: [10] * weeks for asset in "abcd"}, mc=caps)


def test_a_skipped_period_liquidates_before_it_and_enters_after_it():
    result = research_frame(gapped_frame(6, missing_in=2), "smb", NO_FILTERS | {"cost_bps": 10.0})
    # periods 1, 2, gap, 4, 5: entry; nothing and out again; entry; nothing, and the final exit is free
    assert result.trading["traded_long"].to_list() == [1, 1, 1, 0]
    assert result.trading["is_entry"].to_list() == [True, False, True, False]
    assert result.metrics["mean_turnover"] == pytest.approx((1 + 0) / 2)
    assert result.metrics["break_even_cost_bps"] is None  # nothing was earned

    at_once = research_frame(gapped_frame(4, missing_in=1), "smb", NO_FILTERS)
    assert at_once.trading["traded_short"].to_list() == [2, 1]
    assert at_once.metrics["mean_turnover"] is None


def test_a_leg_that_lost_everything_has_nothing_to_liquidate():
    frame = gapped_frame(5, missing_in=2)
    gone = frame["asset"].isin(["a", "b"]) & (frame["date"] == W2)
    frame.loc[gone, "price"] = None
    result = research_frame(frame, "smb", NO_FILTERS | {"missing_return": -1.0})
    assert list(result.returns.index) == [W1, W2, pd.Timestamp("2021-01-31")]
    assert result.trading["traded_long"].to_list() == [1, 0, 1]
    assert result.trading["traded_short"].to_list() == [1, 1, 1]


def test_a_long_only_factor_pays_no_carry():
    settings = NO_FILTERS | {"top_n": 2, "cost_bps": 100.0, "short_carry_bps": 1000.0}
    result = research_frame(four_assets(), "market", settings)
    # d 4/7, c 3/7 drift by 0.5 and -0.1 to 60/87, 27/87; the new weights are 4/7 and 3/7 again
    traded = 2 * (60 / 87 - 4 / 7)
    assert result.trading["traded_long"].to_list() == pytest.approx([1, traded])
    assert result.trading["traded_short"].to_list() == [0, 0]
    assert result.trading["carry"].to_list() == [0, 0]
    assert result.series["TURNOVER"].to_list() == pytest.approx([0.5, traded / 2])
    first, second = (4 * 0.5 - 3 * 0.1) / 7, -4 * 0.5 / 7
    assert result.series["NET"].to_list() == pytest.approx([first - 0.01, second - 0.01 * traded])


# --- inference


def test_newey_west_by_hand():
    # distances from the mean 0.05: 0.05 -0.25 0 0.2; lag 1: 0.105 + 2 * 1/2 * (-0.0125) = 0.0925
    assert oracle_inference.default_lag(4) == 1
    assert oracle_inference.newey_west_t(HAND_RETURNS) == pytest.approx(0.05 * 4 / math.sqrt(0.0925))
    assert oracle_inference.newey_west_t(HAND_RETURNS, 0) == pytest.approx(0.05 * 4 / math.sqrt(0.105))
    assert oracle_inference.newey_west_t(HAND_RETURNS.iloc[:2]) is None
    assert oracle_inference.newey_west_t(pd.Series([0.1] * 5)) is None


def test_sharpe_inference_by_hand():
    squared = 0.05**2 / (0.105 / 3)
    expected = math.sqrt((1 + squared / 2) / 4 * 52)
    assert oracle_inference.sharpe_standard_error(HAND_RETURNS, 52) == pytest.approx(expected)
    variance = 0.105 / 4
    skewness = (0.05**3 - 0.25**3 + 0.2**3) / 4 / variance**1.5
    kurtosis = (0.05**4 + 0.25**4 + 0.2**4) / 4 / variance**2
    sharpe = 0.05 / math.sqrt(variance)
    spread = math.sqrt(1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2)
    expected = NormalDist().cdf(sharpe * math.sqrt(3) / spread)
    assert oracle_inference.probabilistic_sharpe_ratio(HAND_RETURNS) == pytest.approx(expected)


def test_alpha_and_beta_of_a_line():
    market = pd.Series([0.1, -0.1, 0.2, 0.0], index=HAND_RETURNS.index)
    line = (0.01 + 2 * market).iloc[1:]
    assert oracle_inference.alpha_and_beta(line, market, 52) == pytest.approx((0.52, 2))
    assert oracle_inference.alpha_and_beta(line.iloc[1:], market, 52) == (None, None)


def test_rank_correlation_needs_three_assets_that_vary():
    left = pd.Series({"a": 1.0, "b": 2.0, "c": 3.0})
    assert oracle_inference.rank_correlation(
        left, pd.Series({"a": 5.0, "b": 6.0, "c": 7.0})
    ) == pytest.approx(1)
    assert math.isnan(oracle_inference.rank_correlation(left, pd.Series({"a": 5.0, "b": 6.0, "c": math.nan})))
    assert math.isnan(oracle_inference.rank_correlation(left, pd.Series({"a": 5.0, "b": 5.0, "c": 5.0})))


def test_autocorrelation_pairs_defined_neighbours():
    values = pd.Series([0.1, math.nan, 0.3, 0.2, 0.4])
    expected = np.corrcoef([0.1, 0.3, 0.2], [0.3, 0.2, 0.4])[0, 1]
    assert oracle_inference.autocorrelation(values) == pytest.approx(expected)
    assert oracle_inference.autocorrelation(values.iloc[:3]) is None


# --- signal quality


def test_rank_ic_by_hand():
    result = research_frame(four_assets(), "smb", NO_FILTERS)
    # returns rank 2 3 1 4 against 1 2 3 4: 1 - 6*6/60 = 0.4; then 4 2.5 2.5 1: -4.5/sqrt(5*4.5). Small is
    # long, so the sign turns.
    expected = [-0.4, 4.5 / math.sqrt(22.5)]
    assert result.series["IC"].to_list() == pytest.approx(expected)
    mean, std = sum(expected) / 2, abs(expected[0] - expected[1]) / math.sqrt(2)
    assert result.metrics["ic_mean"] == pytest.approx(mean)
    assert result.metrics["ic_std"] == pytest.approx(std)
    assert result.metrics["ic_t"] == pytest.approx(mean / std * math.sqrt(2))
    assert result.metrics["ic_autocorrelation"] is None
    # over two weeks: 1.2 0.3 -0.1 -0.25, the small ones first
    assert result.ic_by_horizon.loc[W1, 2] == pytest.approx(1)
    assert math.isnan(result.ic_by_horizon.loc[W2, 2])
    assert result.ic_decay["num_periods"].to_list() == [2, 1, 0, 0, 0, 0, 0, 0]
    assert result.ic_decay.loc[2, "mean"] == pytest.approx(1)


def test_only_the_first_horizon_leaves_excluded_extremes_out():
    frame = four_assets()
    frame.loc[(frame["date"] == W2) & (frame["asset"] == "d"), "price"] = 25.0
    settings = NO_FILTERS | {"max_abs_return": 0.4, "extreme_returns": "EXCLUDE"}
    result = research_frame(frame, "smb", settings)
    # without d: 0.1 0.3 -0.1 ranks 2 3 1 against 1 2 3: 1 - 6*6/24 = -0.5; then b and c alone are too few
    assert result.series["IC"].iloc[0] == pytest.approx(0.5)
    assert math.isnan(result.series["IC"].iloc[1])
    # over two weeks a and d made 1.2 and 1.5: ranks 3 2 1 4 against 1 2 3 4 is 1 - 6*8/60 with them
    assert result.ic_by_horizon.loc[W1, 2] == pytest.approx(-(1 - 6 * 8 / 60))


def test_a_horizon_ends_within_the_reported_range():
    result = research_frame(four_assets(), "smb", NO_FILTERS | {"end_date": W1})
    assert result.ic_by_horizon.iloc[0].notna().to_list() == [True] + [False] * 7


def test_the_overlap_of_horizons_widens_their_error():
    rng = np.random.default_rng(3)
    steps = rng.normal(0, 0.1, (8, 30))
    frame = weekly_frame(
        price={asset: np.exp(path.cumsum()).tolist() for asset, path in zip("abcdefgh", steps, strict=True)},
        mc={asset: [cap] * 30 for cap, asset in enumerate("abcdefgh", start=1)},
    )
    result = research_frame(frame, "smb", NO_FILTERS)
    values = result.ic_by_horizon[6].dropna().to_numpy()
    n, centred = len(values), values - values.mean()
    assert n == 24
    total = centred @ centred
    for lag in range(1, 6):  # default lag of 24 periods is 2
        total += 2 * (1 - lag / 6) * (centred[lag:] @ centred[:-lag])
    assert result.ic_decay.loc[6, "t"] == pytest.approx(values.mean() * n / math.sqrt(total))


def test_quantiles_by_hand():
    result = research_frame(four_assets(), "smb", NO_FILTERS | {"quantiles": 3})
    # positions 0 1 2 3 of 4 go to buckets 1 1 2 3
    assert result.series["QUANTILE_1"].to_list() == pytest.approx([0.2, 0.5])
    assert result.series["QUANTILE_2"].to_list() == pytest.approx([-0.1, 0.0])
    assert result.series["QUANTILE_3"].to_list() == pytest.approx([0.5, -0.5])
    assert result.series["QUANTILE_SPREAD"].to_list() == pytest.approx([-0.3, 1.0])
    assert result.quantiles["mean_return"].to_list() == pytest.approx([0.35, -0.05, 0])
    assert result.quantiles.loc[1, "cumulative_return"] == pytest.approx(0.8)
    assert result.quantiles.loc[1, "annualized_return"] == pytest.approx(1.8 ** (365 / 7) - 1)
    # means rank 3 1 2: 1 - 6*6/24 = -1/2, and no order of three is nearer to 0
    assert result.monotonicity == pytest.approx({"rho": -0.5, "p_value": 1.0})
    assert result.quantile_spread["mean_return"] == pytest.approx(0.35)

    none = research_frame(four_assets(), "smb", NO_FILTERS)  # five buckets of four assets
    assert none.series["QUANTILE_1"].isna().all()
    assert len(none.quantiles) == 0
    assert none.quantile_spread["num_periods"] == 0


def test_equal_signals_are_told_apart_by_asset():
    frame = four_assets()
    frame["mc"] = 1.0
    result = research_frame(frame, "smb", NO_FILTERS | {"quantiles": 4})
    assert result.series.loc[W1, "QUANTILE_1":"QUANTILE_4"].to_list() == pytest.approx([0.1, 0.3, -0.1, 0.5])
    assert result.series["IC"].isna().all()
    assert result.metrics["ic_mean"] is None


def test_a_quantile_earns_the_missing_return():
    frame = four_assets()
    frame.loc[(frame["date"] == W2) & (frame["asset"] == "b"), "price"] = None
    settings = {"quantiles": 2, "missing_return": -0.4, "max_abs_return": 0.9, "extreme_returns": "EXCLUDE"}
    result = research_frame(frame, "smb", NO_FILTERS | settings)
    # a rose by 1, which is excluded; b is missing
    assert result.series["QUANTILE_1"].to_list() == pytest.approx([0.2, -0.4])


@pytest.mark.parametrize("means", [[1, 2, 3, 4, 5], [0.3, 0.1, 0.2, 0.5, 0.4], [1, 1, 2, 3, 2.5]])
def test_monotonicity_counts_all_orders(means):
    def spearman(order: np.ndarray) -> float:
        return stats.spearmanr(order, [1, 2, 3, 4, 5]).statistic

    exact = stats.permutation_test(
        (means,), spearman, permutation_type="pairings", n_resamples=math.inf, alternative="two-sided"
    )
    result = oracle_inference.monotonicity(means)
    assert result["rho"] == pytest.approx(exact.statistic)
    assert result["p_value"] == pytest.approx(exact.pvalue)


def test_persistence_by_hand():
    frame = gapped_frame(6, missing_in=3)
    frame.loc[(frame["date"] == W1) & frame["asset"].isin(["a", "b"]), "mc"] = [2, 1]
    result = research_frame(frame, "smb", NO_FILTERS)
    # caps 1 2 3 4, then 2 1 3 4: 1 - 6*2/60 = 0.8; then 1 2 3 4 again; a gap; one period
    values = result.series["SIGNAL_AUTOCORRELATION"].to_list()
    assert values[1:3] == pytest.approx([0.8, 0.8])
    assert math.isnan(values[0])
    assert math.isnan(values[3])
    assert result.persistence["mean_autocorrelation"] == pytest.approx(0.8)
    assert result.persistence["half_life_periods"] == pytest.approx(math.log(0.5) / math.log(0.8))


# --- breakdown


def months_of_ten_assets(path: list[float]) -> pd.DataFrame:
    ends = pd.date_range("2020-08-31", periods=len(path), freq="ME")
    rows = [
        {"date": end, "asset": f"a{i}", "price": price * (1 + i), "mc": 1.0 + i}
        for end, price in zip(ends, path, strict=True)
        for i in range(10)
    ]
    return pd.DataFrame(rows)


def test_regimes_look_at_the_half_year_behind():
    path = [1, 2, 3, 4, 5, 6, 7, 1, 2, 8]  # the market has returns from September on
    settings = NO_FILTERS | {"min_lifetime_days": None, "rebalance": "MONTHLY", "min_assets": 5}
    result = research_frame(months_of_ten_assets(path), "smb", settings)
    regimes = list(result.regimes.values())
    # April is decided by September to February: 2 to 7; May by October to March: 1 is below the mean
    assert regimes == [None] * 6 + ["UP", "DOWN", "DOWN"]
    assert result.series["MARKET"].to_list() == pytest.approx(
        [b / a - 1 for a, b in itertools.pairwise(path)]
    )
    named = result.subperiods.set_index("label")
    assert list(named.index) == ["2020", "2021", "UP", "DOWN"]
    assert named["num_periods"].to_list() == [4, 5, 1, 2]
    assert named.loc["2021", "first_date"] == pd.Timestamp("2021-01-31")
    assert named.loc["DOWN", "last_date"] == pd.Timestamp("2021-05-31")


def test_a_market_run_has_regimes_but_no_alpha():
    path = [1, 2, 3, 4, 5, 6, 7, 1, 2, 8]
    settings = dict.fromkeys(("market_cap_threshold", "liquidity_threshold", "min_lifetime_days"))
    result = research_frame(
        months_of_ten_assets(path), "market", settings | {"rebalance": "MONTHLY", "cost_bps": 1000.0}
    )
    assert result.metrics["beta"] is None
    assert result.net_metrics["alpha"] is None
    named = result.subperiods.set_index("label")
    assert named.loc["2020", "cumulative_return"] == pytest.approx(4)
    assert named.loc["2021", "cumulative_return"] == pytest.approx(8 / 5 - 1)
    assert named.loc["2021", "max_drawdown"] == pytest.approx(1 / 7 - 1)
    assert named.loc["2020", "net_cumulative_return"] == pytest.approx(1.9 * 1.5 * 4 / 3 * 5 / 4 - 1)
    assert named.loc["DOWN", "cumulative_return"] == pytest.approx(8 / 1 - 1)
    beta = research_frame(
        months_of_ten_assets(path), "smb", settings | {"rebalance": "MONTHLY", "min_assets": 5}
    ).metrics["beta"]
    assert beta == pytest.approx(0)


def test_extremes_by_hand():
    result = research_frame(four_assets(), "smb", NO_FILTERS)
    rows = result.extremes
    assert list(zip(rows["date"], rows["asset"], rows["leg"], strict=True))[:4] == [
        (W2, "a", "long"),
        (W1, "d", "short"),
        (W2, "d", "short"),
        (W1, "b", "long"),
    ]
    assert rows["contribution"].to_list() == pytest.approx([0.5, -0.25, 0.25, 0.15, 0.05])
    # 0 + 0.25 - 0.15 - 0.05 is left of the first week, 0.75 - 0.75 of the second
    expected = {"total_contribution": 0.7, "share": 0.7 / 0.75, "cumulative_return_without": 0.05}
    assert result.extremes_summary == pytest.approx(expected)


def test_a_target_trades_from_the_drifted_portfolio():
    result = research_frame(four_assets(), "smb", NO_FILTERS)
    # a b: 1/2 1/2 earned 1 and 0; c d: 1/2 1/2 earned 0 and -1/2
    target = result.target.set_index("asset")
    assert target["weight"].to_dict() == dict.fromkeys("abcd", 0.5)
    previous = {"a": 2 / 3, "b": 1 / 3, "c": 2 / 3, "d": 1 / 3}
    assert target["previous_weight"].to_dict() == pytest.approx(previous)
    assert target["trade"].to_dict() == pytest.approx({k: 0.5 - v for k, v in previous.items()})
    assert result.target_summary == {
        "formation_date": W2,
        "period_end": W3,
        "num_eligible": 4,
        "reason": None,
    }


def test_a_target_sells_what_is_no_longer_wanted():
    frame = four_assets()
    frame.loc[(frame["date"] == W2) & (frame["asset"] == "a"), "mc"] = 9
    target = research_frame(frame, "smb", NO_FILTERS).target.set_index(["leg", "asset"])
    assert target["weight"].to_dict() == {
        ("long", "a"): 0,
        ("long", "b"): 0.5,
        ("long", "c"): 0.5,
        ("short", "a"): 0.5,
        ("short", "c"): 0,
        ("short", "d"): 0.5,
    }
    assert target.loc[("long", "a"), "trade"] == pytest.approx(-2 / 3)
    assert target.loc[("short", "a"), "trade"] == pytest.approx(0.5)


def test_a_target_that_would_be_skipped_says_so():
    frame = gapped_frame(3, missing_in=2)
    result = research_frame(frame, "smb", NO_FILTERS)
    assert result.target is None
    assert result.target_summary["num_eligible"] == 3
    assert result.target_summary["reason"] == "TOO_FEW_ASSETS"


def test_a_target_is_formed_by_the_end_date():
    summary = research_frame(four_assets(), "smb", NO_FILTERS | {"end_date": "2021-01-16"}).target_summary
    assert (summary["formation_date"], summary["period_end"]) == (W1, W2)


@pytest.mark.parametrize(
    ("period", "freq", "calendar", "end"),
    [
        ("2021-01-10", "W-SUN", "EVERY_DAY", "2021-01-17"),
        ("2021-01-31", "M", "EVERY_DAY", "2021-02-28"),
        ("2021-01-31", "D", "EVERY_DAY", "2021-02-01"),
        ("2021-01-10", "W-SUN", "OBSERVED", "2021-01-15"),
        ("2021-01-31", "M", "OBSERVED", "2021-02-26"),
        ("2021-01-15", "D", "OBSERVED", "2021-01-18"),
    ],
)
def test_the_next_period_ends_by_the_calendar(period, freq, calendar, end):
    assert oracle_periods.nominal_end_after(pd.Period(period, freq), calendar) == pd.Timestamp(end)


# --- the entry by panel


def test_a_panel_and_its_long_form_say_the_same():
    rng = np.random.default_rng(5)
    days, assets = pd.date_range("2021-01-04", periods=40), tuple("abcdefg")
    fields = {
        "price": np.exp(rng.normal(0, 0.1, (40, 7)).cumsum(axis=0)),
        "market_cap": rng.lognormal(size=(40, 7)),
        "volume": rng.lognormal(size=(40, 7)),
    }
    fields["price"][rng.random((40, 7)) < 0.1] = np.nan
    sectors = ("x", "x", None, "x", "x", "y", "x")
    panel = Panel(
        dates=days.to_numpy().astype("datetime64[D]"),
        assets=assets,
        fields=fields,
        calendar=Calendar.EVERY_DAY,
        attributes={"sector": sectors},
    )
    options = {
        "market_cap_threshold": 0.1,
        "liquidity_threshold": 1.0,
        "min_lifetime_days": 8,
        "min_assets": 5,
    }
    options |= {"exclude": ("sector=y",), "cost_bps": 5.0}
    by_panel = research(panel, SmbConfig(**options))

    frame = pd.DataFrame({"date": np.repeat(days, 7), "asset": list(assets) * 40})
    frame[["price", "mc", "24h_volume"]] = np.column_stack([values.ravel() for values in fields.values()])
    by_frame = research_frame(
        frame,
        "smb",
        options,
        attributes={"sector": {a: s for a, s in zip(assets, sectors, strict=True) if s is not None}},
    )
    assert "f" not in set(by_panel.holdings["asset"])
    assert by_panel.metrics == by_frame.metrics
    pd.testing.assert_frame_equal(by_panel.series, by_frame.series)
    by_cap = research(panel, SmbConfig(**options | {"weighting_method": WeightingMethod.MARKET_CAP}))
    assert by_cap.metrics["long_hhi"] != by_panel.metrics["long_hhi"]
