"""What a factor's numbers mean, in a few plain sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from db.records import PerformanceRecord
from scripts.report.gather import RunMaterial
from scripts.report.numbers import day, number, percent

SIGNIFICANT_T = 1.96
"""Beyond it a normal statistic lies once in twenty times by chance."""
NOT_PROFITABLE = "NOT_PROFITABLE"


def headline(material: RunMaterial) -> str:
    """The one sentence to remember."""
    performance, net = material.performance, material.net
    if performance is None:
        return "This run recorded no metrics."
    if performance.wiped_out_on is not None:
        return f"The factor was wiped out: the period ending {performance.wiped_out_on} lost 100 % or more."
    if net is not None and net.wiped_out_on is not None:
        return f"After costs the factor was wiped out in the period ending {net.wiped_out_on}."
    main = net if net is not None else performance
    after = " after costs" if net is not None else " before costs"
    if main.annualized_return is None or (main.years or 0.0) < 1.0:
        return f"The factor earned {percent(main.cumulative_return)} in all{after}{_over(performance)}."
    earned = f"The factor earned {percent(main.annualized_return)} a year{after}"
    if main.sharpe_ratio is None:
        return f"{earned}."
    at = f"{earned} at a Sharpe ratio of {number(main.sharpe_ratio)}"
    judged = significance(main.newey_west_t)
    return f"{at}{judged}."


def significance(t: float | None) -> str:
    if t is None:
        return ""
    if abs(t) < SIGNIFICANT_T:
        return ", which cannot be told from chance"
    if t < 0:
        return ", a loss too steady to be chance"
    return ", more than chance explains"


def sentences(material: RunMaterial) -> dict[str, str]:
    """By topic, beyond the headline; what cannot be said is left out."""
    performance = material.performance
    if performance is None:
        return {}
    found = {
        "Sample": _sample(performance),
        "Significance": _inference(material, performance),
        "Signal": _signal(performance),
        "Market": _market(material, performance),
        "Concentration": _extremes(material.facts.get("extremes")),
        "Costs": _costs(material, performance),
    }
    return {topic: words for topic, words in found.items() if words}


def _inference(material: RunMaterial, performance: PerformanceRecord) -> str:
    if performance.newey_west_t is None:
        return ""
    t = performance.newey_west_t
    clears = "beyond" if abs(t) >= SIGNIFICANT_T else "short of"
    words = (
        f"Before costs the Newey-West t of the mean return is {number(t)}, {clears} the usual {SIGNIFICANT_T}"
    )
    if performance.probabilistic_sharpe_ratio is not None:
        chance = percent(performance.probabilistic_sharpe_ratio, 0)
        words += f"; the true Sharpe ratio is above 0 with a probability of {chance}"
    interval = interval_of(material.facts, "sharpe_ratio")
    if interval is not None:
        low, high = interval["low"], interval["high"]
        contains = "includes" if low <= 0.0 <= high else "excludes"
        words += (
            f". The {percent(interval['level'], 0)} bootstrap interval of the Sharpe ratio runs from "
            f"{number(low)} to {number(high)} and {contains} 0"
        )
    return words + "."


def _sample(performance: PerformanceRecord) -> str:
    if performance.years is None or performance.years >= 1.0:
        return ""
    return "Less than a year was measured: figures a year extrapolate far beyond it."


def _over(performance: PerformanceRecord) -> str:
    count = performance.num_periods
    return "" if count is None else f", over {count} period{'s' if count != 1 else ''}"


def _signal(performance: PerformanceRecord) -> str:
    if performance.ic_mean is None or performance.ic_t is None:
        return ""
    t = performance.ic_t
    if abs(t) < SIGNIFICANT_T:
        words = "the signal does not reliably rank the assets by what they earn next"
    elif t > 0:
        words = "the signal ranks the assets by what they earn next"
    else:
        words = "the signal ranks the assets the wrong way round"
    return f"With a mean rank IC of {number(performance.ic_mean, 3)} (t {number(t)}), {words}."


def _market(material: RunMaterial, performance: PerformanceRecord) -> str:
    alpha, beta = performance.alpha, performance.beta
    if alpha is None or beta is None:
        return ""
    return (
        f"Against the market factor its beta is {number(beta)}; what remains is an alpha of "
        f"{percent(alpha)} a year before costs."
    )


def _extremes(extremes: Mapping[str, Any] | None) -> str:
    if not extremes or not extremes.get("positions"):
        return ""
    share, without = extremes.get("share"), extremes["cumulative_return_without"]
    count = len(extremes["positions"])
    most = "The most extreme position" if count == 1 else f"The {_COUNTS[count]} most extreme positions"
    of_all = "" if share is None else f", {percent(share, 0)} of the sum of all period returns"
    return (
        f"{most} contributed {percent(extremes['contribution'])}{of_all}; had they earned nothing, the "
        f"cumulative return would be {percent(without)}."
    )


_COUNTS = {2: "two", 3: "three", 4: "four", 5: "five"}


def _costs(material: RunMaterial, performance: PerformanceRecord) -> str:
    config, net = material.run.config, material.net
    turnover, even = performance.mean_turnover, performance.break_even_cost_bps
    traded = ""
    if turnover is not None:
        traded = f"One-way turnover is {percent(turnover, 0)} a period, both legs together. "
    if net is not None and performance.annualized_return is not None and net.annualized_return is not None:
        rates = f"{number(config.get('cost_bps'), 0)} bps a trade"
        if config.get("short_carry_bps"):
            rates += f" and {number(config['short_carry_bps'], 0)} bps a year on the short leg"
        traded += (
            f"Costs of {rates} turn {percent(performance.annualized_return)} a year into "
            f"{percent(net.annualized_return)}. "
        )
    elif net is None and "cost_bps" not in material.run.unrecorded_fields:
        traded += "No costs were set. "
    if even is not None:
        traded += f"The mean return is gone at {number(even, 0)} bps a trade."
    elif any(
        item.metric == "break_even_cost_bps" and item.reason == NOT_PROFITABLE
        for item in performance.undefined_metrics
    ):
        traded += "There is no profit for costs to eat."
    return traded.strip()


def interval_of(facts: Mapping[str, Any], metric: str, *, net: bool = False) -> Mapping[str, Any] | None:
    intervals = facts.get("net_confidence" if net else "confidence") or []
    return next((one for one in intervals if one["metric"] == metric), None)


def span(performance: PerformanceRecord | None) -> str:
    if performance is None or performance.start_date is None:
        return "dates not recorded"
    return f"{day(performance.start_date)} to {day(performance.end_date)}"
