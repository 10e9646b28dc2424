"""Datasets as a caller sees them: take a file in, find one, remove what nothing needs."""

from __future__ import annotations

import asyncio
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from app.context import Services
from app.datasets.limits import ReadLimits
from app.datasets.period_cache import stale_periods
from app.datasets.quality import QualityReport
from app.datasets.record import Provenance, new_dataset
from app.datasets.sample import sample_attributes_path, sample_panel_path
from app.datasets.snapshot import (
    remove_snapshot,
    snapshot_fingerprints,
    verify_snapshot,
    write_snapshot,
)
from app.errors import DatasetNotFound, DatasetUnavailable, FieldError, InvalidInput, StorageFailure
from app.sources.cache import stale_responses
from app.storage.artifacts.place import finished_folders, folder_path
from app.storage.folders import stale_temporaries
from db import datasets as dataset_store
from db.errors import StoreError
from db.pages import MAX_PAGE_SIZE
from db.records import PANEL, DatasetRecord, RunRecord, RunStatus
from db.runs.artifacts import artifact_folders
from db.runs.read import Choice, RunFilter, page_runs
from engine.panel import Calendar

if TYPE_CHECKING:
    from app.datasets.read import Progress, ReadPanel

SAMPLE_NAME = "sample-synthetic"
SAMPLE_NOTE = "SYNTHETIC: invented assets and prices from a seeded generator, for trying things out."
_GC_MIN_AGE_SECONDS = 3600.0
_MOST_NAMED = 10
"""Datasets that a message names."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class DatasetRef:
    """A dataset by id or by name; exactly one is set."""

    id: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class IngestOutcome:
    """`created` is False where this content stood under this name already; what had been deleted did not.

    `quality` is what this very file held: two files that differ in what was refused can be one dataset.
    """

    dataset: DatasetRecord
    created: bool
    quality: QualityReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage:
    """What gc removed, or would: fingerprints, names of folders and files, bytes. spared: fingerprints of
    snapshots that nothing needs either, but that a dataset might be about to be made of."""

    snapshots: tuple[str, ...]
    spared: tuple[str, ...]
    caches: tuple[str, ...]
    temporaries: tuple[str, ...]
    checkpoints: tuple[str, ...]
    responses: tuple[str, ...]
    artifacts: tuple[str, ...]
    bytes_freed: int


async def ingest_file(
    services: Services,
    path: Path,
    *,
    filename: str,
    name: str,
    attributes: Path | None = None,
    calendar: Calendar | None = None,
    provenance: Provenance | None = None,
    progress: Progress | None = None,
) -> IngestOutcome:
    """Read a file into an immutable dataset that `name` means from now on.

    The same content under the same name is the same dataset. Raises InvalidInput (name), InvalidFile,
    LimitExceeded, StorageFailure, StoreError; nothing is left behind then.
    """
    check_dataset_name(name)
    limits = ReadLimits(max_decompressed_bytes=services.settings.max_decompressed_bytes)
    datasets_dir = services.settings.datasets_dir

    def read_and_write() -> tuple[ReadPanel, str, int]:
        from app.datasets.read import read_long_form  # with pyarrow, which nothing else here needs

        read = read_long_form(
            path,
            filename=filename,
            attributes=attributes,
            calendar=calendar,
            limits=limits,
            progress=progress,
        )
        fingerprint = write_snapshot(read.panel, datasets_dir)
        return read, fingerprint, _last_written(datasets_dir / fingerprint)

    read, fingerprint, written = await asyncio.to_thread(read_and_write)
    new = new_dataset(name, fingerprint, read, provenance or Provenance(source=filename))
    try:
        dataset, created = await dataset_store.add_dataset(services.store, new, services.now())
    except StoreError:
        await _discard_unless_used(services, fingerprint, written)
        raise
    return IngestOutcome(dataset, created, read.quality)


async def ingest_sample(services: Services) -> IngestOutcome:
    """The bundled sample, labelled as the invention that it is; found again if it is there already."""
    existing = await dataset_store.find_dataset(services.store, SAMPLE_NAME)
    if existing is not None and await asyncio.to_thread(
        _is_sound, services.settings.datasets_dir, existing.fingerprint
    ):
        return IngestOutcome(existing, created=False, quality=QualityReport.from_json(existing.quality))
    return await ingest_file(
        services,
        sample_panel_path(),
        filename=sample_panel_path().name,
        name=SAMPLE_NAME,
        attributes=sample_attributes_path(),
        provenance=Provenance(source="bundled sample", licence="MIT", note=SAMPLE_NOTE, synthetic=True),
    )


def _is_sound(datasets_dir: Path, fingerprint: str) -> bool:
    try:
        verify_snapshot(datasets_dir, fingerprint)
    except DatasetUnavailable:
        return False
    return True


async def resolve_dataset(services: Services, ref: DatasetRef | None) -> DatasetRecord:
    """The dataset that is meant. Without a reference: the only one that is not synthetic, or the only one.

    Raises DatasetNotFound, and InvalidInput where the choice is not clear.
    """
    if ref is None:
        return await _default_dataset(services)
    if ref.id is not None:
        found = (await dataset_store.get_datasets(services.store, [ref.id])).get(ref.id)
        if found is None:
            raise DatasetNotFound(f"there is no dataset with id {ref.id}")
        if found.deleted_at is not None:
            raise _deleted_already(found)
        return found
    found = await dataset_store.find_dataset(services.store, ref.name or "")
    if found is None:
        names = [
            item.name
            for item in await dataset_store.current_datasets(services.store, kind=PANEL, first=_MOST_NAMED)
        ]
        hint = f"there is {', '.join(names)}" if names else "ingest or fetch one first"
        raise DatasetNotFound(f"there is no dataset named {ref.name!r}", hint=hint)
    return found


async def delete_dataset(services: Services, dataset_id: int) -> DatasetRecord:
    """Hide a dataset; gc takes its files, its name and assets stay for the runs that refer to them.

    Its name then means the newest version left. Runs that wait for it or are under way go on. Raises
    DatasetNotFound, also for one that is deleted already.
    """
    record = await resolve_dataset(services, DatasetRef(id=dataset_id))
    deleted = await dataset_store.delete_dataset(services.store, dataset_id, services.now())
    if deleted is None:  # by somebody else, since it was looked up
        raise _deleted_already(record)
    return deleted


def _deleted_already(record: DatasetRecord) -> DatasetNotFound:
    hint = "taking the same content in again brings it back"
    return DatasetNotFound(f"dataset {dataset_label(record)} is deleted", hint=hint)


async def collect_garbage(services: Services, *, dry_run: bool = False) -> Garbage:
    """Remove snapshots that no dataset and no live run needs, arrays that no run has, stale caches and
    answers of vendors, leftovers of killed ingests and computations, and checkpoints of ended sweeps."""
    settings = services.settings
    in_use = await dataset_store.fingerprints_in_use(services.store)
    computations = await _live_computations(services)
    artifacts = await _unnamed_artifacts(services)

    def collect() -> Garbage:
        from app.execution.checkpoints import stale_checkpoints  # with the engine that computes sweeps

        # a young snapshot may belong to an ingest whose row is about to be committed
        settled = snapshot_fingerprints(settings.datasets_dir, min_age_seconds=_GC_MIN_AGE_SECONDS)
        snapshots = sorted(settled - in_use)
        spared = snapshot_fingerprints(settings.datasets_dir) - settled - in_use
        caches = stale_periods(settings.cache_dir, in_use)
        temporaries = (
            *stale_temporaries(settings.datasets_dir),
            *stale_temporaries(settings.artifacts_dir),
        )
        checkpoints = stale_checkpoints(settings.cache_dir, computations)
        responses = stale_responses(
            settings.cache_dir, timedelta(hours=settings.source_cache_hours), services.now
        )
        leftovers = (*caches, *temporaries, *checkpoints, *responses)
        arrays = [settings.artifacts_dir / name for name in artifacts]
        folders = [*(settings.datasets_dir / name for name in snapshots), *arrays, *leftovers]
        bytes_freed = sum(_size(folder) for folder in folders)
        if not dry_run:
            for fingerprint in snapshots:
                remove_snapshot(settings.datasets_dir, fingerprint, min_age_seconds=_GC_MIN_AGE_SECONDS)
            for folder in (*arrays, *leftovers):
                _remove(folder)
        return Garbage(
            snapshots=tuple(snapshots),
            spared=tuple(sorted(spared)),
            caches=tuple(folder.name for folder in caches),
            temporaries=tuple(folder.name for folder in temporaries),
            checkpoints=tuple(folder.name for folder in checkpoints),
            responses=tuple(file.name for file in responses),
            artifacts=artifacts,
            bytes_freed=bytes_freed,
        )

    return await asyncio.to_thread(collect)


async def _live_computations(services: Services) -> set[str]:
    """Return the identities, by which checkpoints are named, of the runs that wait or go on."""
    from app.execution.checkpoints import checkpoint_identity  # as above

    live = await _runs_in(services, RunStatus.QUEUED, RunStatus.RUNNING)
    return {checkpoint_identity(run.identity_hash, run.id, forced=run.forced) for run in live}


async def _unnamed_artifacts(services: Services) -> tuple[str, ...]:
    """Folders of arrays that no run has, but for those that a running one may have just put in place.

    The folders are listed first: a run that is committed meanwhile is then found by its rows.
    """
    found = await asyncio.to_thread(finished_folders, services.settings.artifacts_dir)
    if not found:
        return ()
    running = await _runs_in(services, RunStatus.RUNNING)
    begun = [run.started_at for run in running if run.started_at is not None]
    youngest = min([services.now(), *begun]).timestamp() - _GC_MIN_AGE_SECONDS
    named = await artifact_folders(services.store)
    return tuple(
        name for name, finished in found.items() if finished <= youngest and folder_path(name) not in named
    )


async def _runs_in(services: Services, *status: RunStatus) -> list[RunRecord]:
    """Return every run, of whatever kind, that has one of these statuses."""
    where = RunFilter(status=Choice(one_of=status))
    found: list[RunRecord] = []
    after: str | None = None
    while True:
        page = await page_runs(services.store, where, kind=None, first=MAX_PAGE_SIZE, after=after)
        found += page.items
        if not page.has_next_page:
            return found
        after = page.cursors[-1]


async def _discard_unless_used(services: Services, fingerprint: str, written: int) -> None:
    """Remove the snapshot of a dataset whose row could not be written: it may be what fills the disk.

    One that was found again since `written` stays: another process may be about to commit its row.
    """
    datasets_dir = services.settings.datasets_dir

    def discard() -> None:
        if _last_written(datasets_dir / fingerprint) == written:
            remove_snapshot(datasets_dir, fingerprint)

    with suppress(StoreError, StorageFailure):
        if fingerprint not in await dataset_store.fingerprints_in_use(services.store):
            await asyncio.to_thread(discard)


def _last_written(snapshot: Path) -> int:
    """In nanoseconds; 0 if it is gone."""
    try:
        return snapshot.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


async def _default_dataset(services: Services) -> DatasetRecord:
    current = await dataset_store.current_datasets(services.store, kind=PANEL, first=_MOST_NAMED)
    real = [item for item in current if not item.synthetic]
    candidates = real or current
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise DatasetNotFound("there is no dataset yet", hint="ingest or fetch one first")
    names = ", ".join(item.name for item in candidates)
    message = f"more than one dataset could be meant: {names}"
    raise InvalidInput(message, (FieldError(("dataset",), "AMBIGUOUS", message),), hint="name one")


def dataset_label(record: DatasetRecord) -> str:
    """The dataset in a few words, with one where its numbers are invented."""
    return f"{record.name} v{record.version}{' (synthetic)' if record.synthetic else ''}"


def check_dataset_name(name: str, argument: str = "name") -> None:
    """Raises InvalidInput at the argument for what cannot be a dataset's name."""
    if not _NAME.fullmatch(name):
        message = f"a dataset's name has 1 to 100 letters, digits, '.', '_' or '-', not {name[:120]!r}"
        raise InvalidInput(message, (FieldError((argument,), "INVALID_NAME", message),))


def _size(folder: Path) -> int:
    files = folder.rglob("*") if folder.is_dir() else [folder]
    return sum(path.stat().st_size for path in files if path.is_file())


def _remove(path: Path) -> None:
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageFailure(f"{path.name} cannot be deleted: {error.strerror or error}") from None
