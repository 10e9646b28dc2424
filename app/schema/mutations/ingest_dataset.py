"""Take an uploaded file in as a dataset."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry
from strawberry.file_uploads import Upload

from app.datasets.record import Provenance
from app.datasets.service import ingest_file
from app.runs.launch import MAX_NOTE_LENGTH
from app.schema.context import Info
from app.schema.dataset import DataQuality, Dataset
from app.schema.enums import Calendar
from app.schema.errors import InvalidFile, InvalidInput, LimitExceeded, StorageFailure, invalid_argument
from app.schema.unset import given
from app.schema.uploads import label_of, require_file, spooled

MAX_LICENCE_LENGTH = 200


@strawberry.type(description="The file is a dataset, and its name means this version from now on.")
class IngestDatasetSuccess:
    dataset: Dataset = strawberry.field(
        description="The dataset; its own `quality` is that of the file that it was first read from."
    )
    created: bool = strawberry.field(
        description="Whether this content is new under this name, or had been deleted; else the dataset "
        "existed already."
    )
    quality: DataQuality = strawberry.field(
        description="What this file held: what was refused, merged or found suspicious."
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
    calendar: Annotated[
        Calendar | None,
        strawberry.argument(
            description="Which dates are rows. Absent or null: EVERY_DAY where weekends have data, else "
            "OBSERVED."
        ),
    ] = strawberry.UNSET,
    licence: Annotated[
        str | None,
        strawberry.argument(description="Under which terms the data may be used, up to 200 characters."),
    ] = strawberry.UNSET,
    note: Annotated[
        str | None, strawberry.argument(description="A remark, up to 2000 characters.")
    ] = strawberry.UNSET,
    synthetic: Annotated[
        bool,
        strawberry.argument(
            description="Whether the numbers were made up by a program; every view of results then says so."
        ),
    ] = False,
) -> IngestDatasetResult:
    upload = require_file(file, ("file",))
    services = info.context.services
    provenance = Provenance(
        source=label_of(upload),
        licence=_checked_text("licence", given(licence), MAX_LICENCE_LENGTH),
        note=_checked_text("note", given(note), MAX_NOTE_LENGTH),
        synthetic=synthetic,
    )
    async with spooled(upload, services.settings.max_upload_bytes) as path:
        outcome = await ingest_file(
            services,
            path,
            filename=label_of(upload),
            name=name,
            calendar=given(calendar),
            provenance=provenance,
        )
    return IngestDatasetSuccess(
        dataset=Dataset.from_record(outcome.dataset),
        created=outcome.created,
        quality=DataQuality.from_report(outcome.quality),
    )


def _checked_text(argument: str, text: str | None, max_length: int) -> str | None:
    if text is not None and (len(text) > max_length or "\0" in text):
        message = f"{argument} has at most {max_length} characters of text"
        raise invalid_argument((argument,), "TOO_LONG", message)
    return text
