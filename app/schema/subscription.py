"""The subscription root: following runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated

import strawberry

from app.runs import events as service
from app.schema.context import GraphContext, Info
from app.schema.enums import RunEventKind, RunStatus
from app.schema.run import Progress, Run
from app.schema.runs import find_run, to_run
from app.schema.unset import given


@strawberry.type(description="A moment of a run.")
class RunEvent:
    cursor: str = strawberry.field(
        description="Resumes right after this event: pass it as `after` when subscribing again."
    )
    kind: RunEventKind = strawberry.field(
        description="What happened; SNAPSHOT for the state at the beginning."
    )
    at: datetime = strawberry.field(description="When it happened, or when the snapshot was taken.")
    status: RunStatus = strawberry.field(description="The status right after the event.")
    progress: Progress = strawberry.field(description="The progress right after the event.")
    message: str | None = strawberry.field(description="What there is to say about it, if anything.")
    run: Run = strawberry.field(
        description="The run as it is now, which may be later than the event: its results can be selected "
        "here."
    )

    @classmethod
    def from_service(cls, moment: service.RunEvent, context: GraphContext) -> RunEvent:
        """Return the moment; one without an event is a snapshot, taken now."""
        event, run = moment.event, moment.run
        state = run if event is None else event
        return cls(
            cursor=moment.cursor,
            kind=RunEventKind.SNAPSHOT if event is None else RunEventKind.of(event.kind),
            at=context.services.now() if event is None else event.at,
            status=state.status,
            progress=Progress.of(state),
            message=None if event is None else event.message,
            run=to_run(run, context),
        )


@strawberry.type(description="What is told as it happens, over WebSockets (graphql-transport-ws).")
class Subscription:
    @strawberry.subscription(
        description=(
            "Events of one run, until it ends; or of all runs. First a snapshot of what is (the run, or "
            "each run that has not ended), then every event. Events have no gaps; one that the snapshot "
            "shows already may follow it. The end of the one run is told exactly once; where the run is "
            "deleted before, the stream ends with the error RUN_NOT_FOUND."
        )
    )
    async def run_events(
        self,
        info: Info,
        run_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="The run's global id; absent or null for all runs."),
        ] = strawberry.UNSET,
        after: Annotated[
            str | None,
            strawberry.argument(
                description=(
                    "The cursor of the last event that was seen: go on after it, without a snapshot or with "
                    "the rest of the one it is from."
                )
            ),
        ] = strawberry.UNSET,
    ) -> AsyncGenerator[RunEvent, None]:
        services = info.context.services
        wanted = given(run_id)
        key = None if wanted is None else (await find_run(wanted, info.context, ("runId",))).id
        moments = service.run_events(services.store, services.events, run_id=key, after=given(after))
        async with aclosing(moments):
            async for moment in moments:
                yield RunEvent.from_service(moment, info.context)
