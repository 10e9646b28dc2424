"""The metrics of a factor: those of its returns, and those that only a factor has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engine.factors import return_history as formulas
from engine.factors.return_history import ReturnHistory
from engine.statistics import inference
from engine.statistics.performance import Metric, ReturnPerformance, Unit, measure, metric, metrics_of
from engine.statistics.undefined import deviation


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance(ReturnPerformance):
    """Metrics of a factor's returns, gross or net of costs; see ReturnHistory."""

    long_only_return: float | None = metric(
        "long leg alone",
        Unit.FRACTION,
        "Compounded return of holding the long leg long, a fraction. Null in `net_performance`: legs are "
        "reported gross",
        lambda h: formulas.leg_return(h, h.long_returns),
        of_returns=False,
        after="worst_period_return",
    )
    short_only_return: float | None = metric(
        "short leg alone, held long",
        Unit.FRACTION,
        "Compounded return of holding the short leg LONG, a fraction: a fall of the assets sold is "
        "negative here. Null for a long-only factor, and in `net_performance`",
        lambda h: formulas.leg_return(h, h.short_returns),
        of_returns=False,
    )
    skipped_periods: int = metric(
        "skipped periods",
        Unit.COUNT,
        "Number of periods within the requested dates in which no portfolio was formed, the warm-up included",
        lambda h: h.skipped_periods,
        of_returns=False,
        after="num_periods",
    )
    missing_returns: int = metric(
        "missing returns",
        Unit.COUNT,
        "Number of holdings without a price at the period's end; each earned `missing_return`",
        lambda h: h.missing_returns,
        of_returns=False,
    )
    coverage: float | None = metric(
        "coverage",
        Unit.FRACTION,
        "`num_periods` / number of grid periods from the first to the last reported one: 0 to 1",
        lambda h: len(h.returns) / h.grid_periods,
        of_returns=False,
    )
    breadth: float | None = metric(
        "positions held, mean",
        Unit.RATIO,
        "Mean number of assets held a period, both legs together",
        lambda h: h.breadth,
        of_returns=False,
    )
    long_hhi: float | None = metric(
        "HHI of the latest long leg",
        Unit.RATIO,
        "Herfindahl index of the latest long leg: the sum of its squared weights, 1 / n if equal",
        lambda h: h.long_hhi,
        of_returns=False,
    )
    short_hhi: float | None = metric(
        "HHI of the latest short leg",
        Unit.RATIO,
        "Herfindahl index of the latest short leg. Null for a long-only factor",
        lambda h: formulas.of_short_leg(h.short_hhi),
        of_returns=False,
    )
    mean_turnover: float | None = metric(
        "turnover a period, one way",
        Unit.FRACTION,
        "Mean over the periods of (bought + sold) / 2, both legs added, as a fraction of a leg's capital: "
        "1 replaces one leg entirely. Weights drift with returns before they are traded back. Periods "
        "whose portfolio was bought from nothing are left out",
        lambda h: formulas.mean_turnover(h.trading),
        of_returns=False,
    )
    break_even_cost_bps: float | None = metric(
        "break-even cost, bps",
        Unit.BASIS_POINTS,
        "The `cost_bps`, in basis points of what is traded, at which the mean return after short carry is "
        "0; null if it is not positive without trading costs. The same gross and net",
        formulas.break_even_cost,
        of_returns=False,
    )
    ic_mean: float | None = metric(
        "rank IC, mean",
        Unit.RATIO,
        "Mean information coefficient: Spearman rank correlation, period by period, of the signal and the "
        "return of the eligible assets (not only those held). Positive = the long leg wins",
        lambda h: float(formulas.known_ics(h).mean()),
        of_returns=False,
        after="probabilistic_sharpe_ratio",
    )
    ic_std: float | None = metric(
        "rank IC, deviation",
        Unit.RATIO,
        "Standard deviation (ddof 1) of the information coefficients",
        lambda h: deviation(formulas.known_ics(h)),
        of_returns=False,
    )
    ic_t: float | None = metric(
        "rank IC, t",
        Unit.RATIO,
        "`ic_mean` / `ic_std` times sqrt(number of coefficients)",
        formulas.ic_t,
        of_returns=False,
        source="Grinold and Kahn (2000)",
    )
    ic_autocorrelation: float | None = metric(
        "rank IC, autocorrelation",
        Unit.RATIO,
        "Correlation of each information coefficient with the one before",
        lambda h: inference.first_autocorrelation(formulas.known_ics(h)),
        of_returns=False,
    )
    alpha: float | None = metric(
        "alpha, a year",
        Unit.FRACTION,
        "Return that the MARKET factor does not explain, a fraction a year: the intercept of the least "
        "squares regression on its returns, times periods a year. It has the same dataset, periods and "
        "filters, gross of costs. Null for MARKET itself and without market caps",
        lambda h: formulas.on_market(h).intercept * h.periods_per_year,
        source="Jensen (1968), doi:10.1111/j.1540-6261.1968.tb00815.x",
    )
    beta: float | None = metric(
        "beta",
        Unit.RATIO,
        "Slope of the same regression: the return per unit of the MARKET factor's",
        lambda h: formulas.on_market(h).slope,
    )
    extreme_returns: int = metric(
        "extreme returns",
        Unit.COUNT,
        "Number of holdings with a return beyond `max_abs_return`, either way",
        lambda h: h.extreme_returns,
        of_returns=False,
    )


METRICS: Final[Mapping[str, Metric]] = metrics_of(Performance)


def performance(history: ReturnHistory) -> Performance:
    """Return all metrics of a return history (R >= 1 returns)."""
    values, undefined = measure(METRICS.values(), history)
    return Performance(**values, undefined=undefined)


def selected_metrics(history: ReturnHistory, names: Sequence[str]) -> dict[str, float | None]:
    """Return a few of the metrics that `performance` reports, the same numbers, for many histories."""
    return measure([METRICS[name] for name in names], history)[0]
