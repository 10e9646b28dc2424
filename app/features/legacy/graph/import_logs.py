"""Take the older system's logs in from uploaded files."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry
from strawberry.file_uploads import Upload

from app.features.legacy.graph.import_batch import ImportBatch
from app.schema.context import Info
from app.schema.errors import InvalidFile, InvalidInput, LimitExceeded, StorageFailure, invalid_argument
from app.schema.uploads import label_of, read_upload, require_file

SOURCE = "upload"


@strawberry.type(description="The logs were read. Lines that were not understood are in quarantine.")
class ImportFactorLogsSuccess:
    batch: ImportBatch = strawberry.field(description="What the import did, or would do in a dry run.")
    ignored_files: list[str] = strawberry.field(
        description="Documentation that lay beside the logs: neither imported nor quarantined."
    )


ImportFactorLogsResult: TypeAlias = Annotated[
    ImportFactorLogsSuccess | InvalidInput | InvalidFile | LimitExceeded | StorageFailure,
    strawberry.union(
        "ImportFactorLogsResult",
        description="What the import did, or why it did nothing. Keep a default branch.",
    ),
]


async def import_factor_logs(
    info: Info,
    files: Annotated[
        list[Upload],
        strawberry.argument(
            description="CSV logs of the older system, each under its own name: a factor's log, return "
            "series and monthly metrics are told apart by it."
        ),
    ],
    dry_run: Annotated[
        bool, strawberry.argument(description="Whether to count what would happen and write nothing.")
    ] = False,
) -> ImportFactorLogsResult:
    from app.features.legacy.imports import (
        import_logs,  # with the readers of the older logs, which few servers need
    )

    services = info.context.services
    remaining = services.settings.max_upload_bytes
    contents: dict[str, bytes] = {}
    for position, file in enumerate(files):
        path = ("files", str(position))
        upload = require_file(file, path)
        name = label_of(upload)
        if name in contents:
            raise invalid_argument(path, "DUPLICATE_NAME", f"two files are named {name}")
        contents[name] = await read_upload(upload, remaining)
        remaining -= len(contents[name])
    outcome = await import_logs(services, contents, source=SOURCE, dry_run=dry_run)
    return ImportFactorLogsSuccess(
        batch=ImportBatch.from_record(outcome.batch), ignored_files=list(outcome.ignored_files)
    )
