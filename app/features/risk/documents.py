"""What a risk model's documents are called and hold: the child writes them, the services read them.

T dates, M forecast dates, F factors, K styles; G stands for a group of validation portfolios. Arrays of
several axes are flattened in C order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

RISK_MODEL: Final = "RISK_MODEL"
RISK_FACTOR_RETURNS: Final = "RISK_FACTOR_RETURNS"
RISK_COVERAGE: Final = "RISK_COVERAGE"
RISK_COVARIANCE: Final = "RISK_COVARIANCE"
RISK_VALIDATION: Final = "RISK_VALIDATION"
"""Absent where there are too few periods; the facts of RISK_MODEL say how many."""

ArraySpec = tuple[str, str]
"""(type, axes), the axes as letters: ("<f8", "TF")."""

DOCUMENT_ARRAYS: Final[Mapping[str, Mapping[str, ArraySpec]]] = {
    RISK_MODEL: {"dates": ("<i8", "T"), "forecast_rows": ("<i8", "M")},
    RISK_FACTOR_RETURNS: {
        "returns": ("<f8", "TF"),
        "t_statistics": ("<f8", "TF"),
        "r_squared": ("<f8", "T"),
        "assets": ("<i8", "T"),
        "condition_number": ("<f8", "T"),
    },
    RISK_COVERAGE: {
        "priced": ("<i8", "T"),
        "universe": ("<i8", "T"),
        "extreme_returns": ("<i8", "T"),
        "missing": ("<i8", "TK"),
        "flagged": ("<i4", "TK"),
    },
    RISK_COVARIANCE: {
        "matrices": ("<f8", "MFF"),
        "regime_multipliers": ("<f8", "M"),
        "eigenfactor_biases": ("<f8", "MF"),
        "observations": ("<i8", "MF"),
        "specific_regime_multipliers": ("<f8", "M"),
    },
}

VALIDATION_GROUPS: Final = ("random", "styles", "sectors")

VALIDATION_ARRAYS: Final[Mapping[str, ArraySpec]] = {
    "returns": ("<f8", "GV"),
    "forecasts": ("<f8", "GV"),
    "bias": ("<f8", "G"),
    "q": ("<f8", "G"),
    "observations": ("<i8", "G"),
}
"""Of each group, under `<group>.<name>`; V periods, whose `starts` and `ends` stand beside them."""

ARTIFACT_ARRAYS: Final[Mapping[str, ArraySpec]] = {
    "scores": ("<f8", "TNK"),
    "missing_scores": ("|b1", "TNK"),
    "specific_returns": ("<f8", "TN"),
    "sectors": ("<i4", "SN"),
    "specific_risk": ("<f8", "MN"),
    "own_specific_risk": ("<f8", "MN"),
    "peer_specific_risk": ("<f8", "MN"),
    "peer_shares": ("<f8", "MN"),
    "specific_observations": ("<i4", "MN"),
    "market_caps": ("<f8", "MN"),
    "estimation_universe": ("|b1", "MN"),
}
"""Of N assets, each a file. S is T, or 1 where no asset's sector ever changes.

scores: at the end of each date, 0 where missing_scores, NaN where an asset has no price. sectors: index into
the model's, -1 = unknown or none. The others: as in the engine's FactorReturns, SpecificRisk and Outlook.
"""
