"""Sweeps of a factor: the points, computed with everything shared that they have in common.

Points that differ in their breakpoint alone share filters, signal and sort; those that differ in a threshold
still share signals and the other filters. Each point's numbers are those of a run of its own, to the last
digit: the same functions compute them from the same arrays.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Final, TypeVar

import numpy as np

from engine.errors import EngineError, NoPeriods, ReturnsOverflow
from engine.factors.compute import gross_history, net_history
from engine.factors.config import FactorConfig, LongShortConfig, WeightingMethod
from engine.factors.definition import SignalContext
from engine.factors.eligibility import (
    BoolArray,
    IntArray,
    in_universe,
    large_enough,
    liquid_enough,
    old_enough,
    priced,
    require_selectors,
)
from engine.factors.formation import Formation, rank, reported_rows, select
from engine.factors.performance import METRICS, selected_metrics
from engine.factors.portfolio import Ranking, leg_holdings
from engine.factors.registry import FACTORS, FactorName, needed_fields, parse_config
from engine.factors.return_history import ReturnHistory
from engine.factors.weights import raw_weights
from engine.panel import FloatArray, Panel
from engine.periods import PeriodPanel, build_periods, with_lags
from engine.statistics.performance import Metric
from engine.statistics.undefined import Undefined, UndefinedReason
from engine.sweeps.grid import SweepPlan
from engine.sweeps.points import SPAN_SHARPE, SPAN_SHARPE_METRIC, Point
from engine.sweeps.sweep import SweepResult, check_sweep, chunked, conclude, evaluate_points

SHARED_BYTES: Final = 256 << 20
"""What is kept of filters and signals for later points."""

T = TypeVar("T")

_FORMULAS: Final = (
    "sharpe_ratio",
    "annualized_return",
    "cumulative_return",
    "annualized_volatility",
    "max_drawdown",
    "calmar_ratio",
    "hit_rate",
    "newey_west_t",
    "probabilistic_sharpe_ratio",
    "mean_turnover",
    "break_even_cost_bps",
)
SWEEP_METRICS: Final[Mapping[str, Metric]] = {
    "gross_sharpe_ratio": replace(
        METRICS["sharpe_ratio"],
        name="gross_sharpe_ratio",
        label="gross Sharpe ratio",
        text="Annualised Sharpe ratio before costs",
    ),
    **{name: METRICS[name] for name in (*_FORMULAS, "num_periods", "skipped_periods", "breadth")},
    SPAN_SHARPE: SPAN_SHARPE_METRIC,
}
"""Of a point's returns, which are net where it has costs, but for the first."""
POINT_METRICS: Final = tuple(SWEEP_METRICS)[:-1]
"""Those of a point by itself."""


@dataclass(frozen=True, slots=True)
class SweepableFactor:
    """A factor as sweeps see it."""

    factor: FactorName
    metrics: ClassVar[tuple[str, ...]] = POINT_METRICS
    followers: ClassVar[Mapping[str, str]] = {"top_n": "min_assets"}  # of the market factor

    @property
    def name(self) -> str:
        return self.factor.lower()

    def parse(self, options: Mapping[str, object]) -> FactorConfig:
        return parse_config(self.factor, options)

    def sharing_key(self, config: FactorConfig) -> tuple[str, ...]:
        return (repr(ranking_key(config)), repr(without_cost(config)))


SWEEPABLE_FACTORS: Final[Mapping[str, SweepableFactor]] = {name: SweepableFactor(name) for name in FactorName}


def dataset_check(
    fields: Collection[str], assets: Collection[str], attributes: Mapping[str, Collection[str | None]]
) -> Callable[[FactorConfig], None]:
    """Return the check of whether a dataset has what a config asks for. It raises MissingField, InvalidConfig
    (unknown assets)."""

    def check(config: FactorConfig) -> None:
        needed_fields(config, fields)
        if config.exclude or config.universe is not None:
            require_selectors(config, assets, attributes)

    return check


def sweep(
    panel: Panel, plan: SweepPlan, *, periods: PeriodPanel | None = None, chunk_size: int = 500
) -> SweepResult:
    """Sweep a factor in one go. periods: the panel on the plan's grid with all its fields, without lags.

    Raises MissingField, InvalidConfig (unknown assets), AllPointsFailed.
    """
    check_sweep(plan, dataset_check(panel.fields, panel.assets, panel.attributes))
    if periods is None:
        periods = build_periods(panel, plan.base.rebalance)
    points = evaluate_points(FactorPoints(panel, periods), plan, chunked(plan, chunk_size))
    return conclude(plan, periods.grid, list(points))


