"""The vendors of data as one server knows them: all its fetches share a client, and so its manners."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

from app.settings import Settings
from app.sources.names import SourceName

if TYPE_CHECKING:
    from app.sources.client import SourceClient
    from app.sources.source import Source


class Vendors:
    """Opened at the first fetch: most servers and commands never fetch, and need no HTTP client."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sources: Mapping[SourceName, Source] | None = None
        self._client: SourceClient | None = None
        self._opened = AsyncExitStack()
        self._opening = asyncio.Lock()

    def source(self, name: SourceName) -> Source:
        """With the addresses and keys of the settings."""
        from app.sources.registry import build_sources

        if self._sources is None:
            self._sources = build_sources(self._settings)
        return self._sources[name]

    async def client(self) -> SourceClient:
        async with self._opening:
            if self._client is None:
                from app.sources.cache import ResponseCache, responses_dir
                from app.sources.client import ClientLimits, SourceClient

                settings = self._settings
                cache = ResponseCache(
                    responses_dir(settings.cache_dir), timedelta(hours=settings.source_cache_hours)
                )
                limits = ClientLimits(max_response_bytes=settings.max_response_bytes)
                self._client = await self._opened.enter_async_context(SourceClient(cache, limits))
            return self._client

    async def close(self) -> None:
        """Close what was opened. Fetches under way must have ended."""
        self._client = None
        await self._opened.aclose()
