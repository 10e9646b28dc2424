"""Size: small minus big (Fama and French 1993, doi:10.1016/0304-405X(93)90023-5), without the value split."""

from __future__ import annotations

from dataclasses import dataclass

from engine.factors.config import LongShortConfig, LongSide
from engine.factors.definition import FactorDefinition, SignalContext
from engine.panel import MARKET_CAP, PRICE, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class SmbConfig(LongShortConfig):
    factor = "SMB"


def market_cap_signal(context: SignalContext, config: object) -> FloatArray:
    return context.field(MARKET_CAP)


SMB = FactorDefinition(
    title="Size (small minus big)",
    description="Buys the smallest assets by market capitalisation and sells the biggest.",
    signal="market cap at the end of the previous period",
    required_fields=(PRICE, MARKET_CAP),
    config_type=SmbConfig,
    compute_signal=market_cap_signal,
    long_side=LongSide.LOW,
)
