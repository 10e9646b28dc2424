"""How the numbers are defined and where the formulas come from, for the small print."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.factors.performance import METRICS
from scripts.report.markup import Markup, element


def _in_words(match: re.Match[str]) -> str:
    return METRICS[match[1]].label if match[1] in METRICS else match[1].replace("_", " ")


def _of(*names: str) -> Iterator[tuple[str, str]]:
    """Yield metrics with what they mean, as the engine declares them."""
    for name in names:
        one = METRICS[name]
        meaning = re.sub(r"`(\w+)`", _in_words, one.text)
        yield one.label[0].upper() + one.label[1:], f"{meaning}." + (f" {one.source}." if one.source else "")


_COMMON = (*_of("sharpe_ratio", "probabilistic_sharpe_ratio"),)
FACTOR_DEFINITIONS = (
    (
        "Returns",
        "of a period: long leg minus short leg, or the long leg alone. A portfolio uses what was known at "
        "the end of the period before. Periods without a portfolio are left out, not zero.",
    ),
    *_of("annualized_return"),
    *_COMMON,
    *_of("sharpe_standard_error", "newey_west_t"),
    (
        "Bootstrap interval",
        "percentile interval of stationary block bootstrap resamples. Politis and Romano (1994), "
        "doi:10.1080/01621459.1994.10476870; block length by Politis and White (2004), "
        "doi:10.1081/ETC-120028836, corrected 2009.",
    ),
    *_of("sortino_ratio", "sortino_ratio_target", "value_at_risk_95", "expected_shortfall_95"),
    *_of("max_drawdown", "calmar_ratio", "ic_mean", "ic_t", "alpha", "beta"),
    *_of("mean_turnover", "break_even_cost_bps", "long_hhi"),
    (
        "Net return",
        "gross return less the cost of everything traded, less carry on the short leg by calendar days.",
    ),
    (
        "Quantile portfolios",
        "the eligible assets in ascending order of signal, cut into equal parts, equally weighted, without "
        "costs. Monotonicity: Spearman correlation of bucket number and mean return, exact permutation p.",
    ),
    (
        "Value",
        "market cap over the fees of the period or, if so set, over the last published book equity; at most "
        "0: missing. Long low and short high cap to book is high minus low book-to-market. Fama and French "
        "(1993), doi:10.1016/0304-405X(93)90023-5.",
    ),
    (
        "Market regime",
        "up where the market factor's wealth at the formation date lay above its mean over the half year "
        "before, else down. Nothing of the period itself is looked at.",
    ),
)
SWEEP_DEFINITIONS = (
    (
        "Returns of a point",
        "net where it has costs, else gross, over the periods from the first to the last that any point "
        "reported; 0 where a point held nothing.",
    ),
    *_COMMON,
    (
        "Deflated Sharpe ratio",
        "probabilistic Sharpe ratio of the best point against the maximum that luck alone would give as many "
        "effective trials. Bailey and López de Prado (2014), doi:10.3905/jpm.2014.40.5.094.",
    ),
    (
        "Effective trials",
        "ρ + (1 − ρ) P of P points whose returns correlate by ρ on average, ρ not below 0: points that move "
        "alike count as few.",
    ),
    (
        "Probability of backtest overfitting",
        "share of combinations of half the blocks of periods in which the point that is best there does no "
        "better than the median in the other half. Bailey, Borwein, López de Prado and Zhu (2017), "
        "doi:10.21314/JCF.2016.322.",
    ),
    (
        "Walk-forward",
        "from the end of the first year on, each quarter trades the point with the best Sharpe ratio on all "
        "periods before it. Switching between points is not charged.",
    ),
    (
        "Neighbours",
        "points one step away on one axis; in a sample, the nearest by steps. A best point whose neighbours "
        "do much worse is a spike rather than a plateau.",
    ),
)


def small_print(definitions: tuple[tuple[str, str], ...]) -> Markup:
    return element(
        "div", [element("p", element("b", f"{term}: "), words) for term, words in definitions], class_="small"
    )
