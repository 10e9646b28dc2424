"""Factor returns of the risk model against the library toraniko, and of a ten-year panel."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from toraniko.model import estimate_factor_returns

from engine.risk.factor_returns import FactorReturns, RegressionMode
from scripts.benchmarks.measure import Table
from tests.engine.risk.asset_panels import asset_panel
from tests.engine.risk.toraniko_oracle import frames

_ASSETS, _SECTORS, _STYLES = 3_000, 11, 3
_REPETITIONS = 5


def measure_factor_returns(quick: bool) -> list[Table]:
    """Scores given, one thread."""
    return [_against_toraniko(12 if quick else 126), _ten_years(252 if quick else 2_520)]


def _against_toraniko(days: int) -> Table:
    panel = asset_panel(1, dates=days, assets=_ASSETS, sectors=_SECTORS, styles=_STYLES)
    tables = frames(panel)
    rows = []
    for mode in (RegressionMode.TORANIKO_RESIDUAL, RegressionMode.TORANIKO_RAW):
        on_residuals = mode is RegressionMode.TORANIKO_RESIDUAL
        start = time.process_time()
        factors, _ = estimate_factor_returns(*tables, residualize_styles=on_residuals)
        reference = time.process_time() - start
        seconds, result = _least_cpu(lambda mode=mode: panel.estimate(mode=mode))
        ordered = factors.sort("date").drop("date").to_numpy()[:, _order_of_names(panel.sector_names)]
        difference = np.abs(result.returns - ordered).max()
        rows.append(_row(mode, reference, seconds, f"{difference:.0e}"))
    seconds, _ = _least_cpu(panel.estimate)
    rows.append(_row(RegressionMode.JOINT, reference, seconds, ""))
    return Table(
        f"Factor returns, {_ASSETS:,} assets x {days} days, {_SECTORS} sectors, {_STYLES} styles",
        ("mode", "toraniko", "ours", "ratio", "difference"),
        tuple(rows),
        "seconds of CPU, ours the least of a few; joint, which toraniko has not, against its raw mode",
    )


def _ten_years(days: int) -> Table:
    rows = []
    for styles in (_STYLES, 8):
        panel = asset_panel(2, dates=days, assets=_ASSETS, sectors=_SECTORS, styles=styles)
        start, cpu = time.perf_counter(), time.process_time()
        panel.estimate()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - start
        tracemalloc.start()
        panel.estimate()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        rows.append((str(styles), f"{cpu:.2f} s", f"{wall:.2f} s", f"{peak / 1e6:,.0f} MB"))
    return Table(
        f"Factor returns, {_ASSETS:,} assets x {days:,} days, {_SECTORS} sectors, joint mode",
        ("styles", "CPU", "wall", "memory"),
        tuple(rows),
        "memory: the most at a time beyond the inputs, results included",
    )


def _order_of_names(sectors: tuple[str, ...]) -> list[int]:
    """Where toraniko, which sorts sectors by name, has market, sectors and styles."""
    by_name = sorted(sectors)
    return [
        0,
        *(1 + by_name.index(name) for name in sectors),
        *range(1 + len(sectors), 1 + len(sectors) + _STYLES),
    ]


def _row(mode: RegressionMode, reference: float, seconds: float, difference: str) -> tuple[str, ...]:
    return (
        mode.value.lower(),
        f"{reference:.2f} s",
        f"{seconds:.4f} s",
        f"{reference / seconds:,.0f} x",
        difference,
    )


def _least_cpu(work: Callable[[], FactorReturns]) -> tuple[float, FactorReturns]:
    least = float("inf")
    for _ in range(_REPETITIONS):
        start = time.process_time()
        result = work()
        least = min(least, time.process_time() - start)
    return least, result
