"""A small throw-away graph with the shapes of the real one: pages, series, mutations, uploads, events."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import strawberry
from strawberry.file_uploads import Upload
from strawberry.scalars import JSON

from app.boundary.cost_rules import cost
from app.errors import InvalidInput, QueueFull, RunNotFound, StorageFailure


@strawberry.type
class Point:
    date: str
    value: float | None


@strawberry.type
class TimeSeries:
    name: str
    dates: list[str] = strawberry.field(metadata=cost(column=True))
    values: list[float | None] = strawberry.field(metadata=cost(column=True))
    points: list[Point] = strawberry.field(metadata=cost(column=True))


@strawberry.input
class SeriesSelect:
    name: str = "FACTOR"


DEFAULT_SELECT = [SeriesSelect()]


@strawberry.type
class Run:
    id: strawberry.ID

    @strawberry.field
    def tags(self) -> list[str]:
        return ["a"]

    @strawberry.field(metadata=cost(size=2_000))
    def dates(self) -> list[str]:
        return ["2024-01-07"]

    @strawberry.field
    def factor(self) -> Factor:
        return Factor(name="SMB")

    @strawberry.field
    def series(self, select: list[SeriesSelect] = DEFAULT_SELECT, max_points: int = 1000) -> list[TimeSeries]:
        return [TimeSeries(name=s.name, dates=["d"], values=[1.0], points=[]) for s in select]


@strawberry.type
class RunEdge:
    node: Run


@strawberry.type
class RunConnection:
    edges: list[RunEdge]


def _connection(first: int) -> RunConnection:
    return RunConnection(edges=[RunEdge(node=Run(id=strawberry.ID(str(i)))) for i in range(first)])


@strawberry.type
class Factor:
    name: str

    @strawberry.field
    def runs(self, first: int = 50, after: str | None = None) -> RunConnection:
        return _connection(first)

    @strawberry.field(metadata=cost(work=3_000))
    def measured_factor(self) -> Factor:
        return self

    @strawberry.field
    def latest_run(self) -> Run:
        return Run(id=strawberry.ID("1"))


@dataclass
class Journal:
    """What the resolvers saw, for the tests to read."""

    mutations: int = 0
    begun_mutations: int = 0
    contexts: list[object] = field(default_factory=list)
    cancelled_subscriptions: int = 0
    produced: int = 0


JOURNAL = Journal()


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"hello {name}"

    @strawberry.field
    def context(self, info: strawberry.Info) -> str:
        JOURNAL.contexts.append(info.context)
        return str(id(info.context))

    @strawberry.field(metadata=cost(size=6))
    def factors(self) -> list[Factor]:
        return [Factor(name="SMB")]

    @strawberry.field
    def run(self, id: strawberry.ID) -> Run | None:
        return Run(id=id)

    @strawberry.field
    def factor_runs(self, first: int = 50, after: str | None = None) -> RunConnection:
        return _connection(first)

    @strawberry.field(metadata=cost(work=40_000))
    def measured_runs(self, first: int = 50) -> RunConnection:
        return _connection(first)

    @strawberry.field
    def maybe_runs(self, first: int | None = None) -> RunConnection | None:
        return _connection(1)

    @strawberry.field
    def missing(self) -> str | None:
        raise RunNotFound("There is no run 7.", hint="List them with factorRuns.")

    @strawberry.field
    def invalid(self) -> str | None:
        raise InvalidInput("The breakpoint is out of range.")

    @strawberry.field
    def full(self) -> str | None:
        raise QueueFull("Too many runs wait.")

    @strawberry.field
    def disk_full(self) -> str | None:
        raise StorageFailure("The disk is full.")

    @strawberry.field
    def broken(self) -> str | None:
        raise ValueError("secret path /etc/shadow")

    @strawberry.field
    def not_finite(self) -> float | None:
        return float("nan")

    @strawberry.field
    def opaque(self, kind: str) -> JSON | None:
        return {"nan": float("nan"), "huge": 2**80, "object": object()}[kind]

    @strawberry.field
    def blob(self, characters: int) -> str:
        return "x" * characters


@strawberry.type
class Mutation:
    @strawberry.mutation
    def touch(self) -> int:
        JOURNAL.mutations += 1
        return JOURNAL.mutations

    @strawberry.mutation
    async def touch_slowly(self) -> int:
        JOURNAL.begun_mutations += 1
        await asyncio.sleep(1.0)
        JOURNAL.mutations += 1
        return JOURNAL.mutations

    @strawberry.mutation
    async def ingest(self, file: Upload, name: str) -> str:
        content = await file.read()
        return f"{name}:{file.filename}:{len(content)}"

    @strawberry.mutation
    async def import_logs(self, files: list[Upload]) -> list[str]:
        return [f"{file.filename}:{len(await file.read())}" for file in files]


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int, characters: int = 0) -> AsyncIterator[str]:
        try:
            for i in range(to):
                JOURNAL.produced += 1
                yield f"{i}" + "x" * characters
                await asyncio.sleep(0)
        except (asyncio.CancelledError, GeneratorExit):
            JOURNAL.cancelled_subscriptions += 1
            raise

    @strawberry.subscription
    async def forever(self) -> AsyncIterator[int]:
        try:
            yield 0
            await asyncio.Event().wait()
        except (asyncio.CancelledError, GeneratorExit):
            JOURNAL.cancelled_subscriptions += 1
            raise

    @strawberry.subscription
    async def failing(self, expected: bool) -> AsyncIterator[int]:
        yield 1
        raise RunNotFound("There is no run 7.") if expected else ValueError("secret path /etc/shadow")

    @strawberry.subscription
    async def broken_values(self) -> AsyncIterator[Broken]:
        yield Broken()


@strawberry.type
class Broken:
    @strawberry.field
    def value(self) -> int | None:
        raise ValueError("secret path /etc/shadow")


@functools.cache
def build_sample_schema() -> strawberry.Schema:
    return strawberry.Schema(Query, Mutation, Subscription)
