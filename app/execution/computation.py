"""The computations that children run, by the kind of run.

Imports numpy, scipy.special, the engine and the modules that map files, nothing heavier: the forkserver loads
this module once, and every child inherits it.
"""

from __future__ import annotations

import mmap  # noqa: F401  numpy would import it in each child, at the first mapped file
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import scipy.special  # noqa: F401  the engine would import it in each child, at the first quantile

from app.execution.child import ReportProgress
from app.execution.factor_job import compute_run, encode_result
from app.execution.frames import Buffer
from app.execution.optimize_job import OPTIMIZE, compute_optimum
from app.execution.protocol import ComputeRequest
from app.execution.risk_job import build_model
from app.execution.sweep_job import compute_sweep, encode_sweep
from app.execution.warming import warming_up
from engine.compute import compute_factor
from engine.config import options_of
from engine.errors import MissingField
from engine.factors.registry import FACTORS, FactorName, parse_config
from engine.panel import DAU, FEES, MARKET_CAP, PRICE, REVENUE, VOLUME, Calendar, Panel
from engine.research.analyse import analyse
from engine.sweeps.grid import SweepAxis, parse_plan
from engine.sweeps.sweep import sweep

_JOBS = {"FACTOR": compute_run, "SWEEP": compute_sweep, "RISK_MODEL": build_model, OPTIMIZE: compute_optimum}


def compute(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    """Errors: EngineError, FactorQLError."""
    return _JOBS[request.kind](request, report)


def prepare() -> None:
    """Compute on a toy panel what it has the fields for, so that children inherit what numpy loads at first
    use; otherwise it costs each of them some 30 ms. What fails is told on standard error and stops nothing.
    """
    panel = _toy_panel(dates=120, assets=12)
    for factor in FactorName:
        with warming_up(factor.lower()), suppress(MissingField):
            result = compute_factor(panel, parse_config(factor, _toy_options(factor)))
            encode_result(result, analyse(result))
    with warming_up("a sweep"), suppress(MissingField):
        axes = (SweepAxis(option="lookback_periods", values=(1, 2)),)
        plan = parse_plan(FactorName.MOMENTUM, _toy_options(FactorName.MOMENTUM), axes, partitions=4)
        encode_sweep(sweep(panel, plan))


def _toy_options(factor: FactorName) -> dict[str, object]:
    size = "top_n" if "top_n" in options_of(FACTORS[factor].config_type) else "min_assets"
    return {size: 5, "market_cap_threshold": None, "liquidity_threshold": None}


def _toy_panel(*, dates: int, assets: int) -> Panel:
    values = 1e4 * (2 + np.sin(np.arange(dates)[:, None] * np.arange(1, assets + 1)))
    return Panel(
        dates=np.datetime64("2001-01-01") + np.arange(dates),
        assets=tuple(f"{number:03}" for number in range(assets)),
        fields=dict.fromkeys((PRICE, MARKET_CAP, VOLUME, FEES, DAU, REVENUE), values),
        calendar=Calendar.EVERY_DAY,
    )
