"""Rebalancing grid and daily-to-period tables of the pandas reference implementation."""

from dataclasses import dataclass

import pandas as pd

PERIOD_CODES = {"DAILY": "D", "WEEKLY": "W-SUN", "MONTHLY": "M"}
FIELDS = ("price", "mc", "24h_volume", "fees", "dau", "revenue", "shares", "book_value")
PUBLISHED_FIELDS = ("fees", "dau", "revenue")
FILED_FIELDS = ("shares", "book_value")
FILED_DAYS = 400


@dataclass(frozen=True)
class PeriodTables:
    """One table a field the dataset has: rows = grid periods in order, columns = assets, NaN = missing.

    `execution_prices` is what positions are taken at: the period's price, or that of one calendar row later.
    `next_ends` are the nominal ends of the periods that follow each row.
    """

    ends: pd.DatetimeIndex
    nominal_days: list[int]
    tables: dict[str, pd.DataFrame]
    execution_prices: pd.DataFrame
    next_ends: list[pd.Timestamp]

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


def complete_periods(
    dates: pd.DatetimeIndex, rebalance: str, calendar: str, execution_lag_days: int = 0
) -> pd.Series:
    """Period -> end date, ascending, without an unfinished last period.

    EVERY_DAY: contiguous, each ends on its last calendar day, and the data must reach that day.
    OBSERVED: only periods with a session, each ends on its last session, and no weekday may remain.
    An execution lag of one row makes the data reach one row past the end.
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
    if not complete:
        ends = ends.iloc[:-1]
    if execution_lag_days == 1:
        ends = ends[ends < last_date]
    return ends


def nominal_end_after(period: pd.Period, calendar: str) -> pd.Timestamp:
    """End of the next calendar period; of sessions, its last weekday."""
    following = period + 1
    end = following.end_time.normalize()
    if calendar == "EVERY_DAY":
        return end
    if period.freqstr == "D":
        return period.start_time + pd.offsets.BDay(1)
    return pd.offsets.BDay().rollback(end)


def shaped(values: pd.Series, ends: pd.Series) -> pd.DataFrame:
    """Values by (period or position, asset) as a table with one row a grid period."""
    table = values.unstack("asset").reindex(ends.index)
    table.index = pd.DatetimeIndex(ends)
    table.columns = table.columns.astype(object)
    return table


def positions(known_on: pd.Series, ends: pd.Series) -> pd.Series:
    """Position of the period in whose interval (previous end, end] each date lies; after the last: none."""
    found = pd.Series(pd.DatetimeIndex(ends).searchsorted(known_on, side="left"), index=known_on.index)
    return found.where(found < len(ends))


def published(daily: pd.DataFrame, field: str, lag_days: int, ends: pd.Series) -> pd.DataFrame:
    """A field whose values of a date are known `lag_days` later, by the period in which they are known."""
    known_in = positions(daily["date"] + pd.Timedelta(days=lag_days), ends)
    grouped = daily.groupby([known_in, daily["asset"]])[field]
    values = grouped.mean() if field == "dau" else grouped.sum(min_count=1)
    numbered = pd.Series(ends.to_numpy(), index=range(len(ends)))
    return shaped(values, numbered)


def last_filed(daily: pd.DataFrame, field: str, lag_days: int, ends: pd.Series) -> pd.DataFrame:
    """At each end the last value known by then (`lag_days` after its date), unless known too long before."""
    filed = daily.dropna(subset=[field])
    filed = filed.assign(known=filed["date"] + pd.Timedelta(days=lag_days))
    asked = pd.DataFrame({"end": pd.DatetimeIndex(ends)}).merge(
        daily[["asset"]].drop_duplicates(), how="cross"
    )
    found = pd.merge_asof(
        asked,
        filed[["known", "asset", field]].sort_values("known"),
        left_on="end",
        right_on="known",
        by="asset",
        tolerance=pd.Timedelta(days=FILED_DAYS),
    )
    table = found.pivot(index="end", columns="asset", values=field).reindex(pd.DatetimeIndex(ends))
    table.columns = table.columns.astype(object)
    return table


def execution_prices(daily: pd.DataFrame, calendar: str, ends: pd.Series) -> pd.DataFrame:
    """Last price among each period's rows moved by one calendar row."""
    if calendar == "EVERY_DAY":
        first = daily["date"].iloc[0]
        row_before = (daily["date"] - pd.Timedelta(days=1)).where(daily["date"] > first)
    else:
        sessions = pd.Series(daily["date"].unique())
        row_before = daily["date"].map(dict(zip(sessions[1:], sessions[:-1], strict=True)))
    moved = daily.assign(date=row_before).dropna(subset=["date"])
    values = moved.groupby([positions(moved["date"], ends), moved["asset"]])["price"].last()
    return shaped(values, pd.Series(ends.to_numpy(), index=range(len(ends))))


def aggregate(
    daily: pd.DataFrame,
    rebalance: str,
    calendar: str,
    publication_lag_days: int = 0,
    execution_lag_days: int = 0,
) -> PeriodTables:
    """Price and cap: last value in the period; volume, fees and revenue: sum; active users: mean; shares and
    book value: the last one filed."""
    dates = pd.DatetimeIndex(daily["date"].unique())
    ends = complete_periods(dates, rebalance, calendar, execution_lag_days)
    period = daily["date"].dt.to_period(PERIOD_CODES[rebalance])
    grouped = daily.groupby([period, daily["asset"]])

    tables = {}
    for field in daily.columns.drop(["date", "asset"]):
        if field in FILED_FIELDS:
            tables[field] = last_filed(daily, field, publication_lag_days, ends)
        elif publication_lag_days > 0 and field in PUBLISHED_FIELDS:
            tables[field] = published(daily, field, publication_lag_days, ends)
        elif field in ("price", "mc"):
            tables[field] = shaped(grouped[field].last(), ends)
        elif field == "dau":
            tables[field] = shaped(grouped[field].mean(), ends)
        else:
            tables[field] = shaped(grouped[field].sum(min_count=1), ends)

    assets = pd.Index(sorted(daily["asset"].unique()), dtype=object)
    tables = {field: table.reindex(columns=assets) for field, table in tables.items()}
    executed = tables.get("price")
    if execution_lag_days == 1 and executed is not None:
        executed = execution_prices(daily, calendar, ends).reindex(columns=assets)
    if rebalance == "MONTHLY":
        nominal_days = [month.days_in_month for month in ends.index]
    else:
        nominal_days = [{"WEEKLY": 7, "DAILY": 1}[rebalance]] * len(ends)
    next_ends = [nominal_end_after(one, calendar) for one in ends.index]
    return PeriodTables(pd.DatetimeIndex(ends), nominal_days, tables, executed, next_ends)
