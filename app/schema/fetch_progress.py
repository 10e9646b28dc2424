"""How far a fetch has come, in numbers."""

from __future__ import annotations

from collections.abc import Mapping

import strawberry


@strawberry.type(description="What a fetch has done so far. A fetch that is begun again counts from 0.")
class FetchProgress:
    assets_done: int = strawberry.field(description="Assets fetched or lost.")
    assets_total: int = strawberry.field(
        description="Assets to fetch; 0 until it is known which ones there are."
    )
    assets_lost: int = strawberry.field(description="Assets that cannot be had; `lostAssets` says why.")
    requests: int = strawberry.field(description="Requests sent, each attempt on its own.")
    cached_responses: int = strawberry.field(
        description="Requests that need not be sent, because their answers were kept."
    )
    bytes: float = strawberry.field(description="Bytes received, as they came over the network.")
    retries: int = strawberry.field(description="Attempts after the first of a request.")

    @classmethod
    def from_counts(cls, counts: Mapping[str, int] | None) -> FetchProgress | None:
        """None where nothing was counted: of other kinds of runs, and before a fetch begins."""
        if counts is None or "assets_done" not in counts:
            return None
        return cls(
            assets_done=counts["assets_done"],
            assets_total=counts["assets_total"],
            assets_lost=counts["assets_lost"],
            requests=counts["requests"],
            cached_responses=counts["cached_responses"],
            bytes=float(counts["bytes"]),
            retries=counts["retries"],
        )
