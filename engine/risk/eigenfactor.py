"""Corrects a factor covariance matrix for the risk that optimised portfolios find missing in it.

Portfolios along the eigenvectors of an estimated matrix with small eigenvalues are riskier than the estimate
says, because an eigenvector follows the noise of its sample. The size of the bias is simulated: Menchero,
Wang and Orr (2011), "Eigen-adjusted covariance matrices"; Menchero, Orr and Wang (2011), "The Barra US Equity
Model (USE4)", on the optimization bias adjustment.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.panel import FloatArray

CHUNK_VALUES = 1 << 18
"""Matrix elements drawn at a time, a few MB. Part of the draw order: another size gives other numbers."""

ZERO_EIGENVALUE = 1e-10
"""An eigenvalue at or below this share of the largest is one that the constraints make 0."""


def clipped_spectrum(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues (F,) ascending, negative ones set to 0, and eigenvectors (F, F) in columns, of a symmetric
    matrix (F, F)."""
    values, vectors = np.linalg.eigh(matrix)
    return np.maximum(values, 0.0), vectors


def from_spectrum(values: FloatArray, vectors: FloatArray) -> FloatArray:
    """(F, F) the matrix of eigenvalues and eigenvectors, symmetric exactly."""
    matrix = (vectors * values) @ vectors.T
    return np.asarray((matrix + matrix.T) / 2.0)


def volatility_biases(
    eigenvalues: FloatArray, observations: float, *, simulations: int, seed: int
) -> FloatArray:
    """(F,) true over estimated volatility of the eigenfactors of a matrix with these eigenvalues (F,),
    ascending, when it is estimated from that many independent normal observations (a sample with the
    estimate's mean taken out).

    v_k = sqrt(mean over simulations of (u' F u) / d), u and d being the k-th eigenvector and eigenvalue of a
    simulated sample covariance matrix. Only eigenvalues above ZERO_EIGENVALUE of the largest take part: those
    which constraints make 0 have nothing to estimate, and their bias is NaN. All are NaN where the
    observations do not exceed the eigenvalues that take part by more than 2, for then the mean has no limit.

    The sample matrices are drawn as such, by Bartlett's decomposition of the Wishart distribution (Anderson
    2003, "An Introduction to Multivariate Statistical Analysis", section 7.2): what simulated returns would
    give, without the returns.
    """
    biases = np.full(len(eigenvalues), np.nan)
    used = eigenvalues > ZERO_EIGENVALUE * max(float(eigenvalues.max(initial=0.0)), 0.0)
    count = int(used.sum())
    if count == 0 or observations - 1.0 <= count + 1.0:
        return biases
    true = eigenvalues[used]
    total = np.zeros(count)
    for sample in _sample_covariances(true, observations - 1.0, simulations, seed):
        estimated, directions = np.linalg.eigh(sample)
        realised = np.einsum("j,mjk->mk", true, directions * directions)
        # Rounding may leave the smallest eigenvalue of a sample at or below 0.
        total += (realised / np.maximum(estimated, np.finfo(float).tiny)).sum(axis=0)
    biases[used] = np.sqrt(total / simulations)
    return biases


def adjusted_eigenvalues(eigenvalues: FloatArray, biases: FloatArray, scale: float) -> FloatArray:
    """(F,) eigenvalues times (scale (v - 1) + 1)^2, a NaN bias v being none. scale 1 corrects what the
    simulation finds; USE4 takes 1.4, for returns are not normal."""
    factors = np.where(np.isnan(biases), 1.0, scale * (biases - 1.0) + 1.0)
    return np.asarray(eigenvalues * factors**2)


def _sample_covariances(
    variances: FloatArray, degrees: float, simulations: int, seed: int
) -> Iterator[FloatArray]:
    """Chunks (m, K, K) of covariance matrices of samples of independent normal series."""
    count = len(variances)
    random = np.random.Generator(np.random.PCG64(seed))
    rows = max(1, CHUNK_VALUES // (count * count))
    deviations = np.sqrt(variances / degrees)
    diagonal = np.arange(count)
    for first in range(0, simulations, rows):
        size = min(rows, simulations - first)
        root = np.tril(random.standard_normal((size, count, count)), -1)
        root[:, diagonal, diagonal] = np.sqrt(random.chisquare(degrees - diagonal, (size, count)))
        root *= deviations[:, None]
        yield root @ root.transpose(0, 2, 1)
