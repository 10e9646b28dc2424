"""The metrics of anything that earns: each is declared once, with its unit, what it means and its formula.

A metric that is not defined is None, with a reason; see ReturnPerformance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import numpy as np

from engine.panel import DateArray, FloatArray
from engine.statistics import inference, metrics
from engine.statistics.return_series import cumulative, wealth, years_between
from engine.statistics.undefined import Undefined, UndefinedMetric, UndefinedReason


class Unit(StrEnum):
    """What a metric counts in. FRACTION: 0.1 is 10 %."""

    FRACTION = "FRACTION"
    RATIO = "RATIO"
    COUNT = "COUNT"
    BASIS_POINTS = "BASIS_POINTS"
    DATE = "DATE"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as it was declared.

    text: what it means, without the last full stop; other metrics and options stand in backquotes.
    of_returns: whether costs change it, so that it has a value after them. source: where the formula comes
    from. after: where it stands in lists if not after the one declared before it.
    """

    name: str
    label: str
    unit: Unit
    text: str
    formula: Callable[[Any], Any]
    of_returns: bool = True
    source: str = ""
    after: str = ""


def metric(label: str, unit: Unit, text: str, formula: Callable[[Any], Any], **facts: Any) -> Any:
    """Declare a metric, a field of ReturnPerformance or of a class derived from it. See Metric."""
    return field(metadata={"label": label, "unit": unit, "text": text, "formula": formula, **facts})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnSeries:
    """What performance is measured on: R >= 1 simple returns a period (0.01 = 1 %), without gaps.

    dates: (R,) period ends. start: that of the first period. returns: (R,).
    Methods raise Undefined where there is no value.
    """

    dates: DateArray
    start: np.datetime64
    returns: FloatArray
    periods_per_year: int

    def years(self) -> float:
        return years_between(self.dates)

    def cumulative_return(self) -> float:
        return float(cumulative(self.returns)[-1])

    def annualized_return(self) -> float:
        """Return that of the compounded return; years run from the first to the last period end."""
        return metrics.annualized_return(self.cumulative_return(), self.years())

    def calmar_ratio(self) -> float:
        """Return the annualised return over the deepest drawdown (Young 1991)."""
        depth = self.max_drawdown()[0]
        if depth == 0.0:
            raise Undefined(UndefinedReason.NO_DRAWDOWN, "wealth never fell below its peak")
        return self.annualized_return() / abs(depth)

    def max_drawdown(self) -> tuple[float, date | None, date | None, date | None]:
        """Return (depth <= 0, peak date, trough date, recovery date or None); all None where wealth never
        fell."""
        value = np.concatenate([[1.0], wealth(self.returns)])
        dates = np.concatenate([[self.start], self.dates])
        if not np.isfinite(value).all():
            return math.inf, None, None, None
        depths = value / np.maximum.accumulate(value) - 1.0
        trough = int(depths.argmin())
        if depths[trough] == 0.0:
            return 0.0, None, None, None
        top = value[: trough + 1].max()
        peak = int(np.flatnonzero(value[: trough + 1] == top)[-1])
        recovered = np.flatnonzero(value[trough:] >= top)
        recovery = dates[trough + recovered[0]].item() if len(recovered) else None
        return float(depths[trough]), dates[peak].item(), dates[trough].item(), recovery

    def wiped_out_on(self) -> date | None:
        ruined = np.flatnonzero(self.returns <= -1.0)
        if len(ruined) == 0:
            return None
        day: date = self.dates[ruined[0]].item()
        return day


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnPerformance:
    """Metrics of one return series. Rates are fractions (0.1 = 10 %), drawdowns <= 0, dates period ends.

    Only `wiped_out_on` and the drawdown dates may be None without an entry in `undefined`: nothing happened.
    """

    cumulative_return: float | None = metric(
        "cumulative return",
        Unit.FRACTION,
        "Compounded return over all reported periods, a fraction",
        ReturnSeries.cumulative_return,
    )
    annualized_return: float | None = metric(
        "annualised return",
        Unit.FRACTION,
        "(1 + `cumulative_return`) ^ (1 / `years`) - 1, a fraction a year",
        ReturnSeries.annualized_return,
    )
    mean_annual_return: float | None = metric(
        "mean annual return",
        Unit.FRACTION,
        "Mean period return times periods a year, a fraction a year",
        lambda h: float(h.returns.mean()) * h.periods_per_year,
    )
    annualized_volatility: float | None = metric(
        "annualised volatility",
        Unit.FRACTION,
        "Standard deviation (ddof 1) of the period returns times sqrt(periods a year)",
        lambda h: metrics.annualized_volatility(h.returns, h.periods_per_year),
    )
    sharpe_ratio: float | None = metric(
        "Sharpe ratio",
        Unit.RATIO,
        "Mean / standard deviation (ddof 1) times sqrt(periods a year); no risk-free rate",
        lambda h: metrics.sharpe_ratio(h.returns, h.periods_per_year),
        source="Sharpe (1994), doi:10.3905/jpm.1994.409501",
    )
    sortino_ratio: float | None = metric(
        "Sortino ratio",
        Unit.RATIO,
        "Mean / standard deviation (ddof 1) of the negative returns times sqrt(periods a year): the "
        "definition of the older logs",
        lambda h: metrics.sortino_ratio(h.returns, h.periods_per_year),
    )
    sortino_ratio_target: float | None = metric(
        "Sortino ratio, target 0",
        Unit.RATIO,
        "Mean / sqrt(mean(min(return, 0)^2)) times sqrt(periods a year): the textbook definition",
        lambda h: metrics.sortino_ratio_target(h.returns, h.periods_per_year),
        source="Sortino and Price (1994), doi:10.3905/joi.3.3.59",
    )
    max_drawdown: float | None = metric(
        "max drawdown",
        Unit.FRACTION,
        "The deepest fall below the running peak, a fraction, 0 or below. The starting value counts as a "
        "peak",
        lambda h: h.max_drawdown()[0],
    )
    max_drawdown_peak_date: date | None = metric(
        "peak before the max drawdown",
        Unit.DATE,
        "The last date at the peak before the deepest drawdown; null where there was none",
        lambda h: h.max_drawdown()[1],
    )
    max_drawdown_trough_date: date | None = metric(
        "bottom of the max drawdown",
        Unit.DATE,
        "The first date at the bottom of the deepest drawdown; null where there was none",
        lambda h: h.max_drawdown()[2],
    )
    max_drawdown_recovery_date: date | None = metric(
        "recovery from the max drawdown",
        Unit.DATE,
        "The first date back at the peak; null while there is none",
        lambda h: h.max_drawdown()[3],
    )
    calmar_ratio: float | None = metric(
        "Calmar ratio",
        Unit.RATIO,
        "`annualized_return` / |`max_drawdown`|",
        ReturnSeries.calmar_ratio,
        source="Young (1991)",
    )
    value_at_risk_95: float | None = metric(
        "value at risk 95 %, per period",
        Unit.FRACTION,
        "Minus the linear 5 % quantile of the period returns: a loss is positive. A fraction a period",
        lambda h: metrics.value_at_risk(h.returns),
    )
    expected_shortfall_95: float | None = metric(
        "expected shortfall 95 %, per period",
        Unit.FRACTION,
        "Minus the mean of the returns at or below the 5 % quantile. A fraction a period",
        lambda h: metrics.expected_shortfall(h.returns),
        source="Acerbi and Tasche (2002), doi:10.1111/1468-0300.00091",
    )
    hit_rate: float | None = metric(
        "hit rate",
        Unit.FRACTION,
        "Share of the periods with a return above 0",
        lambda h: float((h.returns > 0).mean()),
    )
    skewness: float | None = metric(
        "skewness", Unit.RATIO, "Bias-corrected sample skewness", lambda h: metrics.skewness(h.returns)
    )
    excess_kurtosis: float | None = metric(
        "excess kurtosis",
        Unit.RATIO,
        "Bias-corrected sample excess kurtosis",
        lambda h: metrics.excess_kurtosis(h.returns),
    )
    best_period_return: float | None = metric(
        "best period",
        Unit.FRACTION,
        "The greatest period return, a fraction",
        lambda h: float(h.returns.max()),
    )
    worst_period_return: float | None = metric(
        "worst period", Unit.FRACTION, "The least period return, a fraction", lambda h: float(h.returns.min())
    )
    years: float | None = metric(
        "years",
        Unit.RATIO,
        "(`end_date` - `start_date`) / 365 days: the first period's own length is left out, as in the "
        "older logs",
        ReturnSeries.years,
        of_returns=False,
    )
    num_periods: int = metric(
        "periods", Unit.COUNT, "Number of reported periods", lambda h: len(h.returns), of_returns=False
    )
    newey_west_t: float | None = metric(
        "Newey-West t of the mean",
        Unit.RATIO,
        "The t-statistic of the mean return, robust to autocorrelation: Newey and West 1987 with Bartlett "
        "weights and floor(4 (n / 100)^(2/9)) lags",
        lambda h: inference.newey_west_t(h.returns),
        source="doi:10.2307/1913610; lags by Newey and West (1994), doi:10.2307/2297912",
    )
    sharpe_standard_error: float | None = metric(
        "standard error of the Sharpe ratio",
        Unit.RATIO,
        "Standard error of `sharpe_ratio`, annualised like it: sqrt((1 + s^2 / 2) / n) of the Sharpe "
        "ratio s a period, for independent returns (Lo 2002)",
        lambda h: inference.sharpe_standard_error(h.returns, h.periods_per_year),
        source="doi:10.2469/faj.v58.n4.2453",
    )
    probabilistic_sharpe_ratio: float | None = metric(
        "probabilistic Sharpe ratio",
        Unit.FRACTION,
        "Probability that the true Sharpe ratio is above 0, allowing for skewness, kurtosis and number of "
        "periods, from 0 to 1 (Bailey and Lopez de Prado 2012). One trial only: where the best of many "
        "was chosen it is too high",
        lambda h: inference.probabilistic_sharpe_ratio(h.returns),
        source="doi:10.21314/JOR.2012.255",
    )
    start_date: date = metric(
        "first period end", Unit.DATE, "End of the first reported period", lambda h: h.dates[0].item()
    )
    end_date: date = metric(
        "last period end", Unit.DATE, "End of the last reported period", lambda h: h.dates[-1].item()
    )
    wiped_out_on: date | None = metric(
        "wiped out on",
        Unit.DATE,
        "End of the first period with a return of -100 % or less; null if there was none",
        ReturnSeries.wiped_out_on,
    )
    undefined: tuple[UndefinedMetric, ...] = field(default=())


