"""Datasets from vendors: which sources there are, and the runs that fetch.

The sources themselves are imported where they are used: with them comes an HTTP client, which few commands
need.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from app.context import Services
from app.datasets.service import check_dataset_name
from app.errors import FieldError, InvalidInput
from app.features.fetches.config import FetchConfig
from app.features.fetches.report import FETCH, FetchReport
from app.runs.launch import Launch, launch
from app.settings import Settings
from app.sources.errors import SourceNotConfigured
from app.sources.harvest import SourceRequest
from app.sources.names import SourceName
from db.records import RunKind
from db.runs import results as result_store
from db.store import Store

if TYPE_CHECKING:
    from app.sources.source import Source

MAX_ASSETS = 5_000
MAX_ASSET_LENGTH = 100
FIRST_DAY = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """A source as users see it: as in `app.sources.source`, with the name of the environment variable that
    must hold its key, if it needs one. configured: whether that is set, or none is needed."""

    name: SourceName
    title: str
    description: str
    fields: tuple[str, ...]
    licence: str
    needs_assets: bool
    key: str | None
    configured: bool


def list_sources(settings: Settings) -> tuple[SourceInfo, ...]:
    """All sources, whether or not they can be used as things stand. The first call imports their clients."""
    from app.sources.registry import build_sources, is_configured, needed_key

    return tuple(
        SourceInfo(
            name=name,
            title=source.title,
            description=source.description,
            fields=source.fields,
            licence=source.licence,
            needs_assets=source.needs_assets,
            key=needed_key(name),
            configured=is_configured(name, settings),
        )
        for name, source in build_sources(settings).items()
    )


def checked_fetch(
    settings: Settings,
    source: SourceName,
    *,
    start: date,
    end: date | None = None,
    assets: Sequence[str] | None = None,
    dataset_name: str,
    refresh: bool = False,
    now: datetime,
) -> FetchConfig:
    """The config of a fetch, as `launch_fetch` makes it of its arguments. now: aware.

    Raises InvalidInput (field errors at the argument's name), SourceNotConfigured.
    """
    from app.sources.registry import build_sources

    check_dataset_name(dataset_name, "dataset_name")
    require_key(source, settings)
    request = SourceRequest(
        start=start,
        end=_checked_end(start, end, now),
        assets=_checked_assets(build_sources(settings)[source], assets),
    )
    return FetchConfig(source=source, request=request, dataset_name=dataset_name, refresh=refresh)


async def launch_fetch(
    services: Services,
    source: SourceName,
    *,
    start: date,
    end: date | None = None,
    assets: Sequence[str] | None = None,
    dataset_name: str,
    tags: Sequence[str] = (),
    note: str | None = None,
    refresh: bool = False,
) -> Launch:
    """Queue a fetch of daily data from `start` to `end` (both included; None: the last day that is over), or
    return the same one that is under way already.

    assets: None for all that the source recommends. refresh: ask again for what the cache of responses has.
    Raises InvalidInput (field errors at the argument's name), SourceNotConfigured, QueueFull.
    """
    # In a thread: the first fetch of a process imports the clients, which takes long.
    config = await asyncio.to_thread(
        lambda: checked_fetch(
            services.settings,
            source,
            start=start,
            end=end,
            assets=assets,
            dataset_name=dataset_name,
            refresh=refresh,
            now=services.now(),
        )
    )
    normalised = config.to_json()
    # Asking anew changes nothing about what is asked.
    identity = {name: value for name, value in normalised.items() if name != "refresh"}
    return await launch(
        services,
        RunKind.FETCH,
        config=normalised,
        identity=(identity,),
        tags=tags,
        note=note,
        force=refresh,
    )


def require_key(source: SourceName, settings: Settings) -> None:
    """Raises SourceNotConfigured where the source needs a key that is not set."""
    from app.sources.registry import is_configured, needed_key

    if not is_configured(source, settings):
        raise SourceNotConfigured(
            f"{source.lower()} needs a key", hint=f"set {needed_key(source)} where the server runs"
        )


async def get_fetch_reports(store: Store, run_ids: Sequence[int]) -> dict[int, FetchReport]:
    """What each fetch reported, by run id; runs that have not succeeded, or are none, are left out.

    Errors: CorruptBlob.
    """
    documents = await result_store.get_documents(store, run_ids, FETCH)
    return {run_id: FetchReport.from_document(document) for run_id, document in documents.items()}


def _checked_end(start: date, end: date | None, now: datetime) -> date:
    """A day counts once it is over, by UTC: what is known of it before is not what it will have been."""
    last = now.astimezone(UTC).date() - timedelta(days=1)
    chosen = last if end is None else end
    if start < FIRST_DAY:
        raise _fault("start", "OUT_OF_RANGE", f"start must not be before {FIRST_DAY}, not {start}")
    if chosen > last:
        raise _fault("end", "OUT_OF_RANGE", f"end must not be after {last}, the last day that is over (UTC)")
    if start > chosen:
        which = f"{last}, the last day that is over (UTC)" if end is None else f"the end, {end}"
        raise _fault("start", "OUT_OF_RANGE", f"start must not be after {which}, not {start}")
    return chosen


def _checked_assets(source: Source, assets: Sequence[str] | None) -> tuple[str, ...] | None:
    if assets is None:
        if source.needs_assets:
            message = f"{source.title} lists no assets: name those that are wanted"
            raise _fault("assets", "REQUIRED", message)
        return None
    words = tuple(dict.fromkeys(word.strip() for word in assets))
    if not words:
        raise _fault("assets", "EMPTY", "name at least one asset, or none for all")
    if len(words) > MAX_ASSETS:
        raise _fault("assets", "TOO_MANY", f"at most {MAX_ASSETS:,} assets, not {len(words):,}")
    for word in words:
        if not word or len(word) > MAX_ASSET_LENGTH or not word.isprintable():
            message = f"an asset's name has 1 to {MAX_ASSET_LENGTH} printable characters"
            raise _fault("assets", "OUT_OF_RANGE", message)
    return words


def _fault(name: str, code: str, message: str) -> InvalidInput:
    return InvalidInput(message, (FieldError((name,), code, message),))
