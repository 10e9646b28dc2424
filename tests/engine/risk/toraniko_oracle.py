"""Factor and residual returns of the library toraniko for a panel of assets."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
from toraniko.model import estimate_factor_returns

from tests.engine.risk.asset_panels import AssetPanel


def frames(panel: AssetPanel, rows: np.ndarray | None = None) -> tuple[pl.DataFrame, ...]:
    """Returns, caps, sectors and styles in long form: a row for each date and asset that `rows` (T, N) says,
    absent that those with a return. Names sort as they are ordered."""
    at, asset = np.nonzero(np.isfinite(panel.returns) if rows is None else rows)
    days = [date(2015, 1, 1) + timedelta(days=i) for i in range(len(panel.returns))]
    keys = {"date": [days[i] for i in at], "symbol": [f"A{i:04d}" for i in asset]}
    codes = panel.sectors[at, asset]
    return (
        pl.DataFrame({**keys, "asset_returns": panel.returns[at, asset]}),
        pl.DataFrame({**keys, "market_cap": panel.caps[at, asset]}),
        pl.DataFrame({**keys, **{n: (codes == i).astype(float) for i, n in enumerate(panel.sector_names)}}),
        pl.DataFrame({**keys, **{n: panel.styles[at, asset, i] for i, n in enumerate(panel.style_names)}}),
    )


def toraniko(
    panel: AssetPanel,
    *,
    on_residuals: bool = True,
    winsor: float = 0.05,
    rows: np.ndarray | None = None,
    twice: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """(T, F) factor returns and (T, N) residuals, NaN in the columns that toraniko drops.

    twice: an asset whose return rows are given two times.
    """
    returns, caps, sectors, styles = frames(panel, rows)
    if twice is not None:
        returns = pl.concat([returns, returns.filter(pl.col("symbol") == f"A{twice:04d}")])
    factors, residuals = estimate_factor_returns(returns, caps, sectors, styles, winsor, on_residuals)
    names = ["market", *panel.sector_names, *panel.style_names]
    missing = [pl.lit(None, dtype=pl.Float64).alias(n) for n in symbols(panel) if n not in residuals.columns]
    wide = residuals.with_columns(missing).sort("date").select(symbols(panel))
    return factors.sort("date").select(names).to_numpy(), wide.fill_null(np.nan).to_numpy()


def symbols(panel: AssetPanel) -> list[str]:
    return [f"A{i:04d}" for i in range(panel.returns.shape[1])]
