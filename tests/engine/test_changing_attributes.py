"""A universe by an attribute that changes: what it was when the portfolio was formed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from engine.factors.compute import compute_factor
from engine.factors.registry import FactorName, parse_config
from engine.factors.sweepable import SWEEPABLE_FACTORS, sweep
from engine.panel import SINCE_EVER, DatedValue, Panel
from engine.sweeps.grid import SweepAxis, parse_plan
from tests.engine.panels import holdings_frame, panel_of, synthetic_frame

DAYS = 200
OPTIONS = {
    "min_assets": 5,
    "market_cap_threshold": None,
    "liquidity_threshold": None,
    "min_lifetime_days": None,
}


@pytest.fixture(scope="module")
def panel() -> Panel:
    """Every third asset leaves the core in the middle, every other third joins it then."""
    plain = panel_of(synthetic_frame(3, assets=24, days=DAYS))
    middle = plain.dates[DAYS // 2].item()
    histories = (
        (DatedValue(SINCE_EVER, "core"), DatedValue(middle, "rest")),
        (DatedValue(middle, "core"),),
        (DatedValue(SINCE_EVER, "core"),),
    )
    changes = tuple(histories[at % 3] for at in range(len(plain.assets)))
    return replace(
        plain,
        attributes={"tier": tuple(history[-1].value for history in changes)},
        attribute_changes={"tier": changes},
    )


def held(result, panel: Panel) -> dict[date, set[str]]:
    frame = holdings_frame(result, panel)
    return {day.date(): set(own["asset"]) for day, own in frame.groupby("period")}


@pytest.mark.parametrize(
    ("option", "before", "after"), [("universe", {0, 2}, {1, 2}), ("exclude", {1}, {0})], ids=str
)
def test_the_universe_is_what_it_was_when_the_portfolio_was_formed(panel, option, before, after):
    config = parse_config(FactorName.SMB, OPTIONS | {option: ["tier=core"], "breakpoint": 0.5})
    found = held(compute_factor(panel, config), panel)
    middle = panel.dates[DAYS // 2].item()
    third = {asset: at % 3 for at, asset in enumerate(panel.assets)}
    for end, assets in found.items():
        # Formed a week before its end, by what was so at the end of that day.
        allowed = before if end - timedelta(days=7) < middle else after
        assert {third[asset] for asset in assets} <= allowed
    assert any({third[asset] for asset in assets} == before for end, assets in found.items() if end < middle)
    assert {third[asset] for asset in found[max(found)]} == after


def test_a_sweep_forms_the_same_portfolios(panel):
    options = OPTIONS | {"universe": ["tier=core"]}
    axes = (SweepAxis(option="breakpoint", values=(0.3, 0.5)),)
    points = sweep(panel, parse_plan(SWEEPABLE_FACTORS[FactorName.SMB], options, axes, partitions=4))
    for number, breakpoint_ in enumerate((0.3, 0.5)):
        config = parse_config(FactorName.SMB, options | {"breakpoint": breakpoint_})
        alone = compute_factor(panel, config)
        assert points.metrics["cumulative_return"][number] == pytest.approx(
            np.prod(1.0 + alone.factor) - 1.0, rel=1e-12
        )
