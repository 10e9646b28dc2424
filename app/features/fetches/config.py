"""A fetch as a run's config: what is asked of which source, and the dataset's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.sources.harvest import SourceRequest
from app.sources.names import SourceName


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchConfig:
    """refresh: whether to ask again for what the cache of responses has."""

    source: SourceName
    request: SourceRequest
    dataset_name: str
    refresh: bool = False

    def to_json(self) -> dict[str, Any]:
        assets = self.request.assets
        return {
            "source": self.source.value,
            "start": self.request.start.isoformat(),
            "end": self.request.end.isoformat(),
            "assets": None if assets is None else list(assets),
            "dataset_name": self.dataset_name,
            "refresh": self.refresh,
        }

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> FetchConfig:
        assets = config["assets"]
        return cls(
            source=SourceName(config["source"]),
            request=SourceRequest(
                start=date.fromisoformat(config["start"]),
                end=date.fromisoformat(config["end"]),
                assets=None if assets is None else tuple(assets),
            ),
            dataset_name=config["dataset_name"],
            refresh=config["refresh"],
        )
