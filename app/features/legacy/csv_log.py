"""Each factor run that this server finishes, appended to CSV logs that readers of the older ones know."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from app.features.factors.latest import RunWithPerformance
from app.features.legacy.log_rows import finished_at, log_row, log_series, next_run_id, run_id_at
from app.features.legacy.logs.append import append_run
from app.features.legacy.logs.records import LegacyRun, LegacySeries
from app.runs.series import SeriesName
from db.records import RunKind
from db.runs import results as result_store
from db.runs.read import get_runs
from db.store import Store

log = logging.getLogger(__name__)


class CsvLog:
    """To be told of every run that this process has just committed as succeeded."""

    def __init__(self, store: Store, directory: Path) -> None:
        self._store = store
        self._directory = directory

    async def append(self, run_id: int) -> None:
        """Append a factor run; other kinds are in no log. Never raises: the run stands whatever becomes of
        its line, and what fails is in the server's log."""
        try:
            run = (await get_runs(self._store, [run_id])).get(run_id)
            if run is None or run.kind != RunKind.FACTOR:
                return
            performance = (await result_store.get_performance(self._store, [run_id]))[run_id]
            name = SeriesName.FACTOR
            series = (await result_store.get_series(self._store, [run_id], [name])).get((run_id, name))
            item = RunWithPerformance(run, performance)

            def row_of(legacy_run_id: str) -> tuple[LegacyRun, LegacySeries | None]:
                row = log_row(item, legacy_run_id)
                return row, None if series is None else log_series(row, series)

            await asyncio.to_thread(
                append_run, self._directory, run_id_at(finished_at(run)), next_run_id, row_of
            )
        except Exception:
            log.exception("run %d could not be appended to the CSV logs in %s", run_id, self._directory)
