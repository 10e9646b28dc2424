"""A toy kind of run, a seeded random walk: all that a new kind costs, as files and lines of the program."""

from __future__ import annotations

FILES = {
    "app/features/walks/__init__.py": '"""Random walks."""\n',
    "app/features/walks/graph/__init__.py": '"""What walks add to the graph."""\n',
    "app/features/walks/job.py": """
import time

import numpy as np

from app.execution.worker.payload import NamedSeries, encode_payload


def walk(request, report):
    report(0.5, "Walking")
    time.sleep(request.config["seconds"])
    steps = request.config["steps"]
    moves = np.random.default_rng(request.config["seed"]).normal(0.0, 0.01, steps)
    return encode_payload(series=[NamedSeries("WALK", np.datetime64("2020-01-01") + np.arange(steps), moves)])


JOBS = {"WALK": walk}
""",
    "app/features/walks/service.py": """
from app.errors import FieldError, InvalidInput
from app.runs.launch import launch


async def launch_walk(services, steps, *, seed=0, seconds=0.0, **options):
    if not 1 <= steps <= 1_000:
        message = f"steps must be from 1 to 1,000, not {steps:,}"
        raise InvalidInput(message, (FieldError(("steps",), "OUT_OF_RANGE", message),))
    config = {"steps": steps, "seed": seed, "seconds": seconds}
    return await launch(services, "WALK", config=config, identity=(config,), **options)
""",
    "app/features/walks/graph/root.py": """
from typing import Annotated

import strawberry

from app.features.walks.service import launch_walk
from app.schema.context import Info
from app.schema.errors import InvalidInput, QueueFull
from app.schema.launch import WaitSeconds, check_wait, launched
from app.schema.run import Run
from app.schema.run_lists import RunOrder, RunWhere, run_connection, run_list


@strawberry.type(description="A random walk.")
class WalkRun(Run):
    @strawberry.field(description="Its moves.")
    async def moves(self, info: Info) -> list[float] | None:
        found = await info.context.loaders.series.load((self.record.id, "WALK"))
        return None if found is None else found.values.tolist()


@strawberry.type(description="The walk was launched, or existed already.")
class WalkSuccess:
    run: WalkRun = strawberry.field(description="The walk.")
    reused: bool = strawberry.field(description="Whether it existed already.")


async def walk(
    info: Info, steps: int, seed: int = 0, seconds: float = 0, wait_seconds: WaitSeconds = 0
) -> Annotated[WalkSuccess | InvalidInput | QueueFull, strawberry.union("WalkResult")]:
    check_wait(wait_seconds)
    launching = launch_walk(info.context.services, steps, seed=seed, seconds=seconds)
    return await launched(info, launching, WalkSuccess, wait_seconds, lambda option: (option,))


RUNS = {"WALK": WalkRun}


@strawberry.type
class Query:
    walks = run_list(
        run_connection(WalkRun, "walk", "walks", "WALK"),
        RunWhere, RunOrder, "Walks.", plural="walks", kind="WALK",
    )


@strawberry.type
class Mutation:
    walk = strawberry.mutation(walk, description="Walk at random.")
""",
    "scripts/commands/walk.py": """
import click

from app.features.walks.service import launch_walk
from scripts.console import run_with_services
from scripts.following import launch_and_follow, require_success


@click.command(help="Walk STEPS steps at random.")
@click.argument("steps", type=int)
def command(steps):
    async def work(services):
        launch, run = await launch_and_follow(services, launch_walk(services, steps), "walk")
        require_success(run)
        click.echo(f"run {run.id}: {steps} steps{' (again)' if launch.reused else ''}")

    run_with_services(work, execute=True)
""",
}

LINES = {
    "db/records.py": (
        '    RISK_MODEL = "RISK_MODEL"\n',
        '    RISK_MODEL = "RISK_MODEL"\n    WALK = "WALK"\n',
    ),
    "app/kinds.py": (
        "FEATURES = (",
        'WALKS = Feature(package="app.features.walks", jobs=True)\n\nFEATURES = (WALKS, ',
        "KINDS = (\n",
        'KINDS = (\n    Kind(name="WALK", node="WalkRun", noun="walk", plural="walks", feature=WALKS),\n',
    ),
    "scripts/cli.py": ('    "migrate":', '    "walk": "Walk at random.",\n    "migrate":'),
}
"""By file of the program: what stands there, and what stands there with one kind more."""
