"""A finished risk model in the store, with its files, for asking the graph about it."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

from app.context import Services
from app.datasets.snapshot import write_snapshot
from app.execution.adhoc import AdHocFailed
from app.execution.heartbeat import Pulse
from app.execution.worker.results import decode_result
from app.features.risk.job import build_model
from app.features.risk.optimize_job import OptimizeTask, decode_task, solve
from app.schema.node_ids import encode_id
from db.datasets import add_dataset
from db.records import AssetRecord, DatasetRecord, DocumentRecord, RunKind, RunRecord, RunResults
from db.runs.read import get_runs
from engine.config import to_json
from engine.errors import EngineError, InvalidConfig, MissingRisk
from engine.panel import Panel
from engine.risk.config import RiskModelConfig
from engine.risk.model import RiskModel, build_risk_model
from tests.app.modelling import config, panel, request_for
from tests.db.samples import NOW, later, new_dataset, succeeded

SYMBOLS = {"A0002": "TWO", "A0003": "THREE"}
"""Attributes by which assets may be called."""


@cache
def modelled(**options: Any) -> RiskModel:
    """What the engine says of the panel."""
    return build_risk_model(panel(changing=True), config(**options))


@cache
def _computed(folder: Path, **changes: Any) -> tuple[Panel, RiskModelConfig, RunResults]:
    """(panel, config, what the store is given), with the files in the folder."""
    content, options = panel(changing=True), config(**changes)
    request = request_for(content, folder, options)
    payload = b"".join(bytes(part) for part in build_model(request, lambda *_: None))
    return content, options, decode_result(memoryview(payload))


_SHARED = tempfile.TemporaryDirectory(prefix="factorql-risk-model-")


async def add_model_dataset(services: Services, content: Panel, name: str = "stocks") -> DatasetRecord:
    """The panel as a dataset, with its files."""
    sectors = content.attributes.get("sector", (None,) * len(content.assets))
    attributes = (
        {"sector": sector, "symbol": SYMBOLS.get(asset)}
        for asset, sector in zip(content.assets, sectors, strict=True)
    )
    new = replace(
        new_dataset(
            name=name,
            fingerprint=write_snapshot(content, services.settings.datasets_dir),
            calendar=content.calendar.value,
            fields=tuple(content.fields),
            date_count=len(content.dates),
            first_date=content.dates[0].item(),
            last_date=content.dates[-1].item(),
        ),
        assets=tuple(
            AssetRecord(
                ordinal=ordinal,
                asset=asset,
                attributes={key: value for key, value in own.items() if value is not None},
            )
            for ordinal, (asset, own) in enumerate(zip(content.assets, attributes, strict=True))
        ),
    )
    return (await add_dataset(services.store, new, NOW))[0]


async def add_model(services: Services, **changes: Any) -> RunRecord:
    """Of `modelled(**changes)`."""
    folder = Path(_SHARED.name)
    content, options, results = _computed(folder, **changes)
    name = results.artifacts[0].path.split("/")[1]
    shutil.copytree(folder / "artifacts" / name, services.settings.artifacts_dir / name)
    dataset = await add_model_dataset(services, content)
    run = await succeeded(
        services.store,
        dataset.id,
        results,
        at=later(50),
        kind=RunKind.RISK_MODEL,
        subject=None,
        config=to_json(options),
        identity_hash="identity of a risk model",
        tags=("modelled",),
    )
    return (await get_runs(services.store, [run.id]))[run.id]


def model_id(run: RunRecord) -> str:
    return encode_id("RiskModelRun", run.id)


def _faults(error: EngineError) -> tuple[tuple[str, str, str], ...]:
    """As a child tells them."""
    if isinstance(error, InvalidConfig):
        return tuple((fault.option, fault.code, fault.message) for fault in error.faults)
    if isinstance(error, MissingRisk):
        return tuple((asset, error.code, str(error)) for asset in error.assets)
    return ()


class InThisProcess:
    """What an executor offers the services, without runs and without children."""

    missing_datasets = ()
    is_silent = False
    pulse = Pulse(None, 0.0)

    def __init__(self) -> None:
        self.adhoc = self
        self.asked: list[OptimizeTask] = []

    async def compute(self, kind: str, config: Any, arrays: Any) -> RunResults:
        task = decode_task(config, arrays)
        self.asked.append(task)
        try:
            found = asdict(solve(task))
        except EngineError as error:
            raise AdHocFailed(error.code, str(error), faults=_faults(error)) from error
        arrays = {name: found.pop(name) for name in ("weights", "exposures")}
        return RunResults(documents=(DocumentRecord(name=kind, facts=found, arrays=arrays),))

    def notify(self) -> None:
        """Runs stay queued."""

    def kill(self, run_id: int) -> None:
        """There is nothing to kill."""
