"""Size: small assets score high (Fama and French 1993, doi:10.1016/0304-405X(93)90023-5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.config import option
from engine.panel import FloatArray
from engine.risk.cross_section import Standardized, nearest_quantiles
from engine.risk.scores.config import StyleConfig, StyleName
from engine.risk.scores.inputs import ScoreContext
from engine.risk.scores.logarithm import log_of_positive


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeConfig(StyleConfig):
    style = StyleName.SIZE

    tail_share: float | None = option(
        None,
        0.01,
        0.5,
        "Only the smallest and the largest assets, that share of them on each side, have a score "
        "other than 0",
        null="all have",
    )


def raw_size(caps: FloatArray) -> FloatArray:
    """(T, N) -ln of market caps in USD; a cap of 0 or below is missing, and so is its score alone."""
    return -log_of_positive(caps)


def tails(scores: FloatArray, share: float) -> FloatArray:
    """(T, N) scores with 0 between the observations nearest to the quantiles `share` and 1 - share."""
    lower, upper = (nearest_quantiles(scores, level)[:, None] for level in (share, 1.0 - share))
    return np.where((scores > lower) & (scores < upper), 0.0, scores)


def size_scores(context: ScoreContext, config: SizeConfig) -> Standardized:
    if config not in context.scored:
        context.scored[config] = context.by_dates(lambda rows: _of_dates(context, config, rows))
    return context.scored[config]


def _of_dates(context: ScoreContext, config: SizeConfig, rows: slice) -> Standardized:
    scores = context.standard(rows, raw_size(context.inputs.caps[rows]), config.winsor)
    if config.tail_share is None:
        return scores
    return Standardized(values=tails(scores.values, config.tail_share), flat=scores.flat)
