"""Correlations over common weeks against numpy's."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from engine.errors import InvalidConfig, TooFewObservations
from engine.exposures.correlations import correlations
from tests.engine.exposures.weekly import factor, weeks

SERIES = [factor("A", 1), factor("B", 2, shift=3), factor("C", 3, 100)]


def test_correlations_are_those_of_the_common_weeks():
    result = correlations(SERIES)
    common = np.vstack([SERIES[0].returns[3:100], SERIES[1].returns[:97], SERIES[2].returns[3:]])
    assert result.names == ("A", "B", "C")
    assert result.observations == 97
    assert result.matrix == pytest.approx(np.corrcoef(common), abs=1e-12)
    assert (result.matrix == result.matrix.T).all()
    assert np.diag(result.matrix).tolist() == [1.0, 1.0, 1.0]
    assert (result.start_week, result.end_week) == (dt.date(2021, 1, 24), dt.date(2022, 11, 27))


def test_a_mirrored_series_is_at_minus_1_and_a_constant_one_nowhere():
    mirrored = replace(SERIES[0], name="-A", returns=-2.0 * SERIES[0].returns)
    constant = replace(SERIES[0], name="K", returns=np.full(120, 0.1))
    matrix = correlations([SERIES[0], constant, mirrored]).matrix
    assert matrix[0, 2] == pytest.approx(-1.0, abs=1e-14)
    assert np.isnan(matrix[1]).all()
    assert np.isnan(matrix[:, 1]).all()
    assert matrix[0, 0] == matrix[2, 2] == 1.0


def test_start_and_end_bound_the_weeks():
    result = correlations(SERIES, start=weeks(120)[50], end=weeks(120)[59])
    assert result.observations == 10


def test_what_is_refused():
    with pytest.raises(InvalidConfig):
        correlations(SERIES[:1])
    with pytest.raises(InvalidConfig):
        correlations([SERIES[0], SERIES[0]])
    with pytest.raises(TooFewObservations, match="series 'C', 2 weeks") as raised:
        correlations(SERIES, start=weeks(120)[98])
    assert (raised.value.observations, raised.value.needed) == (2, 3)
    assert correlations(SERIES, start=weeks(120)[97]).observations == 3
