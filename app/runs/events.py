"""Following runs: a snapshot of what is, then every event, resumable by an opaque cursor."""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from app.errors import BadCursor, RunNotFound
from db.errors import StoreError
from db.records import RunEventRecord, RunRecord
from db.runs.events import last_event_id, read_events
from db.runs.read import get_runs, live_runs
from db.store import Store

POLL_SECONDS = 0.5  # how late an event of another process may be noticed
_CLOSING_SECONDS = 5.0  # a database that does not answer must not hold up the end
log = logging.getLogger(__name__)

_PAGE = 200
_CURSOR = re.compile("event:([0-9]{1,18})(?:/([0-9]{1,18}))?")


class EventHub:
    """Wakes those who wait for run events: at once for this process's own, by polling for other processes'.

    One poller serves all subscribers, and none runs while nobody listens. Belongs to one event loop; closed
    before its store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._listeners = 0
        self._idle = asyncio.Event()
        self._closed = False
        self.waits_end = False
        """Whether whoever waits for a run's end is to return with the run as it is: the server stops."""
        self._poller: asyncio.Task[None] | None = None

    def notify(self) -> None:
        """Something happened to some run. May be called from any thread."""
        with suppress(RuntimeError):  # the loop is closed: nobody is left to wake
            self._loop.call_soon_threadsafe(self._wake)

    async def changed(self, timeout_seconds: float | None = None) -> None:
        """Returns at the next event, or when the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._changed.wait()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """While inside, events of other processes wake `changed` too."""
        self._listeners += 1
        if self._poller is None:
            self._idle.clear()
            self._poller = asyncio.create_task(self._poll())
        try:
            yield
        finally:
            self._listeners -= 1
            if self._listeners == 0:
                self._idle.set()

    def end_waits(self) -> None:
        """Let those go who wait for the end of a run, now and from now on."""
        self.waits_end = True
        self._wake()

    async def close(self) -> None:
        """End the poller. Those who still listen hear no more of other processes."""
        self._closed = True
        self._idle.set()
        if self._poller is not None:
            await asyncio.wait([self._poller], timeout=_CLOSING_SECONDS)

    def _wake(self) -> None:
        woken, self._changed = self._changed, asyncio.Event()
        woken.set()

    async def _poll(self) -> None:
        """Look for new events until nobody listens."""
        seen = None
        try:
            while self._listeners and not self._closed:
                try:
                    newest = await last_event_id(self._store)
                except StoreError as error:
                    log.warning("events of other processes cannot be read: %s", error)
                else:
                    if newest != seen:
                        seen = newest
                        self._wake()
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._idle.wait()
                if self._listeners:
                    self._idle.clear()
        finally:
            self._poller = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """A moment of a run. `event` is None in a snapshot; `cursor` resumes right after it."""

    cursor: str
    event: RunEventRecord | None
    run: RunRecord


async def run_events(
    store: Store, hub: EventHub, *, run_id: int | None = None, after: str | None = None
) -> AsyncIterator[RunEvent]:
    """Yield the events of one run until it ends, or of all runs for ever.

    Without `after`, first a snapshot: the run, or each run that has not ended, newest first. Nothing is
    missed between snapshot and events; an event that the snapshot shows already may follow it. The end of the
    one run is told exactly once, unless `after` lies behind it. Raises RunNotFound, also for a run that is
    deleted before its end was told, and InvalidInput for a foreign cursor.
    """
    with hub.listening():
        position, below = (await last_event_id(store), None) if after is None else _decode_cursor(after)
        if run_id is None and (after is None or below is not None):
            while page := await live_runs(store, below=below, limit=_PAGE):
                for run in page:
                    below = run.id
                    yield RunEvent(cursor=_encode_cursor(position, below), event=None, run=run)
        elif run_id is not None and after is None:
            run = await _existing(store, run_id)
            yield RunEvent(cursor=_encode_cursor(position), event=None, run=run)
            if run.status.is_terminal:
                return
        end_is_due = after is None
        while True:
            waiter = asyncio.ensure_future(hub.changed(POLL_SECONDS * 10))
            try:
                # The status before the events: an end that it shows is among them, or was told before.
                one = None if run_id is None else await _existing(store, run_id)
                events = await read_events(store, after_id=position, run_id=run_id, limit=_PAGE)
                runs = await get_runs(store, {event.run_id for event in events})
                for event in events:
                    position = event.id
                    if (its_run := runs.get(event.run_id, one)) is not None:
                        yield RunEvent(cursor=_encode_cursor(position), event=event, run=its_run)
                if one is not None:
                    if not events and one.status.is_terminal and end_is_due:  # deleted since
                        yield RunEvent(cursor=_encode_cursor(position), event=None, run=one)
                    if (events[-1] if events else one).status.is_terminal:
                        return
                    end_is_due = True
                if len(events) < _PAGE:
                    await waiter
            finally:
                waiter.cancel()


async def _existing(store: Store, run_id: int) -> RunRecord:
    run = (await get_runs(store, [run_id])).get(run_id)
    if run is None:
        raise RunNotFound(f"there is no run {run_id}")
    return run


def _encode_cursor(event_id: int, run_id: int | None = None) -> str:
    """Return the cursor behind that event or, with `run_id`, behind that run of the snapshot of all runs."""
    place = str(event_id) if run_id is None else f"{event_id}/{run_id}"
    return base64.urlsafe_b64encode(f"event:{place}".encode()).decode()


def _decode_cursor(cursor: str) -> tuple[int, int | None]:
    """Return the event's id and, amid the snapshot of all runs, the run's. Raises InvalidCursor."""
    try:
        text = base64.b64decode(cursor.encode(), altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        raise InvalidCursor from None
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise InvalidCursor
    event_id, run_id = found.groups()
    return int(event_id), None if run_id is None else int(run_id)


class InvalidCursor(BadCursor):
    def __init__(self) -> None:
        super().__init__("the cursor is not one of this stream", hint="subscribe without `after`")
