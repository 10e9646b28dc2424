"""Small market data files."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

HEADER = "date,asset,price,mc,24h_volume,fees,dau,revenue"


def rows(*, assets: int = 12, days: int = 220, seed: int = 5, start: date = date(2023, 1, 2)) -> list[str]:
    """Random walks, every asset on every day, all above the default thresholds."""
    random_numbers = np.random.default_rng(seed)
    prices = 50 * np.exp(np.cumsum(random_numbers.normal(0, 0.03, (days, assets)), axis=0))
    caps = prices * np.geomspace(1e7, 1e9, assets)
    activity = random_numbers.uniform(1_000, 100_000, (days, assets))
    return [
        f"{start + timedelta(days=day)},asset-{asset:02},{prices[day, asset]:.6g},{caps[day, asset]:.6g},"
        f"{caps[day, asset] / 10:.6g},{activity[day, asset]:.6g},{activity[day, asset] / 7:.0f},"
        f"{activity[day, asset] / 3:.6g}"
        for day in range(days)
        for asset in range(assets)
    ]


def csv_of(lines: list[str], header: str = HEADER) -> bytes:
    return "\n".join([header, *lines, ""]).encode()


def panel_csv(**shape: object) -> bytes:
    return csv_of(rows(**shape))  # type: ignore[arg-type]
