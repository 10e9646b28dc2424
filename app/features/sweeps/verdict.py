"""A sweep's outcome in one honest sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.features.sweeps.results import SweepResults
from engine.sweeps.sweep import SPAN_SHARPE

MIN_DEFLATED_SHARPE: Final = 0.95
MAX_OVERFITTING: Final = 0.2
"""Of the probability of backtest overfitting."""


@dataclass(frozen=True, slots=True)
class _Check:
    """passed: None = undefined."""

    name: str
    passed: bool | None
    told: str


def verdict(results: SweepResults) -> str:
    """What the numbers allow to say. Positive only if all three hold: deflated Sharpe at least
    MIN_DEFLATED_SHARPE, probability of overfitting at most MAX_OVERFITTING, walk-forward Sharpe above 0.
    """
    checks = [_deflated(results), _overfitting(results), _walk_forward(results)]
    head = _head(checks)
    return f"{head}: {_best(results)}; {', '.join(check.told for check in checks)}."


def _head(checks: list[_Check]) -> str:
    failed = [check.name for check in checks if check.passed is False]
    unknown = [check.name for check in checks if check.passed is None]
    if checks[0].passed is False:
        return "Nothing here that luck would not explain"
    if failed:
        return "Doubtful"
    if unknown:
        return "Not proven"
    return "It holds up"


def _best(results: SweepResults) -> str:
    computed = results.point_count - results.failed_count
    points = f"the best of {computed:,} points" if computed > 1 else "the only point that was computed"
    sharpe = results.metric(SPAN_SHARPE, results.best)
    known = ["no Sharpe ratio" if sharpe is None else f"Sharpe {sharpe:.2f}"]
    if results.failed_count:
        known.append(f"{results.failed_count:,} more failed")
    points += f" ({'; '.join(known)})"
    deflated = results.deflated_sharpe
    if deflated is None or sharpe is None:
        return f"{points} cannot be told from luck"
    luck = deflated.expected_maximum * float(np.sqrt(results.periods_per_year))
    trials = round(deflated.effective_trials)
    return (
        f"{points}, where luck alone gives the best of {trials:,} independent "
        f"{'trial' if trials == 1 else 'trials'} {luck:.2f}"
    )


def _deflated(results: SweepResults) -> _Check:
    name, found = "deflated Sharpe", results.deflated_sharpe
    if found is None:
        return _undefined(results, name, "deflated_sharpe")
    passed = found.probability >= MIN_DEFLATED_SHARPE
    need = "at least" if passed else "below"
    return _Check(name, passed, f"{name} {_cut(found.probability)} ({need} {MIN_DEFLATED_SHARPE:g})")


def _overfitting(results: SweepResults) -> _Check:
    name, found = "probability of overfitting", results.overfitting
    if found is None:
        return _undefined(results, name, "overfitting")
    passed = found.probability <= MAX_OVERFITTING
    need = "at most" if passed else "above"
    return _Check(name, passed, f"{name} {_cut(found.probability)} ({need} {MAX_OVERFITTING:g})")


def _walk_forward(results: SweepResults) -> _Check:
    name, found = "walk-forward Sharpe", results.walk_forward
    if found is None or found.sharpe_ratio is None:
        metric = "walk_forward" if found is None else "walk_forward.sharpe_ratio"
        return _undefined(results, name, metric)
    passed = found.sharpe_ratio > 0
    return _Check(name, passed, f"{name} {found.sharpe_ratio:.2f} ({'above' if passed else 'not above'} 0)")


def _undefined(results: SweepResults, name: str, metric: str) -> _Check:
    details = [one.detail for one in results.undefined if one.metric == metric]
    return _Check(name, None, f"{name} undefined ({details[0] if details else 'no reason is known'})")


def _cut(share: float) -> str:
    """Two digits, of which the last is never rounded across a threshold: 0.949 is no 0.95."""
    text = f"{share:.2f}"
    for limit in (MIN_DEFLATED_SHARPE, MAX_OVERFITTING):
        if (float(text) >= limit) != (share >= limit) or (float(text) <= limit) != (share <= limit):
            return f"{share:.4f}"
    return text
