"""Everything that a page tells about a run, read from the store once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from app.context import Services
from app.errors import FactorQLError
from db.datasets import asset_names, get_datasets
from db.records import (
    CompositionRecord,
    DatasetRecord,
    DocumentRecord,
    PerformanceRecord,
    RunKind,
    RunRecord,
    RunStatus,
    SeriesRecord,
)
from db.runs.results import get_compositions, get_documents, get_net_performance, get_performance, get_series
from engine.factors.config import FactorConfig
from engine.factors.registry import FACTORS, FactorName, parse_config
from engine.panel import Calendar
from engine.periods import Rebalance, periods_per_year

_QUANTILES = tuple(f"QUANTILE_{bucket}" for bucket in range(1, 11))
_SERIES = {
    RunKind.FACTOR: (
        *("FACTOR", "LONG", "SHORT", "NET", "TURNOVER", "BREADTH", "IC", "MARKET"),
        *("SIGNAL_AUTOCORRELATION", "QUANTILE_SPREAD", *_QUANTILES),
    ),
    RunKind.SWEEP: ("BEST_POINT", "WALK_FORWARD"),
}
_DOCUMENT = {RunKind.FACTOR: "RESEARCH", RunKind.SWEEP: "SWEEP"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMaterial:
    """A succeeded run and all it left behind; None and absent keys = it left nothing of the kind.

    document: RESEARCH of a factor run, SWEEP of a sweep. assets: ids by ordinal, empty without a dataset.
    """

    run: RunRecord
    dataset: DatasetRecord | None
    assets: tuple[str, ...]
    periods_per_year: int
    performance: PerformanceRecord | None
    net: PerformanceRecord | None
    series: Mapping[str, SeriesRecord]
    document: DocumentRecord | None
    composition: CompositionRecord | None

    @property
    def facts(self) -> Mapping[str, Any]:
        return {} if self.document is None else self.document.facts

    @property
    def title(self) -> str:
        return FACTORS[FactorName(self.run.subject)].title

    @property
    def base_config(self) -> Mapping[str, Any]:
        """The config of a factor run, the one that a sweep varies."""
        config: Mapping[str, Any] = (
            self.run.config["base"] if self.run.kind == RunKind.SWEEP else self.run.config
        )
        return config

    def quantile_series(self) -> list[SeriesRecord]:
        """From the lowest signals to the highest."""
        return [self.series[name] for name in _QUANTILES if name in self.series]

    def asset(self, ordinal: int) -> str:
        return self.assets[ordinal] if 0 <= ordinal < len(self.assets) else f"asset {ordinal}"


async def gather(services: Services, run: RunRecord) -> RunMaterial:
    """Raises FactorQLError for a run that has not succeeded, StoreError for damaged rows."""
    if run.status is not RunStatus.SUCCEEDED:
        reason = f": {run.failure_code}: {run.failure_message}" if run.failure_code else ""
        raise FactorQLError(f"run {run.id} is {run.status.lower()}, there is nothing to report{reason}")
    store = services.store
    dataset = None
    assets: tuple[str, ...] = ()
    if run.dataset_id is not None:
        dataset = (await get_datasets(store, [run.dataset_id])).get(run.dataset_id)
        assets = tuple((await asset_names(store, [run.dataset_id])).get(run.dataset_id, ()))
    found = await get_series(store, [run.id], _SERIES[run.kind])
    return RunMaterial(
        run=run,
        dataset=dataset,
        assets=assets,
        periods_per_year=_periods_per_year(run, dataset),
        performance=(await get_performance(store, [run.id])).get(run.id),
        net=(await get_net_performance(store, [run.id])).get(run.id),
        series={name: record for (_, name), record in found.items()},
        document=(await get_documents(store, [run.id], _DOCUMENT[run.kind])).get(run.id),
        composition=(await get_compositions(store, [(run.id, None)])).get((run.id, None)),
    )


def defaults_of(material: RunMaterial) -> FactorConfig:
    """The factor's config where nothing is set."""
    return parse_config(FactorName(material.run.subject), {})


def finite(record: SeriesRecord | None) -> SeriesRecord | None:
    """The points of a series that have a value; None where none has."""
    if record is None:
        return None
    known = np.isfinite(record.values)
    if not known.any():
        return None
    return replace(record, times=record.times[known], values=record.values[known])


def _periods_per_year(run: RunRecord, dataset: DatasetRecord | None) -> int:
    """Imported runs are weekly; without a dataset days are calendar days."""
    config = run.config.get("base", run.config)
    calendar = Calendar.EVERY_DAY if dataset is None else Calendar(dataset.calendar)
    return periods_per_year(Rebalance(config.get("rebalance") or Rebalance.WEEKLY), calendar)
