"""A seeded panel of assets with sectors, styles, caps and returns, for tests of factor returns."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.risk.factor_returns import FactorReturns, estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetPanel:
    """The arguments of `estimate`, aligned; styles correlate with sectors and with each other."""

    returns: np.ndarray
    caps: np.ndarray
    sectors: np.ndarray
    sector_names: tuple[str, ...]
    styles: np.ndarray
    style_names: tuple[str, ...]
    universe: np.ndarray

    def estimate(self, **options: object) -> FactorReturns:
        return estimate(
            self.returns,
            self.caps,
            self.sectors,
            self.sector_names,
            self.styles,
            self.style_names,
            self.universe,
            **options,
        )

    def with_(self, **changes: object) -> AssetPanel:
        return replace(self, **changes)

    def used(self, row: int) -> np.ndarray:
        """Which assets estimate on a date, asset by asset."""
        return np.array(
            [
                bool(self.universe[row, i])
                and np.isfinite(self.returns[row, i])
                and np.isfinite(self.caps[row, i])
                and self.caps[row, i] > 0
                and self.sectors[row, i] >= 0
                and bool(np.isfinite(self.styles[row, i]).all())
                for i in range(self.returns.shape[1])
            ]
        )


def asset_panel(
    seed: int = 0, dates: int = 30, assets: int = 120, sectors: int = 5, styles: int = 3
) -> AssetPanel:
    random = np.random.default_rng(seed)
    codes = random.integers(0, sectors, assets)
    codes[:sectors] = np.arange(sectors)
    moves = random.random((dates, assets)) < 0.01
    changing = np.where(moves, random.integers(0, sectors, (dates, assets)), codes[None, :])
    common = random.normal(0.0, 0.6, (dates, assets))
    tilt = random.normal(0.0, 0.5, (sectors, styles))
    scores = random.normal(0.0, 1.0, (dates, assets, styles)) + common[:, :, None] + tilt[changing]
    market = random.normal(0.0005, 0.01, (dates, 1))
    of_sectors = random.normal(0.0, 0.006, (dates, sectors))
    of_styles = random.normal(0.0, 0.003, (dates, styles))
    noise = random.standard_t(4, (dates, assets)) * 0.015
    explained = np.take_along_axis(of_sectors, changing, axis=1) + np.einsum("tnk,tk->tn", scores, of_styles)
    return AssetPanel(
        returns=market + explained + noise,
        caps=np.exp(random.normal(21.0, 1.6, assets) + random.normal(0.0, 0.05, (dates, assets))),
        sectors=changing.astype(np.int16),
        sector_names=tuple(f"SECTOR_{i}" for i in range(sectors)),
        styles=scores,
        style_names=tuple(f"style_{i}" for i in range(styles)),
        universe=np.ones((dates, assets), dtype=bool),
    )


def with_holes(panel: AssetPanel, seed: int = 0) -> AssetPanel:
    """The same with every kind of missing or senseless value, and a universe of its own."""
    random = np.random.default_rng(seed + 1_000)

    def some(share: float) -> np.ndarray:
        return random.random(panel.returns.shape) < share

    returns, caps, styles = panel.returns.copy(), panel.caps.copy(), panel.styles.copy()
    sectors = panel.sectors.copy()
    returns[some(0.03)], returns[some(0.005)] = np.nan, np.inf
    caps[some(0.01)], caps[some(0.01)], caps[some(0.01)], caps[some(0.01)] = np.nan, 0.0, -1e9, np.inf
    styles[some(0.01)] = np.nan
    sectors[some(0.02)] = -1
    return panel.with_(
        returns=returns, caps=caps, styles=styles, sectors=sectors, universe=panel.universe & ~some(0.1)
    )
