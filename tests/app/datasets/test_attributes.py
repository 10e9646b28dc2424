"""Attributes of assets: a second file beside the data."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from app.datasets.read import read_long_form
from app.datasets.record import Provenance, new_dataset
from app.errors import InvalidFile
from tests.app.datasets.files import csv_file

DATA = "date,asset,price\n2021-01-01,a,1\n2021-01-01,b,1\n2021-01-01,c,1\n"


def read_with(tmp_path: Path, attributes: str):
    return read_long_form(
        csv_file(tmp_path, DATA),
        filename="data.csv",
        attributes=csv_file(tmp_path, attributes, "attributes.csv"),
    )


def test_attributes_follow_the_order_of_the_assets(tmp_path: Path) -> None:
    result = read_with(tmp_path, "Asset,Sector,Stable\nb,defi,TRUE\na, l1 ,false\n")

    assert result.panel.attributes == {"sector": ("l1", "defi", None), "stable": ("false", "true", None)}
    assert "no attributes for c" in result.quality.notes


def test_invented_assets_are_said_to_be_so_first(tmp_path: Path) -> None:
    all_of_them = read_with(tmp_path, "asset,synthetic\na,TRUE\nb,true\nc,true\nd,true\n")
    one_of_them = read_with(tmp_path, "asset,synthetic\na,false\nb,true\n")

    assert all_of_them.quality.notes[0] == "SYNTHETIC: marked as invented: all assets"
    assert one_of_them.quality.notes[0] == "SYNTHETIC: marked as invented: b"


@pytest.mark.parametrize(
    ("rows", "synthetic"),
    [("a,true\nb,true\nc,true\n", True), ("a,true\nb,true\n", False), ("a,false\nb,true\nc,true\n", False)],
)
def test_a_dataset_of_invented_assets_alone_is_synthetic(tmp_path: Path, rows: str, synthetic: bool) -> None:
    read = read_with(tmp_path, f"asset,synthetic\n{rows}")
    assert new_dataset("mine", "0" * 64, read, Provenance(source="test")).synthetic is synthetic


def test_unknown_assets_are_reported(tmp_path: Path) -> None:
    result = read_with(tmp_path, "asset,sector\na,x\nb,x\nc,x\nzz,y\n")

    assert "the attributes of zz are not used: no such asset in the data" in result.quality.notes


def test_an_attribute_that_no_asset_has_is_absent(tmp_path: Path) -> None:
    assert read_with(tmp_path, "asset,sector,wrapped\na,x,\nb,,\n").panel.attributes == {
        "sector": ("x", None, None)
    }


def test_attributes_may_be_parquet(tmp_path: Path) -> None:
    path = tmp_path / "attributes.parquet"
    pyarrow.parquet.write_table(
        pa.table({"symbol": ["a", "b"], "stable": [True, None], "tier": [1, 2]}), path
    )

    panel = read_long_form(csv_file(tmp_path, DATA), filename="data.csv", attributes=path).panel

    assert panel.attributes == {"stable": ("true", None, None), "tier": ("1", "2", None)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,sector\na,x\n", "attributes.csv: one column must hold the asset ids, found none"),
        ("asset,symbol,sector\na,a,x\n", "found 'asset' and 'symbol'"),
        ("asset\na\n", "no column holds an attribute"),
        ("asset,Sector,sector\na,x,y\n", "two columns are named 'sector'"),
        ("asset,a=b\na,x\n", "'a=b' cannot name an attribute"),
        ("asset,sector\na,x\nb,y\na,x\n", "line 4: 'a' is described already in line 2"),
        ("asset,sector\n,x\n", "line 2: the asset id is empty"),
        ("asset,sector\na,x,y\n", "line 2 has 3 columns where the header has 2"),
        ("asset,sector\n", "attributes.csv has no rows"),
        (f"asset,sector\na,{'x' * 201}\n", "line 2: a value has 201 characters"),
    ],
)
def test_faults_abort(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidFile, match=message):
        read_with(tmp_path, text)