def metrics_of(performance: type[ReturnPerformance]) -> Mapping[str, Metric]:
    """Return the metrics that a class declares, by name and in the order of lists."""
    found = {item.name: Metric(item.name, **item.metadata) for item in fields(performance) if item.metadata}
    names: list[str] = []
    place = 0
    for metric in found.values():
        place = names.index(metric.after) + 1 if metric.after else place
        names.insert(place, metric.name)
        place += 1
    return MappingProxyType({name: found[name] for name in names})


RETURN_METRICS = metrics_of(ReturnPerformance)


def return_performance(series: ReturnSeries) -> ReturnPerformance:
    """Return all metrics of a return series."""
    values, undefined = measure(RETURN_METRICS.values(), series)
    return ReturnPerformance(**values, undefined=undefined)


@np.errstate(over="ignore", invalid="ignore")  # what leaves double precision is reported as OVERFLOW
def measure(
    metrics: Iterable[Metric], series: ReturnSeries
) -> tuple[dict[str, Any], tuple[UndefinedMetric, ...]]:
    """Return the values of metrics by name, and why some are None."""
    undefined: list[UndefinedMetric] = []
    return {metric.name: _value(metric, series, undefined) for metric in metrics}, tuple(undefined)


def _value(metric: Metric, series: ReturnSeries, undefined: list[UndefinedMetric]) -> Any:
    """Return one metric, or None and its reason added to `undefined`."""
    try:
        value = metric.formula(series)
    except Undefined as reason:
        undefined.append(UndefinedMetric(metric.name, reason.reason, reason.detail))
        return None
    if isinstance(value, float) and not math.isfinite(value):
        undefined.append(
            UndefinedMetric(metric.name, UndefinedReason.OVERFLOW, "the value exceeds double precision")
        )
        return None
    return value
