"""A sweep of a thousand points against a thousand runs of their own, and through the executor."""

from __future__ import annotations

import asyncio
import math
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
from strawberry.utils.str_converters import to_camel_case

from app.datasets.read import read_long_form
from app.datasets.service import ingest_file
from app.datasets.snapshot import open_snapshot, write_snapshot
from app.main import create_app
from app.settings import Settings
from engine.factors.compute import FactorResult, compute_factor
from engine.factors.registry import FactorName
from engine.factors.sweepable import SWEEPABLE_FACTORS, sweep
from engine.panel import Panel
from engine.periods import build_periods
from engine.sweeps.grid import SweepAxis, SweepPlan, parse_plan
from engine.sweeps.sweep import SweepResult
from scripts.benchmarks.measure import Table, best_of, milliseconds
from scripts.benchmarks.panels import ASSETS, DAYS, long_form, seeded_panel
from scripts.benchmarks.real import FOLDER, OPTIONS

SINGLE_RUNS = 30
QUICK_POINTS = 60
_MUTATION = """
mutation Launch($options: MomentumInput!, $axes: [SweepAxisInput!]!, $sample: Int) {
  sweepFactor(
    input: { spec: { momentum: $options }, dataset: { name: "bench" }, axes: $axes, sampleSize: $sample }
    waitSeconds: 30
  ) {
    ... on SweepFactorSuccess { run { status result { verdict } } }
    ... on Error { message }
  }
}
"""
_AXES = (
    SweepAxis(option="lookback_periods", values=tuple(range(1, 11))),
    SweepAxis(option="breakpoint", values=(0.1, 0.2, 0.3, 0.4, 0.5)),
    SweepAxis(option="market_cap_threshold", values=(None, 1e6, 1e7, 1e8)),
    SweepAxis(option="cost_bps", values=(0.0, 10.0, 25.0, 50.0, 100.0)),
)


@dataclass(frozen=True, slots=True)
class _Subject:
    """A panel to sweep on; `file` is what a user would ingest, None where it is skipped."""

    name: str
    panel: Panel
    file: Path
    options: dict[str, object]


def measure_sweeps(quick: bool) -> Table:
    """Momentum, weekly: 10 lookbacks x 5 breakpoints x 4 market-cap thresholds x 5 costs."""
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory(prefix="factorql-bench-") as folder:
        for subject in _subjects(Path(folder), quick):
            if isinstance(subject, _Subject):
                rows.append(_measure(subject, Path(folder), quick))
            else:
                rows.append((subject, "skipped: ../shared/data is absent", *[""] * 6))
    return Table(
        "A sweep of momentum with all of its statistics, one thread",
        (
            "panel",
            "points",
            "sweep",
            "a point",
            "single runs",
            "ratio",
            "mutation to persisted",
            "difference",
        ),
        tuple(rows),
        "sweep: from the snapshot's daily panel, pages cached; single runs: as many runs of compute_factor, "
        f"scaled from a random {SINGLE_RUNS} with the weekly panel cached; mutation to persisted: by the "
        "executor, in a process of its own; difference: largest of the Sharpe ratios of those runs",
    )


def _subjects(folder: Path, quick: bool) -> Iterator[_Subject | str]:
    """What there is to sweep on, or the name of a panel that is absent."""
    for name, options in OPTIONS.items():
        path = FOLDER / f"{name}.parquet"
        if path.exists():
            panel = read_long_form(path, filename=path.name).panel
            yield _Subject(name, panel, path, options)
        else:
            yield name
    assets, days = (200, 600) if quick else (ASSETS, DAYS)
    panel = seeded_panel(assets, days)
    path = folder / "seeded.parquet"
    long_form(panel).to_parquet(path, index=False)
    yield _Subject(f"seeded, {assets:,} x {days:,}", panel, path, {})


def _measure(subject: _Subject, folder: Path, quick: bool) -> tuple[str, ...]:
    plan = parse_plan(
        SWEEPABLE_FACTORS[FactorName.MOMENTUM],
        subject.options,
        _AXES,
        sample_size=QUICK_POINTS if quick else None,
    )
    fingerprint = write_snapshot(subject.panel, folder)

    def once() -> SweepResult:
        return sweep(open_snapshot(folder, fingerprint), plan)

    seconds, result = best_of(once, 1 if quick else 2)
    count = len(result.positions)
    single, difference = _single_runs(open_snapshot(folder, fingerprint), plan, result)
    launched = asyncio.run(_launched(subject, plan))
    failed = sum(code is not None for code in result.failure_codes)
    return (
        subject.name,
        f"{count:,}" + (f" ({failed:,} failed)" if failed else ""),
        f"{seconds:.2f} s",
        milliseconds(seconds / count),
        f"{single * count:.1f} s",
        f"{single * count / seconds:.1f} x",
        f"{launched:.2f} s",
        f"{difference:.0e}",
    )


def _single_runs(panel: Panel, plan: SweepPlan, result: SweepResult) -> tuple[float, float]:
    """(mean seconds of a run, largest difference to the sweep) of random points, one run each."""
    periods = build_periods(panel, plan.base.rebalance)
    succeeded = np.flatnonzero([code is None for code in result.failure_codes])
    chosen = np.random.default_rng(0).choice(succeeded, min(SINGLE_RUNS, len(succeeded)), replace=False)
    seconds, difference = 0.0, 0.0
    for point in chosen.tolist():
        config = plan.subject.parse(plan.options(result.positions[point].tolist()))
        start = time.perf_counter()
        run = compute_factor(panel, config, periods=periods)
        seconds += time.perf_counter() - start
        difference = max(difference, abs(_sharpe(run) - _number(result.metrics["sharpe_ratio"][point])))
    return seconds / len(chosen), difference


def _sharpe(run: FactorResult) -> float:
    return _number((run.net_performance or run.performance).sharpe_ratio)


def _number(value: float | None) -> float:
    """Undefined ones are equal."""
    return 0.0 if value is None or math.isnan(value) else float(value)


async def _launched(subject: _Subject, plan: SweepPlan) -> float:
    """Seconds from the mutation to the committed result, of a server that has swept before."""
    with tempfile.TemporaryDirectory(prefix="factorql-bench-") as folder:
        app = create_app(Settings(data_dir=Path(folder), database_url=None))
        async with app.router.lifespan_context(app):
            await ingest_file(app.state.services, subject.file, filename=subject.file.name, name="bench")
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1", timeout=60
            ) as client:
                await _launch(client, subject, sample_size=2)
                return await _launch(client, subject, sample_size=plan.sample_size)


async def _launch(client: httpx.AsyncClient, subject: _Subject, *, sample_size: int | None) -> float:
    variables = {
        "options": {to_camel_case(name): value for name, value in subject.options.items()},
        "axes": [{"option": axis.option.upper(), "values": {"numbers": list(axis.values)}} for axis in _AXES],
        "sample": sample_size,
    }
    start = time.perf_counter()
    status = "QUEUED"
    while status in ("QUEUED", "RUNNING"):  # asking again finds the same run, and waits on
        answer = await client.post("/graphql", json={"query": _MUTATION, "variables": variables})
        status = answer.json()["data"]["sweepFactor"]["run"]["status"]
    if status != "SUCCEEDED":
        raise RuntimeError(f"a launched sweep is {status}")
    return time.perf_counter() - start
