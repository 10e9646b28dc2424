"""Attributes that change: the column `from` of a file of attributes, on the way into a dataset."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from app.datasets.fingerprint import fingerprint
from app.datasets.limits import ReadLimits
from app.datasets.read import ReadPanel, read_long_form
from app.datasets.record import Provenance, new_dataset
from app.datasets.snapshot import open_snapshot, verify_snapshot, write_snapshot
from app.errors import DatasetUnavailable, InvalidFile, LimitExceeded
from engine.panel import SINCE_EVER, Calendar, DatedValue, Panel
from tests.app.datasets.files import csv_file, rewrite_manifest

DAYS = [f"2021-01-{day:02}" for day in range(1, 11)]
DATA = "date,asset,price\n" + "".join(f"{day},{asset},1\n" for day in DAYS for asset in "abc")
EVER = SINCE_EVER


def read_with(tmp_path: Path, attributes: str, **options: object) -> ReadPanel:
    return read_long_form(
        csv_file(tmp_path, DATA),
        filename="data.csv",
        attributes=csv_file(tmp_path, attributes, "attributes.csv"),
        **options,
    )


def sectors(panel: Panel, asset: str) -> list[tuple[date, str | None]]:
    return [tuple(entry) for entry in panel.attribute_changes["sector"][panel.assets.index(asset)]]


def moved(tmp_path: Path) -> ReadPanel:
    """Of a: energy, then utilities; of b: banks from a listing on; of c: insurers, then unknown."""
    return read_with(
        tmp_path,
        "asset,sector,tier,From\n"
        "a,utilities,1,2021-01-04\n"
        "c,insurers,2,\n"
        "a,energy,1,2015-06-30\n"
        "b,banks,2,2021-01-03\n"
        "c,,2,2021-01-09\n",
    )


def test_rows_hold_from_their_day_on(tmp_path: Path) -> None:
    panel = moved(tmp_path).panel

    assert sectors(panel, "a") == [(EVER, "energy"), (date(2021, 1, 4), "utilities")]
    assert sectors(panel, "b") == [(date(2021, 1, 3), "banks")]
    assert sectors(panel, "c") == [(EVER, "insurers"), (date(2021, 1, 9), None)]
    assert panel.attributes == {"sector": ("utilities", "banks", None), "tier": ("1", "2", "2")}


def test_every_other_column_is_dated_and_those_that_stay_the_same_do_not_change(tmp_path: Path) -> None:
    panel = moved(tmp_path).panel

    assert panel.attribute_changes.keys() == {"sector", "tier"}
    assert panel.attribute_changes["tier"] == (
        (DatedValue(EVER, "1"),),
        (DatedValue(date(2021, 1, 3), "2"),),
        (DatedValue(EVER, "2"),),
    )


def test_assets_that_change_are_counted(tmp_path: Path) -> None:
    notes = moved(tmp_path).quality.notes

    assert "the attribute sector changes for 2 assets: a, c" in notes
    assert "the attribute sector is unknown before its first day for 1 asset: b" in notes
    assert "the attribute tier is unknown before its first day for 1 asset: b" in notes
    assert not [note for note in notes if "tier changes" in note]


def test_a_day_on_the_first_date_or_before_it_is_since_ever(tmp_path: Path) -> None:
    plain = read_with(tmp_path, "asset,sector\na,x\nb,y\n").panel
    dated = read_with(
        tmp_path, "asset,sector,from\na,w,2019-01-01\na,x,2021-01-01\nb,y,2020-12-31\nb,y,2021-01-05\n"
    ).panel

    assert dated.attribute_changes == {}
    assert fingerprint(dated) == fingerprint(plain)


def test_the_day_after_the_first_date_is_a_change(tmp_path: Path) -> None:
    panel = read_with(tmp_path, "asset,sector,from\na,w,\na,x,2021-01-02\n").panel

    assert sectors(panel, "a") == [(EVER, "w"), (date(2021, 1, 2), "x")]


def test_what_comes_after_the_last_date_is_left_out_and_said(tmp_path: Path) -> None:
    result = read_with(
        tmp_path, "asset,sector,from\na,x,\na,y,2021-01-10\na,z,2021-01-11\nb,x,2022-01-01\nc,x,\n"
    )

    assert sectors(result.panel, "a") == [(EVER, "x"), (date(2021, 1, 10), "y")]
    assert result.panel.attributes == {"sector": ("y", None, "x")}
    assert "attributes from after the last date are not used: of a, b" in result.quality.notes


def test_a_column_that_is_always_empty_is_absent(tmp_path: Path) -> None:
    panel = read_with(tmp_path, "asset,sector,wrapped,from\na,x,,\na,y,,2021-01-05\n").panel

    assert panel.attributes.keys() == panel.attribute_changes.keys() == {"sector"}


def test_repetitions_merge_and_plain_files_stay_strict(tmp_path: Path) -> None:
    twice = "a,x,2021-01-05\n"

    assert sectors(read_with(tmp_path, f"asset,sector,from\n{twice}{twice}").panel, "a") == [
        (date(2021, 1, 5), "x")
    ]
    with pytest.raises(InvalidFile, match="line 3: 'a' is described already in line 2"):
        read_with(tmp_path, "asset,sector\na,x\na,x\n")


def test_invented_assets_are_said_to_be_so_although_the_attribute_changes(tmp_path: Path) -> None:
    notes = read_with(tmp_path, "asset,sector,synthetic,from\nb,x,true,\nb,y,,2021-01-03\n").quality.notes

    assert notes[0] == "SYNTHETIC: marked as invented: b"


def test_parquet_has_dates_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "attributes.parquet"
    days = [None, date(2021, 1, 4)]
    pyarrow.parquet.write_table(pa.table({"asset": ["a", "a"], "sector": ["x", "y"], "from": days}), path)

    panel = read_long_form(csv_file(tmp_path, DATA), filename="data.csv", attributes=path).panel

    assert sectors(panel, "a") == [(EVER, "x"), (date(2021, 1, 4), "y")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("asset,sector,from\na,x,\na,y,04.01.2021\n", "attributes.csv: line 3: '04.01.2021' is not a date"),
        ("asset,sector,from\na,x,2021-02-30\n", "line 2: '2021-02-30' is not a date"),
        ("asset,sector,from\na,x,0021-01-01\n", "line 2: date 0021-01-01 is outside 1900-01-01"),
        ("asset,sector,from\na,x,2021-01-04T09:30:00\n", "column 'from' holds times of day"),
        (
            "asset,sector,from\na,x,2021-01-04\nb,y,\na,y,2021-01-04\n",
            "line 4: 'a' from 2021-01-04 on is described otherwise in line 2",
        ),
        ("asset,sector,from\na,x,\na,y,\n", "line 3: 'a' is described otherwise in line 2"),
        ("asset,sector,from\na,x,2021-01-04\na,,2021-01-04\n", "line 3: 'a' from 2021-01-04 on is described"),
        ("asset,sector,from\n,,2021-01-04\n", "line 2: the asset id is empty"),
        ("asset,from\na,2021-01-04\n", "no column holds an attribute"),
        ("asset,sector,from,From\na,x,,\n", "two columns are named 'from'"),
    ],
)
def test_faults_abort(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidFile, match=message):
        read_with(tmp_path, text)


def test_days_of_another_type_abort(tmp_path: Path) -> None:
    path = tmp_path / "attributes.parquet"
    pyarrow.parquet.write_table(pa.table({"asset": ["a"], "sector": ["x"], "from": [[1]]}), path)

    with pytest.raises(InvalidFile, match=r"attributes\.parquet: column 'from' holds list<.*, not dates"):
        read_long_form(csv_file(tmp_path, DATA), filename="data.csv", attributes=path)


def test_rows_are_limited(tmp_path: Path) -> None:
    text = "asset,sector,from\na,x,\na,y,2021-01-04\na,z,2021-01-05\n"

    read_with(tmp_path, text, limits=ReadLimits(max_attribute_rows=3))
    with pytest.raises(LimitExceeded, match=r"attributes\.csv has more than 2 rows of attributes"):
        read_with(tmp_path, text, limits=ReadLimits(max_attribute_rows=2))


def test_changes_come_back_from_the_snapshot(tmp_path: Path) -> None:
    panel = moved(tmp_path).panel

    name = write_snapshot(panel, tmp_path / "datasets")
    opened = open_snapshot(tmp_path / "datasets", name)

    assert opened.attribute_changes == panel.attribute_changes
    assert opened.attributes == panel.attributes
    assert fingerprint(opened) == name
    verify_snapshot(tmp_path / "datasets", name)


def test_versions_that_know_no_changes_refuse_them_and_no_other_snapshot(tmp_path: Path) -> None:
    changing = moved(tmp_path).panel
    plain = replace(changing, attribute_changes={})
    manifests = []
    for panel in (changing, plain):
        name = write_snapshot(panel, tmp_path / "datasets")
        manifests.append(
            json.loads((tmp_path / "datasets" / name / "manifest.json").read_bytes())["document"]
        )

    assert manifests[0]["format"] == 2
    assert manifests[1]["format"] == 1
    assert "attribute_changes" not in manifests[1]


@pytest.mark.parametrize(
    "damage", [{"sector": [[], []]}, {"sector": [[["soon", "x"]], [], []]}, {"sector": 3}]
)
def test_changes_that_are_damaged_are_an_error_of_the_dataset(tmp_path: Path, damage: object) -> None:
    name = write_snapshot(moved(tmp_path).panel, tmp_path / "datasets")
    rewrite_manifest(
        tmp_path / "datasets" / name,
        lambda manifest: manifest["document"].update(attribute_changes=damage),
        sealed=False,
    )

    with pytest.raises(DatasetUnavailable, match="does not describe a panel"):
        open_snapshot(tmp_path / "datasets", name)


def test_every_part_of_a_change_matters_to_the_fingerprint(tmp_path: Path) -> None:
    panel = moved(tmp_path).panel
    own = panel.attribute_changes["sector"]
    variants = [
        panel,
        replace(panel, attribute_changes={}),
        replace(panel, attribute_changes={"sector": own}),
        *(
            replace(panel, attribute_changes={"sector": (first, *own[1:])})
            for first in (
                (DatedValue(EVER, "energy"), DatedValue(date(2021, 1, 5), "utilities")),
                (DatedValue(EVER, "oil"), DatedValue(date(2021, 1, 4), "utilities")),
                (DatedValue(EVER, None), DatedValue(date(2021, 1, 4), "utilities")),
            )
        ),
    ]

    assert len({fingerprint(variant) for variant in variants}) == len(variants)


def test_the_fingerprint_of_changes_is_stable() -> None:
    panel = Panel(
        dates=np.array(["2021-01-01", "2021-01-02"], dtype="datetime64[D]"),
        assets=("a", "b"),
        fields={"price": np.array([[1.0, np.nan], [0.0, 2.5]])},
        calendar=Calendar.EVERY_DAY,
        attributes={"sector": ("defi", None)},
        attribute_changes={"sector": ((DatedValue(date(2021, 1, 2), "defi"),), ())},
    )

    assert fingerprint(panel) == "72624720ad098540a4dc7bb958573a422971130ba07ab05008cb40c381129d82"


def test_the_store_is_told_the_latest_values(tmp_path: Path) -> None:
    read = moved(tmp_path)

    record = new_dataset("moved", fingerprint(read.panel), read, Provenance(source="test"))

    assert [dict(asset.attributes) for asset in record.assets] == [
        {"sector": "utilities", "tier": "1"},
        {"sector": "banks", "tier": "2"},
        {"tier": "2"},
    ]
