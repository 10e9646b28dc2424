"""The life of a run as a caller sees it: launch, wait, cancel, delete, annotate."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from app.artifacts.place import remove_artifacts
from app.errors import (
    DatasetNotFound,
    FieldError,
    InvalidInput,
    MissingField,
    QueueFull,
    RunNotCancelable,
    RunNotDeletable,
    RunNotFound,
)
from app.services.context import Services
from app.services.datasets import DatasetRef, resolve_dataset
from db import datasets as dataset_store
from db import errors as store_errors
from db import run_queries
from db import runs as run_store
from db.artifacts import get_artifacts
from db.records import DatasetRecord, NewRun, RunKind, RunRecord
from engine import ENGINE_VERSION
from engine import errors as engine_errors
from engine.config import to_json
from engine.eligibility import require_selectors
from engine.factors.config import FactorConfig
from engine.factors.registry import FactorName, needed_fields, parse_config

log = logging.getLogger(__name__)

MAX_WAIT_SECONDS = 30.0
MAX_TAGS = 20
MAX_TAG_LENGTH = 50
MAX_NOTE_LENGTH = 2_000


@dataclass(frozen=True, slots=True)
class Launch:
    """`reused`: the same computation existed already, waiting, running or done."""

    run: RunRecord
    reused: bool


async def launch_factor(
    services: Services,
    factor: FactorName,
    options: Mapping[str, object],
    *,
    dataset: DatasetRef | None = None,
    tags: Sequence[str] = (),
    note: str | None = None,
    force: bool = False,
) -> Launch:
    """Queue a computation, or return the run that is the same one already (unless `force`).

    Raises InvalidInput, DatasetNotFound, MissingField, QueueFull.
    """
    config = checked_config(factor, options)
    record = await resolve_dataset(services, dataset)
    needs_assets = bool(config.exclude) or config.universe is not None
    with dataset_faults(record):
        needed_fields(config, record.fields)
        if needs_assets:
            require_selectors(config, *await asset_selectors(services, record))
    return await queue_run(
        services,
        RunKind.FACTOR,
        factor,
        to_json(config),
        record,
        tags=tags,
        note=note,
        force=force,
    )


async def queue_run(
    services: Services,
    kind: RunKind,
    factor: FactorName,
    config: Mapping[str, object],
    dataset: DatasetRecord,
    *,
    tags: Sequence[str],
    note: str | None,
    force: bool,
) -> Launch:
    """Queue a run of a checked and normalised config, or find the one that is the same.

    Raises InvalidInput (tags, note), DatasetNotFound, QueueFull.
    """
    new_run = NewRun(
        kind=kind,
        subject=factor.value,
        config=config,
        identity_hash=identity_hash(kind, factor, config, dataset.fingerprint),
        dataset_id=dataset.id,
        engine_version=ENGINE_VERSION,
        tags=checked_tags(tags),
        note=checked_note(note),
        forced=force,
    )
    return await launch_new(services, new_run)


async def launch_new(services: Services, new_run: NewRun) -> Launch:
    """Queue a run, or find the one that is the same. Raises DatasetNotFound, QueueFull."""
    limit = services.settings.max_queued_runs
    try:
        async with services.launches.turn(most_waiting=limit):
            run, reused = await run_store.launch_run(
                services.store, new_run, max_queued=limit, now=services.now()
            )
    except store_errors.QueueFull as error:
        raise QueueFull(error.message, hint=error.hint) from None
    except store_errors.DatasetGone as error:  # deleted since it was looked up
        raise DatasetNotFound(error.message, hint=error.hint) from None
    services.run_changed(queued=True)
    return Launch(run, reused)


async def wait_for_run(services: Services, run_id: int, seconds: float) -> RunRecord:
    """The run once it has ended, or as it is when the time is over or the server stops.

    Raises RunNotFound.
    """
    deadline = asyncio.get_running_loop().time() + min(seconds, MAX_WAIT_SECONDS)
    with services.events.listening():
        while True:
            changed = asyncio.ensure_future(services.events.changed())
            try:
                run = await get_run(services, run_id)
                remaining = deadline - asyncio.get_running_loop().time()
                if run.status.is_terminal or remaining <= 0 or services.events.waits_end:
                    return run
                await asyncio.wait([changed], timeout=remaining)
            finally:
                changed.cancel()


async def get_run(services: Services, run_id: int) -> RunRecord:
    run = (await run_queries.get_runs(services.store, [run_id])).get(run_id)
    if run is None:
        raise RunNotFound(f"there is no run {run_id}")
    return run


async def cancel_run(services: Services, run_id: int) -> RunRecord:
    """End a queued or running run; its computation is killed. Raises RunNotFound, RunNotCancelable."""
    outcome = await run_store.cancel_run(services.store, run_id, services.now())
    if outcome is None:
        raise RunNotFound(f"there is no run {run_id}")
    run, canceled = outcome
    if not canceled:
        raise RunNotCancelable(f"run {run_id} has ended already: {run.status.lower()}")
    if services.executor is not None:
        services.executor.kill(run_id)
    services.run_changed()
    return run


async def delete_run(services: Services, run_id: int) -> RunRecord:
    """Remove an ended run with its results and arrays for good.

    Raises RunNotFound, RunNotDeletable, and QueueFull where too many changes wait.
    """
    artifacts = await get_artifacts(services.store, run_id)
    async with services.edits.turn(most_waiting=services.settings.max_queued_runs):
        outcome = await run_store.delete_run(services.store, run_id)
    if outcome is None:
        raise RunNotFound(f"there is no run {run_id}")
    run, deleted = outcome
    if not deleted:
        raise RunNotDeletable(f"run {run_id} is {run.status.lower()}", hint="cancel it first")
    if artifacts:
        paths = [artifact.path for artifact in artifacts.values()]
        try:
            await asyncio.to_thread(remove_artifacts, services.settings.artifacts_dir, paths)
        except OSError as error:  # the run is gone all the same, and the next gc finds them
            log.warning("arrays of run %s cannot be deleted: %s", run_id, error)
    return run


async def annotate_run(
    services: Services, run_id: int, *, tags: Sequence[str] | None, note: str | run_store.Unset | None
) -> RunRecord:
    """Replace a run's tags and note; None leaves the tags, Unset the note.

    Raises RunNotFound, InvalidInput, and QueueFull where too many changes wait.
    """
    new_tags = None if tags is None else checked_tags(tags)
    new_note = note if isinstance(note, run_store.Unset) else checked_note(note)
    async with services.edits.turn(most_waiting=services.settings.max_queued_runs):
        run = await run_store.annotate_run(services.store, run_id, tags=new_tags, note=new_note)
    if run is None:
        raise RunNotFound(f"there is no run {run_id}")
    return run


def checked_config(factor: FactorName, options: Mapping[str, object]) -> FactorConfig:
    """The config that the options give, or InvalidInput with one field error an option."""
    try:
        return parse_config(factor, options)
    except engine_errors.InvalidConfig as error:
        raise invalid_config(error) from None


def _by_option(fault: engine_errors.ConfigFault) -> tuple[str, ...]:
    return (fault.option,)


def invalid_config(
    error: engine_errors.InvalidConfig,
    locate: Callable[[engine_errors.ConfigFault], tuple[str, ...]] = _by_option,
) -> InvalidInput:
    """The engine's faults as field errors, each at the place that `locate` gives."""
    faults = tuple(FieldError(locate(fault), fault.code, fault.message) for fault in error.faults)
    return InvalidInput(str(error), faults)


