"""What has a global id."""

from __future__ import annotations

import strawberry


@strawberry.interface(description="Anything that can be fetched again by its global id.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="The global id: opaque, unique in the whole graph, valid as long as the object exists."
    )
