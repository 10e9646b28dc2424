import csv
import io
import math
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.features.legacy.logs.batch import read_batch
from app.features.legacy.logs.columns import NEWEST_ORDER
from app.features.legacy.logs.records import FACTORS, LegacyRun, LegacySeries, MonthlyMetric, MonthlyMetrics
from app.features.legacy.logs.rows import suspicion
from app.features.legacy.logs.write import (
    factor_file_name,
    monthly_metrics_file_name,
    returns_file_name,
    write_factor_csv,
    write_monthly_metrics_csv,
    write_returns_csv,
)
from tests.app.legacy_logs.shapes import COLUMNS, header, log, row, unhurried

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
OPTIONAL_FLOATS = st.none() | FLOATS
WHOLE_NUMBERS = st.none() | st.integers(1 - 2**31, 2**31 - 1)
DATES = st.dates(date(1970, 1, 1), date(2100, 1, 1))
RUN_IDS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001
    lambda when: when.strftime("%Y%m%d_%H%M%S")
)


@st.composite
def runs(draw, factor: str, legacy_run_id: str) -> LegacyRun:
    """A run as a log may hold it: settings of any size, metrics that do not contradict each other."""
    start, end = sorted([draw(DATES), draw(DATES)])
    years = max((end - start).days, 1) / 365
    cumulative = draw(st.none() | st.floats(-3, 1e6))
    annualized = draw(OPTIONAL_FLOATS)
    if cumulative is not None and cumulative > -1:
        try:
            annualized = draw(st.sampled_from([None, (1 + cumulative) ** (1 / years) - 1]))
        except OverflowError:
            annualized = None
    dated = draw(st.booleans()) and end > start
    return LegacyRun(
        factor=factor,
        legacy_run_id=legacy_run_id,
        breakpoint=draw(OPTIONAL_FLOATS),
        min_assets=draw(WHOLE_NUMBERS),
        weighting_method=draw(st.sampled_from([None, "equal", "market_cap", "by_rank-2"])),
        lookback_periods=draw(WHOLE_NUMBERS),
        cumulative_return=cumulative,
        annualized_return=annualized,
        sharpe_ratio=draw(FLOATS),
        sortino_ratio=draw(OPTIONAL_FLOATS),
        years=draw(st.sampled_from([None, years])),
        long_only_return=draw(OPTIONAL_FLOATS),
        short_only_return=draw(OPTIONAL_FLOATS),
        start_date=start if dated else None,
        end_date=end if dated else None,
        suspect=suspicion(cumulative),
    )


def spelt_out(run: LegacyRun) -> list[str]:
    return [repr(getattr(run, field.name)) for field in fields(run) if field.compare]


@unhurried
@given(st.data(), st.sampled_from(sorted(FACTORS)), st.lists(RUN_IDS, unique=True, max_size=3))
def test_runs_written_read_back_as_they_were(data, factor, run_ids):
    written = tuple(data.draw(runs(factor, run_id)) for run_id in run_ids)
    batch = read_batch({factor_file_name(factor): write_factor_csv(written)})
    assert batch.quarantined == ()
    assert batch.runs == written
    # -0.0 == 0.0, but the bits are promised
    assert [spelt_out(run) for run in batch.runs] == [spelt_out(run) for run in written]
    assert [run.content_hash for run in batch.runs] == [run.content_hash for run in written]
    assert batch.repaired_count == 0


@pytest.mark.parametrize("order", COLUMNS, ids=str)
@pytest.mark.parametrize(
    "cells",
    [
        {},
        {"breakpoint": "0.9", "min_assets": "2", "weighting_method": "by_fees"},
        {"cumulative_returns": "-1.5", "annualized_return": "nan", "sharpe_ratio": "-0.4"},
        {"cumulative_returns": "", "sharpe_ratio": "nan", "weighting_method": "nan"},
    ],
    ids=["plain", "settings-of-history", "suspect", "missing"],
)
def test_what_was_read_from_any_order_reads_the_same_after_writing(order, cells):
    first = read_batch({"smb.csv": log(header(order), row(order, **cells))})
    again = read_batch({"smb.csv": write_factor_csv(first.runs)})
    assert again.runs == first.runs
    assert [run.suspect for run in again.runs] == [run.suspect for run in first.runs]
    assert again.quarantined == first.quarantined == ()


