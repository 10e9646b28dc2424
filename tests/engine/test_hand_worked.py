"""The engine against numbers worked out on paper (tests/reference/hand_worked)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.errors import InfeasibleMaxWeight, NoPeriods
from engine.factors.compute import compute_factor
from tests.engine.panels import engine_config, holdings_frame, panel_of

FOLDER = Path(__file__).parents[1] / "reference" / "hand_worked"
EXPECTED = json.loads((FOLDER / "expected.json").read_text())
PANEL = panel_of(pd.read_csv(FOLDER / "panel.csv"))


@pytest.mark.parametrize("case", EXPECTED["cases"], ids=lambda case: case["name"])
def test_numbers_are_those_of_the_paper(case):
    result = compute_factor(PANEL, engine_config(case["factor"], case["config"]))

    assert [str(day) for day in result.dates] == case["dates"]
    for name in ("factor", "long", "short"):
        values = getattr(result, name)
        if case["returns"].get(name) is None:
            assert values is None
        else:
            np.testing.assert_allclose(values, case["returns"][name], rtol=1e-12, atol=1e-14)
    _assert_metrics(result.performance, case["metrics"])
    _assert_holdings(holdings_frame(result, PANEL), case["holdings"])


def _assert_metrics(performance, expected):
    for name, value in expected.items():
        actual = getattr(performance, name)
        if isinstance(value, float):
            assert actual == pytest.approx(value, rel=1e-11, abs=1e-14), name
        else:
            assert (actual.isoformat() if hasattr(actual, "isoformat") else actual) == value, name


def _assert_holdings(actual, expected):
    found = {
        (str(row.period.date()), row.leg, row.asset): (row.weight, row.signal, row.period_return)
        for row in actual.itertuples()
    }
    wanted = {
        (day, leg, item["asset"]): (item["weight"], item["signal"], item["period_return"])
        for day, legs in expected.items()
        for leg, items in legs.items()
        for item in items or []
    }
    assert found.keys() == wanted.keys()
    for key, values in wanted.items():
        numbers = [np.nan if value is None else value for value in values]
        np.testing.assert_allclose(found[key], numbers, rtol=1e-12, atol=1e-12, err_msg=str(key))


def test_a_weight_cap_that_cannot_hold_is_refused():
    case = next(item for item in EXPECTED["error_cases"] if item["error"] == "InfeasibleMaxWeight")
    with pytest.raises(InfeasibleMaxWeight) as caught:
        compute_factor(PANEL, engine_config(case["factor"], case["config"]))
    assert (caught.value.period_end, caught.value.leg_size) == (case["date"], case["leg_size"])


def test_no_period_with_enough_assets_says_how_many_there_were():
    case = next(item for item in EXPECTED["error_cases"] if item["error"] == "NoPeriods")
    with pytest.raises(NoPeriods, match="at most 7 assets were eligible, 8 are needed") as caught:
        compute_factor(PANEL, engine_config(case["factor"], case["config"]))
    assert caught.value.max_eligible == 7
