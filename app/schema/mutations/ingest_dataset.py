"""Take an uploaded file in as a dataset."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry
from strawberry.file_uploads import Upload

from app.schema.context import Info
from app.schema.dataset import Dataset
from app.schema.errors import InvalidFile, InvalidInput, LimitExceeded, StorageFailure
from app.schema.uploads import label_of, require_file, spooled
from app.services.datasets import ingest_file


@strawberry.type(description="The file is a dataset, and its name means this version from now on.")
class IngestDatasetSuccess:
    dataset: Dataset = strawberry.field(
        description="The dataset; its `quality` says what was refused, merged or found suspicious."
    )
    created: bool = strawberry.field(
        description="Whether this content is new under this name; else the dataset existed already."
    )


IngestDatasetResult: TypeAlias = Annotated[
    IngestDatasetSuccess | InvalidInput | InvalidFile | LimitExceeded | StorageFailure,
    strawberry.union(
        "IngestDatasetResult", description="The dataset, or why there is none. Keep a default branch."
    ),
]


async def ingest_dataset(
    info: Info,
    file: Annotated[
        Upload,
        strawberry.argument(
            description="CSV (also gzipped) or Parquet in long form: a row an asset and date, with columns "
            "such as date, asset, price, market_cap, 24h_volume, fees, dau, revenue."
        ),
    ],
    name: Annotated[
        str,
        strawberry.argument(
            description="The dataset's name: 1 to 100 letters, digits, '.', '_' or '-'. A name that exists "
            "gets a new version."
        ),
    ],
) -> IngestDatasetResult:
    upload = require_file(file, ("file",))
    services = info.context.services
    async with spooled(upload, services.settings.max_upload_bytes) as path:
        outcome = await ingest_file(services, path, filename=label_of(upload), name=name)
    return IngestDatasetSuccess(dataset=Dataset.from_record(outcome.dataset), created=outcome.created)
