"""Panels whose returns come from known factors, for the tests of the whole risk model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.panel import Calendar, Panel
from engine.risk.config import RiskModelConfig
from engine.risk.covariance import CovarianceConfig, EigenfactorDates
from engine.risk.estimation_universe import EstimationUniverseConfig
from engine.risk.model import RiskModel, build_risk_model
from engine.risk.scores.user import UserConfig
from engine.risk.sectors import Sectors
from engine.risk.specific_risk import SpecificRiskConfig

STYLE = UserConfig(name="SIGNAL", field="signal", winsor=0.0)
FIRST_DAY = np.datetime64("2015-01-01")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPanel:
    """Row t of factors (T, F) made the returns of row t by the exposures of row t - 1. deviations: (F,) and
    (N,) volatilities a day of factors and specific returns. sectors: codes (N,)."""

    panel: Panel
    sectors: Sectors
    factors: np.ndarray
    factor_deviations: np.ndarray
    specific_deviations: np.ndarray


def known_panel(
    seed: int = 1,
    *,
    dates: int = 200,
    assets: int = 60,
    sectors: int = 3,
    noise: float = 1.0,
    steady: bool = False,
    calendar: Calendar = Calendar.OBSERVED,
) -> KnownPanel:
    """Market, sectors and one style of a signal that is drawn anew each day, or (steady) once; caps that do
    not move."""
    random = np.random.default_rng(seed)
    codes = np.arange(assets) % sectors
    caps = np.exp(random.normal(20.0, 1.0, assets))
    shares = np.bincount(codes, caps) / caps.sum()
    deviations = np.concatenate([[0.01], np.linspace(0.004, 0.008, sectors), [0.005]])
    factors = random.normal(size=(dates, sectors + 2)) * deviations
    factors[:, 1 : 1 + sectors] -= (factors[:, 1 : 1 + sectors] @ shares)[:, None]
    signal = random.normal(size=(dates, assets))
    if steady:
        signal[:] = signal[0]
    scores = (signal - (signal @ caps / caps.sum())[:, None]) / signal.std(axis=1, ddof=1)[:, None]
    specific = random.uniform(0.01, 0.02, assets)
    returns = noise * specific * random.normal(size=(dates, assets))
    returns += factors[:, :1] + factors[:, 1 + codes]
    returns[1:] += factors[1:, -1:] * scores[:-1]
    returns[0] = 0.0
    panel = Panel(
        dates=FIRST_DAY + np.arange(dates),
        assets=tuple(f"A{column:04d}" for column in range(assets)),
        fields={
            "price": 50.0 * np.cumprod(1.0 + returns, axis=0),
            "market_cap": np.broadcast_to(caps, returns.shape).copy(),
            "signal": signal,
        },
        calendar=calendar,
        attributes={"sector": tuple(f"S{code}" for code in codes)},
    )
    return KnownPanel(
        panel=panel,
        sectors=Sectors(codes=codes, names=tuple(f"S{code}" for code in range(sectors))),
        factors=factors,
        factor_deviations=factors.std(axis=0),
        specific_deviations=noise * specific,
    )


def with_fields(panel: Panel, **fields: np.ndarray) -> Panel:
    return replace(panel, fields={**panel.fields, **fields})


def config_of(**options: object) -> RiskModelConfig:
    """Of small panels with one style."""
    defaults = {
        "styles": (STYLE,),
        "winsor": 0.0,
        "min_assets": 3,
        "universe": EstimationUniverseConfig(min_history_rows=0),
        "covariance": quick_covariance(),
        "specific": SpecificRiskConfig(min_observations=20),
        "random_portfolios": 20,
        "random_size": 20,
    }
    return RiskModelConfig(**{**defaults, **options})


def built(panel: Panel, sectors: Sectors | None = None, **options: object) -> RiskModel:
    return build_risk_model(panel, config_of(**options), sectors=sectors)


def quick_covariance(**options: object) -> CovarianceConfig:
    return CovarianceConfig(**{"eigenfactor": EigenfactorDates.OFF, "min_observations": 20, **options})
