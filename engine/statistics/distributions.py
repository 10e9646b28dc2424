"""The normal distribution and Student's, of floats or arrays.

scipy.special is imported at the first use: it takes longer than all of the engine, and who reads results that
are stored needs none of it.
"""

from __future__ import annotations

from typing import Any


def normal_quantile(probability: float) -> float:
    """Return what a standard normal value stays below with this probability."""
    from scipy.special import ndtri

    return float(ndtri(probability))


def student_probability(freedom: Any, value: Any) -> Any:
    """Return the probability that Student's t of so many degrees of freedom stays below the value."""
    from scipy.special import stdtr

    return stdtr(freedom, value)


def student_quantile(freedom: Any, probability: float) -> Any:
    """Return what Student's t stays below with this probability."""
    from scipy.special import stdtrit

    return stdtrit(freedom, probability)
