"""The state of the server, for the graph and for probes."""

from __future__ import annotations

import logging
from functools import cache
from importlib.metadata import version

import strawberry

from app.schema.enums import HealthStatus
from app.services.context import Services
from db.migrate import current_revision
from db.records import RunStatus
from db.run_queries import Choice, RunFilter, count_runs
from engine import ENGINE_VERSION

log = logging.getLogger(__name__)


@strawberry.type(description="The state of the server. It holds no secrets and never fails.")
class Health:
    status: HealthStatus = strawberry.field(description="OK, or DEGRADED while the store does not answer.")
    version: str = strawberry.field(description="The version of the server.")
    engine_version: str = strawberry.field(
        description="The version of the engine; results of different versions are different runs."
    )
    store_dialect: str = strawberry.field(description="The kind of store: `sqlite` or `postgresql`.")
    schema_revision: str | None = strawberry.field(
        description="The revision of the store's tables; null while the store does not answer."
    )
    queued_runs: int | None = strawberry.field(
        description="Number of runs that wait; null while the store does not answer."
    )
    running_runs: int | None = strawberry.field(
        description="Number of runs being computed or fetched, by any server; null while the store does not "
        "answer."
    )
    executes: bool = strawberry.field(
        description="Whether this server computes runs itself; else another one has to."
    )
    max_concurrent_runs: int = strawberry.field(
        description="How many runs this server computes at the same time."
    )
    max_concurrent_fetches: int = strawberry.field(
        description="How many fetches this server carries out at the same time, beside what it computes."
    )
    max_queued_runs: int = strawberry.field(description="How many runs may wait.")


async def probe_health(services: Services) -> Health:
    """Never raises: a store that does not answer is DEGRADED."""
    revision: str | None = None
    queued: int | None = None
    running: int | None = None
    try:
        revision = await current_revision(services.store.engine)
        queued = await count_runs(services.store, RunFilter(status=Choice(eq=RunStatus.QUEUED)))
        running = await count_runs(services.store, RunFilter(status=Choice(eq=RunStatus.RUNNING)))
        status = HealthStatus.OK
    except Exception:
        log.exception("The store does not answer")
        status = HealthStatus.DEGRADED
    return Health(
        status=status,
        version=product_version(),
        engine_version=ENGINE_VERSION,
        store_dialect=services.store.dialect,
        schema_revision=revision,
        queued_runs=queued,
        running_runs=running,
        executes=services.executor is not None,
        max_concurrent_runs=services.settings.max_concurrent_runs,
        max_concurrent_fetches=services.settings.max_concurrent_fetches,
        max_queued_runs=services.settings.max_queued_runs,
    )


@cache
def product_version() -> str:
    return version("factorql")
