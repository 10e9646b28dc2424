"""The hand-worked numbers agree with each other; the models are compared with them elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.reference.hand_worked.pocket_calculator import documents

HERE = Path(__file__).parent
EXPECTED = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))


def test_the_files_are_what_the_paper_adds_up_to():
    expected, worksheet = documents()
    assert (HERE / "expected.json").read_text(encoding="utf-8") == expected
    assert (HERE / "worksheet.md").read_text(encoding="utf-8") == worksheet


@pytest.mark.parametrize("case", EXPECTED["cases"], ids=lambda case: case["name"])
def test_weights_sum_to_one_and_make_the_returns(case):
    returns = case["returns"]
    for i, day in enumerate(case["dates"]):
        for side, leg in case["holdings"][day].items():
            assert sum(h["weight"] for h in leg) == pytest.approx(1, abs=1e-15)
            earned = sum(h["weight"] * h["earned_return"] for h in leg)
            assert earned == pytest.approx(returns[side][i], abs=1e-15)
            assert {h["asset"] for h in leg} <= set(case["eligible"][day])
        short = returns["short"][i] if "short" in returns else 0.0
        assert returns["factor"][i] == pytest.approx(returns["long"][i] - short, abs=1e-15)
        assert case["signals"][day].keys() == set(case["eligible"][day])
    assert not set(case["dates"]) & set(case["skipped_dates"])
