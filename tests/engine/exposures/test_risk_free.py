"""Bills by hand, and which rate was known when."""

from __future__ import annotations

import numpy as np
import pytest

from engine.exposures.risk_free import bill_returns, constant_returns


def days(*text: str) -> np.ndarray:
    return np.array(text, dtype="datetime64[D]")


def test_a_bill_held_to_its_end_returns_what_its_discount_says():
    """At 3.6 % a bill of 1 costs 1 - 0.036 * 91 / 360 = 0.9909."""
    returns = bill_returns(days("2024-01-01"), np.array([3.6]), days("2024-01-01"), days("2024-04-01"))
    assert returns == pytest.approx([1 / 0.9909 - 1], rel=1e-14)


def test_a_week_is_a_thirteenth_of_the_bill():
    start, end = days("2024-01-07"), days("2024-01-14")
    (week,) = bill_returns(days("2024-01-01"), np.array([3.6]), start, end)
    assert (1.0 + week) ** 13 == pytest.approx(1 / 0.9909, rel=1e-14)


def test_the_rate_is_the_last_one_known_at_the_start():
    rate_dates = days("2024-01-02", "2024-01-05", "2024-01-08", "2024-01-13")
    rates = np.array([1.0, np.nan, 2.0, 50.0])
    starts = days("2024-01-01", "2024-01-02", "2024-01-06", "2024-01-08", "2024-01-12")
    known = bill_returns(rate_dates, rates, starts, starts + 7)
    one, two = (
        bill_returns(rate_dates[:1], np.array([rate]), starts[1:2], starts[1:2] + 7)[0] for rate in (1, 2)
    )
    assert known == pytest.approx([np.nan, one, one, two, two], nan_ok=True, rel=1e-15)


def test_a_rate_is_stale_after_31_days():
    starts = days("2024-02-01", "2024-02-02")
    returns = bill_returns(days("2024-01-01"), np.array([5.0]), starts, starts + 7)
    assert np.isfinite(returns).tolist() == [True, False]


def test_where_there_is_no_rate():
    starts = days("2024-02-01")
    assert np.isnan(bill_returns(days(), np.array([]), starts, starts + 7)).all()
    assert np.isnan(bill_returns(days("2024-02-01"), np.array([np.nan]), starts, starts + 7)).all()
    assert np.isnan(bill_returns(days("2024-02-01"), np.array([400.0]), starts, starts + 7)).all()


def test_negative_rates_cost():
    starts = days("2024-02-01")
    assert bill_returns(starts, np.array([-0.5]), starts, starts + 7)[0] < 0.0


def test_a_constant_rate_is_earned_over_a_year():
    starts = days("2023-01-01", "2023-01-01")
    returns = constant_returns(0.05, starts, days("2024-01-01", "2023-01-08"))
    assert returns[0] == pytest.approx(0.05, rel=1e-14)
    assert (1.0 + returns[1]) ** (365 / 7) == pytest.approx(1.05, rel=1e-13)


def test_what_is_refused():
    starts = days("2024-02-01")
    with pytest.raises(ValueError, match="increasing"):
        bill_returns(days("2024-01-02", "2024-01-01"), np.zeros(2), starts, starts + 7)
    with pytest.raises(ValueError, match="2 rates"):
        bill_returns(days("2024-01-02"), np.zeros(2), starts, starts + 7)
    for rate in (-1.0, np.nan):
        with pytest.raises(ValueError, match="leaves nothing"):
            constant_returns(rate, starts, starts + 7)
