"""Shrinks a sample covariance matrix towards equal variances and no correlations."""

from __future__ import annotations

import numpy as np

from engine.panel import FloatArray


def ledoit_wolf(values: FloatArray) -> tuple[FloatArray, float]:
    """(F, F) covariance a row of values (n, F), and the share in [0, 1] of the target in it.

    (1 - s) S + s mean(diag S) I, S the sample covariance (ddof 0), s the estimated optimum (Ledoit and Wolf
    2004, doi:10.1016/S0047-259X(03)00096-4). A value that is not finite is a gap: it stands at its series'
    mean, and the series is scaled so that its variance rests on its own rows. Symmetric exactly, positive
    semi-definite up to rounding. All 0 without values.
    """
    rows, series = values.shape
    if rows == 0:
        return np.zeros((series, series)), 0.0
    known = np.isfinite(values)
    counts = np.maximum(known.sum(axis=0), 1)
    filled = np.where(known, values, 0.0)
    centred = np.where(known, filled - filled.sum(axis=0) / counts, 0.0) * np.sqrt(rows / counts)
    sample = centred.T @ centred / rows
    sample = (sample + sample.T) / 2.0
    mean_variance = float(np.trace(sample)) / series
    target = mean_variance * np.eye(series)
    distance = float(((sample - target) ** 2).sum())
    # sum_ij x_i^2 x_j^2 of a row is (sum_i x_i^2)^2: no matrix a row is needed.
    fourth = float(((centred * centred).sum(axis=1) ** 2).sum()) / rows
    noise = (fourth - float((sample * sample).sum())) / rows
    share = min(max(noise / distance, 0.0), 1.0) if distance > 0.0 else 0.0
    return (1.0 - share) * sample + share * target, share
