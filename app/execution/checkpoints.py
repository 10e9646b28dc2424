"""Finished points of sweeps that have not ended: what a killed sweep goes on from.

One folder a sweep's identity, one array folder a chunk, in the cache: all of it may be deleted at any time.
Imported by the processes that compute, so it needs numpy and the engine only.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.datasets.array_folder import DamagedFolder, read_array_folder, write_array_folder
from engine.factors.sweepable import POINT_METRICS
from engine.sweeps.sweep import Evaluated

FORMAT: Final = 1


class SweepCheckpoints:
    """Those of one sweep. The identity stands for the plan, the dataset and the engine's version."""

    def __init__(self, cache_dir: Path, identity: str) -> None:
        self._folder = sweeps_dir(cache_dir) / f"{identity}-format{FORMAT}"

    def read(self, chunks: Sequence[NDArray[np.int64]], grid_periods: int) -> list[Evaluated]:
        """The chunks that are there, from the first on without a gap; chunks: the numbers expected."""
        found: list[Evaluated] = []
        for number, expected in enumerate(chunks):
            try:
                chunk = _from_folder(self._folder / str(number), expected, grid_periods)
            except (DamagedFolder, KeyError, ValueError):
                break
            found.append(chunk)
        return found

    def write(self, number: int, chunk: Evaluated) -> None:
        """Not being able to keep it is no error."""
        target = self._folder / str(number)
        with suppress(OSError):
            shutil.rmtree(target, ignore_errors=True)  # a damaged one would stay
            arrays = {"numbers": chunk.numbers, "returns": chunk.returns, "metrics": chunk.metrics}
            write_array_folder(target, arrays.items(), {"failures": list(chunk.failures)})

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def checkpoint_identity(identity_hash: str, run_id: int, *, forced: bool) -> str:
    """Return what names the checkpoints of a run; a forced one shares none."""
    return f"{identity_hash}-run{run_id}" if forced else identity_hash


def sweeps_dir(cache_dir: Path) -> Path:
    """Where the folders are."""
    return cache_dir / "sweeps"


def stale_checkpoints(cache_dir: Path, live_identities: Collection[str]) -> tuple[Path, ...]:
    """Folders of sweeps that nobody will go on with: to be deleted."""
    folder = sweeps_dir(cache_dir)
    if not folder.is_dir():
        return ()
    kept = {f"{identity}-format{FORMAT}" for identity in live_identities}
    return tuple(path for path in sorted(folder.iterdir()) if path.name not in kept)


def _from_folder(folder: Path, numbers: NDArray[np.int64], grid_periods: int) -> Evaluated:
    content = read_array_folder(folder)
    chunk = Evaluated(
        numbers=content.read("numbers"),
        returns=content.read("returns"),
        metrics=content.read("metrics"),
        failures=tuple(
            None if failure is None else (failure[0], failure[1]) for failure in content.document["failures"]
        ),
    )
    expected = ((len(numbers), grid_periods), (len(numbers), len(POINT_METRICS)), len(numbers))
    if (
        not np.array_equal(chunk.numbers, numbers)
        or (chunk.returns.shape, chunk.metrics.shape, len(chunk.failures)) != expected
    ):
        raise DamagedFolder("it does not fit the sweep")
    return chunk
