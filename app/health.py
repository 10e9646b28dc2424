"""The state of this server: whether it can read, write and compute, and what of the queue it cannot take."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from app.context import Services
from db.datasets import get_datasets
from db.errors import StoreError
from db.records import DatasetRecord, RunStatus
from db.runs.read import LiveCount, count_live
from db.store import schema_revision
from engine import ENGINE_VERSION

if TYPE_CHECKING:
    from app.execution.executor import RunExecutor

log = logging.getLogger(__name__)

MOST_NAMED = 20
"""Of missing datasets."""
_FULL_DISK_BYTES = 2**20
"""Free space below which the store's next write may fail."""
_REMEMBERED_SECONDS = 60.0
"""For which a failed write counts, unless another one succeeds."""


@dataclass(frozen=True, kw_only=True)
class HealthReport:
    """`problems` in words, none where all is well. `serves` is False where the store cannot be read or
    written, which a probe is to act on; None stands for what cannot be known without the store.

    missing_datasets: the newest MOST_NAMED of the `missing_dataset_count` whose files are not here.
    runs_without_data, runs_of_other_engines: of the queued ones, those that this server leaves to others."""

    serves: bool
    problems: tuple[str, ...]
    schema_revision: str | None
    queued_runs: int | None
    running_runs: int | None
    runs_without_data: int | None
    runs_of_other_engines: int | None
    last_write_at: datetime | None
    last_write_age_seconds: float | None
    missing_dataset_count: int
    missing_datasets: tuple[DatasetRecord, ...]


async def report_health(services: Services) -> HealthReport:
    """Never raises: what goes wrong is a problem of the report."""
    problems = _write_problems(services)
    revision: str | None = None
    live: list[LiveCount] | None = None
    missing: dict[int, DatasetRecord] = {}
    executor = services.executor
    missing_ids = () if executor is None else executor.missing_datasets
    try:
        revision = await schema_revision(services.store)
        live = await count_live(services.store)
        if missing_ids:
            missing = await get_datasets(services.store, missing_ids[:MOST_NAMED])
    except StoreError as error:
        log.warning("the store does not answer: %s", error)
        problems.append(_with_hint("the store does not answer", error.hint))
    except Exception:
        log.exception("the store does not answer")
        problems.append("the store does not answer")
    serves = not problems
    without_data = _count(live, lambda runs: runs.dataset_id in missing_ids)
    if missing_ids:
        lacks = "a dataset is" if len(missing_ids) == 1 else f"{len(missing_ids):,} datasets are"
        needed = f" (needed by queued runs: {without_data:,})" if without_data else ""
        problems.append(f"{lacks} not in this server's data folder{needed}")
    pulse = None if executor is None else executor.pulse
    return HealthReport(
        serves=serves,
        problems=tuple(problems),
        schema_revision=revision,
        queued_runs=_count(live, lambda runs: True),
        running_runs=_count(live, lambda runs: True, RunStatus.RUNNING),
        runs_without_data=without_data,
        runs_of_other_engines=_count(live, lambda runs: runs.engine_version not in (None, ENGINE_VERSION)),
        last_write_at=None if pulse is None else pulse.last_write_at,
        last_write_age_seconds=None if pulse is None else pulse.age_seconds,
        missing_dataset_count=len(missing_ids),
        missing_datasets=tuple(missing[number] for number in missing_ids if number in missing),
    )


def _write_problems(services: Services) -> list[str]:
    problems = []
    executor = services.executor
    if executor is not None and executor.is_silent:
        problems.append(f"nothing could be written to the store for {executor.pulse.age_seconds:,.0f} s")
    failure = services.store.write_failure
    if failure is not None and time.monotonic() - failure.until <= _seconds_since_a_write(executor):
        problems.append(_with_hint("the last write to the store failed", failure.error.hint))
    folders = {"data folder": services.settings.data_dir}
    if services.store.path is not None:
        folders["store"] = services.store.path.parent
    for name, folder in folders.items():
        try:
            if shutil.disk_usage(folder).free < _FULL_DISK_BYTES:
                problems.append(f"the disk of the {name} is full")
        except OSError as error:
            problems.append(f"the {name} cannot be used: {error.strerror}")
    return problems


def _seconds_since_a_write(executor: RunExecutor | None) -> float:
    """Return for how long nothing has proved that writing works; without an executor nothing ever does."""
    return _REMEMBERED_SECONDS if executor is None else executor.pulse.age_seconds


def _with_hint(problem: str, hint: str | None) -> str:
    """The hint alone: the message of a store's error names its place, which is for the log."""
    return problem if hint is None else f"{problem} ({hint})"


def _count(
    live: list[LiveCount] | None, counted: Callable[[LiveCount], bool], status: RunStatus = RunStatus.QUEUED
) -> int | None:
    if live is None:
        return None
    return sum(runs.count for runs in live if runs.status is status and counted(runs))