class FactorPoints:
    """Computes the points of a factor's sweep on one panel. Not safe for threads.

    periods: the panel on the grid of all points, with the fields that they need, without lags.
    """

    def __init__(self, panel: Panel, periods: PeriodPanel) -> None:
        self._panel = panel
        self._periods = periods
        self._shared = _Shared(SHARED_BYTES)
        self._latest: tuple[Hashable, _Ranked] | None = None
        self._latest_gross: tuple[FactorConfig, IntArray, ReturnHistory] | None = None

    def evaluate(self, config: FactorConfig) -> Point:
        """One point; what cannot be computed becomes its failure."""
        try:
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                return self._evaluate(config)
        except EngineError as error:
            return self.failed(error)

    def failed(self, error: EngineError) -> Point:
        """A point without portfolios."""
        return Point(
            returns=np.full(len(self._periods.grid), np.nan),
            metrics=(float("nan"),) * len(POINT_METRICS),
            failure=(error.code, str(error)),
        )

    def _evaluate(self, config: FactorConfig) -> Point:
        needed_fields(config, self._panel.fields)
        if config.exclude or config.universe is not None:
            require_selectors(config, self._panel.assets, self._panel.attributes)
        periods = self._lagged(config)
        rows, gross = self._gross(periods, config)
        history = net_history(gross, config) if config.has_costs else gross
        if not np.isfinite(history.returns @ history.returns):  # it would spoil what is said of all points
            raise ReturnsOverflow
        placed = np.full(len(periods.grid), np.nan)
        placed[rows + 1] = history.returns
        figures = selected_metrics(history, _FORMULAS)
        counts = (len(history.returns), history.skipped_periods, history.breadth)
        gross_sharpe = selected_metrics(gross, ["sharpe_ratio"])["sharpe_ratio"]
        return Point(
            returns=placed,
            metrics=tuple(map(_number, (gross_sharpe, *figures.values(), *counts))),
        )

    def _gross(self, periods: PeriodPanel, config: FactorConfig) -> tuple[IntArray, ReturnHistory]:
        """Grid rows and history before the cost of trading, which the next points may have in common."""
        key = without_cost(config)
        if self._latest_gross is None or self._latest_gross[0] != key:
            formation = self._form(periods, config)
            history = gross_history(
                periods,
                formation,
                config,
                ics=np.full(len(formation.rows), np.nan),
                market=Undefined(UndefinedReason.NO_MARKET, "points are not measured against the market"),
            )
            self._latest_gross = (key, formation.rows, history)
        return self._latest_gross[1:]

    def _form(self, periods: PeriodPanel, config: FactorConfig) -> Formation:
        ranked = self._ranked(periods, config)
        candidates = len(ranked.context.rows)
        selection = select(
            ranked.context, ranked.ranking, ranked.signal, ranked.eligible, ranked.weights, config
        )
        if len(selection.rows) == 0:
            raise NoPeriods(selection.max_eligible, config.min_eligible, candidates)
        return Formation(
            rows=selection.rows,
            skipped=candidates - len(selection.rows),
            legs={
                side: leg_holdings(periods, selection.rows, selection.sizes, picks, config)
                for side, picks in selection.picks.items()
            },
            selections=(selection,),
        )

    def _ranked(self, periods: PeriodPanel, config: FactorConfig) -> _Ranked:
        key = ranking_key(config)
        if self._latest is None or self._latest[0] != key:
            self._latest = (key, self._rank(periods, config))
        return self._latest[1]

    def _rank(self, periods: PeriodPanel, config: FactorConfig) -> _Ranked:
        rows = reported_rows(periods, config)
        if len(rows) == 0:
            raise NoPeriods(0, config.min_eligible, 0)
        passed = self._passed(periods, rows, config)
        columns = np.flatnonzero(passed.any(axis=0))
        if len(columns) == 0:
            raise NoPeriods(0, config.min_eligible, len(rows))
        context = SignalContext(
            periods=periods, rows=rows, columns=columns, eligible=passed.take(columns, axis=1)
        )
        weights = self._weights(context, config)
        if weights is not None:
            context.eligible[np.isnan(weights)] = False
        signal = self._signal(context, config)
        eligible = context.eligible & np.isfinite(signal)
        return _Ranked(context, rank(signal, eligible, config), signal, eligible, weights)

    def _passed(self, periods: PeriodPanel, rows: IntArray, config: FactorConfig) -> BoolArray:
        """(K, N) assets that pass the filters, as `eligibility.candidates` has it."""
        lags = _lags(config)
        selectors = (config.universe, config.exclude)
        passed = self._shared.get(("priced", lags), lambda: priced(periods, rows)) & self._shared.get(
            ("universe", lags, selectors), lambda: in_universe(periods, rows, config)
        )
        for threshold, filter_of in (
            (config.market_cap_threshold, large_enough),
            (config.liquidity_threshold, liquid_enough),
            (config.min_lifetime_days, old_enough),
        ):
            if threshold is not None:
                passed &= self._shared.get(
                    (filter_of.__name__, lags, threshold),
                    lambda keep=filter_of, at=threshold: keep(periods, rows, at),  # type: ignore[misc]
                )
        return passed

    def _signal(self, context: SignalContext, config: FactorConfig) -> FloatArray:
        """(K, C); a signal that looks at each asset by itself is computed for all of them, once."""
        compute = FACTORS[config.factor].compute_signal
        if FACTORS[config.factor].cross_sectional:
            return compute(context, config)
        key = ("signal", *_signal_key(config))
        return self._of_all_assets(key, context, lambda every: compute(every, config))

    def _weights(self, context: SignalContext, config: FactorConfig) -> FloatArray | None:
        if config.weighting_method is WeightingMethod.EQUAL:
            return None
        key = ("weights", *_weights_key(config))

        def compute(every: SignalContext) -> FloatArray:
            weights = raw_weights(every, config)
            assert weights is not None  # noqa: S101  only equal weights have none
            return weights

        return self._of_all_assets(key, context, compute)

    def _of_all_assets(
        self, key: Hashable, context: SignalContext, compute: Callable[[SignalContext], FloatArray]
    ) -> FloatArray:
        def of_all() -> FloatArray:
            count = len(self._panel.assets)
            everyone = np.ones((len(context.rows), count), dtype=np.bool_)
            return compute(
                SignalContext(
                    periods=context.periods, rows=context.rows, columns=np.arange(count), eligible=everyone
                )
            )

        return self._shared.get(key, of_all).take(context.columns, axis=1)

    def _lagged(self, config: FactorConfig) -> PeriodPanel:
        return self._shared.get(
            ("periods", _lags(config)),
            lambda: with_lags(
                self._periods,
                execution_lag=config.execution_lag_days,
                publication_lag=config.publication_lag_days,
            ),
        )


