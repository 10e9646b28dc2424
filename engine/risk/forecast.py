"""What a risk model says on one date: the form in which portfolios use it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigFault, InvalidConfig, MissingRisk
from engine.panel import FloatArray
from engine.risk.eigenfactor import clipped_spectrum

LARGEST_WEIGHT = 1e6
"""Beyond it, either way, a weight is a fault of the input; a share of capital is near 1."""

_ROUNDING = 1e-8
"""How far a covariance may be from symmetric and positive semi-definite, relative to its largest entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskForecast:
    """Risk of N assets by F factors: covariance of returns X C X' + diag(s^2), never formed.

    exposures X: (N, F), a row with any NaN = the asset has no forecast. covariance C: (F, F) of factor
    returns, annualized, finite, symmetric and positive semi-definite up to rounding. specific s: (N,)
    annualized volatilities, not below 0, NaN = the asset has no forecast. Construction raises ValueError
    for anything else.
    """

    assets: tuple[str, ...]
    factors: tuple[str, ...]
    exposures: FloatArray
    covariance: FloatArray
    specific: FloatArray

    def __post_init__(self) -> None:
        count, factors = len(self.assets), len(self.factors)
        shapes = self.exposures.shape, self.covariance.shape, self.specific.shape
        if shapes != ((count, factors), (factors, factors), (count,)):
            raise ValueError(f"shapes {shapes} do not fit {count} assets and {factors} factors")
        if not np.isfinite(self.covariance).all():
            raise ValueError("the factor covariance is not finite")
        slack = _ROUNDING * float(np.abs(self.covariance).max(initial=0.0))
        asymmetry = float(np.abs(self.covariance - self.covariance.T).max(initial=0.0))
        if asymmetry > slack or np.linalg.eigvalsh(self.covariance).min(initial=0.0) < -slack:
            raise ValueError("the factor covariance is not symmetric and positive semi-definite")
        if (self.specific < 0.0).any():
            raise ValueError("a specific volatility is below 0")

    def known(self) -> NDArray[np.bool_]:
        """(N,) which assets have a forecast."""
        return np.isfinite(self.specific) & np.isfinite(self.exposures).all(axis=1)

    def factor_root(self) -> FloatArray:
        """(F, F) R of C = R R', from the eigenvalues: it exists where a Cholesky factor does not, as under
        the sector constraint, and sums of squares of R'x are never negative."""
        values, vectors = clipped_spectrum(self.covariance)
        return np.asarray(vectors * np.sqrt(values))

    def checked_weights(self, weights: FloatArray, name: str) -> FloatArray:
        """The weights (N,) as float64, whoever holds what.

        Raises ValueError for another shape, InvalidConfig for option `name` where one is not finite or beyond
        LARGEST_WEIGHT.
        """
        checked = np.asarray(weights, dtype=np.float64)
        if checked.shape != (len(self.assets),):
            raise ValueError(f"{name} {checked.shape} do not fit {len(self.assets)} assets")
        if not (np.abs(checked) <= LARGEST_WEIGHT).all():
            message = f"{name} must be finite, from {-LARGEST_WEIGHT:g} to {LARGEST_WEIGHT:g}"
            raise InvalidConfig((ConfigFault(name, "OUT_OF_RANGE", message),))
        return checked

    def held_weights(self, weights: FloatArray, name: str) -> FloatArray:
        """The same; raises MissingRisk too, for assets held without a forecast."""
        checked = self.checked_weights(weights, name)
        self.require((checked != 0.0) & ~self.known())
        return checked

    def require(self, missing: NDArray[np.bool_]) -> None:
        """Raises MissingRisk that names the assets of a mask (N,), if there are any."""
        if missing.any():
            raise MissingRisk(tuple(self.assets[at] for at in np.flatnonzero(missing).tolist()))
