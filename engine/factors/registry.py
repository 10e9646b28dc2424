"""The factors that exist, by name, and what a config of one needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from types import MappingProxyType

from engine.config import parse
from engine.errors import MissingField
from engine.factors.config import FactorConfig, WeightingMethod
from engine.factors.definition import FactorDefinition
from engine.factors.models.growth import GROWTH
from engine.factors.models.market import MARKET
from engine.factors.models.momentum import MOMENTUM
from engine.factors.models.momentum_v2 import MOMENTUM_V2
from engine.factors.models.smb import SMB
from engine.factors.models.value import VALUE
from engine.panel import MARKET_CAP, VOLUME

FACTORS: Mapping[str, FactorDefinition] = MappingProxyType(
    {definition.name: definition for definition in (SMB, MARKET, VALUE, MOMENTUM, MOMENTUM_V2, GROWTH)}
)
FactorName = StrEnum("FactorName", {name: name for name in FACTORS})  # type: ignore[misc]
"""The names of the factors, for what takes one of them."""


def parse_config(factor: str, options: Mapping[str, object]) -> FactorConfig:
    """Return the checked config of a factor: see `parse`."""
    return parse(FACTORS[factor].config_type, options, owner=factor.lower())


def needed_fields(config: FactorConfig, available: Collection[str]) -> tuple[str, ...]:
    """Return the fields that a computation reads, in a fixed order. Raises MissingField for the first one
    absent."""
    definition = FACTORS[config.factor]
    needed = config.signal_fields(definition.required_fields, available)
    if config.market_cap_threshold is not None:
        needed.setdefault(MARKET_CAP, "the market_cap_threshold filter (null switches it off)")
    if config.weighting_method is WeightingMethod.MARKET_CAP:
        needed.setdefault(MARKET_CAP, "weighting by market cap")
    if config.liquidity_threshold is not None:
        needed.setdefault(VOLUME, "the liquidity_threshold filter (null switches it off)")
    for name, reason in needed.items():
        if name not in available:
            raise MissingField(name, reason)
    optional = (*definition.optional_fields, MARKET_CAP)
    return tuple(needed) + tuple(
        name for name in dict.fromkeys(optional) if name in available and name not in needed
    )
