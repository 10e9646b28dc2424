"""Risk models of small panels, for the tests of their runs: with sectors that change, with fixed ones, and
without any."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.datasets.snapshot import write_snapshot
from app.execution.worker.protocol import ComputeRequest
from db.records import DatasetRecord, NewRun, RunKind, RunRecord
from db.runs.queue import launch_run
from db.store import Store
from engine import ENGINE_VERSION
from engine.config import to_json
from engine.panel import SINCE_EVER, DatedValue, Panel
from engine.risk.config import RiskModelConfig
from engine.risk.specific_risk import SpecificRiskConfig
from tests.app.sweeping import NOW
from tests.engine.risk.model_panels import STYLE, known_panel, quick_covariance

DATES, ASSETS = 460, 40


def config(**options: object) -> RiskModelConfig:
    """Of two styles, and enough forecast dates for a validation."""
    return RiskModelConfig(
        **{
            "styles": (STYLE, replace(STYLE, name="OTHER", field="other")),
            "covariance": quick_covariance(),
            "specific": SpecificRiskConfig(min_observations=20),
            "random_portfolios": 3,
            "random_size": 5,
            **options,
        }
    )


def panel(*, sectors: int = 3, changing: bool = False, assets: int = ASSETS) -> Panel:
    """Asset 0 is listed late, asset 1 leaves early. changing: asset 2 moves to asset 1's sector, and that
    of asset 3 is not known at first."""
    made = known_panel(dates=DATES, assets=assets, sectors=max(sectors, 1)).panel
    price = made.fields["price"].copy()
    price[:100, 0] = np.nan
    price[300:, 1] = np.nan
    other = np.random.default_rng(9).normal(size=price.shape)
    other[:, 5] = np.nan
    found = replace(made, fields={**made.fields, "price": price, "other": other})
    if sectors < 2:
        return replace(found, attributes={})
    return _with_changes(found) if changing else found


def _with_changes(found: Panel) -> Panel:
    labels = list(found.attributes["sector"])
    moved = found.dates[200].item()
    histories = [(DatedValue(SINCE_EVER, label),) for label in labels]
    histories[2] += (DatedValue(moved, labels[1]),)
    histories[3] = (DatedValue(moved, labels[3]),)
    labels[2] = labels[1]
    return replace(
        found, attributes={"sector": tuple(labels)}, attribute_changes={"sector": tuple(histories)}
    )


def request_for(content: Panel, data_dir: Path, options: RiskModelConfig | None = None) -> ComputeRequest:
    """The panel is written to the data directory."""
    return ComputeRequest(
        datasets_dir=str(data_dir / "datasets"),
        cache_dir=str(data_dir / "cache"),
        artifacts_dir=str(data_dir / "artifacts"),
        fingerprint=write_snapshot(content, data_dir / "datasets"),
        kind="RISK_MODEL",
        subject="",
        identity="ab" * 32,
        config=to_json(options or config()),
        memory_limit_bytes=2**30,
        cpu_limit_seconds=60,
    )


async def launch(
    store: Store, dataset: DatasetRecord, options: RiskModelConfig | None = None, *, forced: bool = False
) -> RunRecord:
    """A queued run."""
    normalised = to_json(options or config())
    run, _ = await launch_run(
        store,
        NewRun(
            kind=RunKind.RISK_MODEL,
            subject=None,
            config=normalised,
            identity_hash=hashlib.sha256(json.dumps(normalised).encode()).hexdigest(),
            dataset_id=dataset.id,
            engine_version=ENGINE_VERSION,
            forced=forced,
        ),
        max_queued=1000,
        now=NOW,
    )
    return run
