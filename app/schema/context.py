"""What every resolver of one request works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import strawberry

from app.kinds import Kind
from app.schema.loaders import Loaders, Read
from app.schema.roots import graph_roots

if TYPE_CHECKING:
    from app.context import Services
    from app.schema.run import Run
    from db.records import RunRecord


@dataclass(frozen=True, slots=True)
class GraphContext:
    """Holds no connection: every batch and service call opens its own, and none is open while waiting."""

    services: Services
    loaders: Loaders

    @classmethod
    def of(cls, services: Services) -> GraphContext:
        return cls(services, Loaders(services))

    async def load(self, read: Read, key: Any) -> Any:
        """Load what a feature reads, together with what others of this request ask of it."""
        return await self.loaders.of(read).load(key)

    def run_type(self, record: RunRecord) -> type[Run]:
        """Return the graph's type of a run; that of unknown kinds for a kind that no feature has."""
        from app.schema.run import OtherRun

        return self.run_types.get(record.kind, OtherRun)

    @property
    def run_types(self) -> Mapping[str, type[Run]]:
        """Return the graph's type of each kind's runs, by the kind's name."""
        return _run_types(self.services.kinds)


@cache
def _run_types(kinds: tuple[Kind, ...]) -> Mapping[str, type[Run]]:
    found: dict[str, type[Run]] = {}
    for root in graph_roots(kinds):
        found |= getattr(root, "RUNS", {})
    return {kind.name: found[kind.name] for kind in kinds}


Info: TypeAlias = strawberry.Info[GraphContext, None]
