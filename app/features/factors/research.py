"""What was found out about a factor run beyond its metrics: its research document, typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db.errors import CorruptBlob
from db.records import DocumentRecord
from engine.factors.portfolio import Leg
from engine.factors.research.subperiods import SubperiodKind

RESEARCH = "RESEARCH"
"""The document's name in the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceInterval:
    """metric: its name in `PerformanceRecord`. net: of the returns after costs."""

    metric: str
    net: bool
    level: float
    low: float
    high: float
    resamples: int
    block_length: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileBucket:
    bucket: int
    num_periods: int
    mean_return: float | None
    annualized_return: float | None
    annualized_volatility: float | None
    sharpe_ratio: float | None
    cumulative_return: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileAnalysis:
    num_periods: int
    buckets: tuple[QuantileBucket, ...]
    spread_mean_return: float | None
    spread_newey_west_t: float | None
    spread_sharpe_ratio: float | None
    monotonicity: float | None
    monotonicity_p_value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalPersistence:
    autocorrelation: float | None
    half_life_periods: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonIC:
    horizon: int
    mean: float | None
    std: float | None
    t: float | None
    num_periods: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subperiod:
    kind: SubperiodKind
    label: str
    start_date: date
    end_date: date
    num_periods: int
    cumulative_return: float | None
    mean_annual_return: float | None
    annualized_volatility: float | None
    sharpe_ratio: float | None
    max_drawdown: float | None
    hit_rate: float | None
    net_cumulative_return: float | None
    net_sharpe_ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtremePosition:
    date: date
    asset: str
    leg: Leg
    weight: float
    period_return: float | None
    contribution: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extremes:
    positions: tuple[ExtremePosition, ...]
    contribution: float | None
    share: float | None
    cumulative_return_without: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetLeg:
    """Parallel arrays (H,): what to hold, and what was held and is to be sold (weight 0). `asset_ordinals`
    int32 index the dataset's assets; the signal of what is to be sold is NaN."""

    asset_ordinals: NDArray[np.int32]
    weights: NDArray[np.float64]
    previous_weights: NDArray[np.float64]
    signals: NDArray[np.float64]

    @property
    def trades(self) -> NDArray[np.float64]:
        """(H,) what to buy or, below 0, to sell, as a fraction of the leg."""
        return self.weights - self.previous_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPortfolio:
    """`long` is None where there is no portfolio, and `absence` says why; `short` also for a long-only
    factor."""

    formation_date: date
    period_end: date
    eligible: int
    absence: str | None
    long: TargetLeg | None
    short: TargetLeg | None

    @property
    def turnover(self) -> float | None:
        """One-way, both legs added, as a fraction of a leg's capital; None where there is no portfolio."""
        if self.long is None:
            return None
        legs = [leg for leg in (self.long, self.short) if leg is not None]
        return sum(float(np.abs(leg.trades).sum()) for leg in legs) / 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPosition:
    """One asset of a target leg. signal: None for what is to be sold."""

    asset: str
    weight: float
    previous_weight: float
    trade: float
    signal: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Research:
    """Definitions are those of `engine.factors.research`; None = not defined, or beyond double precision.

    confidence: gross first, then net; empty where the returns are too few.
    """

    confidence: tuple[ConfidenceInterval, ...]
    quantiles: QuantileAnalysis
    persistence: SignalPersistence
    decay: tuple[HorizonIC, ...]
    subperiods: tuple[Subperiod, ...]
    extremes: Extremes
    target: TargetPortfolio


def read_research(document: DocumentRecord) -> Research:
    """The research that a run's document holds; facts that it has beyond these are left aside.

    Raises CorruptBlob for a document that is no research.
    """
    try:
        return _research(document.facts, document.arrays)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CorruptBlob(f"document {document.name} is no research: {error!r}") from None


def target_positions(leg: TargetLeg, asset_names: Sequence[str]) -> tuple[TargetPosition, ...]:
    """Heaviest first, what is to be sold entirely last; then by asset.

    asset_names: those of the run's dataset, by ordinal.
    """
    # Assets are stored in alphabetical order, so that ordinals order them too.
    order = np.lexsort((leg.asset_ordinals, -leg.previous_weights, -leg.weights))
    columns = (leg.asset_ordinals, leg.weights, leg.previous_weights, leg.trades, leg.signals)
    return tuple(
        TargetPosition(
            asset=asset_names[ordinal],
            weight=weight,
            previous_weight=previous,
            trade=trade,
            signal=None if np.isnan(signal) else signal,
        )
        for ordinal, weight, previous, trade, signal in zip(
            *(column[order].tolist() for column in columns), strict=True
        )
    )


def _research(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Research:
    quantiles, extremes = facts["quantiles"], facts["extremes"]
    return Research(
        confidence=tuple(
            _read(ConfidenceInterval, one, net=net)
            for net, key in ((False, "confidence"), (True, "net_confidence"))
            for one in facts[key]
        ),
        quantiles=_read(
            QuantileAnalysis,
            quantiles,
            buckets=tuple(_read(QuantileBucket, one) for one in quantiles["buckets"]),
        ),
        persistence=_read(SignalPersistence, facts["persistence"]),
        decay=tuple(_read(HorizonIC, one) for one in facts["decay"]),
        subperiods=tuple(
            _read(
                Subperiod,
                one,
                kind=SubperiodKind(one["kind"]),
                start_date=date.fromisoformat(one["start_date"]),
                end_date=date.fromisoformat(one["end_date"]),
            )
            for one in facts["subperiods"]
        ),
        extremes=_read(
            Extremes,
            extremes,
            positions=tuple(
                _read(
                    ExtremePosition,
                    one,
                    date=date.fromisoformat(one["date"]),
                    leg=Leg(one["leg"]),
                )
                for one in extremes["positions"]
            ),
        ),
        target=_target(facts["target"], arrays),
    )


def _target(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> TargetPortfolio:
    return TargetPortfolio(
        formation_date=date.fromisoformat(facts["formation_date"]),
        period_end=date.fromisoformat(facts["period_end"]),
        eligible=facts["eligible"],
        absence=facts["absence"],
        long=_leg("target.long", arrays),
        short=_leg("target.short", arrays),
    )


def _leg(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> TargetLeg | None:
    if f"{prefix}.assets" not in arrays:
        return None
    return TargetLeg(
        asset_ordinals=arrays[f"{prefix}.assets"],
        weights=arrays[f"{prefix}.weights"],
        previous_weights=arrays[f"{prefix}.previous_weights"],
        signals=arrays[f"{prefix}.signals"],
    )


def _read(record_type: type[Any], facts: Mapping[str, Any], **converted: Any) -> Any:
    """A record from the facts of its fields' names, those that JSON cannot hold as they are given apart."""
    names = [item.name for item in fields(record_type) if item.name not in converted]
    return record_type(**{name: facts[name] for name in names}, **converted)
