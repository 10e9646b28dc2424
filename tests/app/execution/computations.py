"""Computations that act as the request's config says, in place of the production one."""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from app.errors import DatasetUnavailable
from app.execution.worker.child import ReportProgress
from app.execution.worker.frames import Buffer
from app.execution.worker.protocol import ComputeRequest, encode_arrays
from engine.errors import NoPeriods
from engine.factors.portfolio import LegHoldings


def prepare() -> None:
    """Nothing here is slow at first use."""


def compute(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    return globals()[request.config.get("act", "succeed")](request, report)


def succeed(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    """A result of `periods` periods, each asset held in both legs, whose numbers follow from the config."""
    periods, assets = request.config.get("periods", 4), request.config.get("assets", 2)
    dates = np.datetime64("2024-01-07") + 7 * np.arange(periods + 1)
    factor = np.arange(periods) / 100 + request.config.get("seed", 0)
    leg = LegHoldings(
        offsets=np.arange(periods + 1) * assets,
        assets=np.tile(np.arange(assets, dtype=np.int32), periods),
        weights=np.full(periods * assets, 1 / assets),
        period_returns=np.full(periods * assets, 0.5),
        signals=np.full(periods * assets, np.nan),
        market_caps=np.full(periods * assets, 1e9),
    )
    arrays = {"dates": dates[1:], "formation_dates": dates[:-1]}
    for name in ("long_leg", "short_leg"):
        arrays |= {f"{name}.{column.name}": getattr(leg, column.name) for column in fields(leg)}
    for name in ("FACTOR", "LONG", "SHORT"):
        arrays |= {f"series.{name}.times": dates[1:], f"series.{name}.values": factor}
    facts = {
        "performance": {
            "cumulative_return": float(factor.sum()),
            "num_periods": periods,
            "undefined": [],
        },
        "net_performance": None,
        "series": [
            {"name": name, "unit": "fraction per period", "is_return": True}
            for name in ("FACTOR", "LONG", "SHORT")
        ],
        "documents": {},
        "artifacts": [],
    }
    return encode_arrays(facts, arrays)


def sleep(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    report(0.5, "Sleeping")
    time.sleep(request.config.get("seconds", 60))
    return succeed(request, report)


def stay_busy_in_numpy(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    report(0.5, "Busy")
    matrix = np.eye(600)
    while True:
        matrix = matrix @ matrix


def hold_the_interpreter(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    """Blocks inside C without letting any other thread run, the lifeline's included."""
    report(0.5, "Holding")
    ctypes.PyDLL(None).sleep(60)
    return succeed(request, report)


def report_steps(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    for step in range(3):
        report(step / 4, f"step {step}")
    return succeed(request, report)


def exit_silently(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    os._exit(request.config.get("code", 0))


def crash(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    os.kill(os.getpid(), getattr(signal, request.config.get("signal", "SIGSEGV")))
    time.sleep(60)
    raise AssertionError("unreachable")


def die_once(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    """Ends this process and the forkserver the first time, succeeds the second; `marker` is a file."""
    marker = Path(request.config["marker"])
    if marker.exists():
        return succeed(request, report)
    marker.touch()
    os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def refuse(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    raise NoPeriods(max_eligible=3, needed=30, candidate_periods=12)


def miss_files(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    raise DatasetUnavailable("the files of dataset 'x' are gone", hint="ingest it again")


def tell_arrays(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    """A failure that says what came with the request."""
    raise DatasetUnavailable(str({name: values.tolist() for name, values in request.arrays.items()}))


def have_a_fault(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    raise RuntimeError("a secret detail")


def allocate(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    blocks = [np.ones(2**17) for _ in range(request.config["megabytes"])]
    return encode_arrays({"blocks": len(blocks)}, {})


def map_a_file(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    with (
        Path(request.config["file"]).open("rb") as file,
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as map,
    ):
        return encode_arrays({"sum": map[0] + map[-1]}, {})
