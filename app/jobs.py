"""What child processes compute: the jobs of all features, by kind.

Imports numpy, scipy.special, the features' jobs and what these need (the engine, and the modules that map
files), nothing heavier: the forkserver loads this module once, and every child inherits it.
"""

from __future__ import annotations

import mmap  # noqa: F401  numpy would import it in each child, at the first mapped file
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module

import scipy.special  # noqa: F401  the engine would import it in each child, at the first quantile

from app.execution.worker.child import Computation, ReportProgress
from app.execution.worker.frames import Buffer
from app.execution.worker.protocol import ComputeRequest
from app.kinds import FEATURES, Feature


def jobs_of(features: Iterable[Feature]) -> tuple[Computation, Callable[[], None]]:
    """Return what carries out any job of the features, and what warms all of them up."""
    modules = [import_module(f"{feature.package}.job") for feature in features if feature.jobs]
    jobs = {kind: job for module in modules for kind, job in module.JOBS.items()}

    def carry_out(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
        return jobs[request.kind](request, report)  # type: ignore[no-any-return]

    def warm_up() -> None:
        for module in modules:
            if hasattr(module, "warm_up"):
                module.warm_up()

    return carry_out, warm_up


compute, prepare = jobs_of(FEATURES)
