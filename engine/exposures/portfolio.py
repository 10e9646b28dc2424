"""From what is held to weights, and to the returns that a portfolio of these weights would have had."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.errors import ConfigFault, InvalidConfig
from engine.exposures.returns import AssetReturns
from engine.panel import DateArray, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioReturns:
    """Weekly returns of a portfolio of constant weights.

    weeks: (P,) Sundays. returns: (P,) sum of weight * return, NaN where a held asset has no return.
    net_weight: sum of the weights, on which the risk-free rate is paid. scarcest_asset: the one with the
    fewest returns; None for a single asset.
    """

    weeks: DateArray
    returns: FloatArray
    net_weight: float
    scarcest_asset: str | None = None


def weights_of_values(values: Mapping[str, float]) -> dict[str, float]:
    """Asset -> value / sum of |values|, values in USD, negative = short.

    Raises InvalidConfig for values that are not finite, or add up to nothing or to infinity.
    """
    _require_finite("values", values)
    gross = sum(abs(value) for value in values.values())
    if not 0.0 < gross < math.inf:
        raise _fault("values", "EMPTY_PORTFOLIO", "the values add up to nothing, or to infinity")
    return {asset: value / gross for asset, value in values.items()}


def weights_of_amounts(amounts: Mapping[str, float], prices: Mapping[str, float]) -> dict[str, float]:
    """Asset -> amount * price / sum of |amount * price|, negative = short.

    Raises InvalidConfig for amounts that are not finite, an asset without a price > 0, and as
    `weights_of_values` does.
    """
    _require_finite("amounts", amounts)
    missing = [asset for asset in amounts if not 0.0 < prices.get(asset, math.nan) < math.inf]
    if missing:
        raise _fault("amounts", "NO_PRICE", f"no price for {', '.join(missing)}")
    return weights_of_values({asset: amount * prices[asset] for asset, amount in amounts.items()})


def portfolio_returns(assets: AssetReturns, weights: Mapping[str, float]) -> PortfolioReturns:
    """Each week's return at constant weights: today's portfolio, as it would have done.

    weights: asset -> fraction of capital, taken as given (they need not add up to 1), 0 is not held. Raises
    InvalidConfig for assets that are not among `assets`, weights that are not finite or add up to infinity,
    or none but 0.
    """
    _require_finite("weights", weights)
    held = {asset: weight for asset, weight in weights.items() if weight != 0.0}
    if not held:
        raise _fault("weights", "EMPTY_PORTFOLIO", "the portfolio holds nothing")
    if not math.isfinite(sum(map(abs, held.values()))):
        raise _fault("weights", "NOT_FINITE", "the weights add up to infinity")
    column_of = {asset: column for column, asset in enumerate(assets.assets)}
    unknown = [asset for asset in held if asset not in column_of]
    if unknown:
        raise _fault("weights", "UNKNOWN_ASSET", f"unknown assets: {', '.join(unknown)}")
    columns = [column_of[asset] for asset in held]
    returns = assets.returns[:, columns]
    counts = np.isfinite(returns).sum(axis=0)
    return PortfolioReturns(
        weeks=assets.weeks,
        returns=returns @ np.array(list(held.values())),  # NaN of a held asset makes the week's sum NaN
        net_weight=math.fsum(held.values()),
        scarcest_asset=list(held)[int(counts.argmin())] if len(held) > 1 else None,
    )


def _require_finite(option: str, values: Mapping[str, float]) -> None:
    wrong = [asset for asset, value in values.items() if not math.isfinite(value)]
    if wrong:
        raise _fault(option, "NOT_FINITE", f"{option} must be finite numbers: {', '.join(wrong)}")


def _fault(option: str, code: str, message: str) -> InvalidConfig:
    return InvalidConfig((ConfigFault(option, code, message),))
