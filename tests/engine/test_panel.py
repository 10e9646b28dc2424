"""Attributes that change: what a panel accepts of them, and what they were on a day."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.panel import SINCE_EVER, Calendar, DatedValue, FieldsOnDemand, Panel, value_on

MOVED = (DatedValue(SINCE_EVER, "energy"), DatedValue(date(2024, 1, 3), "utilities"))
LISTED = (DatedValue(date(2024, 1, 2), "banks"), DatedValue(date(2024, 1, 4), None))


def panel(**changes: object) -> Panel:
    sound = {
        "dates": np.datetime64("2024-01-01") + np.arange(4),
        "assets": ("a", "b", "c"),
        "fields": {"price": np.ones((4, 3))},
        "calendar": Calendar.EVERY_DAY,
        "attributes": {"sector": ("utilities", None, None)},
        "attribute_changes": {"sector": (MOVED, LISTED, ())},
    }
    return Panel(**(sound | changes))


def test_a_value_holds_from_its_day_on_until_the_next_one() -> None:
    assert [value_on(MOVED, date(2024, 1, day)) for day in (1, 2, 3, 4)] == [
        *("energy", "energy", "utilities", "utilities")
    ]
    assert [value_on(LISTED, date(2024, 1, day)) for day in (1, 2, 3, 4, 5)] == [
        *(None, "banks", "banks", None, None)
    ]
    assert value_on((), date(2024, 1, 1)) is None


@given(
    history=st.dictionaries(st.integers(0, 20), st.sampled_from(["x", "y", None]), max_size=6),
    day=st.integers(-2, 25),
)
def test_values_are_those_that_a_walk_over_the_days_finds(history: dict[int, str | None], day: int) -> None:
    first = date(2024, 1, 1)
    value = None
    for walked in range(-2, day + 1):
        value = history.get(walked, value)

    dated = tuple(DatedValue(first + timedelta(at), own) for at, own in sorted(history.items()))

    assert value_on(dated, first + timedelta(day)) == value


def test_changes_after_the_last_date_are_not_known_yet() -> None:
    future = (*MOVED, DatedValue(date(2024, 1, 5), "energy"))

    assert panel(attribute_changes={"sector": (future, LISTED, ())}).attributes["sector"][0] == "utilities"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attributes": {}}, "need an attribute of that name"),
        ({"attributes": {"sector": ("utilities", None)}}, "one history an asset"),
        ({"attribute_changes": {"sector": (MOVED, LISTED)}}, "one history an asset"),
        ({"attribute_changes": {"sector": (MOVED[::-1], LISTED, ())}}, "strictly ascending by day"),
        ({"attribute_changes": {"sector": ((*MOVED, MOVED[1]), LISTED, ())}}, "strictly ascending by day"),
        ({"attributes": {"sector": ("energy", None, None)}}, "not what its changes make it at the last date"),
        ({"attributes": {"sector": ("utilities", "banks", None)}}, "not what its changes make it"),
        ({"attributes": {"sector": ("utilities", None, "banks")}}, "not what its changes make it"),
        (
            {
                "dates": np.datetime64("2024-01-01") + np.arange(2),
                "fields": {"price": np.ones((2, 3))},
            },
            "not what its changes make it at the last date",
        ),
    ],
)
def test_changes_that_contradict_the_attribute_are_refused(changes: dict[str, object], message: str) -> None:
    panel()
    with pytest.raises(ValueError, match=message):
        panel(**changes)


def test_fields_on_demand_are_opened_once_and_only_when_asked_for() -> None:
    opened = []

    def open_field(name: str) -> np.ndarray:
        opened.append(name)
        return np.full((4, 3), 2.0)

    fields = panel(fields=FieldsOnDemand({"price": (4, 3), "volume": (4, 3)}, open_field)).fields
    assert list(fields) == ["price", "volume"]
    assert "price" in fields
    assert "fees" not in fields
    assert fields.get("fees") is None
    assert opened == []
    assert fields["price"] is fields["price"]
    assert opened == ["price"]


def test_fields_on_demand_of_another_shape_are_refused_unopened() -> None:
    with pytest.raises(ValueError, match="volume"):
        panel(fields=FieldsOnDemand({"volume": (4, 2)}, lambda name: pytest.fail(name)))
