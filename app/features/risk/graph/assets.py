"""What a risk model says of single assets: their exposures, their specific risk and specific returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import strawberry

from app.boundary.cost_rules import cost
from app.datasets.asset_words import resolve_assets
from app.errors import FieldError, InvalidInput
from app.features.risk.arrays import RiskArrays
from app.features.risk.assets import (
    AssetExposures,
    AssetRisk,
    exposure_table,
    specific_returns_of,
    specific_risks_of,
    with_specific_risk,
)
from app.features.risk.portfolios import Holder
from app.features.risk.results import RiskModelResults
from app.features.risk.series import ChartRows, chart_rows
from app.runs.series import DateRange
from app.schema.connections import PageInfo, page_info, slice_page
from db.pages import Page

MAX_ASSETS = 1_000
MAX_RETURN_SERIES = 100


@strawberry.type(description="One asset's exposures to the factors of a risk model.")
class AssetFactorExposures:
    asset: str = strawberry.field(description="The asset's id in the dataset.")
    exposures: list[float | None] = strawberry.field(
        description="Exposure to each factor, in the order of the list's `factors`: 1 to the market and to "
        "the asset's sector, its scores in standard deviations. All null without a price on the date.",
        metadata=cost(size=30),
    )
    missing_styles: list[str] = strawberry.field(
        description="Styles that have no score for the asset: their exposure counts as 0.",
        metadata=cost(size=2),
    )
    sector: str | None = strawberry.field(
        description="The sector on the date; null if unknown, or if the model has none."
    )
    in_estimation_universe: bool | None = strawberry.field(
        description="Whether it is in the estimation universe; null where the date is no forecast date, for "
        "which alone this is kept."
    )

    @classmethod
    def of(cls, found: AssetExposures, asset: str) -> AssetFactorExposures:
        return cls(
            asset=asset,
            exposures=found.exposures.tolist(),
            missing_styles=list(found.missing_styles),
            sector=found.sector,
            in_estimation_universe=found.estimates,
        )


@strawberry.type(description="An asset's exposures and their place in the list.")
class AssetFactorExposuresEdge:
    cursor: str = strawberry.field(description="Continues the list after this asset.")
    node: AssetFactorExposures = strawberry.field(description="The asset's exposures.")


@strawberry.type(description="A page of assets with their exposures at the end of one date.")
class AssetFactorExposuresConnection:
    date: date = strawberry.field(description="The model's date: the last one up to the date asked for.")
    factors: list[str] = strawberry.field(
        description="The factors, in the order of `exposures`.", metadata=cost(size=30)
    )
    edges: list[AssetFactorExposuresEdge] = strawberry.field(
        description="The assets of the page with their cursors."
    )
    nodes: list[AssetFactorExposures] = strawberry.field(description="The assets of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")
    total_count: int = strawberry.field(description="Number of assets in the list.")


@strawberry.type(
    description="The forecast of one asset's risk that no factor explains: (1 - `peerShare`) * `own` + "
    "`peerShare` * `peer`. Volatilities are fractions a year."
)
class AssetSpecificRisk:
    asset: str = strawberry.field(description="The asset's id in the dataset.")
    volatility: float | None = strawberry.field(description="The forecast; null without a price on the date.")
    own: float | None = strawberry.field(
        description="Of its own specific returns; null where they are too few."
    )
    peer: float | None = strawberry.field(description="Mean of the assets of the same sector and size group.")
    peer_share: float | None = strawberry.field(
        description="Weight of the peers, 0 to 1; 1 without a volatility of its own."
    )
    observations: int = strawberry.field(description="Number of its specific returns so far.")

    @classmethod
    def of(cls, found: AssetRisk, asset: str) -> AssetSpecificRisk:
        return cls(
            asset=asset,
            volatility=found.volatility,
            own=found.own,
            peer=found.peer,
            peer_share=found.peer_share,
            observations=found.observations,
        )


@strawberry.type(description="An asset's specific risk and its place in the list.")
class AssetSpecificRiskEdge:
    cursor: str = strawberry.field(description="Continues the list after this asset.")
    node: AssetSpecificRisk = strawberry.field(description="The asset's specific risk.")


@strawberry.type(description="A page of assets with the specific risk that is forecast for them.")
class AssetSpecificRiskConnection:
    date: date = strawberry.field(description="The forecast date: the last one up to the date asked for.")
    edges: list[AssetSpecificRiskEdge] = strawberry.field(
        description="The assets of the page with their cursors."
    )
    nodes: list[AssetSpecificRisk] = strawberry.field(description="The assets of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")
    total_count: int = strawberry.field(description="Number of assets in the list.")


@strawberry.type(
    description="The part of one asset's returns that no factor explains, as columns of equal length. Assets "
    "that were asked for together share their dates."
)
class SpecificReturnSeries:
    values: strawberry.Private[np.ndarray]
    days: strawberry.Private[np.ndarray]
    asset: str = strawberry.field(description="The asset's id in the dataset.")
    source_point_count: int = strawberry.field(description="Number of dates in the range, before sampling.")
    sampled: bool = strawberry.field(
        description="Whether points were left out to stay within `maxPoints`. Sampling is deterministic and "
        "keeps the first, last, least and greatest value of each series."
    )

    @strawberry.field(description="The dates, ascending.", metadata=cost(column=True))
    def dates(self) -> list[date]:
        return self.days.tolist()

    @strawberry.field(
        description="Return less what the factors explain, a fraction a row of the dataset; null without a "
        "return or exposures.",
        metadata=cost(column=True),
    )
    def returns(self) -> list[float | None]:
        return self.values.tolist()


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetsAsked:
    """Which assets of the model, and which page of them. words: None = all that have what is asked for."""

    words: Sequence[str] | None
    first: int
    after: str | None

    def page(self, holder: Holder, all_known: Callable[[], Any], of_date: str) -> tuple[Page[int], int]:
        """(the ordinals of the page, how many there are in all). A cursor belongs to its date and assets."""
        ordinals = all_known().tolist() if self.words is None else ordinals_of(holder, self.words)
        return slice_page(ordinals, self.first, self.after, scope=f"{of_date} {ordinals}"), len(ordinals)


def ordinals_of(holder: Holder, words: Sequence[str], most: int = MAX_ASSETS) -> list[int]:
    """Of the assets that words mean, each once, in the order given. Raises InvalidInput, UnknownAssets."""
    if not 1 <= len(words) <= most:
        message = f"assets takes 1 to {most:,} assets, not {len(words):,}"
        raise InvalidInput(message, (FieldError(("assets",), "OUT_OF_RANGE", message),))
    assets = resolve_assets(holder.named, words, lambda position: ("assets", str(position)))
    return holder.ordinals(list(dict.fromkeys(assets)))


def exposures_page(
    results: RiskModelResults, arrays: RiskArrays, holder: Holder, row: int, asked: AssetsAsked
) -> AssetFactorExposuresConnection:
    """Reads files: not for the event loop's thread."""
    table = exposure_table(results, arrays, row)
    page, count = asked.page(holder, table.known, f"exposures {results.dates[row]}")
    names = holder.named.assets
    nodes = [AssetFactorExposures.of(one, names[one.ordinal]) for one in table.of(page.items)]
    return AssetFactorExposuresConnection(
        date=results.dates[row].item(),
        factors=list(results.factors),
        edges=[
            AssetFactorExposuresEdge(cursor=cursor, node=node)
            for cursor, node in zip(page.cursors, nodes, strict=True)
        ],
        nodes=nodes,
        page_info=page_info(page, asked.after),
        total_count=count,
    )


