"""Works off the queue: claims runs, carries them out, recovers those whose server is gone."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module

from app.datasets.snapshot import has_snapshot, snapshot_fingerprints
from app.execution.adhoc import SOLVING, AdHocComputations
from app.execution.attempt import Ending, RunAttempt
from app.execution.child_process_task import ChildProcessTask
from app.execution.environment import RunEnvironment
from app.execution.heartbeat import ClaimKey, HeartbeatThread, Pulse
from app.execution.recovery import Recovery
from app.execution.task import RunTask
from app.execution.timing import Timing
from app.execution.worker.identity import worker_id
from app.execution.worker.launcher import PRODUCTION, Launcher
from app.kinds import KINDS, Kind, Lane, by_name
from app.settings import Settings
from db.datasets import kept_fingerprints
from db.errors import StoreError
from db.records import Claim, RunRecord
from db.runs.queue import claim_run, put_back
from db.store import Store
from engine import ENGINE_VERSION

log = logging.getLogger(__name__)


class RunExecutor:
    """Carries out the queued runs of `store`: at most `settings.max_concurrent_runs` at a time of the lane
    COMPUTE, which need processors, and `settings.max_concurrent_fetches` of NETWORK, which wait for others.

    It takes runs of these kinds that its own version of the engine computes, on datasets whose files it has;
    the others wait for another. `settings.store_url` must name the same database. `on_event` is called in the
    event loop's thread whenever this executor has changed a run, and `on_succeeded` is awaited with the id of
    each run whose results it has committed. Any number of executors may share a store, in one process or
    in many.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        on_event: Callable[[], None],
        *,
        on_succeeded: Callable[[int], Awaitable[None]] | None = None,
        kinds: Iterable[Kind] = KINDS,
        computation: str = PRODUCTION,
        solving: str = SOLVING,
        timing: Timing | None = None,
    ) -> None:
        self._store = store
        self._kinds = by_name(kinds)
        self._capacities = {
            Lane.COMPUTE: settings.max_concurrent_runs,
            Lane.NETWORK: settings.max_concurrent_fetches,
        }
        self._on_event = on_event
        self._timing = timing or Timing()
        self._datasets_dir = settings.datasets_dir
        self._worker = worker_id()
        self._launcher = Launcher(computation)
        self._adhoc = AdHocComputations(Launcher(solving), settings)
        self._environment = RunEnvironment(
            store=store,
            settings=settings,
            worker=self._worker,
            launcher=self._launcher,
            timing=self._timing,
            on_event=on_event,
            on_succeeded=on_succeeded,
        )
        self._heartbeats = HeartbeatThread(
            store_url=settings.store_url,
            worker=self._worker,
            claims=lambda: tuple(self._attempts),
            on_lost=self._lose,
            interval_seconds=self._timing.heartbeat,
        )
        self._recovery = Recovery(self._timing.stale, self._kinds)
        self._attempts: dict[ClaimKey, RunAttempt] = {}
        self._executing: set[asyncio.Task[None]] = set()
        self._loops: set[asyncio.Task[None]] = set()
        self._unclaimed = ""
        """Why no run could be claimed the last time; empty if one could."""
        self.missing_datasets: tuple[int, ...] = ()
        """Ids of those in the store whose files are not in this server's data folder, newest first."""
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()

    async def start(self) -> None:
        """Bring up the forkserver, recover lost runs, begin to claim. An executor is started once.

        Errors: NoChildProcess, StoreError; then nothing is left running."""
        try:
            await asyncio.to_thread(self._launcher.start)
            await self._look_around()
        except BaseException:
            self._launcher.close()
            raise
        self._heartbeats.start()
        self._loops = {asyncio.create_task(self._dispatch()), asyncio.create_task(self._keep_recovering())}

    async def stop(self) -> None:
        """Stop claiming, let running computations end for a moment, put the others back into the queue.

        Whatever happens, no process is left. Stopping never uses up a run's last attempt."""
        self._stopping.set()
        self._wake.set()
        self._adhoc.close()
        try:
            # Not cancelled: a run claimed at this very moment must not be forgotten.
            await _wait(self._loops, self._timing.stop_limit)
            await _wait(self._executing, self._timing.stop_grace)
            for attempt in tuple(self._attempts.values()):
                attempt.end(Ending.RELEASED)
            await _wait(self._executing, self._timing.stop_limit)
        finally:
            # Also when stopping is interrupted: with the forkserver all children end.
            self._launcher.close()
            self._heartbeats.stop()
            unfinished = self._loops | self._executing
            for task in unfinished:
                task.cancel()
            await _wait(unfinished, self._timing.stop_limit)
            await self._environment.close()
        await asyncio.to_thread(self._heartbeats.join, self._timing.stop_limit)

    @property
    def adhoc(self) -> AdHocComputations:
        """Return what computes for readers at once, beside the runs."""
        return self._adhoc

    @property
    def pulse(self) -> Pulse:
        """Return that of the thread that confirms claims."""
        return self._heartbeats.pulse

    @property
    def is_silent(self) -> bool:
        """Return whether that thread could not write for so long that something is wrong with the store."""
        return self.pulse.age_seconds >= self._timing.silence

    def notify(self) -> None:
        """A run was queued by this process. Call in the event loop's thread."""
        self._wake.set()

    def kill(self, run_id: int) -> None:
        """End the computation of a run whose end is written already, because it was canceled."""
        for (attempted_id, _), attempt in tuple(self._attempts.items()):
            if attempted_id == run_id:
                attempt.end(Ending.NOT_OURS)

    @property
    def running_count(self) -> int:
        return len(self._attempts)

    async def _dispatch(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            if not await self._take_next():
                await _wait_for(self._wake, self._timing.poll)

    async def _take_next(self) -> bool:
        """Begin another run, if there is room for it and one waits."""
        kinds = self._kinds_with_room()
        if not kinds:
            return False
        try:
            run = await self._claim(kinds)
            self._unclaimed = ""
            if run is not None:
                self._start_attempt(run, await self._task_of(run))
            return run is not None
        except StoreError as error:
            if str(error) != self._unclaimed:  # once, not at every look
                log.warning("no run can be claimed: %s", error)
            self._unclaimed = str(error)
        except Exception:
            log.exception("no run can be claimed")
        return False

    async def _task_of(self, run: RunRecord) -> RunTask:
        kind = self._kinds[run.kind]
        if kind.lane is Lane.COMPUTE:
            return ChildProcessTask(run, self._environment)
        # In a thread, and at the first such run: it may bring an HTTP client, which few commands need.
        module = await asyncio.to_thread(import_module, f"{kind.feature.package}.work")
        task: RunTask = module.begin(run, self._environment)
        return task

    async def _claim(self, kinds: Collection[str]) -> RunRecord | None:
        """Return a run that is now this worker's; one that is claimed too late, while it stops, goes back."""
        claiming = asyncio.ensure_future(
            claim_run(
                self._store,
                self._worker,
                datetime.now(UTC),
                kinds=kinds,
                engine_version=ENGINE_VERSION,
                has_data=lambda fingerprint: has_snapshot(self._datasets_dir, fingerprint),
            )
        )
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            if (run := await claiming) is not None:
                claim = Claim(
                    run_id=run.id,
                    claimed_by=self._worker,
                    attempt=run.attempt,
                    heartbeat_at=run.heartbeat_at,
                )
                await put_back(self._store, claim, now=datetime.now(UTC))
            raise

    def _kinds_with_room(self) -> list[str]:
        taken = Counter(self._kinds[attempt.kind].lane for attempt in self._attempts.values())
        return [name for name, kind in self._kinds.items() if taken[kind.lane] < self._capacities[kind.lane]]

    def _start_attempt(self, run: RunRecord, task: RunTask) -> None:
        # An earlier attempt of our own that was taken from us, and did not notice yet.
        self.kill(run.id)
        key = (run.id, run.attempt)
        attempt = RunAttempt(run, task, self._environment)
        self._attempts[key] = attempt

        def done(executed: asyncio.Task[None]) -> None:
            del self._attempts[key]
            self._executing.discard(executed)
            self._wake.set()

        executing = asyncio.create_task(attempt.execute(), name=f"run {run.id}")
        self._executing.add(executing)
        executing.add_done_callback(done)
        self._on_event()

    def _lose(self, claim: ClaimKey) -> None:
        attempt = self._attempts.get(claim)
        if attempt is not None:
            attempt.end(Ending.NOT_OURS)

    async def _keep_recovering(self) -> None:
        while not await _wait_for(self._stopping, self._timing.recovery):
            try:
                await self._look_around()
            except StoreError as error:
                log.warning("lost runs cannot be looked for: %s", error)
            except Exception:
                log.exception("lost runs cannot be looked for")

    async def _look_around(self) -> None:
        # Lost runs first: a data folder that cannot be read must not keep them lost.
        if await self._recovery.recover(self._store, self._attempts, self._worker):
            self._on_event()
            self._wake.set()
        kept = await kept_fingerprints(self._store)
        there = await asyncio.to_thread(snapshot_fingerprints, self._datasets_dir)
        missing = tuple(number for number, name in kept.items() if name not in there)
        if set(missing) - set(self.missing_datasets):
            words = "files of datasets that are not in %s: %d; their runs wait for a server that has them"
            log.warning(words, self._datasets_dir, len(missing))
        self.missing_datasets = missing


async def _wait_for(event: asyncio.Event, timeout_seconds: float) -> bool:
    """Return whether the event came within the time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_seconds):
            return await event.wait()
    return False


async def _wait(tasks: Collection[asyncio.Task[None]], timeout_seconds: float | None = None) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=timeout_seconds)
