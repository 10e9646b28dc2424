"""The computation that children run: a factor model on a dataset's mapped files.

Imports numpy, the engine and the modules that map files, nothing heavier: the forkserver loads this module
once, and every child inherits it.
"""

from __future__ import annotations

import mmap  # noqa: F401  numpy would import it in each child, at the first mapped file
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.datasets.period_cache import open_periods
from app.datasets.snapshot import open_snapshot
from app.execution.child import ReportProgress
from app.execution.frames import Buffer
from app.execution.protocol import ComputeRequest, encode_arrays
from engine.compute import FactorResult, compute_factor
from engine.factors.config import FactorName
from engine.factors.options import parse_config
from engine.panel import DAU, FEES, MARKET_CAP, PRICE, REVENUE, VOLUME, Calendar, Panel


def prepare() -> None:
    """Compute every factor once on a toy panel, so that children inherit what numpy loads at first use;
    otherwise it costs each of them some 30 ms."""
    panel = _toy_panel(dates=120, assets=12)
    for factor in FactorName:
        size = "top_n" if factor is FactorName.MARKET else "min_assets"
        options = {size: 5, "market_cap_threshold": None, "liquidity_threshold": None}
        encode_result(compute_factor(panel, parse_config(factor, options)))


def _toy_panel(*, dates: int, assets: int) -> Panel:
    values = 1e4 * (2 + np.sin(np.arange(dates)[:, None] * np.arange(1, assets + 1)))
    return Panel(
        dates=np.datetime64("2001-01-01") + np.arange(dates),
        assets=tuple(f"{number:03}" for number in range(assets)),
        fields=dict.fromkeys((PRICE, MARKET_CAP, VOLUME, FEES, DAU, REVENUE), values),
        calendar=Calendar.EVERY_DAY,
    )


def compute(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    """A factor model on a dataset's mapped files. Errors: EngineError, DatasetUnavailable."""
    report(0.05, "Reading data")
    panel = open_snapshot(Path(request.datasets_dir), request.fingerprint)
    config = parse_config(FactorName(request.factor), request.config)
    report(0.1, "Forming periods")
    periods = open_periods(panel, request.fingerprint, config.rebalance, Path(request.cache_dir))
    report(0.5, "Computing")
    result = compute_factor(panel, config, periods=periods)
    report(0.9, "Storing")
    return encode_result(result)


def encode_result(result: FactorResult) -> list[Buffer]:
    arrays: dict[str, NDArray[Any] | None] = {
        "dates": result.dates,
        "formation_dates": result.formation_dates,
        "factor": result.factor,
        "long": result.long,
        "short": result.short,
    }
    for name in ("long_leg", "short_leg"):
        leg = getattr(result, name)
        if leg is not None:
            arrays |= {f"{name}.{column.name}": getattr(leg, column.name) for column in fields(leg)}
    present = {name: values for name, values in arrays.items() if values is not None}
    return encode_arrays(asdict(result.performance), present)
