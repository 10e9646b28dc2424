"""Works off the queue: claims runs, carries them out, recovers those whose server is gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from app.execution.flight import Ending, Flight, Ground
from app.execution.heartbeat import ClaimKey, HeartbeatThread
from app.execution.identity import worker_id
from app.execution.launcher import PRODUCTION, Launcher
from app.execution.recovery import Recovery
from app.execution.timing import Timing
from app.settings import Settings
from db.errors import StoreError
from db.records import RunRecord
from db.runs import claim_run
from db.store import Store

log = logging.getLogger(__name__)


class RunExecutor:
    """Carries out the queued runs of `store`, at most `settings.max_concurrent_runs` at a time.

    `settings.store_url` must name the same database. `on_event` is called in the event loop's thread whenever
    this executor has changed a run. Any number of executors may share a store, in one process or in many.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        on_event: Callable[[], None],
        *,
        computation: str = PRODUCTION,
        timing: Timing | None = None,
    ) -> None:
        self._store = store
        self._max_concurrent = settings.max_concurrent_runs
        self._on_event = on_event
        self._timing = timing or Timing()
        self._worker = worker_id()
        self._launcher = Launcher(computation)
        self._ground = Ground(
            store=store,
            settings=settings,
            worker=self._worker,
            launcher=self._launcher,
            timing=self._timing,
            on_event=on_event,
        )
        self._heartbeats = HeartbeatThread(
            store_url=settings.store_url,
            worker=self._worker,
            claims=lambda: tuple(self._flights),
            on_lost=self._lose,
            interval_seconds=self._timing.heartbeat,
        )
        self._recovery = Recovery(self._timing.stale)
        self._flights: dict[ClaimKey, Flight] = {}
        self._flying: set[asyncio.Task[None]] = set()
        self._dispatching: asyncio.Task[None] | None = None
        self._recovering: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._stopping = False

    async def start(self) -> None:
        """Bring up the forkserver, recover lost runs, begin to claim. An executor is started once.

        Errors: NoChildProcess, StoreError; then nothing is left running."""
        try:
            await asyncio.to_thread(self._launcher.start)
            await self._recover()
        except BaseException:
            self._launcher.close()
            raise
        self._heartbeats.start()
        self._dispatching = asyncio.create_task(self._dispatch())
        self._recovering = asyncio.create_task(self._recover_repeatedly())

    async def stop(self) -> None:
        """Stop claiming, let running computations end for a moment, put the others back into the queue.

        Whatever happens, no process is left. Stopping never uses up a run's last attempt."""
        self._stopping = True
        self._wake.set()
        try:
            if self._recovering is not None:
                self._recovering.cancel()
                await asyncio.wait([self._recovering])
            if self._dispatching is not None:
                # Not cancelled: a run claimed at this very moment must not be forgotten.
                await asyncio.wait([self._dispatching])
            if self._flying:
                await asyncio.wait(self._flying, timeout=self._timing.stop_grace)
            for flight in tuple(self._flights.values()):
                flight.end(Ending.RELEASED)
            if self._flying:
                await asyncio.wait(self._flying, timeout=self._timing.stop_limit)
            await asyncio.to_thread(self._heartbeats.stop)
        finally:
            # Also when stopping is interrupted: with the forkserver all children end.
            self._launcher.close()
            for task in self._flying:
                task.cancel()
            if self._flying:
                await asyncio.wait(self._flying)

    def notify(self) -> None:
        """A run was queued by this process. Call in the event loop's thread."""
        self._wake.set()

    def kill(self, run_id: int) -> None:
        """End the computation of a run whose end is written already, because it was canceled."""
        for (flying_id, _), flight in tuple(self._flights.items()):
            if flying_id == run_id:
                flight.end(Ending.NOT_OURS)

    @property
    def running_count(self) -> int:
        return len(self._flights)

    async def _dispatch(self) -> None:
        while not self._stopping:
            self._wake.clear()
            if len(self._flights) < self._max_concurrent:
                run = await self._claim()
                if run is not None:
                    self._take_off(run)
                    continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timing.poll):
                    await self._wake.wait()

    async def _claim(self) -> RunRecord | None:
        try:
            return await claim_run(self._store, self._worker, datetime.now(UTC))
        except StoreError as error:
            log.warning("no run can be claimed: %s", error)
        except Exception:
            log.exception("no run can be claimed")
        return None

    def _take_off(self, run: RunRecord) -> None:
        key = (run.id, run.attempt)
        flight = Flight(run, self._ground)
        self._flights[key] = flight

        def land(task: asyncio.Task[None]) -> None:
            del self._flights[key]
            self._flying.discard(task)
            self._wake.set()

        task = asyncio.create_task(flight.fly(), name=f"run {run.id}")
        self._flying.add(task)
        task.add_done_callback(land)
        self._on_event()

    def _lose(self, claim: ClaimKey) -> None:
        flight = self._flights.get(claim)
        if flight is not None:
            flight.end(Ending.NOT_OURS)

    async def _recover_repeatedly(self) -> None:
        while True:
            await asyncio.sleep(self._timing.recovery)
            try:
                await self._recover()
            except StoreError as error:
                log.warning("lost runs cannot be looked for: %s", error)
            except Exception:
                log.exception("lost runs cannot be looked for")

    async def _recover(self) -> None:
        if await self._recovery.recover(self._store, self._flights, self._worker):
            self._on_event()
            self._wake.set()
