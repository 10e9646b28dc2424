"""The factors that exist, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from engine.factors.config import FactorName
from engine.factors.definition import FactorDefinition
from engine.factors.growth import GROWTH
from engine.factors.market import MARKET
from engine.factors.momentum import MOMENTUM
from engine.factors.momentum_v2 import MOMENTUM_V2
from engine.factors.smb import SMB
from engine.factors.value import VALUE

FACTORS: Mapping[FactorName, FactorDefinition] = MappingProxyType(
    {definition.name: definition for definition in (SMB, MARKET, VALUE, MOMENTUM, MOMENTUM_V2, GROWTH)}
)
