"""Rebalancing grid and daily-to-period tables of the pandas reference implementation."""

from dataclasses import dataclass

import pandas as pd

PERIOD_CODES = {"DAILY": "D", "WEEKLY": "W-SUN", "MONTHLY": "M"}
FIELDS = ("price", "mc", "24h_volume", "fees", "dau", "revenue")


@dataclass(frozen=True)
class PeriodTables:
    """One table a field the dataset has: rows = grid periods in order, columns = assets, NaN = missing."""

    ends: pd.DatetimeIndex
    nominal_days: list[int]
    tables: dict[str, pd.DataFrame]

    def has(self, field: str) -> bool:
        return field in self.tables


def clean(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep the known columns that hold a number; a price <= 0 is missing."""
    present = [field for field in FIELDS if field in frame.columns and frame[field].notna().any()]
    daily = frame[["date", "asset", *present]].copy()
    daily["date"] = pd.to_datetime(daily["date"])
    daily["asset"] = daily["asset"].astype(object)  # label look-ups are several times faster than on `str`
    if "price" in present:
        daily["price"] = daily["price"].where(daily["price"] > 0)
    return daily.sort_values("date")


def daily_prices(daily: pd.DataFrame, calendar: str) -> pd.DataFrame:
    """Prices with one row a calendar row: every day (EVERY_DAY) or every session (OBSERVED)."""
    prices = daily.pivot(index="date", columns="asset", values="price")
    prices.columns = prices.columns.astype(object)
    if calendar == "EVERY_DAY":
        prices = prices.reindex(pd.date_range(prices.index[0], prices.index[-1], freq="D"))
    return prices


def complete_periods(dates: pd.DatetimeIndex, rebalance: str, calendar: str) -> pd.Series:
    """Period -> end date, ascending, without an unfinished last period.

    EVERY_DAY: contiguous, each ends on its last calendar day, and the data must reach that day.
    OBSERVED: only periods with a session, each ends on its last session, and no weekday may remain.
    """
    code = PERIOD_CODES[rebalance]
    last_date = dates[-1]
    if calendar == "EVERY_DAY":
        periods = pd.period_range(dates[0], last_date, freq=code)
        ends = pd.Series(periods.end_time.normalize(), index=periods)
        complete = ends.iloc[-1] <= last_date
    else:
        sessions = pd.Series(dates, index=dates.to_period(code))
        ends = sessions.groupby(level=0).last()
        remaining_weekdays = pd.bdate_range(last_date + pd.Timedelta(days=1), ends.index[-1].end_time)
        complete = len(remaining_weekdays) == 0
    return ends if complete else ends.iloc[:-1]


def aggregate(daily: pd.DataFrame, rebalance: str, calendar: str) -> PeriodTables:
    """Price and cap: last value in the period; volume, fees and revenue: sum; active users: mean."""
    dates = pd.DatetimeIndex(daily["date"].unique())
    ends = complete_periods(dates, rebalance, calendar)
    period = daily["date"].dt.to_period(PERIOD_CODES[rebalance])
    grouped = daily.groupby([period, daily["asset"]])

    tables = {}
    for field in daily.columns.drop(["date", "asset"]):
        if field in ("price", "mc"):
            values = grouped[field].last()
        elif field == "dau":
            values = grouped[field].mean()
        else:
            values = grouped[field].sum(min_count=1)
        table = values.unstack("asset").reindex(ends.index)
        table.index = pd.DatetimeIndex(ends)
        table.columns = table.columns.astype(object)
        tables[field] = table

    if rebalance == "MONTHLY":
        nominal_days = [month.days_in_month for month in ends.index]
    else:
        nominal_days = [{"WEEKLY": 7, "DAILY": 1}[rebalance]] * len(ends)
    return PeriodTables(pd.DatetimeIndex(ends), nominal_days, tables)
