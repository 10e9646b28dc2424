"""Launching a run of any kind: checked words, one identity, the same run found again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.context import Services
from app.errors import DatasetNotFound, FieldError, InvalidInput, QueueFull
from app.kinds import Lane, by_name
from db import errors as store_errors
from db.records import DatasetRecord, NewRun, Reuse, RunInputRecord, RunRecord
from db.runs import queue as run_store
from engine import ENGINE_VERSION

MAX_TAGS = 20
MAX_TAG_LENGTH = 50
MAX_NOTE_LENGTH = 2_000


@dataclass(frozen=True, slots=True)
class Launch:
    """`reused`: the same computation existed already, waiting, running or done."""

    run: RunRecord
    reused: bool


async def launch(
    services: Services,
    kind: str,
    *,
    config: Mapping[str, object],
    identity: Sequence[object],
    subject: str | None = None,
    dataset: DatasetRecord | None = None,
    inputs: Sequence[RunInputRecord] = (),
    tags: Sequence[str] = (),
    note: str | None = None,
    force: bool = False,
) -> Launch:
    """Queue a run of a checked and normalised config, or find the one that is the same (unless `force`).

    identity: JSON values of all that its results depend on, the kind aside. Raises InvalidInput (tags, note),
    DatasetNotFound, QueueFull.
    """
    known = by_name(services.kinds)[kind]
    new_run = NewRun(
        kind=kind,
        subject=subject,
        config=config,
        identity_hash=_hash_of([str(kind), *identity]),
        dataset_id=None if dataset is None else dataset.id,
        engine_version=ENGINE_VERSION if known.lane is Lane.COMPUTE else None,
        reuse=Reuse(known.reuse),
        inputs=tuple(inputs),
        tags=checked_tags(tags),
        note=checked_note(note),
        forced=force,
    )
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


def checked_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Return them stripped, unique and sorted. Raises InvalidInput."""
    cleaned = sorted({tag.strip() for tag in tags})
    if len(cleaned) > MAX_TAGS:
        raise _invalid_value("tags", "TOO_MANY", f"a run takes at most {MAX_TAGS} tags, not {len(cleaned)}")
    for tag in cleaned:
        if not tag or len(tag) > MAX_TAG_LENGTH or not tag.isprintable():
            message = f"a tag has 1 to {MAX_TAG_LENGTH} printable characters"
            raise _invalid_value("tags", "OUT_OF_RANGE", message)
    return tuple(cleaned)


def checked_note(note: str | None) -> str | None:
    """Return the note. Raises InvalidInput where it is too long or no text."""
    if note is not None and (len(note) > MAX_NOTE_LENGTH or "\0" in note):
        raise _invalid_value("note", "TOO_LONG", f"a note has at most {MAX_NOTE_LENGTH} characters of text")
    return note


def _hash_of(parts: Sequence[object]) -> str:
    """Return the SHA-256 of JSON values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _invalid_value(name: str, code: str, message: str) -> InvalidInput:
    return InvalidInput(message, (FieldError((name,), code, message),))
