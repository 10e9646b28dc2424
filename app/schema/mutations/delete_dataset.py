"""Hide a dataset; what was computed from it stays."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry

from app.datasets import service as service
from app.schema.context import Info
from app.schema.dataset import Dataset
from app.schema.dataset_ref import DatasetRef, find_dataset
from app.schema.errors import DatasetNotFound, InvalidInput


@strawberry.type(description="The dataset is deleted: no list has it, and nothing new is computed on it.")
class DeleteDatasetSuccess:
    dataset: Dataset = strawberry.field(description="The dataset that was deleted, with its `deletedAt`.")


DeleteDatasetResult: TypeAlias = Annotated[
    DeleteDatasetSuccess | InvalidInput | DatasetNotFound,
    strawberry.union(
        "DeleteDatasetResult", description="The dataset, or why nothing was deleted. Keep a default branch."
    ),
]


async def delete_dataset(
    info: Info,
    ref: Annotated[
        DatasetRef,
        strawberry.argument(description="Which one: by name the version that the name stands for."),
    ],
) -> DeleteDatasetResult:
    found = await find_dataset(ref, info.context, ("ref",))
    return DeleteDatasetSuccess(
        dataset=Dataset.from_record(await service.delete_dataset(info.context.services, found.id))
    )
