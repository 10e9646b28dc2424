"""Growth: the mean z-score of fees, users and revenue growth."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from engine.config import option
from engine.errors import ConfigFault, MissingField
from engine.factors.config import LongShortConfig, LongSide
from engine.factors.definition import FactorDefinition, SignalContext
from engine.panel import DAU, FEES, PRICE, REVENUE, FloatArray
from engine.statistics.undefined import deviation_is_zero


class GrowthMetric(StrEnum):
    """The measures of growth; values are names of dataset fields."""

    FEES = FEES
    DAU = DAU
    REVENUE = REVENUE


GROWTH_METRICS = (FEES, DAU, REVENUE)
MIN_DAILY_ACTIVE_USERS = 100.0
MIN_PERIOD_FEES_USD = 500.0
CLIP_QUANTILES = (0.05, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthConfig(LongShortConfig):
    factor = "GROWTH"

    growth_window: int = option(2, 1, 52, "Periods over which growth is measured")
    growth_metrics: tuple[str, ...] | None = option(
        None,
        text="The measures that are combined; the dataset must have them",
        null="those of fees, dau and revenue that it has",
        choices=GrowthMetric,
    )

    def _cross_faults(self) -> list[ConfigFault]:
        faults = LongShortConfig._cross_faults(self)
        if self.growth_metrics is not None:
            unknown = [name for name in self.growth_metrics if name not in GROWTH_METRICS]
            if unknown or not self.growth_metrics:
                message = f"growth_metrics must be one or more of {', '.join(GROWTH_METRICS)}"
                faults.append(ConfigFault("growth_metrics", "UNKNOWN_METRIC", message))
        return faults

    def signal_fields(self, required: tuple[str, ...], available: Collection[str]) -> dict[str, str]:
        needed = LongShortConfig.signal_fields(self, required, available)
        factor = f"factor {self.factor.lower()}"
        if self.growth_metrics is not None:
            return needed | dict.fromkeys(self.growth_metrics, f"growth_metrics of {factor}")
        if not any(name in available for name in GROWTH_METRICS):
            raise MissingField(" or ".join(GROWTH_METRICS), factor)
        return needed


def growth_signal(context: SignalContext, config: GrowthConfig) -> FloatArray:
    """Mean of the available z-scores among the eligible assets with enough users and fees, where recorded."""
    available = context.periods.fields
    candidates = context.eligible
    if DAU in available:
        candidates = candidates & (context.field(DAU) > MIN_DAILY_ACTIVE_USERS)
    if FEES in available:
        candidates = candidates & (context.field(FEES) > MIN_PERIOD_FEES_USD)
    metrics = config.growth_metrics or tuple(name for name in GROWTH_METRICS if name in available)
    nan_outside = np.where(candidates, 0.0, np.nan)
    total = np.zeros(candidates.shape)
    count = np.zeros(candidates.shape, dtype=np.int8)
    for name in metrics:
        earlier = context.field(name, config.growth_window)
        earlier[earlier <= 0] = np.nan
        score = clipped_z_score(context.field(name) / earlier - 1.0 + nan_outside)
        scored = ~np.isnan(score)
        total += np.where(scored, score, 0.0)
        count += scored
    return np.asarray(total / count)


@np.errstate(divide="ignore", invalid="ignore")
def clipped_z_score(values: FloatArray) -> FloatArray:
    """Each row of (K, C) clipped at its linear 5th and 95th percentiles, then standardised (ddof 1).

    NaN is ignored and stays NaN; a row with fewer than 2 values or no deviation becomes all NaN.
    """
    count = np.count_nonzero(~np.isnan(values), axis=1)
    missing = np.full((len(values), 1), np.nan)
    ordered = np.concatenate([values, missing], axis=1)
    ordered.sort(axis=1)  # NaN last
    low, high = (_row_quantile(ordered, count, quantile)[:, None] for quantile in CLIP_QUANTILES)
    clipped = ordered.clip(low, high)
    mean = _leading_sums(clipped, count) / count
    clipped -= mean[:, None]
    clipped *= clipped
    deviation = np.sqrt(_leading_sums(clipped, count) / (count - 1))
    deviation[(count < 2) | deviation_is_zero(deviation, mean)] = np.nan
    return np.asarray((values.clip(low, high) - mean[:, None]) / deviation[:, None])


def _row_quantile(ordered: FloatArray, count: NDArray[np.int64], quantile: float) -> FloatArray:
    """Linear quantile (Hyndman and Fan type 7) of each row's first `count` values; NaN where that is 0."""
    position = quantile * np.maximum(count - 1, 0)
    below = np.floor(position).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    rows = np.arange(len(ordered))
    start = ordered[rows, below]
    return np.asarray(start + (ordered[rows, above] - start) * (position - below))


def _leading_sums(rows: FloatArray, count: NDArray[np.int64]) -> FloatArray:
    """Sum of each row's first `count` values, fewer than there are; meaningless where that is 0.

    Nothing else takes part: zeros after them would change the order of addition, and so the last digits.
    """
    starts = np.arange(len(rows)) * rows.shape[1]
    return np.add.reduceat(rows.ravel(), np.stack([starts, starts + count], axis=1).ravel())[::2]


GROWTH = FactorDefinition(
    title="Growth (fees, users, revenue)",
    description="Buys the assets whose fees, daily active users and revenue grow fastest, sells the slowest.",
    signal="mean of the available z-scores of fees, dau and revenue growth, each clipped at 5 % and 95 %",
    required_fields=(PRICE,),
    optional_fields=GROWTH_METRICS,
    config_type=GrowthConfig,
    compute_signal=growth_signal,
    long_side=LongSide.HIGH,
    cross_sectional=True,
)
