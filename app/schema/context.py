"""What every resolver of one request works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import strawberry

from app.schema.loaders import Loaders

if TYPE_CHECKING:
    from app.services.context import Services


@dataclass(frozen=True, slots=True)
class GraphContext:
    """Holds no connection: every batch and service call opens its own, and none is open while waiting."""

    services: Services
    loaders: Loaders

    @classmethod
    def of(cls, services: Services) -> GraphContext:
        return cls(services, Loaders(services))


Info: TypeAlias = strawberry.Info[GraphContext, None]
