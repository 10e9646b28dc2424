"""Panels and contexts for the tests of scores."""

from __future__ import annotations

import numpy as np

from engine.panel import Calendar, Panel
from engine.risk.scores.inputs import ScoreInputs, score_inputs

DAY = np.datetime64("2020-01-01")


def panel_of(**fields: np.ndarray) -> Panel:
    shape = fields["price"].shape
    return Panel(
        dates=DAY + np.arange(shape[0]),
        assets=tuple(f"A{column:04d}" for column in range(shape[1])),
        fields=fields,
        calendar=Calendar.OBSERVED,
    )


def market_panel(seed: int, dates: int, assets: int, *, gaps: float = 0.02, others: bool = True) -> Panel:
    """Assets with betas to a market, caps, volumes and published figures; listings and gaps at random."""
    random = np.random.default_rng(seed)
    market = random.normal(0.0004, 0.01, (dates, 1))
    betas = random.uniform(0.3, 1.8, assets)
    noise = random.standard_t(4, (dates, assets)) * random.uniform(0.005, 0.03, assets)
    prices = 50.0 * np.exp(np.cumsum(betas * market + noise, axis=0))
    listed = np.arange(dates)[:, None] >= random.integers(0, dates // 2, assets)
    listed[:, : assets // 2] = True
    prices[~listed | (random.random(prices.shape) < gaps)] = np.nan
    shares = np.exp(random.normal(16.0, 1.5, assets))
    fields = {"price": prices, "market_cap": prices * shares}
    if others:
        fields["volume"] = fields["market_cap"] * np.exp(random.normal(-6.0, 1.0, prices.shape))
        published = random.random(prices.shape) < 0.02
        published[0] = True
        for name in ("book_value", "sales", "cash_flow"):
            totals = 50.0 * shares * np.exp(random.normal(-1.0, 0.5, prices.shape))
            fields[name] = np.where(published, totals, np.nan)
    return panel_of(**fields)


def inputs_of(returns: np.ndarray, caps: np.ndarray | None = None, **fields: np.ndarray) -> ScoreInputs:
    """Inputs straight from returns, every asset covered."""
    return ScoreInputs(
        returns=returns,
        caps=np.ones(returns.shape) if caps is None else caps,
        covered=np.ones(returns.shape, dtype=bool),
        fields=fields,
    )


__all__ = ["inputs_of", "market_panel", "panel_of", "score_inputs"]
