"""What each factor contributed to a portfolio's return: week by week, and linked over a span."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.exposures.returns import within
from engine.panel import DateArray, FloatArray
from engine.statistics.undefined import Undefined, UndefinedReason, need

ALPHA = "ALPHA"
RISK_FREE = "RISK_FREE"
RESIDUAL = "RESIDUAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """A portfolio's returns over n weeks, split into parts that add up to them.

    names: the factors, then ALPHA, RISK_FREE, RESIDUAL. weeks: (n,) Sundays. portfolio_returns: (n,) simple
    returns, not in excess. contributions: (n, parts) to each week's simple return, or to its log return
    (log_returns). linked: (parts,) adding up to total, the compounded simple return of the span.

    The residual is what the other parts leave: added up in order, parts give the return but for the rounding
    of that last addition.
    """

    names: tuple[str, ...]
    weeks: DateArray
    portfolio_returns: FloatArray
    contributions: FloatArray
    log_returns: bool
    linked: FloatArray
    total: float

    def between(self, start: np.datetime64 | None, end: np.datetime64 | None) -> Attribution:
        """The same for the weeks in [start, end], linked anew. Raises Undefined without a week in them."""
        inside = within(self.weeks, start, end)
        need(int(inside.sum()), 1)
        return _linked(
            self.names,
            self.weeks[inside],
            self.portfolio_returns[inside],
            self.contributions[inside],
            log_returns=self.log_returns,
        )


def attribute(
    names: Sequence[str],
    weeks: DateArray,
    portfolio_returns: FloatArray,
    regressed_returns: FloatArray,
    factor_returns: FloatArray,
    intercept: float,
    betas: FloatArray,
    *,
    log_returns: bool,
) -> Attribution:
    """Split n >= 1 weeks' returns: beta_k f_kt for each of K factors, the intercept, the risk-free rate (the
    return less what was regressed), and the residual; linked over the span by Carino (1999).

    portfolio_returns: (n,) simple, not in excess. regressed_returns (n,), factor_returns (n, K): as
    regressed. Linking: with k_t = log(1 + r_t) / r_t and k = log(1 + R) / R, a part's contribution to R is
    sum_t c_t k_t / k; contributions to log returns need no k_t. Carino, "Combining attribution effects over
    time", Journal of Performance Measurement 3(4), 1999. Raises Undefined where a week lost 100 % or more.
    """
    lost = np.flatnonzero(portfolio_returns <= -1.0)
    if len(lost):
        raise Undefined(
            UndefinedReason.TOTAL_LOSS,
            f"the week ending {weeks[lost[0]]} lost 100 % or more of the portfolio",
        )
    explained = np.log1p(portfolio_returns) if log_returns else portfolio_returns
    contributions = np.column_stack(
        [
            factor_returns * betas,
            np.full(len(weeks), intercept),
            explained - regressed_returns,
            np.zeros(len(weeks)),
        ]
    )
    _leave_rest_to_residual(contributions, explained)
    return _linked(
        (*names, ALPHA, RISK_FREE, RESIDUAL), weeks, portfolio_returns, contributions, log_returns=log_returns
    )


def _linked(
    names: tuple[str, ...],
    weeks: DateArray,
    portfolio_returns: FloatArray,
    contributions: FloatArray,
    *,
    log_returns: bool,
) -> Attribution:
    growth = np.log1p(portfolio_returns)
    # The total comes from the logarithms that are linked, so that tiny totals keep their digits too.
    with np.errstate(over="ignore"):
        total = float(np.expm1(growth.sum()))
    if not np.isfinite(total):
        raise Undefined(UndefinedReason.OVERFLOW, "the compounded return exceeds double precision")
    weights = np.ones(len(weeks)) if log_returns else _per_return(growth, portfolio_returns)
    linked = (weights @ contributions) / _per_return(growth.sum(), np.float64(total))
    _leave_rest_to_residual(linked[None, :], np.array([total]))
    return Attribution(
        names=names,
        weeks=weeks,
        portfolio_returns=portfolio_returns,
        contributions=contributions,
        log_returns=log_returns,
        linked=linked,
        total=total,
    )


def _per_return(growth: FloatArray | np.float64, returns: FloatArray | np.float64) -> FloatArray:
    """log(1 + r) / r, 1 at r = 0."""
    flat = returns == 0.0
    return np.asarray(np.where(flat, 1.0, growth / np.where(flat, 1.0, returns)))


def _leave_rest_to_residual(parts: FloatArray, totals: FloatArray) -> None:
    """Set the last column of parts (n, M) in place to what the others, added from left to right, leave of the
    totals (n,)."""
    others = np.zeros(len(parts))
    for column in parts.T[:-1]:
        others += column
    parts[:, -1] = totals - others
