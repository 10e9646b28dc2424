"""Contributions add up, week by week and linked; a hand-worked Carino example."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.exposures.attribution import attribute
from engine.exposures.exposures import exposures
from engine.exposures.results import ReturnKind
from engine.statistics.undefined import Undefined, UndefinedReason
from tests.engine.exposures.weekly import factor, noise, portfolio, weeks


def two_weeks(returns, factor_returns, *, log: bool = False):
    """Beta 1 to a factor, no alpha, no risk-free rate: the residual is the rest."""
    returns = np.array(returns)
    regressed = np.log1p(returns) if log else returns
    return attribute(
        ["F"],
        weeks(len(returns)),
        returns,
        regressed,
        np.array(factor_returns)[:, None],
        0.0,
        np.array([1.0]),
        log_returns=log,
    )


def test_two_weeks_by_hand():
    """Returns 1/10 and 1/5 make R = 11/10 * 6/5 - 1 = 8/25. The factor gave 1/20 and 1/4.

    Weights k_t / k = (log(1 + r_t) / r_t) / (log(1 + R) / R): 10 log(11/10) * 8/25 / log(33/25), and
    5 log(6/5) * 8/25 / log(33/25). With them the returns themselves link to R, and so do their parts.
    """
    first = float(Fraction(10) * Fraction(8, 25)) * math.log(11 / 10) / math.log(33 / 25)
    second = float(Fraction(5) * Fraction(8, 25)) * math.log(6 / 5) / math.log(33 / 25)
    linked = two_weeks([0.1, 0.2], [0.05, 0.25])
    assert linked.total == pytest.approx(float(Fraction(8, 25)), rel=1e-14)
    assert linked.names == ("F", "ALPHA", "RISK_FREE", "RESIDUAL")
    assert linked.contributions == pytest.approx(
        np.array([[0.05, 0, 0, 0.05], [0.25, 0, 0, -0.05]]), abs=1e-16
    )
    assert linked.linked[0] == pytest.approx(first / 20 + second / 4, rel=1e-14)
    assert linked.linked[3] == pytest.approx(first / 20 - second / 20, rel=1e-13)
    assert linked.linked[0] == pytest.approx(1.0985508 / 20 + 1.0507245 / 4, rel=1e-7)


def test_gains_and_losses_that_cancel():
    """1/4 then -1/5 compound to 0, where the weight of the span is 1: 4 log(5/4) and 5 log(5/4)."""
    linked = two_weeks([0.25, -0.2], [0.25, 0.0])
    assert linked.total == pytest.approx(0.0, abs=1e-15)
    assert linked.linked[0] == pytest.approx(math.log(5 / 4), rel=1e-14)
    assert linked.linked[3] == pytest.approx(-math.log(5 / 4), rel=1e-14)


def test_a_week_without_a_return_counts_in_full():
    linked = two_weeks([0.0, 0.0], [0.01, -0.02])
    assert linked.total == 0.0
    assert linked.linked == pytest.approx([-0.01, 0.0, 0.0, 0.01], abs=1e-16)


def test_log_contributions_share_the_total_in_proportion():
    """log parts p of L = log(33/25) give p / L of R = 8/25."""
    linked = two_weeks([0.1, 0.2], [0.05, 0.07], log=True)
    assert linked.contributions.sum(axis=1) == pytest.approx(np.log([1.1, 1.2]), rel=1e-15)
    assert linked.linked[0] == pytest.approx(0.12 / math.log(33 / 25) * 0.32, rel=1e-14)
    assert linked.linked.sum() == pytest.approx(0.32, rel=1e-14)


@pytest.mark.parametrize("kind", ReturnKind)
def test_every_part_is_what_it_says(kind):
    smb, market = factor("SMB", 1), factor("MARKET", 2, long_only=True)
    returns, rate = 0.5 * smb.returns + market.returns + noise(3), np.full(120, 0.001)
    result = exposures(portfolio(returns, net_weight=0.8), [smb, market], risk_free=rate, kind=kind)
    parts = result.attribution
    (regression,) = result.regressions
    log = np.log1p if kind is ReturnKind.LOG else np.asarray
    first, second, alpha, risk_free, residual = parts.contributions.T
    assert parts.names == ("SMB", "MARKET", "ALPHA", "RISK_FREE", "RESIDUAL")
    assert first == pytest.approx(regression.factors[0].beta * log(smb.returns), rel=1e-13)
    assert second == pytest.approx(regression.factors[1].beta * log(market.returns - rate), rel=1e-13)
    assert alpha == pytest.approx(regression.alpha / 52, rel=1e-13)
    assert risk_free == pytest.approx(log(returns) - log(returns - 0.8 * rate), abs=1e-16)
    assert residual.mean() == pytest.approx(0.0, abs=1e-15)  # as residuals of a regression do
    assert parts.total == pytest.approx(np.prod(1.0 + returns) - 1.0, rel=1e-12)


def test_a_part_of_the_span_is_linked_anew():
    one = factor("SMB", 1)
    parts = exposures(portfolio(one.returns + noise(3)), [one]).attribution
    year = parts.between(np.datetime64("2022-01-01"), np.datetime64("2022-12-31"))
    assert year.weeks[[0, -1]].astype(str).tolist() == ["2022-01-02", "2022-12-25"]
    assert year.total == pytest.approx(np.prod(1.0 + year.portfolio_returns) - 1.0, rel=1e-12)
    assert year.linked.sum() == pytest.approx(year.total, rel=1e-13)
    everything = parts.between(None, None)
    assert everything.linked.tolist() == parts.linked.tolist()
    with pytest.raises(Undefined) as empty:
        parts.between(np.datetime64("2030-01-01"), None)
    assert empty.value.reason is UndefinedReason.TOO_FEW_PERIODS


def test_what_has_no_attribution():
    with pytest.raises(Undefined, match="2021-01-10") as ruined:
        two_weeks([0.1, -1.0], [0.0, 0.0])
    assert ruined.value.reason is UndefinedReason.TOTAL_LOSS
    with pytest.raises(Undefined) as large:
        two_weeks([1e200, 1e200], [0.0, 0.0])
    assert large.value.reason is UndefinedReason.OVERFLOW


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-0.9, 3.0), st.floats(-0.9, 3.0), st.floats(-0.05, 0.05)), min_size=1, max_size=40
    ),
    st.floats(-3.0, 3.0),
    st.floats(-0.1, 0.1),
    st.booleans(),
)
def test_parts_add_up_to_the_return_to_the_last_rounding(rows, beta, intercept, log):
    returns, factor_returns, rate = np.array(rows).T
    regressed = returns - rate
    if log:
        returns = np.maximum(returns, -0.8)
        regressed = np.log1p(returns - rate)
    parts = attribute(
        ["F"],
        weeks(len(rows)),
        returns,
        regressed,
        factor_returns[:, None],
        intercept,
        np.array([beta]),
        log_returns=log,
    )
    whole = np.log1p(returns) if log else returns
    for contributions, one in zip(parts.contributions, whole, strict=True):
        rounding = np.spacing(np.abs(contributions).max())
        assert abs(sum(contributions.tolist()) - one) <= rounding
    assert abs(sum(parts.linked.tolist()) - parts.total) <= np.spacing(np.abs(parts.linked).max())
    assert parts.total == pytest.approx(math.prod((1.0 + returns).tolist()) - 1.0, rel=1e-12, abs=1e-12)
