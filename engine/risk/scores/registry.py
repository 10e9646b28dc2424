"""The styles that exist, and the scores of several of them on one panel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigFault, InvalidConfig, MissingField
from engine.panel import FloatArray
from engine.risk.cross_section import BoolArray, Standardized, row_blocks
from engine.risk.scores.beta import BetaConfig, beta_scores
from engine.risk.scores.config import Centering, StyleConfig, StyleName
from engine.risk.scores.inputs import ScoreContext, ScoreInputs
from engine.risk.scores.liquidity import LiquidityConfig, liquidity_scores
from engine.risk.scores.momentum import MomentumConfig, momentum_scores
from engine.risk.scores.residual_volatility import ResidualVolatilityConfig, residual_volatility_scores
from engine.risk.scores.reversal import ReversalConfig, reversal_scores
from engine.risk.scores.size import SizeConfig, size_scores
from engine.risk.scores.user import UserConfig, user_scores
from engine.risk.scores.value import ValueConfig, ValueMeasure, value_scores


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleDefinition:
    """A style. scores: (context, the style's own config) -> standardised scores of the context's dates, NaN
    where an asset has none."""

    name: StyleName
    title: str
    description: str
    config_type: type[StyleConfig]
    scores: Callable[[ScoreContext, Any], Standardized]


STYLES: Mapping[StyleName, StyleDefinition] = MappingProxyType(
    {
        definition.name: definition
        for definition in (
            StyleDefinition(
                name=StyleName.MOMENTUM,
                title="Momentum",
                description="Compound return over the last two years but the last month, recent days first.",
                config_type=MomentumConfig,
                scores=momentum_scores,
            ),
            StyleDefinition(
                name=StyleName.SIZE,
                title="Size",
                description="Minus the logarithm of the market cap: small is positive.",
                config_type=SizeConfig,
                scores=size_scores,
            ),
            StyleDefinition(
                name=StyleName.VALUE,
                title="Value",
                description="Book equity, sales and cash flow to the market cap: cheap is positive.",
                config_type=ValueConfig,
                scores=value_scores,
            ),
            StyleDefinition(
                name=StyleName.BETA,
                title="Beta",
                description="Sensitivity to the cap-weighted market over the last year.",
                config_type=BetaConfig,
                scores=beta_scores,
            ),
            StyleDefinition(
                name=StyleName.RESIDUAL_VOLATILITY,
                title="Residual volatility",
                description="Deviation of what beta leaves, orthogonal to beta and size.",
                config_type=ResidualVolatilityConfig,
                scores=residual_volatility_scores,
            ),
            StyleDefinition(
                name=StyleName.LIQUIDITY,
                title="Liquidity",
                description="Logarithm of the turnover over a month, a quarter and a year.",
                config_type=LiquidityConfig,
                scores=liquidity_scores,
            ),
            StyleDefinition(
                name=StyleName.REVERSAL,
                title="Short-term reversal",
                description="Minus the return of the last month, the last week above all.",
                config_type=ReversalConfig,
                scores=reversal_scores,
            ),
            StyleDefinition(
                name=StyleName.USER,
                title="User-defined",
                description="A field of the dataset, or its logarithm.",
                config_type=UserConfig,
                scores=user_scores,
            ),
        )
    }
)

TORANIKO_STYLES: tuple[StyleConfig, ...] = (
    MomentumConfig(min_share=1.0),
    SizeConfig(winsor=0.0, tail_share=0.2),
    ValueConfig(
        winsor=0.0,
        measure=ValueMeasure.RATIOS,
        book="book_price",
        sales="sales_price",
        cash_flow="cf_price",
    ),
)
"""toraniko 1.1's definitions, to be centered EQUAL_WEIGHTED: equal to its scores where no asset has a gap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleScores:
    """Scores of T' dates, N assets and K styles, in the order in which these were asked for.

    scores: (T', N, K) in standard deviations. 0 where an asset has a price but the style no score for it; NaN
    where it has no price. In memory a date's styles follow each other, each over all assets.
    missing: (T', N, K) where 0 stands for a score that does not exist.
    missing_counts: (T', K) of them. flagged: (T', K) cross-sections without a deviation, in which all are 0.
    """

    names: tuple[str, ...]
    scores: FloatArray
    missing: BoolArray
    missing_counts: NDArray[np.int64]
    flagged: BoolArray


def fields_of(configs: Sequence[StyleConfig]) -> tuple[str, ...]:
    """The panel fields that styles read where they exist, beside prices and market caps."""
    names: dict[str, None] = {}
    for config in configs:
        names |= dict.fromkeys(config.required_fields)
        if isinstance(config, ValueConfig):
            names |= dict.fromkeys(config.candidate_fields)
    return tuple(names)


def history_rows(configs: Sequence[StyleConfig]) -> int:
    """Rows of ScoreInputs before a date that its scores look at (a return is in one, its two prices are in
    two of the panel)."""
    return max((config.history_rows for config in configs), default=0)


def style_scores(
    inputs: ScoreInputs,
    configs: Sequence[StyleConfig],
    *,
    centering: Centering = Centering.CAP_WEIGHTED,
    universe: BoolArray | None = None,
    first_row: int = 0,
) -> StyleScores:
    """Score every covered asset on every date from `first_row` on, from what is known at the date's end.

    universe: (T, N) the assets whose mean and deviation standardise all scores; None for all with a cap
    (CAP_WEIGHTED) or all (EQUAL_WEIGHTED). With `history_rows` rows before `first_row`, the scores are those
    of the whole panel up to rounding, so that a long panel can be scored in parts (ScoreInputs.rows).
    Raises InvalidConfig for two styles of one name, MissingField.
    """
    _refuse(inputs, configs)
    context = ScoreContext(
        inputs=inputs, configs=tuple(configs), centering=centering, universe=universe, first_row=first_row
    )
    covered = inputs.covered[first_row:]
    dates, assets = covered.shape
    scores = np.empty((dates, len(configs), assets))
    missing = np.empty(scores.shape, dtype=np.bool_)
    flagged = np.empty((dates, len(configs)), dtype=np.bool_)
    for column, config in enumerate(configs):
        result = STYLES[config.style].scores(context, config)
        flagged[:, column] = result.flat
        for rows in row_blocks(covered.shape):
            own = scores[rows, column]
            unknown = np.isnan(result.values[rows])
            np.copyto(own, result.values[rows])
            np.copyto(own, 0.0, where=unknown)
            np.copyto(own, np.nan, where=~covered[rows])
            np.logical_and(unknown, covered[rows], out=missing[rows, column])
    return StyleScores(
        names=tuple(config.label for config in configs),
        scores=scores.transpose(0, 2, 1),
        missing=missing.transpose(0, 2, 1),
        missing_counts=missing.sum(axis=2, dtype=np.int64),
        flagged=flagged,
    )


def _refuse(inputs: ScoreInputs, configs: Sequence[StyleConfig]) -> None:
    names = [config.label for config in configs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidConfig((ConfigFault("styles", "DUPLICATE", f"style {twice!r} is asked for twice"),))
    for config in configs:
        for name in config.required_fields:
            if name not in inputs.fields:
                raise MissingField(name, f"style {config.label}")
