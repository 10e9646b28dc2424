"""The engine against the plain pandas reference, which checks its numbers in the same run."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from app.datasets.snapshot import open_snapshot, write_snapshot
from engine.factors.compute import FactorResult, compute_factor
from engine.factors.registry import FactorName, needed_fields, parse_config
from engine.factors.research.analyse import Research, analyse
from engine.periods import build_periods
from scripts.benchmarks.measure import Table, best_of, milliseconds
from scripts.benchmarks.panels import ASSETS, DAYS, long_form, seeded_panel
from tests.reference.pandas_oracle import OracleResult, run_factor

_REPETITIONS = 7


def measure_engine(quick: bool) -> Table:
    """Weekly runs with default options, one thread."""
    assets, days = (200, 600) if quick else (ASSETS, DAYS)
    panel = seeded_panel(assets, days)
    frame = long_form(panel)
    rows = []
    with tempfile.TemporaryDirectory(prefix="factorql-bench-") as folder:
        fingerprint = write_snapshot(panel, Path(folder))
        for name in FactorName:
            config = parse_config(name, {})

            def stored(config=config) -> FactorResult:
                return compute_factor(open_snapshot(Path(folder), fingerprint), config)

            def researched(config=config) -> Research:
                return analyse(compute_factor(open_snapshot(Path(folder), fingerprint), config))

            opened = open_snapshot(Path(folder), fingerprint)
            periods = build_periods(opened, config.rebalance, needed_fields(config, opened.fields))
            researched()  # bring the pages into memory
            from_snapshot, result = best_of(stored, _REPETITIONS)
            from_periods, _ = best_of(
                lambda config=config, periods=periods: compute_factor(panel, config, periods=periods),
                _REPETITIONS,
            )
            with_research, _ = best_of(researched, _REPETITIONS)
            start = time.perf_counter()
            expected = run_factor(frame, name.lower(), {})
            reference = time.perf_counter() - start
            rows.append(
                (
                    name.lower(),
                    milliseconds(from_snapshot),
                    milliseconds(from_periods),
                    milliseconds(with_research),
                    f"{reference:.2f} s",
                    f"{reference / from_snapshot:,.0f} x",
                    f"{reference / from_periods:,.0f} x",
                    f"{_difference(result, expected):.0e}",
                )
            )
    return Table(
        f"One weekly factor run, {assets:,} assets x {days:,} days, to all metrics and compositions",
        (
            "factor",
            "with metrics",
            "weekly panel cached",
            "with research",
            "pandas loop",
            "ratio",
            "ratio, cached",
            "difference",
        ),
        tuple(rows),
        "with metrics: from the memory-mapped daily panel, pages cached; with research: also what a "
        "launched run analyses; pandas loop and ratios: metrics alone; difference: largest of any period's "
        "return",
    )


def _difference(result: FactorResult, expected: OracleResult) -> float:
    return float(np.abs(result.factor - expected.returns["factor"].to_numpy()).max())
