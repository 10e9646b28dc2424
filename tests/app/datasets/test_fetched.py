"""What a source brought in becomes a panel, and what it could not bring is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.datasets.fetched import read_harvest
from app.datasets.quality import QualityCode, QualityReport
from app.errors import InvalidFile
from app.sources.harvest import AssetSeries, Harvest, LossCode
from engine.panel import Calendar

DAY = 18_262  # 2020-01-01


def series(asset: str, first: int = DAY, **values: Any) -> AssetSeries:
    columns = {
        name: np.asarray(column, dtype=np.float64) for name, column in values.items() if name != "attributes"
    }
    count = len(next(iter(columns.values())))
    return AssetSeries(
        asset=asset,
        days=np.arange(first, first + count, dtype=np.int32),
        values=columns,
        attributes=values.get("attributes", {}),
    )


def harvest_of(*brought: AssetSeries) -> Harvest:
    harvest = Harvest()
    harvest.expect(len(brought) + 5)
    for one in brought:
        harvest.add(one)
    return harvest


def test_assets_stand_side_by_side_with_gaps_where_they_have_no_day() -> None:
    eth = series("eth", DAY + 1, price=[3, 4], fees=[1, np.nan], attributes={"symbol": "ETH"})
    harvest = harvest_of(eth, series("btc", price=[10, np.nan, 30], market_cap=[1, 2, 3]))
    read = read_harvest(harvest, name="Vendor", calendar=None)
    panel = read.panel
    assert panel.assets == ("btc", "eth")
    assert panel.calendar is Calendar.EVERY_DAY
    assert panel.dates.tolist() == np.arange("2020-01-01", "2020-01-04", dtype="datetime64[D]").tolist()
    np.testing.assert_array_equal(panel.fields["price"], [[10, np.nan], [np.nan, 3], [30, 4]])
    np.testing.assert_array_equal(panel.fields["fees"], [[np.nan] * 2, [np.nan, 1], [np.nan] * 2])
    assert panel.attributes == {"symbol": (None, "ETH")}
    assert (read.quality.rows_read, read.quality.rows_kept) == (5, 5)


def test_impossible_rows_are_refused_and_named_by_asset_and_day() -> None:
    harvest = harvest_of(series("btc", price=[1, 2]), series("eth", price=[1, 2], market_cap=[-1, 5]))
    quality = read_harvest(harvest, name="Vendor", calendar=None).quality
    assert quality.rows_refused == 1
    assert [row.reason for row in quality.refused] == ["eth on 2020-01-01: market_cap is negative: -1"]


def test_an_infinite_value_costs_its_day_and_not_its_field() -> None:
    eth = series("eth", price=[1, 2], mc_fees_ratio=[np.inf, 5])
    read = read_harvest(
        harvest_of(series("btc", price=[1, 2], mc_fees_ratio=[7, 8]), eth), name="Vendor", calendar=None
    )
    np.testing.assert_array_equal(read.panel.fields["mc_fees_ratio"], [[7, np.nan], [8, 5]])
    assert [row.reason for row in read.quality.refused] == ["eth on 2020-01-01: mc_fees_ratio is infinite"]


def test_what_was_lost_merged_or_contradicted_is_reported() -> None:
    harvest = harvest_of(
        AssetSeries(
            asset="btc",
            days=np.array([DAY], np.int32),
            values={"price": np.array([1.0])},
            merged=2,
            contradicted=3,
        )
    )
    harvest.lose("usdt", LossCode.STABLECOIN, "it is a stablecoin")
    harvest.note("no exchange volume")
    quality = read_harvest(harvest, name="Vendor", calendar=None).quality
    assert quality.count_of(QualityCode.CONTRADICTION) == 3
    assert [(lost.asset, lost.code) for lost in quality.lost] == [("usdt", "STABLECOIN")]
    assert quality.notes[0] == "no exchange volume"
    assert "2 points that the source gave twice were merged" in quality.notes
    assert QualityReport.from_json(quality.to_json()) == quality


def test_a_report_from_before_there_were_fetches_is_read() -> None:
    quality = read_harvest(harvest_of(series("btc", price=[1])), name="Vendor", calendar=None).quality
    document = quality.to_json()
    del document["lost"]
    assert QualityReport.from_json(document) == quality


def test_what_cannot_be_shown_of_an_asset_is_left_out() -> None:
    odd = {"title": "a\nb", "symbol": "X", "story": "x" * 500}
    read = read_harvest(harvest_of(series("x", price=[1], attributes=odd)), name="Vendor", calendar=None)
    assert read.panel.attributes == {"symbol": ("X",)}


def test_nothing_with_a_price_is_no_dataset() -> None:
    with pytest.raises(InvalidFile, match="no row has a price"):
        read_harvest(harvest_of(series("x", price=[np.nan], fees=[1])), name="Vendor", calendar=None)