@unhurried
@given(
    st.lists(st.floats(-1.5, 5), min_size=1, max_size=60),
    st.lists(st.integers(1, 40), min_size=60, max_size=60),
)
def test_series_written_read_back_as_they_were(returns, steps):
    when = date(2020, 1, 5)
    dates = []
    for step in steps[: len(returns)]:
        when += timedelta(days=step)
        dates.append(when)
    series = LegacySeries(
        factor="momentum_v2", legacy_run_id="20220105_101112", dates=tuple(dates), returns=tuple(returns)
    )
    name = returns_file_name("momentum_v2", "20220105_101112")
    batch = read_batch({name: write_returns_csv(series)})
    assert batch.orphan_series == (series,)
    assert batch.orphan_series[0].content_hash == series.content_hash


TEXT = st.text(alphabet="'=+-@\"|, $%é1a", min_size=1, max_size=8).map(str.strip).filter(bool)


def is_plain_text(text: str) -> bool:
    """Text that reading does not take for a number or a missing value."""
    try:
        float(text)
    except ValueError:
        return True
    return text.startswith(("+", "-"))  # these are guarded, and so stay text


@unhurried
@given(
    st.lists(
        st.builds(MonthlyMetric, TEXT, st.none() | FLOATS | TEXT.filter(is_plain_text), st.just("") | TEXT),
        min_size=1,
        max_size=6,
        unique_by=lambda row: row.metric,
    )
)
def test_monthly_sheets_written_read_back_as_they_were(rows):
    sheet = MonthlyMetrics(factor="smb", as_of_date=date(2026, 1, 26), rows=tuple(rows))
    batch = read_batch({monthly_metrics_file_name("smb"): write_monthly_metrics_csv([sheet])})
    assert batch.quarantined == ()
    assert batch.monthly_metrics == (sheet,)
    assert batch.monthly_metrics[0].content_hash == sheet.content_hash


def test_the_newest_shape_is_written():
    content = write_factor_csv(read_batch({"smb.csv": log(header(2), row(2))}).runs).decode()
    assert content == (
        "run_id,factor,breakpoint,min_assets,weighting_method,cumulative_returns,annualized_return,years,"
        "long_only_returns,short_only_returns,trailing_momentum_lookback_periods,sharpe_ratio,sortino_ratio,"
        "start_date,end_date\n"
        "20220105_101112,smb,0.5,30,equal,0.44,0.2006,1.9945,3.1,0.7,,1.31,2.72,2020-01-05,2022-01-02\n"
    )
    assert write_factor_csv([]).decode().strip() == ",".join(NEWEST_ORDER.columns)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "'="])
def test_no_text_cell_begins_as_a_formula_and_numbers_stay_numbers(start):
    run = LegacyRun(
        factor="smb",
        legacy_run_id="20220105_101112",
        weighting_method=f"{start}cmd|' /C calc'!A0",
        sharpe_ratio=-1.5,
    )
    _, cells = csv.reader(io.StringIO(write_factor_csv([run]).decode()))
    assert cells[4] == f"'{start}cmd|' /C calc'!A0"
    assert cells[11] == "-1.5"
    sheet = MonthlyMetrics(
        factor="smb",
        as_of_date=date(2026, 1, 26),
        rows=(MonthlyMetric(start + "m", start + "v", start + "f"),),
    )
    _, cells = csv.reader(io.StringIO(write_monthly_metrics_csv([sheet]).decode()))
    assert cells[:3] == [f"'{start}m", f"'{start}v", f"'{start}f"]


def test_what_no_log_can_hold_is_not_written():
    run = LegacyRun(factor="smb", legacy_run_id="20220105_101112", sharpe_ratio=math.inf)
    with pytest.raises(ValueError, match="finite"):
        write_factor_csv([run])
    with pytest.raises(ValueError, match="one factor"):
        write_factor_csv(
            [LegacyRun(factor=name, legacy_run_id="20220105_101112") for name in ("smb", "value")]
        )
    with pytest.raises(ValueError, match="line break"):
        write_factor_csv([LegacyRun(factor="smb", legacy_run_id="20220105_101112", weighting_method="a\nb")])
    with pytest.raises(ValueError, match="finite"):
        write_returns_csv(
            LegacySeries(
                factor="smb", legacy_run_id="20220105_101112", dates=(date(2020, 1, 5),), returns=(math.nan,)
            )
        )


def test_the_run_time_survives():
    run = read_batch({"smb.csv": log(header(5), row(5))}).runs[0]
    again = read_batch({"smb.csv": write_factor_csv([run])}).runs[0]
    assert again.run_time == datetime(2022, 1, 5, 10, 11, 12, tzinfo=UTC)
