"""How a client says which dataset it means."""

from __future__ import annotations

import strawberry

from app.datasets.service import DatasetRef as ServiceDatasetRef
from app.errors import DatasetNotFound
from app.schema.context import GraphContext
from app.schema.node_ids import row_id
from app.schema.unset import given
from db.records import DatasetRecord


@strawberry.input(one_of=True, description="A dataset, by its global id or by name.")
class DatasetRef:
    id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="The global id: this very version, deleted or not."
    )
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description="The name: its newest version that is not deleted."
    )

    def to_service(self, path: tuple[str, ...]) -> ServiceDatasetRef:
        """`path` is where it stands in the arguments. Raises InvalidInput for an id that is none."""
        if (given_id := given(self.id)) is not None:
            return ServiceDatasetRef(id=row_id(given_id, "Dataset", (*path, "id")))
        return ServiceDatasetRef(name=given(self.name) or "")


async def find_dataset(
    ref: DatasetRef, context: GraphContext, path: tuple[str, ...] = ("dataset",)
) -> DatasetRecord:
    """The dataset, a deleted one too if its id is given. Raises DatasetNotFound, and InvalidInput."""
    wanted = ref.to_service(path)
    if wanted.id is not None:
        found = await context.loaders.datasets.load(wanted.id)
    else:
        found = await context.loaders.datasets_by_name.load(wanted.name)
    if found is None:
        meant = f"with id {ref.id}" if wanted.id is not None else f"named {wanted.name!r}"
        raise DatasetNotFound(f"there is no dataset {meant}")
    return found
