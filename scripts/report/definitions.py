"""How the numbers are defined and where the formulas come from, for the small print."""

from __future__ import annotations

from scripts.report.markup import Markup, element

_COMMON = (
    (
        "Sharpe ratio",
        "mean over standard deviation (ddof 1) of the period returns, times the square root of periods a "
        "year; no risk-free rate. Sharpe (1994), doi:10.3905/jpm.1994.409501.",
    ),
    (
        "Probabilistic Sharpe ratio",
        "probability that the true Sharpe ratio exceeds a benchmark, given the length, skewness and kurtosis "
        "of the returns. Bailey and López de Prado (2012), doi:10.21314/JOR.2012.255.",
    ),
)
FACTOR_DEFINITIONS = (
    (
        "Returns",
        "of a period: long leg minus short leg, or the long leg alone. A portfolio uses what was known at "
        "the end of the period before. Periods without a portfolio are left out, not zero.",
    ),
    (
        "Annualised return",
        "(1 + cumulative return)^(1 / years) − 1; years run from the first to the last period end.",
    ),
    *_COMMON,
    (
        "Standard error of the Sharpe ratio",
        "for independent, identically distributed returns. Lo (2002), doi:10.2469/faj.v58.n4.2453.",
    ),
    (
        "Newey-West t",
        "mean over its heteroskedasticity and autocorrelation consistent error; Bartlett kernel, lag "
        "4 (n / 100)^(2/9). Newey and West (1987, doi:10.2307/1913610; 1994, doi:10.2307/2297912).",
    ),
    (
        "Bootstrap interval",
        "percentile interval of stationary block bootstrap resamples. Politis and Romano (1994), "
        "doi:10.1080/01621459.1994.10476870; block length by Politis and White (2004), "
        "doi:10.1081/ETC-120028836, corrected 2009.",
    ),
    (
        "Sortino ratio",
        "mean over the deviation (ddof 1) of the negative returns, as in the older logs; with target 0: over "
        "the root mean square of the losses. Sortino and Price (1994), doi:10.3905/joi.3.3.59.",
    ),
    (
        "Value at risk and expected shortfall",
        "minus the 5 % quantile of the period returns, and minus the mean of the returns at or below it. "
        "Acerbi and Tasche (2002), doi:10.1111/1468-0300.00091.",
    ),
    (
        "Drawdown",
        "wealth over its running maximum, minus 1; the start counts as a peak. Calmar ratio: annualised "
        "return over the deepest one.",
    ),
    (
        "Rank IC",
        "Spearman correlation of signal and next return over the eligible assets; positive where the long "
        "leg wins. t = mean / deviation × √n; by horizon, by Newey-West. Grinold and Kahn (2000).",
    ),
    (
        "Alpha and beta",
        "least squares on the market factor of the same dataset, grid and thresholds. Jensen (1968), "
        "doi:10.1111/j.1540-6261.1968.tb00815.x.",
    ),
    (
        "Turnover",
        "half of what is bought and sold a period, both legs added, weights drifted by returns; buying from "
        "nothing is left out of the mean. Break-even cost: that at which the mean return after carry is 0.",
    ),
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
    (
        "HHI",
        "sum of the squared weights of a leg: 1 / HHI is the number of equal positions it is worth.",
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
