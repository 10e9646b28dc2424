"""What every source is."""

from __future__ import annotations

from typing import Protocol

from app.sources.client import Requests
from app.sources.harvest import Harvest, SourceRequest
from app.sources.names import SourceName
from engine.panel import Calendar


class Source(Protocol):
    """A vendor of daily data, or several joined.

    fields: what its datasets may have. licence: under which terms the vendor gives its data, as far as known.
    calendar: of its datasets, None where it is found from the dates. needs_assets: whether a request must
    name its assets, because the vendor lists none.
    """

    name: SourceName
    title: str
    description: str
    fields: tuple[str, ...]
    licence: str
    calendar: Calendar | None
    needs_assets: bool

    async def fetch(self, request: SourceRequest, requests: Requests, harvest: Harvest) -> None:
        """Fill the harvest. Raises SourceError for what fails as a whole; an asset that cannot be had is
        lost, with its reason, and the others go on."""
        ...
