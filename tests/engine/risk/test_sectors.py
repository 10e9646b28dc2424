"""Sectors of a panel: by an attribute of today, or as they were known at the end of each row."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from engine.panel import SINCE_EVER, Calendar, DatedValue, Panel
from engine.risk.sectors import Sectors, sectors_of
from tests.engine.risk.model_panels import built, known_panel


def changed(panel: Panel, *histories: tuple[tuple[date, str | None], ...]) -> Panel:
    """The panel with histories of its assets' sectors, the last values being its attribute's."""
    last = panel.dates[-1].item()
    dated = tuple(tuple(DatedValue(*change) for change in history) for history in histories)
    today = tuple(
        next((change.value for change in reversed(history) if change.since <= last), None)
        for history in dated
    )
    return replace(panel, attributes={"sector": today}, attribute_changes={"sector": dated})


def test_sectors_are_read_from_an_attribute():
    panel = known_panel(assets=4, sectors=2).panel
    labels = Panel(
        dates=panel.dates,
        assets=panel.assets,
        fields=panel.fields,
        calendar=panel.calendar,
        attributes={"industry": ("tech", None, "banks", "tech")},
    )
    sectors = sectors_of(labels, "industry")
    assert sectors.names == ("banks", "tech")
    assert sectors.codes.tolist() == [1, -1, 0, 1]
    assert sectors_of(labels).codes.tolist() == [-1] * 4
    with pytest.raises(ValueError, match="run from -1 to 1"):
        Sectors(codes=np.array([2]), names=("A", "B"))
    with pytest.raises(ValueError, match="do not fit"):
        built(panel, Sectors(codes=np.zeros(3, dtype=int), names=("A", "B")))


def test_a_sector_is_known_from_the_end_of_its_first_day_on():
    panel = known_panel(assets=3, dates=6).panel  # from 2015-01-01 on
    labels = changed(
        panel,
        ((SINCE_EVER, "tech"), (date(2015, 1, 3), "banks"), (date(2015, 1, 5), None)),
        ((date(2015, 1, 4), "oil"),),
        (),
    )
    sectors = sectors_of(labels)
    assert sectors.names == ("banks", "oil", "tech")
    assert sectors.codes.T.tolist() == [[2, 2, 0, 0, -1, -1], [-1, -1, -1, 1, 1, 1], [-1] * 6]


def test_changes_between_rows_are_known_at_the_next_one():
    panel = known_panel(assets=2, dates=30, sectors=1).panel
    weekly = Panel(
        dates=panel.dates[::7],
        assets=panel.assets,
        fields={name: values[::7] for name, values in panel.fields.items()},
        calendar=Calendar.OBSERVED,
    )
    labels = changed(
        weekly,
        ((date(2015, 1, 2), "never seen"), (date(2015, 1, 3), "oil"), (date(2015, 1, 8), "tech")),
        ((date(2014, 6, 1), "old"), (date(2014, 7, 1), "tech"), (date(2031, 1, 1), "later")),
    )
    sectors = sectors_of(labels)
    assert sectors.names == ("tech",)
    assert sectors.codes.tolist() == [[-1, 0]] + [[0, 0]] * 4


def test_only_the_sectors_of_rows_exist():
    panel = known_panel(assets=2, dates=5, sectors=1).panel
    labels = changed(panel, ((SINCE_EVER, None),), ((date(2016, 1, 1), "later"),))
    assert sectors_of(labels).names == ()
    assert (sectors_of(labels).codes == -1).all()


def test_a_loop_over_the_days_finds_the_same():
    random = np.random.default_rng(2)
    panel = known_panel(assets=25, dates=90).panel
    histories = []
    for _ in range(25):
        days = np.unique(random.integers(-20, 110, random.integers(0, 6)))
        histories.append(
            tuple(((panel.dates[0] + int(day)).item(), random.choice(["A", "B", "C", None])) for day in days)
        )
    sectors = sectors_of(changed(panel, *histories))
    for row, day in enumerate(panel.dates.tolist()):
        for column, history in enumerate(histories):
            label = next((value for since, value in reversed(history) if since <= day), None)
            code = int(sectors.codes[row, column])
            assert (None if code < 0 else sectors.names[code]) == label


def test_the_returns_of_a_date_are_explained_by_the_sectors_known_the_row_before():
    known = known_panel(noise=0.0)
    histories = [((SINCE_EVER, f"S{code}"),) for code in known.sectors.codes.tolist()]
    histories[7] = ((SINCE_EVER, "S1"), (date(2015, 4, 11), "S2"))  # row 100; its returns remain those of S1
    model = built(changed(known.panel, *histories))
    assert model.factors == ("MARKET", "S0", "S1", "S2", "SIGNAL")
    wrong = np.abs(model.factor_returns.specific[:, 7]) > 1e-6
    assert wrong.any()
    assert np.flatnonzero(wrong)[0] == 100  # the return of row 101


@pytest.mark.parametrize("row", [60, 101, 150])
def test_later_changes_of_sector_change_nothing_before(row):
    known = known_panel()
    random = np.random.default_rng(row)
    day, next_day = known.panel.dates[row : row + 2].tolist()
    histories = [
        ((SINCE_EVER, f"S{code}"), (date(2015, 3, 1), f"S{random.integers(3)}"))
        for code in known.sectors.codes.tolist()
    ]
    before = built(changed(known.panel, *histories))
    cut = [
        (*(change for change in history if change[0] <= day), (next_day, f"S{random.integers(3)}"))
        for history in histories
    ]
    after = built(changed(known.panel, *cut))
    for name in ("returns", "specific", "r_squared"):
        np.testing.assert_array_equal(
            getattr(after.factor_returns, name)[: row + 1], getattr(before.factor_returns, name)[: row + 1]
        )
        assert (
            getattr(after.factor_returns, name)[row + 1 :] != getattr(before.factor_returns, name)[row + 1 :]
        ).any()
    count = int(np.searchsorted(before.outlook.rows, row))
    np.testing.assert_array_equal(
        after.outlook.covariance.matrices[:count], before.outlook.covariance.matrices[:count]
    )
    np.testing.assert_array_equal(
        after.outlook.specific.volatilities[:count], before.outlook.specific.volatilities[:count]
    )
