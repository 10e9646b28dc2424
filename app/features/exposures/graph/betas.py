"""Betas of single assets to a factor run, and correlations of factor runs."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import strawberry

from app.boundary.cost_rules import cost
from app.features.exposures import betas as service
from app.features.factors.graph.run import FactorRun
from app.schema.context import Info
from app.schema.dataset_ref import DatasetRef
from app.schema.errors import Path, field_errors_at
from app.schema.node_ids import row_id
from app.schema.unset import given

MAX_ASSETS = 1_000


@strawberry.type(
    description="The univariate regression of one asset's weekly returns on a factor's, over the weeks that "
    "have both. All numbers but `observations` are null for fewer than 52 weeks."
)
class AssetBeta:
    asset: str = strawberry.field(description="The asset's id in the dataset.")
    beta: float | None = strawberry.field(description="What the asset earns of the factor's return.")
    standard_error: float | None = strawberry.field(
        description="Standard error of beta, robust to autocorrelation (Newey and West 1987)."
    )
    t_value: float | None = strawberry.field(
        description="Beta over its standard error; null too where the fit is exact."
    )
    p_value: float | None = strawberry.field(
        description="Two-sided, of a true beta of 0; null too where the fit is exact."
    )
    lower: float | None = strawberry.field(description="Lower end of beta's 95 % confidence interval.")
    upper: float | None = strawberry.field(description="Upper end of beta's 95 % confidence interval.")
    alpha: float | None = strawberry.field(description="Weekly intercept * 52.")
    r_squared: float | None = strawberry.field(
        description="Share of the variance that the factor explains; null too where the asset does not vary."
    )
    observations: int = strawberry.field(description="Number of weeks that have both returns.")


_COLUMNS = (
    "beta",
    "standard_error",
    "t_value",
    "p_value",
    "lower",
    "upper",
    "alpha",
    "r_squared",
    "observations",
)
"""What the engine gives as one array of all assets."""


@strawberry.type(description="Pearson correlations of the weekly returns of factor runs.")
class FactorCorrelations:
    runs: list[FactorRun] = strawberry.field(description="The runs, in the order asked for.")
    labels: list[str] = strawberry.field(
        description="The factors' names in lower case, with the run where one occurs twice: `smb#12`."
    )
    values: list[list[float | None]] = strawberry.field(
        description="Row by row, in the order of `runs`; null where a run's returns do not vary.",
        metadata=cost(size=100),
    )
    observations: int = strawberry.field(description="Number of weeks that all runs have.")
    start_date: date = strawberry.field(description="The Sunday of the first of these weeks.")
    end_date: date = strawberry.field(description="The Sunday of the last of these weeks.")


async def asset_betas(
    info: Info,
    run: Annotated[
        strawberry.ID,
        strawberry.argument(description="The factor run: weekly, succeeded, with a return series."),
    ],
    assets: Annotated[
        list[str] | None,
        strawberry.argument(
            description="Up to 1,000 assets, by id in any case or by the attribute `symbol` or `ticker`. "
            "Absent or null: the first 1,000 of the dataset, by id."
        ),
    ] = strawberry.UNSET,
    after: Annotated[
        str | None,
        strawberry.argument(
            description="Without `assets`: only those whose ids come after this one, to go on after 1,000."
        ),
    ] = strawberry.UNSET,
    dataset: Annotated[
        DatasetRef | None,
        strawberry.argument(
            description="Where the assets' prices are. Absent or null: the run's dataset; for an imported "
            "run the only one that is not synthetic, or the only one."
        ),
    ] = strawberry.UNSET,
) -> list[AssetBeta] | None:
    run_id = row_id(run, "FactorRun", ("run",))
    ref = given(dataset)
    with field_errors_at(lambda name: ("run",) if name == "run_ids" else (name,)):
        answer = await service.asset_betas(
            info.context.services,
            run_id,
            given(assets),
            dataset=None if ref is None else ref.to_service(("dataset",)),
            after=given(after),
            limit=MAX_ASSETS,
        )
    found = answer.betas
    columns = {name: getattr(found, name).tolist() for name in _COLUMNS}
    return [
        AssetBeta(asset=asset, **dict(zip(columns, row, strict=True)))
        for asset, *row in zip(found.assets, *columns.values(), strict=True)
    ]


async def factor_correlations(
    info: Info,
    runs: Annotated[
        list[strawberry.ID],
        strawberry.argument(description="Factor runs, 2 to 50: weekly, succeeded, with a return series."),
    ],
) -> FactorCorrelations | None:
    ids = [row_id(one, "FactorRun", ("runs", str(number))) for number, one in enumerate(runs)]

    def locate(_name: str) -> Path:
        return ("runs",)

    with field_errors_at(locate):
        answer = await service.factor_correlations(info.context.services, ids)
    found = answer.correlations
    return FactorCorrelations(
        runs=[FactorRun.from_record(one) for one in answer.runs],
        labels=list(found.names),
        values=found.matrix.tolist(),
        observations=found.observations,
        start_date=found.start_week,
        end_date=found.end_week,
    )
