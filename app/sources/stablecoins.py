"""Tells coins that follow a currency from those that have a price of their own."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_SYMBOLS: Final = """
    alusd ausd brz busd cadc ceur crvusd cusd dai deusd dola eura eurc eure euri eurr eurs eurt fdusd fei
    flexusd frxusd gho gusd gyen husd idrt lusd mai mim mimatic mkusd musd mxnt nusd ousd pax pyusd qcad rlusd
    sai susd tgbp tryb tusd usd0 usd1 usda usdb usdc usdd usde usdf usdg usdgo usdh usdj usdk usdl usdm usdn
    usdon usdp usdq usdr usds usdt usdtb usdx usdz ust vai veur vgbp xsgd ylds zchf zusd
"""
STABLECOINS: Final = frozenset(_SYMBOLS.split())
"""Symbols in lower case. Left out are coins that pay interest through their price (USDY), and FRAX, which has
come to name another coin: what is pegged under that name is found by its prices."""

MIN_PRICES: Final = 30
"""Fewer prices than this prove no peg."""
MEDIAN_WITHIN: Final = 0.01
PRICE_WITHIN: Final = 0.03
SHARE_WITHIN: Final = 0.95


def is_known_stablecoin(symbol: str) -> bool:
    """By list. `symbol` in any case; what follows a separator names a chain, as in `usdt_eth` or `USDC.e`."""
    bare = symbol.casefold()
    for separator in "_.-":
        bare = bare.split(separator)[0]
    return bare in STABLECOINS


def is_pegged(values: NDArray[np.float64]) -> bool:
    """Whether (n,) prices in USD are those of a coin held at one dollar; NaN are left out.

    At least 30 prices, their median within 1 % of 1 USD and 95 % of them within 3 %. One that broke its peg
    for longer than a twentieth of the span is not pegged.
    """
    prices = values[np.isfinite(values)]
    if len(prices) < MIN_PRICES or abs(float(np.median(prices)) - 1.0) > MEDIAN_WITHIN:
        return False
    return float(np.mean(np.abs(prices - 1.0) <= PRICE_WITHIN)) >= SHARE_WITHIN
