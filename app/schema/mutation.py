"""The mutation root."""

from __future__ import annotations

import strawberry

from app.schema.mutations.annotate_run import annotate_run
from app.schema.mutations.build_risk_model import build_risk_model
from app.schema.mutations.cancel_run import cancel_run
from app.schema.mutations.compute_factor import compute_factor
from app.schema.mutations.delete_dataset import delete_dataset
from app.schema.mutations.delete_run import delete_run
from app.schema.mutations.fetch_dataset import fetch_dataset
from app.schema.mutations.import_factor_logs import import_factor_logs
from app.schema.mutations.ingest_dataset import ingest_dataset
from app.schema.mutations.promote_point import promote_point
from app.schema.mutations.sweep_factor import sweep_factor


@strawberry.type(
    description="What changes something. Expected errors are members of the result types, by `Error`."
)
class Mutation:
    compute_factor = strawberry.mutation(
        compute_factor,
        description="Compute a factor model on a dataset. The same factor, options, dataset and engine "
        "version are the same run: it is returned as it is, unless `force` is set; failed and canceled runs "
        "are not reused.",
    )
    sweep_factor = strawberry.mutation(
        sweep_factor,
        description="Compute a factor model in many configurations on one dataset, and measure how far the "
        "best of them is due to selection. The same sweep is returned as it is, unless `force` is set.",
    )
    promote_point = strawberry.mutation(
        promote_point,
        description="Compute one point of a sweep as a factor run on the sweep's own dataset version, with "
        "all that such a run has; unless the engine's version has changed since, its metrics are those of "
        "the point.",
    )
    build_risk_model = strawberry.mutation(
        build_risk_model,
        description="Estimate a factor risk model of a dataset's assets. The same options, dataset and "
        "engine version are the same run: it is returned as it is, unless `force` is set; failed and "
        "canceled runs are not reused.",
    )
    cancel_run = strawberry.mutation(
        cancel_run,
        description="Cancel a run that waits or is under way; its process, or its fetch, is ended.",
    )
    delete_run = strawberry.mutation(
        delete_run, description="Delete an ended run with its results, for good."
    )
    annotate_run = strawberry.mutation(annotate_run, description="Change the tags and the note of a run.")
    ingest_dataset = strawberry.mutation(
        ingest_dataset,
        description="Take a file in as an immutable dataset. Impossible rows are refused and listed, "
        "suspicious values kept and counted; nothing is repaired.",
    )
    fetch_dataset = strawberry.mutation(
        fetch_dataset,
        description="Fetch daily data from a vendor into an immutable dataset, in a run of its own. Assets "
        "that cannot be had are lost, each with its reason, and the others go on; where most are lost by the "
        "vendor's fault, the run fails and there is no dataset.",
    )
    delete_dataset = strawberry.mutation(
        delete_dataset,
        description="Delete a version of a dataset: its name then stands for the newest version left. Runs "
        "keep it as their `dataset`, and those that wait or are under way go on. Taking the same content in "
        "again brings it back; the operator's `factorql gc` removes files that nothing needs.",
    )
    import_factor_logs = strawberry.mutation(
        import_factor_logs,
        description="Import logs of the older system, each file as a whole or not at all. Repeating an "
        "import changes nothing.",
    )
