"""The logarithm of figures that can be 0, negative or unknown."""

from __future__ import annotations

import numpy as np

from engine.panel import FloatArray


def log_of_positive(values: FloatArray) -> FloatArray:
    """ln of finite values above 0, NaN for all others: an impossible figure is missing, not infinite."""
    usable = (values > 0) & (values < np.inf)
    return np.log(values, out=np.full(values.shape, np.nan), where=usable)