def ranking_key(config: FactorConfig) -> tuple[Any, ...]:
    """Equal for configs that rank the same assets by the same signal: neighbours in this order share most.
    Sortable by its repr."""
    filters = (
        config.universe,
        config.exclude,
        config.market_cap_threshold,
        config.liquidity_threshold,
        config.min_lifetime_days,
    )
    return (*_signal_key(config), *_weights_key(config), *filters)


def without_cost(config: FactorConfig) -> FactorConfig:
    """Equal for configs that hold the same portfolios and pay the same carry."""
    return replace(config, cost_bps=0.0)


def _lags(config: FactorConfig) -> tuple[int, int]:
    return (config.execution_lag_days, config.publication_lag_days)


def _signal_key(config: FactorConfig) -> tuple[Any, ...]:
    """Lags, and the options that this factor alone has: a signal can look at no others."""
    own = sorted({item.name for item in fields(config)} - _SHARED_OPTIONS)
    return (*_lags(config), *(getattr(config, name) for name in own))


_SHARED_OPTIONS: Final = frozenset(item.name for item in fields(LongShortConfig))


def _weights_key(config: FactorConfig) -> tuple[Any, ...]:
    lookback = (
        config.variance_lookback if config.weighting_method is WeightingMethod.INVERSE_VARIANCE else None
    )
    return (*_lags(config), config.weighting_method, lookback)


@dataclass(frozen=True, slots=True)
class _Ranked:
    context: SignalContext
    ranking: Ranking
    signal: FloatArray
    eligible: BoolArray
    weights: FloatArray | None


class _Shared:
    """Arrays by what they depend on; the least recently used go first when there are too many."""

    def __init__(self, capacity_bytes: int) -> None:
        self._capacity = capacity_bytes
        self._held: OrderedDict[Hashable, Any] = OrderedDict()
        self._bytes = 0

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        if key in self._held:
            self._held.move_to_end(key)
            found: T = self._held[key]
            return found
        value = compute()
        self._held[key] = value
        self._bytes += _size(value)
        while self._bytes > self._capacity and len(self._held) > 1:
            _, oldest = self._held.popitem(last=False)
            self._bytes -= _size(oldest)
        return value


def _size(value: object) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, PeriodPanel):
        return sum(values.nbytes for values in value.fields.values()) + value.execution_prices.nbytes
    return 0


def _number(value: float | int | None) -> float:
    return float("nan") if value is None else float(value)
