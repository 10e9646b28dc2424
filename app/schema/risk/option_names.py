"""The options of a risk model, by the names that the engine's messages call them."""

from __future__ import annotations

from dataclasses import fields

from engine.risk.config import RiskModelConfig
from engine.risk.covariance import CovarianceConfig
from engine.risk.estimation_universe import EstimationUniverseConfig
from engine.risk.scores.registry import STYLES
from engine.risk.specific_risk import SpecificRiskConfig

RISK_OPTIONS = frozenset(
    item.name
    for config in (
        RiskModelConfig,
        EstimationUniverseConfig,
        CovarianceConfig,
        SpecificRiskConfig,
        *(style.config_type for style in STYLES.values()),
    )
    for item in fields(config)
)