@contextmanager
def dataset_faults(
    dataset: DatasetRecord,
    locate: Callable[[engine_errors.ConfigFault], tuple[str, ...]] = _by_option,
) -> Iterator[None]:
    """Inside, what the engine misses in the dataset is a MissingField or an InvalidInput."""
    try:
        yield
    except engine_errors.MissingField as error:
        has = ", ".join(dataset.fields)
        raise MissingField(
            f"dataset {dataset.name!r}: {error}", field=error.field, hint=f"it has {has}"
        ) from None
    except engine_errors.InvalidConfig as error:
        raise invalid_config(error, locate) from None


async def asset_selectors(
    services: Services, dataset: DatasetRecord
) -> tuple[set[str], dict[str, set[str | None]]]:
    """What `exclude` and `universe` may name: (asset ids, values by attribute)."""
    assets = (await dataset_store.get_assets(services.store, [dataset.id]))[dataset.id]
    attributes: dict[str, set[str | None]] = {}
    for asset in assets:
        for name, value in asset.attributes.items():
            attributes.setdefault(name, set()).add(value)
    return {asset.asset for asset in assets}, attributes


def identity_hash(kind: RunKind, factor: FactorName, config: Mapping[str, object], fingerprint: str) -> str:
    """What makes two computations the same one: SHA-256 of all that their numbers depend on."""
    return hash_of([kind.value, factor.value, config, fingerprint, ENGINE_VERSION])


def hash_of(parts: Sequence[object]) -> str:
    """SHA-256 of JSON values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def checked_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Stripped, unique, sorted."""
    cleaned = sorted({tag.strip() for tag in tags})
    if len(cleaned) > MAX_TAGS:
        raise _invalid_value("tags", "TOO_MANY", f"a run takes at most {MAX_TAGS} tags, not {len(cleaned)}")
    for tag in cleaned:
        if not tag or len(tag) > MAX_TAG_LENGTH or not tag.isprintable():
            message = f"a tag has 1 to {MAX_TAG_LENGTH} printable characters"
            raise _invalid_value("tags", "OUT_OF_RANGE", message)
    return tuple(cleaned)


def checked_note(note: str | None) -> str | None:
    if note is not None and (len(note) > MAX_NOTE_LENGTH or "\0" in note):
        raise _invalid_value("note", "TOO_LONG", f"a note has at most {MAX_NOTE_LENGTH} characters of text")
    return note


def _invalid_value(name: str, code: str, message: str) -> InvalidInput:
    return InvalidInput(message, (FieldError((name,), code, message),))
