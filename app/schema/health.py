"""The state of the server, for the graph and for probes."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from importlib.metadata import version

import strawberry

from app.context import Services
from app.health import MOST_NAMED, report_health
from app.schema.dataset import Dataset
from app.schema.enums import HealthStatus
from engine import ENGINE_VERSION


@strawberry.type(description="The state of the server. It holds no secrets and never fails.")
class Health:
    status: HealthStatus = strawberry.field(description="OK, or DEGRADED: `problems` say why.")
    problems: list[str] = strawberry.field(
        description="What is wrong, for people; the server's log has the details."
    )
    version: str = strawberry.field(description="The version of the server.")
    engine_version: str = strawberry.field(
        description="The version of the engine; results of different versions are different runs."
    )
    store_dialect: str = strawberry.field(description="The kind of store: `sqlite` or `postgresql`.")
    schema_revision: str | None = strawberry.field(
        description="The revision of the store's tables; null while the store does not answer."
    )
    last_write_at: datetime | None = strawberry.field(
        description="When this server last wrote to the store, which it does every few seconds; null before "
        "the first time, and on a server that computes nothing."
    )
    last_write_age_seconds: float | None = strawberry.field(
        description="Seconds since then, or since the server began; by its own clock that is never set."
    )
    queued_runs: int | None = strawberry.field(
        description="Number of runs that wait; null while the store does not answer."
    )
    running_runs: int | None = strawberry.field(
        description="Number of runs being computed or fetched, by any server; null while the store does not "
        "answer."
    )
    runs_of_other_engines: int | None = strawberry.field(
        description="Number of runs that wait for a server with another version of the engine; null while "
        "the store does not answer."
    )
    runs_without_data: int | None = strawberry.field(
        description="Number of runs that wait for a server that has the files of their dataset; null while "
        "the store does not answer."
    )
    missing_dataset_count: int = strawberry.field(
        description="Number of datasets whose files are not in this server's data folder: it takes no runs "
        "of theirs."
    )
    missing_datasets: list[Dataset] = strawberry.field(description=f"The newest {MOST_NAMED} of them.")
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
    report = await report_health(services)
    return Health(
        status=HealthStatus.DEGRADED if report.problems else HealthStatus.OK,
        problems=list(report.problems),
        version=product_version(),
        engine_version=ENGINE_VERSION,
        store_dialect=services.store.dialect,
        schema_revision=report.schema_revision,
        last_write_at=report.last_write_at,
        last_write_age_seconds=report.last_write_age_seconds,
        queued_runs=report.queued_runs,
        running_runs=report.running_runs,
        runs_of_other_engines=report.runs_of_other_engines,
        runs_without_data=report.runs_without_data,
        missing_dataset_count=report.missing_dataset_count,
        missing_datasets=[Dataset.from_record(one) for one in report.missing_datasets],
        executes=services.executor is not None,
        max_concurrent_runs=services.settings.max_concurrent_runs,
        max_concurrent_fetches=services.settings.max_concurrent_fetches,
        max_queued_runs=services.settings.max_queued_runs,
    )


@cache
def product_version() -> str:
    return version("factorql")
