"""Panels survive the way through files and snapshots, whatever the format and the order of rows."""

import random
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from app.datasets.fingerprint import fingerprint
from app.datasets.read import read_long_form
from app.datasets.snapshot import open_snapshot, verify_snapshot, write_snapshot
from engine.panel import Calendar, Panel
from tests.app.datasets.files import long_form, write_long_form

FIELDS = ("price", "market_cap", "volume", "fees", "dau", "revenue", "tvl")
ASSET_IDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=8)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES = {
    name: st.one_of(st.just(np.nan), FINITE if name in ("price", "revenue", "tvl") else FINITE.map(abs))
    for name in FIELDS
}


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    """Panels that a file can express: no field, asset or outer date without any value."""
    assets = tuple(sorted(draw(st.sets(ASSET_IDS, min_size=1, max_size=4))))
    calendar = draw(st.sampled_from(Calendar))
    first = np.datetime64(draw(st.dates(date(1900, 1, 1), date(2200, 1, 1))), "D")
    if calendar is Calendar.EVERY_DAY:
        dates = first + np.arange(draw(st.integers(1, 8)))
    else:
        dates = first + np.array(sorted(draw(st.sets(st.integers(0, 30), min_size=1, max_size=8))))
    shape = (len(dates), len(assets))
    names = ("price", *sorted(draw(st.sets(st.sampled_from(FIELDS[1:])))))
    fields = {name: draw(hnp.arrays(np.float64, shape, elements=VALUES[name])) for name in sorted(names)}
    fields["price"][[0, -1]] = 1.5
    if calendar is Calendar.OBSERVED:
        fields["price"][:, 0] = 2.5
    for values in fields.values():
        if np.isnan(values).all():
            values[0, 0] = 7
    return Panel(dates=dates, assets=assets, fields=fields, calendar=calendar)


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
@settings(max_examples=40, deadline=None)
@given(panel=panels(), seed=st.integers(0, 1000))
def test_a_panel_comes_back_from_its_long_form_in_any_row_order(ending: str, panel: Panel, seed: int) -> None:
    rows = long_form(panel)
    random.Random(seed).shuffle(rows)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"data{ending}"
        write_long_form(rows, path)

        result = read_long_form(path, filename=path.name, calendar=panel.calendar)

    read = result.panel
    assert result.quality.rows_refused == 0
    np.testing.assert_array_equal(read.dates, panel.dates)
    assert read.assets == panel.assets
    assert read.fields.keys() == panel.fields.keys()
    for name, values in panel.fields.items():
        np.testing.assert_array_equal(read.fields[name], values)
    assert fingerprint(read) == fingerprint(panel)


@settings(max_examples=25, deadline=None)
@given(panel=panels())
def test_a_panel_comes_back_from_its_snapshot(panel: Panel) -> None:
    with TemporaryDirectory() as folder:
        name = write_snapshot(panel, Path(folder))
        opened = open_snapshot(Path(folder), name)

        verify_snapshot(Path(folder), name)
        assert fingerprint(opened) == name == fingerprint(panel)
        assert opened.assets == panel.assets
        np.testing.assert_array_equal(opened.dates, panel.dates)
        for field, values in panel.fields.items():
            np.testing.assert_array_equal(opened.fields[field], values)


@settings(max_examples=25, deadline=None)
@given(panel=panels(), data=st.data())
def test_repeated_rows_change_nothing(panel: Panel, data: st.DataObject) -> None:
    rows = long_form(panel)
    repeated = data.draw(st.lists(st.sampled_from(rows), min_size=1, max_size=5))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "data.csv"
        write_long_form(rows + repeated, path)

        result = read_long_form(path, filename=path.name, calendar=panel.calendar)

    assert fingerprint(result.panel) == fingerprint(panel)
    assert result.quality.rows_merged == len(repeated)
