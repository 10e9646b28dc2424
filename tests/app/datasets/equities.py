"""Eight invented equities over three years of real US sessions, as a file that a user might have."""

from __future__ import annotations

import numpy as np
import pandas as pd

HOLIDAYS = pd.DatetimeIndex(
    [
        "2021-01-01",
        "2021-01-18",
        "2021-02-15",
        "2021-04-02",
        "2021-05-31",
        "2021-07-05",
        "2021-09-06",
        "2021-11-25",
        "2021-12-24",
        "2022-01-17",
        "2022-02-21",
        "2022-04-15",
        "2022-05-30",
        "2022-06-20",
        "2022-07-04",
        "2022-09-05",
        "2022-11-24",
        "2022-12-26",
        "2023-01-02",
        "2023-01-16",
        "2023-02-20",
        "2023-04-07",
        "2023-05-29",
        "2023-06-19",
        "2023-07-04",
        "2023-09-04",
        "2023-11-23",
        "2023-12-25",
    ]
)
"""Weekdays on which the New York Stock Exchange was closed."""
SESSIONS = pd.bdate_range("2021-01-01", "2023-12-29").difference(HOLIDAYS)
TICKERS = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG", "HHH")
DELISTED, LAST_SESSION = "FFF", pd.Timestamp("2022-08-16")
WITHOUT_EQUITY, LATE = "GGG", "HHH"
"""Their book values are below 0 for a year, and not renewed after the first."""

FILED_SHARES = pd.date_range("2021-01-13", "2023-12-31", freq="MS")[1::3] + pd.Timedelta(days=12)
"""The 13th of every third month, weekends among them."""
FILED_BOOKS = pd.DatetimeIndex(["2021-01-12", "2022-01-25", "2023-02-11"])


def equities_frame(tickers: tuple[str, ...] = TICKERS) -> pd.DataFrame:
    """date, ticker, Adj Close, Close, volume (USD), shares_outstanding, book_equity."""
    frames = [_ticker_frame(ticker) for ticker in tickers]
    return pd.concat(frames, ignore_index=True).sort_values(["date", "ticker"], ignore_index=True)


def _ticker_frame(ticker: str) -> pd.DataFrame:
    number = TICKERS.index(ticker)
    day = np.arange(len(SESSIONS))
    adjusted = (20 + 7 * number) * np.exp(
        (0.0001 * number - 0.0003) * day + 0.2 * np.sin(day / (9 + 2 * number) + number)
    )
    dividends_ahead = (len(SESSIONS) - 1 - day) // 63
    frame = pd.DataFrame(
        {
            "Adj Close": adjusted,
            "Close": adjusted * (1 + 0.002 * number) ** dividends_ahead,
            "volume": 1e7 * (1 + number + np.cos(day / 5)),
        },
        index=SESSIONS,
    )
    if ticker == DELISTED:
        frame = frame[:LAST_SESSION]
    first = SESSIONS[:1]
    filed_shares = pd.Series(
        1e6 * (40 - 3 * number) * 1.02 ** np.arange(1 + len(FILED_SHARES)), index=first.append(FILED_SHARES)
    )
    filed_books = pd.Series(
        1e8 * np.array([2 + number % 5, 3 + number % 4, 6 - number % 3]), index=FILED_BOOKS
    )
    if ticker == WITHOUT_EQUITY:
        filed_books.iloc[1] *= -1
    if ticker == LATE:
        filed_books = filed_books.iloc[:1]
    frame = frame.join(filed_shares.rename("shares_outstanding"), how="outer")
    frame = frame.join(filed_books.rename("book_equity"), how="outer")
    frame.insert(0, "ticker", ticker)
    return frame.rename_axis("date").reset_index()
