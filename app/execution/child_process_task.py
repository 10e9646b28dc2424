"""The work of a run that computes: one child process, from its request to what it sent back."""

from __future__ import annotations

from typing import Final

from app.datasets.period_cache import periods_dir
from app.errors import DatasetUnavailable, FactorQLError
from app.execution.checkpoints import checkpoint_identity
from app.execution.environment import RunEnvironment
from app.execution.task import NoteProgress, Outcome
from app.execution.worker.child_task import ChildTask
from app.execution.worker.protocol import ComputeRequest, Failure
from app.storage.file_hashes import known_hashes
from db.datasets import get_datasets
from db.records import RunRecord

_MOST_THREADS: Final = 2
"""Of a computation: what a second of its time may use of processors' time."""


class ChildProcessTask:
    """A `RunTask`: stopping it kills the child."""

    name = "the computation"

    def __init__(self, run: RunRecord, environment: RunEnvironment) -> None:
        self._run = run
        self._environment = environment
        self._task = ChildTask(environment.launcher, f"run {run.id}")
        self.timeout_seconds = environment.settings.run_timeout_seconds

    async def outcome(self, note: NoteProgress) -> Outcome:
        try:
            request = await self._request()
        except FactorQLError as error:
            return Failure(error.code, str(error))
        return await self._task.outcome(request, note)

    def stop(self) -> None:
        self._task.stop()

    async def _request(self) -> ComputeRequest:
        settings = self._environment.settings
        datasets_dir, cache_dir = settings.datasets_dir.resolve(), settings.cache_dir.resolve()
        fingerprint = await self._environment.retry_on_unavailable(self._run.id, self._fingerprint)
        folders = (datasets_dir / fingerprint, periods_dir(cache_dir) / fingerprint)
        return ComputeRequest(
            datasets_dir=str(datasets_dir),
            cache_dir=str(cache_dir),
            artifacts_dir=str(settings.artifacts_dir.resolve()),
            fingerprint=fingerprint,
            kind=self._run.kind,
            subject=self._run.subject or "",
            identity=checkpoint_identity(self._run.identity_hash, self._run.id, forced=self._run.forced),
            config=self._run.config,
            memory_limit_bytes=settings.run_memory_mb * 2**20,
            cpu_limit_seconds=_MOST_THREADS * int(settings.run_timeout_seconds) + 5,
            hashes=known_hashes(*map(str, folders)),
        )

    async def _fingerprint(self) -> str:
        """Return the fingerprint of the run's dataset; empty for a run that needs none."""
        dataset_id, known = self._run.dataset_id, self._environment.fingerprints
        if dataset_id is None:
            return ""
        if dataset_id not in known:
            datasets = await get_datasets(self._environment.store, [dataset_id])
            known |= {record.id: record.fingerprint for record in datasets.values()}
        if dataset_id not in known:
            raise DatasetUnavailable("the run's dataset does not exist any more")
        return known[dataset_id]
