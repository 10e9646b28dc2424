"""All stages of a risk model, from prices to validated forecasts, of panels of ten and twenty years."""

from __future__ import annotations

import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.panel import Panel
from engine.risk.model import build_risk_model
from engine.risk.sectors import Sectors
from scripts.benchmarks.measure import Table
from tests.engine.risk.score_panels import market_panel

_SIZES = ((3_000, 2_520), (10_000, 5_040))
_QUICK = ((300, 504),)
_SECTORS = 11


@dataclass(frozen=True, slots=True)
class _Measured:
    """Seconds; peak: bytes of the process, its panel and the making of it included."""

    factors: int
    forecasts: int
    cpu: float
    wall: float
    peak: float


def measure_risk_models(quick: bool) -> Table:
    """Each in a process of its own, whose memory is nobody else's."""
    rows = []
    for assets, days in _QUICK if quick else _SIZES:
        # Not a fork: a copy would start with the memory of this process.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            found = pool.submit(_measure, assets, days).result()
        rows.append(
            (
                f"{assets:,} x {days:,}",
                str(found.factors),
                str(found.forecasts),
                f"{found.cpu:.1f} s",
                f"{found.wall:.1f} s",
                f"{found.peak / 1e9:.2f} GB",
            )
        )
    return Table(
        "Risk model, all stages",
        ("assets x days", "factors", "forecasts", "CPU", "wall", "memory"),
        tuple(rows),
        f"from prices, caps and volumes; market, {_SECTORS} sectors, 6 styles, validated forecasts a month\n"
        "memory: the most of the process, its panel included",
    )


def _measure(assets: int, days: int) -> _Measured:
    panel = _panel(assets, days)
    codes = np.arange(assets) % _SECTORS
    sectors = Sectors(codes=codes, names=tuple(f"SECTOR_{code}" for code in range(_SECTORS)))
    start, cpu = time.perf_counter(), time.process_time()
    model = build_risk_model(panel, sectors=sectors)
    return _Measured(
        factors=len(model.factors),
        forecasts=len(model.outlook.rows),
        cpu=time.process_time() - cpu,
        wall=time.perf_counter() - start,
        peak=_peak_bytes(),
    )


def _panel(assets: int, days: int) -> Panel:
    panel = market_panel(1, days, assets, others=False)
    turnover = np.exp(np.random.default_rng(2).normal(-6.0, 1.0, (days, assets)))
    volume = np.multiply(turnover, panel.fields["market_cap"], out=turnover)
    return replace(panel, fields={**panel.fields, "volume": volume})


def _peak_bytes() -> float:
    """The most memory that this process has had; resource usage alone would count what its parent had when
    it was started."""
    status = Path("/proc/self/status")
    if status.exists():
        words = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return 1024.0 * float(words["VmHWM"].split()[0])
    return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
