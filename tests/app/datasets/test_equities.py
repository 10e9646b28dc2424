"""Factors of equities, from a file to returns, against a calculation in pandas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from app.datasets.read import ReadPanel, read_long_form
from engine.errors import InvalidConfig, MissingField, NoPeriods
from engine.factors.compute import compute_factor
from engine.factors.registry import FactorName, parse_config
from engine.panel import Calendar
from engine.periods import Rebalance, period_grid, periods_per_year
from tests.app.datasets.equities import (
    DELISTED,
    HOLIDAYS,
    LATE,
    SESSIONS,
    TICKERS,
    WITHOUT_EQUITY,
    equities_frame,
)

OPTIONS = {
    "market_cap_threshold": None,
    "liquidity_threshold": None,
    "min_lifetime_days": None,
    "min_assets": 5,
}
GROUPS = {"DAILY": "D", "WEEKLY": "W-SUN", "MONTHLY": "M"}
BY_BOOK = {"fundamental": "BOOK_VALUE", "long_side": "LOW"}


def ingested(folder: Path, frame: pd.DataFrame) -> ReadPanel:
    path = folder / "equities.csv"
    frame.to_csv(path, index=False)
    return read_long_form(path, filename=path.name)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return equities_frame()


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory, frame: pd.DataFrame) -> ReadPanel:
    return ingested(tmp_path_factory.mktemp("equities"), frame)


def test_the_calendar_is_that_of_the_sessions(read: ReadPanel) -> None:
    panel = read.panel

    assert panel.calendar is Calendar.OBSERVED
    assert (np.bincount(pd.DatetimeIndex(panel.dates).year)[2021:] == [252, 251, 250]).all()
    np.testing.assert_array_equal(panel.dates, SESSIONS.to_numpy().astype("datetime64[D]"))
    assert any("from the next session on" in note for note in read.quality.notes)
    assert sorted(panel.fields) == ["book_value", "close", "market_cap", "price", "shares", "volume"]


def test_weeks_and_months_end_with_their_last_session(read: ReadPanel) -> None:
    weeks = pd.DatetimeIndex(period_grid(read.panel, Rebalance.WEEKLY).ends)
    months = pd.DatetimeIndex(period_grid(read.panel, Rebalance.MONTHLY).ends)

    assert len(weeks) == 52 * 3
    not_friday = weeks[weeks.day_of_week != 4]
    fridays_off = [day for day in HOLIDAYS[1:] if day.day_of_week == 4]
    assert list(not_friday + pd.Timedelta(days=1)) == fridays_off
    assert len(months) == 36
    assert str(months[3].date()) == "2021-04-30"
    assert str(months[4].date()) == "2021-05-28", "Memorial Day is the 31st"


def test_there_are_252_sessions_a_year() -> None:
    found = [periods_per_year(rebalance, Calendar.OBSERVED) for rebalance in Rebalance]
    assert dict(zip(Rebalance, found, strict=True)) == {"DAILY": 252, "WEEKLY": 52, "MONTHLY": 12}


def test_market_caps_come_from_the_close_and_the_shares_known(read: ReadPanel, frame: pd.DataFrame) -> None:
    expected = daily_caps(frame)

    assert read.panel.assets == TICKERS
    np.testing.assert_allclose(read.panel.fields["market_cap"], expected.to_numpy(), rtol=1e-15)
    ended = expected[DELISTED].loc["2022-08-17":]
    assert ended.isna().all(), "shares are filed on, but there is no price"
    assert expected.drop(columns=DELISTED).notna().all(axis=None)


@pytest.mark.parametrize("rebalance", GROUPS)
@pytest.mark.parametrize(
    ("factor", "own"),
    [("SMB", {}), ("MOMENTUM", {"lookback_periods": 3}), ("VALUE", BY_BOOK)],
    ids=["size", "momentum", "value"],
)
def test_factors_are_those_of_pandas(
    read: ReadPanel, frame: pd.DataFrame, factor: str, own: dict[str, object], rebalance: str
) -> None:
    config = parse_config(FactorName(factor), OPTIONS | own | {"rebalance": rebalance})
    result = compute_factor(read.panel, config)
    expected, missing = expected_returns(frame, factor, rebalance)

    assert len(expected) > 25
    np.testing.assert_array_equal(result.dates, expected.index.to_numpy().astype("datetime64[D]"))
    np.testing.assert_allclose(result.factor, expected.to_numpy(), rtol=1e-11, atol=1e-14)
    per_year = {"DAILY": 252, "WEEKLY": 52, "MONTHLY": 12}[rebalance]
    performance = result.performance
    assert performance.annualized_volatility == pytest.approx(expected.std() * np.sqrt(per_year))
    assert performance.sharpe_ratio == pytest.approx(expected.mean() / expected.std() * np.sqrt(per_year))
    assert performance.missing_returns == missing == 1, "the delisted one was held when it went"


def test_value_leaves_out_who_has_no_book_equity_or_an_old_one(read: ReadPanel) -> None:
    result = compute_factor(read.panel, parse_config(FactorName("VALUE"), OPTIONS | BY_BOOK))

    def ranked_when(asset: str) -> pd.DatetimeIndex:
        has_signal = np.isfinite(result.signals[:, TICKERS.index(asset)])
        return pd.DatetimeIndex(result.formation_dates[has_signal])

    insolvent = ranked_when(WITHOUT_EQUITY)
    assert insolvent[insolvent < "2022-06"].max() == pd.Timestamp("2022-01-21")
    assert insolvent[insolvent > "2022-06"].min() == pd.Timestamp("2023-02-17"), "filed on Saturday the 11th"
    late = ranked_when(LATE)
    assert late.max() == pd.Timestamp("2022-02-11"), "400 days after the filing are over on the 16th"


def test_four_tickers_are_too_few(tmp_path: Path) -> None:
    panel = ingested(tmp_path, equities_frame(TICKERS[:4])).panel

    with pytest.raises(NoPeriods, match="at most 4 assets were eligible, 5 are needed"):
        compute_factor(panel, parse_config(FactorName("SMB"), OPTIONS))
    with pytest.raises(InvalidConfig, match="min_assets must be from 5 to"):
        parse_config(FactorName("SMB"), OPTIONS | {"min_assets": 4})


def test_value_without_book_values_says_what_is_missing(tmp_path: Path, frame: pd.DataFrame) -> None:
    panel = ingested(tmp_path, frame.drop(columns="book_equity")).panel

    with pytest.raises(
        MissingField, match="no field 'book_value', which factor value with fundamental book_value"
    ):
        compute_factor(panel, parse_config(FactorName("VALUE"), OPTIONS | BY_BOOK))


# -- the same in pandas --------------------------------------------------------------------------------------


def wide(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    return frame.pivot(index="date", columns="ticker", values=column)


def filed(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """On every calendar day the last value filed, for 400 days."""
    table = wide(frame, column)
    return table.reindex(pd.date_range(table.index[0], SESSIONS[-1])).ffill(limit=400)


def daily_caps(frame: pd.DataFrame) -> pd.DataFrame:
    return (wide(frame, "Close") * filed(frame, "shares_outstanding")).loc[SESSIONS]


def expected_returns(frame: pd.DataFrame, factor: str, rebalance: str) -> tuple[pd.Series, int]:
    """(factor returns by period end, holdings without a price at the end of their period)."""
    groups = SESSIONS.to_period(GROUPS[rebalance])
    ends = pd.Series(SESSIONS, index=SESSIONS).groupby(groups).last()
    prices = wide(frame, "Adj Close").loc[SESSIONS].groupby(groups).last()
    caps = daily_caps(frame).groupby(groups).last()
    books = filed(frame, "book_equity").reindex(pd.DatetimeIndex(ends)).set_axis(ends.index)
    signals = {
        "SMB": caps,
        "MOMENTUM": -(prices / prices.shift(3) - 1),
        "VALUE": caps / books.where(books > 0),
    }[factor].where(prices.notna())
    returns, missing = {}, 0
    for previous, period in zip(ends.index[:-1], ends.index[1:], strict=True):
        order = signals.loc[previous].dropna().sort_values().index
        if len(order) < 5:
            continue
        half = len(order) // 2
        earned = prices.loc[period] / prices.loc[previous] - 1
        legs = earned[order[:half]], earned[order[-half:]]
        missing += sum(int(leg.isna().sum()) for leg in legs)
        returns[ends[period]] = legs[0].fillna(0).mean() - legs[1].fillna(0).mean()
    return pd.Series(returns), missing
