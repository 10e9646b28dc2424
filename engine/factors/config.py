"""What every factor model can be told: the shared options, their defaults and their ranges."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.config import Config, option, span_faults
from engine.errors import ConfigFault
from engine.periods import Rebalance


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


MIN_VARIANCE_OBSERVATIONS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorConfig(Config):
    """Options shared by all factors."""

    factor: ClassVar[str]

    start_date: date | None = option(
        None,
        text="The first period end that is reported; the history before it still feeds signals",
        null="the first possible",
        sweepable=False,
    )
    end_date: date | None = option(
        None, text="The last period end that is reported", null="the last possible", sweepable=False
    )
    weighting_method: WeightingMethod = option(
        WeightingMethod.EQUAL, text="How the weights inside a leg are set"
    )
    variance_lookback: int = option(
        26,
        MIN_VARIANCE_OBSERVATIONS,
        520,
        "Number of period returns behind inverse-variance weights; at least "
        f"{MIN_VARIANCE_OBSERVATIONS} must exist",
    )
    max_weight: float | None = option(
        None,
        1e-6,
        1.0,
        "Cap on a weight inside its leg; the excess goes to the others in proportion",
        null="no cap",
    )
    market_cap_threshold: float | None = option(
        100_000_000.0, 0.0, text="USD that an asset's market cap must exceed", null="no filter"
    )
    liquidity_threshold: float | None = option(
        35_000_000.0,
        0.0,
        text="USD per 7 days that an asset's volume must exceed, scaled to the length of the period",
        null="no filter",
    )
    min_lifetime_days: int | None = option(
        30,
        0,
        36_500,
        "Days that must lie between an asset's first price and the period's end",
        null="no filter",
    )
    rebalance: Rebalance = option(Rebalance.WEEKLY, text="How often portfolios are formed", sweepable=False)
    missing_return: float = option(
        0.0, -1.0, 0.0, "What a held asset without a price at the period's end earns; it keeps its weight"
    )
    exclude: tuple[str, ...] = option((), text="Assets that are never held: ids, or `attribute=value`")
    universe: tuple[str, ...] | None = option(
        None, text="The only assets that may be held: ids, or `attribute=value`", null="all"
    )
    cost_bps: float = option(
        0.0,
        0.0,
        1_000.0,
        "Cost of trading, in basis points (0.01 %) of what is bought and of what is sold. Net results exist "
        "where this or `short_carry_bps` is above 0",
    )
    short_carry_bps: float = option(
        0.0, 0.0, 10_000.0, "Cost of holding the short leg, in basis points a year of 365 days"
    )
    execution_lag_days: int = option(
        0,
        0,
        1,
        "Rows of the dataset (days or sessions) after the signal at whose price positions are taken and left",
    )
    publication_lag_days: int = option(
        0,
        0,
        90,
        "Calendar days after which fees, dau, revenue, shares and book values of a day are known to signals",
    )
    max_abs_return: float | None = option(
        None,
        0.01,
        1_000.0,
        "Held period returns beyond it, either way, are extreme: a fraction",
        null="none are",
    )
    extreme_returns: ExtremeReturns = option(
        ExtremeReturns.FLAG,
        text="What happens to extreme returns of held assets, those beyond `max_abs_return`: FLAG counts "
        "them, EXCLUDE also lets them earn `missing_return`. EXCLUDE looks at what was realised: it is for "
        "faults in the data, not for trading",
    )
    quantiles: int = option(
        5, 2, 10, "Number of quantile portfolios, formed from the eligible assets", sweepable=False
    )

    def _cross_faults(self) -> list[ConfigFault]:
        faults = span_faults(self.start_date, self.end_date)
        if self.extreme_returns is ExtremeReturns.EXCLUDE and self.max_abs_return is None:
            message = "extreme_returns exclude needs max_abs_return, beyond which a return is extreme"
            faults.append(ConfigFault("extreme_returns", "NEEDS_MAX_ABS_RETURN", message))
        if self.universe == ():
            faults.append(
                ConfigFault("universe", "EMPTY", "universe names nothing; null stands for all assets")
            )
        return faults

    def signal_fields(self, required: tuple[str, ...], available: Collection[str]) -> dict[str, str]:
        """Return the fields that the signal needs, each with what needs it. required: those of the factor's
        default options; available: what the panel has. Raises MissingField where one of several must exist.
        """
        return dict.fromkeys(required, f"factor {self.factor.lower()}")

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
    """A factor that buys one end of a ranking and sells the other."""

    breakpoint: float = option(0.5, 0.1, 0.5, "Share of the eligible assets in each leg")
    min_assets: int = option(30, 5, 100_000, "Number of eligible assets without which a period is skipped")

    @property
    def min_eligible(self) -> int:
        return self.min_assets

    def leg_sizes(self, eligible_counts: NDArray[np.int64]) -> NDArray[np.int64]:
        # 1e-9 keeps 0.3 * 10 at 3 although its float product is below
        sizes = np.floor(eligible_counts * self.breakpoint + 1e-9).astype(np.int64)
        return np.where(eligible_counts >= self.min_assets, sizes, 0)