def specific_risk_page(
    results: RiskModelResults, arrays: RiskArrays, holder: Holder, at: int, asked: AssetsAsked
) -> AssetSpecificRiskConnection:
    """Reads files: not for the event loop's thread."""
    day = results.forecast_dates[at]
    page, count = asked.page(holder, lambda: with_specific_risk(arrays, at), f"specific risk {day}")
    names = holder.named.assets
    found = specific_risks_of(arrays, at, page.items)
    nodes = [AssetSpecificRisk.of(one, names[one.ordinal]) for one in found]
    return AssetSpecificRiskConnection(
        date=day.item(),
        edges=[
            AssetSpecificRiskEdge(cursor=cursor, node=node)
            for cursor, node in zip(page.cursors, nodes, strict=True)
        ],
        nodes=nodes,
        page_info=page_info(page, asked.after),
        total_count=count,
    )


def specific_return_series(
    results: RiskModelResults,
    arrays: RiskArrays,
    holder: Holder,
    words: Sequence[str],
    date_range: DateRange,
    max_points: int,
) -> list[SpecificReturnSeries]:
    """Reads files: not for the event loop's thread."""
    ordinals = ordinals_of(holder, words, MAX_RETURN_SERIES)
    returns = specific_returns_of(arrays, ordinals)
    chart: ChartRows = chart_rows(results.dates, list(returns.T), date_range, max_points)
    days = results.dates[chart.rows]
    return [
        SpecificReturnSeries(
            values=returns[chart.rows, place],
            days=days,
            asset=holder.named.assets[ordinal],
            source_point_count=chart.source_point_count,
            sampled=chart.sampled,
        )
        for place, ordinal in enumerate(ordinals)
    ]
