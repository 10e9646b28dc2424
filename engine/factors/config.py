"""What every factor model can be told: the shared options, their defaults and their ranges."""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from datetime import date
from enum import StrEnum
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigFault, InvalidConfig
from engine.periods import Rebalance


class FactorName(StrEnum):
    SMB = "SMB"
    MARKET = "MARKET"
    VALUE = "VALUE"
    MOMENTUM = "MOMENTUM"
    MOMENTUM_V2 = "MOMENTUM_V2"
    GROWTH = "GROWTH"


class WeightingMethod(StrEnum):
    """How a leg's weights are set from what is known at the formation date."""

    EQUAL = "EQUAL"
    MARKET_CAP = "MARKET_CAP"
    INVERSE_VARIANCE = "INVERSE_VARIANCE"


class ExtremeReturns(StrEnum):
    """What happens to held returns beyond `max_abs_return`: counted, or counted and not earned."""

    FLAG = "FLAG"
    EXCLUDE = "EXCLUDE"


class LongSide(StrEnum):
    """Which end of the signal is bought; the other end is sold."""

    HIGH = "HIGH"
    LOW = "LOW"


def option(default: Any, *, low: float | None = None, high: float | None = None) -> Any:
    """A config field with its inclusive range."""
    return field(default=default, metadata={"low": low, "high": high})


MIN_VARIANCE_OBSERVATIONS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorConfig:
    """Options shared by all factors. Construction validates and raises InvalidConfig with every fault.

    start_date, end_date: bound the period ends that are reported, not the history a signal may look at.
    variance_lookback: periods behind inverse-variance weights.
    max_weight: cap on a weight inside its leg; None = uncapped.
    market_cap_threshold: USD, exceeded strictly; None = no filter.
    liquidity_threshold: USD of volume per 7 days, scaled to other grids, exceeded strictly; None = no filter.
    min_lifetime_days: days from the first price to the period's end; None = no filter.
    missing_return: what a held asset without a price at the period's end earns, -1 to 0.
    exclude, universe: asset ids or `attribute=value`; universe None = all assets.
    cost_bps: cost of trading 1 unit of capital, in basis points. short_carry_bps: of holding the short leg, a
    year. Net returns exist where one of them is above 0.
    execution_lag_days: positions are taken that many panel rows after the signal is known.
    publication_lag_days: calendar days after which fees, dau, revenue, shares and book values of a day are
    known.
    max_abs_return: held period returns beyond it, either way, are extreme; None = none are.
    extreme_returns: EXCLUDE looks at what was realised: it is for faults in the data, not for trading.
    quantiles: buckets of the quantile portfolios.
    """

    factor: ClassVar[FactorName]

    start_date: date | None = None
    end_date: date | None = None
    weighting_method: WeightingMethod = WeightingMethod.EQUAL
    variance_lookback: int = option(26, low=MIN_VARIANCE_OBSERVATIONS, high=520)
    max_weight: float | None = option(None, low=1e-6, high=1.0)
    market_cap_threshold: float | None = option(100_000_000.0, low=0.0)
    liquidity_threshold: float | None = option(35_000_000.0, low=0.0)
    min_lifetime_days: int | None = option(30, low=0, high=36_500)
    rebalance: Rebalance = Rebalance.WEEKLY
    missing_return: float = option(0.0, low=-1.0, high=0.0)
    exclude: tuple[str, ...] = ()
    universe: tuple[str, ...] | None = None
    cost_bps: float = option(0.0, low=0.0, high=1_000.0)
    short_carry_bps: float = option(0.0, low=0.0, high=10_000.0)
    execution_lag_days: int = option(0, low=0, high=1)
    publication_lag_days: int = option(0, low=0, high=90)
    max_abs_return: float | None = option(None, low=0.01, high=1_000.0)
    extreme_returns: ExtremeReturns = ExtremeReturns.FLAG
    quantiles: int = option(5, low=2, high=10)

    def __post_init__(self) -> None:
        faults = [fault for item in fields(self) if (fault := self._range_fault(item)) is not None]
        faults += self._cross_faults()
        if faults:
            raise InvalidConfig(tuple(faults))

    def _range_fault(self, item: Field[Any]) -> ConfigFault | None:
        low, high = item.metadata.get("low"), item.metadata.get("high")
        value = getattr(self, item.name)
        if value is None or (low is None and high is None):
            return None
        if (low is None or value >= low) and (high is None or value <= high):
            return None
        bounds = f"at least {low:g}" if high is None else f"from {low:g} to {high:g}"
        return ConfigFault(item.name, "OUT_OF_RANGE", f"{item.name} must be {bounds}, not {value!r}")

    def _cross_faults(self) -> list[ConfigFault]:
        """Faults beyond ranges; factors add their own."""
        faults = []
        if self.start_date is not None and self.end_date is not None and self.end_date < self.start_date:
            message = f"end_date {self.end_date} lies before start_date {self.start_date}"
            faults.append(ConfigFault("end_date", "END_BEFORE_START", message))
        if self.extreme_returns is ExtremeReturns.EXCLUDE and self.max_abs_return is None:
            message = "extreme_returns exclude needs max_abs_return, beyond which a return is extreme"
            faults.append(ConfigFault("extreme_returns", "NEEDS_MAX_ABS_RETURN", message))
        if self.universe == ():
            faults.append(
                ConfigFault("universe", "EMPTY", "universe names nothing; null stands for all assets")
            )
        return faults

    @property
    def has_costs(self) -> bool:
        """Whether net returns exist."""
        return self.cost_bps > 0 or self.short_carry_bps > 0

    @property
    def min_eligible(self) -> int:
        """Assets without which a period is skipped."""
        raise TypeError("FactorConfig is abstract: use a factor's own config")

    def leg_sizes(self, eligible_counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """(K,) assets a leg for (K,) eligible assets; 0 = the period is skipped."""
        raise TypeError("FactorConfig is abstract: use a factor's own config")


@dataclass(frozen=True, slots=True, kw_only=True)
class LongShortConfig(FactorConfig):
    """A factor that buys one end of a ranking and sells the other.

    breakpoint: share of the eligible assets in each leg. min_assets: eligible assets without which a period
    is skipped.
    """

    breakpoint: float = option(0.5, low=0.1, high=0.5)
    min_assets: int = option(30, low=5, high=100_000)

    @property
    def min_eligible(self) -> int:
        return self.min_assets

    def leg_sizes(self, eligible_counts: NDArray[np.int64]) -> NDArray[np.int64]:
        # 1e-9 keeps 0.3 * 10 at 3 although its float product is below
        sizes = np.floor(eligible_counts * self.breakpoint + 1e-9).astype(np.int64)
        return np.where(eligible_counts >= self.min_assets, sizes, 0)
