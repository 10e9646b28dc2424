"""Scores that somebody else keeps: every row of the model once, and the ones that the model was made of."""

from __future__ import annotations

import threading
from datetime import date

import numpy as np
import pytest

from engine.panel import FloatArray
from engine.risk import explained
from engine.risk.config import RiskModelConfig
from engine.risk.cross_section import BoolArray
from engine.risk.model import RiskModel, build_risk_model
from tests.engine.risk.score_panels import market_panel


class Keeper:
    """Puts the rows together, NaN where none came."""

    def __init__(self, dates: int, assets: int, styles: int) -> None:
        self.scores = np.full((dates, assets, styles), np.nan)
        self.missing = np.zeros(self.scores.shape, dtype=bool)
        self.times = np.zeros(dates, dtype=int)
        self.lock = threading.Lock()

    def __call__(self, first: int, scores: FloatArray, missing: BoolArray) -> None:
        rows = slice(first, first + len(scores))
        with self.lock:
            self.scores[rows], self.missing[rows] = scores, missing
            self.times[rows] += 1


def kept(config: RiskModelConfig, dates: int) -> tuple[RiskModel, Keeper]:
    keeper = Keeper(dates, 40, 7)
    return build_risk_model(market_panel(3, 700, 40), config, keep_scores=keeper), keeper


@pytest.mark.parametrize(
    ("options", "dates"),
    [({}, 699), ({"start_date": date(2020, 6, 1), "end_date": date(2021, 9, 30)}, 487)],
)
@pytest.mark.parametrize("chunk", [252, 60, 1])
def test_each_row_is_kept_once(monkeypatch, options, dates, chunk):
    monkeypatch.setattr(explained, "_CHUNK_BYTES", 0)
    monkeypatch.setattr(explained, "_FEWEST_ROWS", chunk if chunk > 1 else 41)
    model, keeper = kept(RiskModelConfig(min_assets=10, **options), dates)
    assert len(model.dates) == dates
    assert (keeper.times == 1).all()
    np.testing.assert_array_equal(keeper.scores[model.outlook.rows], model.outlook.styles)
    np.testing.assert_array_equal(keeper.missing.sum(axis=1), model.coverage.missing)
    np.testing.assert_array_equal(np.isfinite(keeper.scores).all(axis=2).sum(axis=1), model.coverage.priced)
    assert (keeper.scores[keeper.missing] == 0.0).all()


def test_keeping_changes_nothing_and_cannot():
    config = RiskModelConfig(min_assets=10)
    panel = market_panel(3, 400, 40)
    writeable = []
    build_risk_model(
        panel,
        config,
        keep_scores=lambda _, scores, missing: writeable.append(
            scores.flags.writeable or missing.flags.writeable
        ),
    )
    assert writeable
    assert not any(writeable)
    with_keeper = build_risk_model(panel, config, keep_scores=lambda first, scores, missing: None)
    without = build_risk_model(panel, config)
    np.testing.assert_array_equal(with_keeper.factor_returns.returns, without.factor_returns.returns)


def test_what_the_keeper_raises_is_raised():
    def full(first: int, scores: FloatArray, missing: BoolArray) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        build_risk_model(market_panel(3, 400, 40), RiskModelConfig(min_assets=10), keep_scores=full)
