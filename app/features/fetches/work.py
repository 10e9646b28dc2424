"""The work of a run that fetches: one source, from its request to a snapshot on disk.

It runs in the server's own loop, since it waits for the network and not for the processor, and since no child
process may hold a key or reach a network. A fetch that is begun again finds what it has in the cache of
responses.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Mapping

from app.datasets.fetched import lost_assets, read_harvest
from app.datasets.limits import ReadLimits
from app.datasets.record import Provenance, new_dataset
from app.datasets.snapshot import write_snapshot
from app.errors import FactorQLError
from app.execution.environment import RunEnvironment
from app.execution.task import NoteProgress, Outcome
from app.execution.worker.codes import INTERNAL_ERROR
from app.execution.worker.exchange import ChildExited
from app.execution.worker.protocol import Failure, Progress
from app.features.fetches.config import FetchConfig
from app.features.fetches.report import FetchReport
from app.features.fetches.vendors import Vendors
from app.sources.client import Usage
from app.sources.errors import SourceEmpty
from app.sources.harvest import Harvest
from app.sources.source import Source
from db.records import NewDataset, RunRecord, RunResults

_SHARE_OF_FETCHING = 0.9
_MAX_LOST_NAMED = 3


class FetchTask:
    """A `RunTask`: stopping it cancels what is under way."""

    name = "the fetch"

    def __init__(self, run: RunRecord, environment: RunEnvironment) -> None:
        self._run = run
        self._environment = environment
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[Outcome] | None = None
        self._stopped = False
        self.timeout_seconds = environment.settings.fetch_timeout_seconds

    async def outcome(self, note: NoteProgress) -> Outcome:
        self._task = asyncio.create_task(self._fetch(note))
        if self._stopped:
            self._task.cancel()
        try:
            return await self._task
        except asyncio.CancelledError:
            if self._stopped:
                return ChildExited(0)
            raise
        except FactorQLError as error:
            return Failure(
                error.code, error.message if error.hint is None else f"{error.message} ({error.hint})"
            )
        except Exception:
            return Failure(INTERNAL_ERROR, "the fetch failed unexpectedly", traceback.format_exc())

    def stop(self) -> None:
        self._stopped = True
        if self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)

    async def _fetch(self, note: NoteProgress) -> Outcome:
        config, vendors = FetchConfig.from_json(self._run.config), self._environment.shared(Vendors)
        source = vendors.source(config.source)
        usage = Usage()

        def tell() -> None:
            note(_progress(harvest, usage))

        harvest = Harvest(tell)
        client = await vendors.client()
        not_before = self._run.created_at if config.refresh else None
        requests = client.requests(usage, not_before=not_before, on_change=tell)
        await source.fetch(config.request, requests, harvest)
        if not harvest.series:
            raise SourceEmpty(_nothing(source, config, harvest))
        counts = _counts(harvest, usage)
        note(Progress(_SHARE_OF_FETCHING, "storing the dataset", counts))
        dataset = await asyncio.to_thread(self._keep, config.dataset_name, source, harvest)
        report = FetchReport(counts=counts, lost=lost_assets(harvest), notes=tuple(harvest.notes))
        return RunResults(dataset=dataset, documents=(report.to_document(),))

    def _keep(self, name: str, source: Source, harvest: Harvest) -> NewDataset:
        """The snapshot, in place. One whose row is not committed after all is left to gc."""
        settings = self._environment.settings
        read = read_harvest(
            harvest,
            name=source.title,
            calendar=source.calendar,
            limits=ReadLimits(max_decompressed_bytes=settings.max_decompressed_bytes),
        )
        fingerprint = write_snapshot(read.panel, settings.datasets_dir)
        provenance = Provenance(source=source.title, licence=source.licence, note=self._run.note)
        return new_dataset(name, fingerprint, read, provenance)


def _progress(harvest: Harvest, usage: Usage) -> Progress:
    counts = _counts(harvest, usage)
    if not harvest.expected:
        return Progress(0.0, "asking which assets there are", counts)
    words = [f"{harvest.done:,} of {harvest.expected:,} assets", f"{usage.bytes / 1e6:,.1f} MB"]
    if usage.retries:
        words.append(f"{usage.retries:,} {'retry' if usage.retries == 1 else 'retries'}")
    share = min(1.0, harvest.done / harvest.expected)
    return Progress(_SHARE_OF_FETCHING * share, ", ".join(words), counts)


def _counts(harvest: Harvest, usage: Usage) -> Mapping[str, int]:
    return {
        "assets_done": harvest.done,
        "assets_total": harvest.expected,
        "assets_lost": len(harvest.lost),
        "requests": usage.requests,
        "cached_responses": usage.cached,
        "bytes": usage.bytes,
        "retries": usage.retries,
    }


def _nothing(source: Source, config: FetchConfig, harvest: Harvest) -> str:
    request = config.request
    what = f"{source.title} has no data from {request.start} to {request.end}"
    lost = list(harvest.lost.values())
    if not lost:
        return what
    named = "; ".join(f"{one.asset}: {one.reason}" for one in lost[:_MAX_LOST_NAMED])
    more = f"; and {len(lost) - _MAX_LOST_NAMED:,} more" if len(lost) > _MAX_LOST_NAMED else ""
    return f"{what} ({named}{more})"


begin = FetchTask
