"""The vendors of data that a server can fetch from."""

from __future__ import annotations

import strawberry

from app.features.fetches.service import SourceInfo
from app.schema.enums import SourceName


@strawberry.type(description="A vendor of daily data, or several joined.")
class Source:
    name: SourceName = strawberry.field(description="Its name in inputs.")
    title: str = strawberry.field(description="Its name for people.")
    description: str = strawberry.field(description="What it has, in words.")
    fields: list[str] = strawberry.field(
        description="The fields that its datasets may have, such as `price`."
    )
    licence: str = strawberry.field(
        description="Under which terms the vendor gives its data, as far as known."
    )
    needs_assets: bool = strawberry.field(
        description="Whether a fetch has to name its assets, because the vendor lists none."
    )
    key: str | None = strawberry.field(
        description="The name of the environment variable that must hold a key; null if none is needed."
    )
    configured: bool = strawberry.field(
        description="Whether the server has the key that it needs, or it needs none."
    )

    @classmethod
    def from_info(cls, info: SourceInfo) -> Source:
        return cls(
            name=info.name,
            title=info.title,
            description=info.description,
            fields=list(info.fields),
            licence=info.licence,
            needs_assets=info.needs_assets,
            key=info.key,
            configured=info.configured,
        )
