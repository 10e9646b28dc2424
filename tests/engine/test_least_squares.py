"""Least squares on several regressors against statsmodels, against rational arithmetic, and at the edges."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.regression.rolling import RollingOLS
from statsmodels.stats.outliers_influence import variance_inflation_factor

from engine.statistics.least_squares import Collinear, ordinary_least_squares, rolling_least_squares
from engine.statistics.undefined import Undefined, UndefinedReason

TOLERANCE = 1e-10


def factors(seed: int, n: int, count: int, *, closeness: float = 0.0) -> np.ndarray:
    """(n, count) weekly returns; at closeness c the last is the first but for a share of 1 - c."""
    x = np.random.default_rng(seed).normal(0.001, 0.03, (n, count))
    if closeness:
        x[:, -1] = closeness * x[:, 0] + (1.0 - closeness) * x[:, -1]
    return x


def explained(seed: int, x: np.ndarray, phi: float = 0.3) -> np.ndarray:
    random = np.random.default_rng(seed + 1_000)
    noise = random.normal(0.0, 0.02, len(x))
    for step in range(1, len(x)):
        noise[step] += phi * noise[step - 1]
    return 0.002 + x @ random.normal(0.5, 1.0, x.shape[1]) + noise * (1.0 + 5.0 * np.abs(x[:, 0]))


def inverse_of(matrix: list[list[Fraction]]) -> list[list[Fraction]]:
    size = len(matrix)
    rows = [[*row, *(Fraction(i == j) for j in range(size))] for i, row in enumerate(matrix)]
    for i in range(size):
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for j in range(size):
            if j != i:
                rows[j] = [a - rows[j][i] * b for a, b in zip(rows[j], rows[i], strict=True)]
    return [row[size:] for row in rows]


def dot(left, right) -> Fraction:
    return sum((a * b for a, b in zip(left, right, strict=True)), Fraction(0))


def exact(y: np.ndarray, x: np.ndarray, lag: int) -> tuple[list[float], list[float]]:
    """Coefficients and Newey-West errors by their textbook formulas in fractions: no digit is lost."""
    rows = [[Fraction(1), *map(Fraction, row)] for row in x.tolist()]
    values = [Fraction(value) for value in y.tolist()]
    columns = list(zip(*rows, strict=True))
    bread = inverse_of([[dot(a, b) for b in columns] for a in columns])
    moments = [dot(column, values) for column in columns]
    coefficients = [dot(line, moments) for line in bread]
    residuals = [value - dot(row, coefficients) for row, value in zip(rows, values, strict=True)]
    errors = []
    for line in bread:
        scores = [dot(line, row) * rest for row, rest in zip(rows, residuals, strict=True)]
        total = dot(scores, scores)
        for step in range(1, lag + 1):
            total += 2 * (1 - Fraction(step, lag + 1)) * dot(scores[step:], scores[:-step])
        errors.append(math.sqrt(total * len(values) / (len(values) - len(columns))))
    return [float(value) for value in coefficients], errors


CASES = [
    pytest.param(n, count, lag, closeness, id=f"{n}x{count}-lag{lag}-{closeness}")
    for n, count, lag, closeness in [
        (60, 1, None, 0.0),
        (60, 3, 0, 0.0),
        (157, 6, None, 0.0),
        (520, 20, 8, 0.0),
        (12, 3, 30, 0.0),
        (5, 3, 1, 0.0),
        (200, 3, 4, 0.99),
    ]
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("n", "count", "lag", "closeness"), CASES)
def test_everything_is_that_of_statsmodels(seed, n, count, lag, closeness):
    x = factors(seed, n, count, closeness=closeness)
    y = explained(seed, x)
    ours = ordinary_least_squares(y, x, lag=lag, confidence=0.9)
    plain = sm.OLS(y, sm.add_constant(x)).fit()
    # statsmodels has no product of steps that the series does not have, but weighs by the lag as given.
    robust = plain.get_robustcov_results("HAC", maxlags=ours.lag, use_correction=True, use_t=True)
    assert ours.coefficients == pytest.approx(plain.params, rel=TOLERANCE, abs=TOLERANCE)
    assert ours.residuals == pytest.approx(plain.resid, rel=TOLERANCE, abs=TOLERANCE)
    assert ours.r_squared == pytest.approx(plain.rsquared, rel=TOLERANCE)
    assert ours.adjusted_r_squared == pytest.approx(plain.rsquared_adj, rel=TOLERANCE)
    assert ours.residual_deviation == pytest.approx(np.sqrt(plain.mse_resid), rel=TOLERANCE)
    assert ours.standard_errors == pytest.approx(robust.bse, rel=TOLERANCE)
    assert ours.t_values == pytest.approx(robust.tvalues, rel=1e-9, abs=TOLERANCE)
    assert ours.p_values == pytest.approx(robust.pvalues, rel=1e-9, abs=TOLERANCE)
    interval = robust.conf_int(alpha=0.1)
    assert ours.lower == pytest.approx(interval[:, 0], rel=TOLERANCE, abs=TOLERANCE)
    assert ours.upper == pytest.approx(interval[:, 1], rel=TOLERANCE, abs=TOLERANCE)
    inflation = [variance_inflation_factor(sm.add_constant(x), k + 1) for k in range(count)]
    assert ours.variance_inflation == pytest.approx(inflation, rel=1e-8 if closeness else TOLERANCE)
    assert ours.observations == n


def test_white_errors_are_those_at_lag_0():
    x = factors(7, 90, 2)
    y = explained(7, x)
    white = sm.OLS(y, sm.add_constant(x)).fit(cov_type="HC1")
    assert ordinary_least_squares(y, x, lag=0).standard_errors == pytest.approx(white.bse, rel=TOLERANCE)


@pytest.mark.parametrize(
    ("mean", "closeness", "errors_within"),
    [
        (0.0, 0.0, 1e-12),
        (0.0, 0.9999, 1e-10),
        (1.0, 0.0, 1e-11),
        (1e4, 0.0, 1e-10),
        (1e6, 0.0, 1e-9),
        (1e6, 0.99, 1e-7),
    ],
)
def test_few_digits_are_lost_to_large_means_and_near_collinearity(mean, closeness, errors_within):
    x = mean + factors(3, 40, 3, closeness=closeness)
    y = mean + explained(3, x - mean)
    coefficients, errors = exact(y, x, 3)
    regression = ordinary_least_squares(y, x, lag=3)
    assert regression.coefficients == pytest.approx(coefficients, rel=TOLERANCE)
    assert regression.standard_errors == pytest.approx(errors, rel=errors_within)
    assert rolling_least_squares(y, x, 40)[-1] == pytest.approx(coefficients, rel=TOLERANCE)


def test_errors_do_not_depend_on_a_common_shift():
    x = factors(5, 120, 2)
    y = explained(5, x)
    near, far = ordinary_least_squares(y, x), ordinary_least_squares(y + 1e4, x + 1e4)
    assert far.standard_errors[1:] == pytest.approx(near.standard_errors[1:], rel=1e-7)
    assert far.variance_inflation == pytest.approx(near.variance_inflation, rel=1e-7)
    assert far.condition_number == pytest.approx(near.condition_number, rel=1e-7)


@pytest.mark.parametrize(("n", "count", "window"), [(60, 1, 12), (200, 3, 52), (45, 2, 4), (80, 6, 80)])
def test_rolling_coefficients_are_those_of_statsmodels(n, count, window):
    x = factors(n, n, count)
    y = explained(n, x)
    theirs = RollingOLS(y, sm.add_constant(x), window=window).fit().params
    ours = rolling_least_squares(y, x, window)
    assert np.isnan(ours[: window - 1]).all()
    assert ours[window - 1 :] == pytest.approx(theirs[window - 1 :], rel=1e-9, abs=TOLERANCE)


def test_rolling_is_the_regression_of_each_window_across_blocks(monkeypatch):
    monkeypatch.setattr("engine.statistics.least_squares._BLOCK_VALUES", 300)
    x = factors(11, 70, 2)
    y = explained(11, x)
    rolled = rolling_least_squares(y, x, 20)
    for stop in range(20, 71):
        alone = ordinary_least_squares(y[stop - 20 : stop], x[stop - 20 : stop])
        assert rolled[stop - 1] == pytest.approx(alone.coefficients, rel=TOLERANCE, abs=1e-13)


def test_rolling_has_no_value_where_a_window_is_singular_and_only_there():
    x = factors(2, 40, 2)
    y = explained(2, x)
    x[10:20, 1] = 0.01  # constant
    x[25:35, 1] = 2.0 * x[25:35, 0]  # collinear
    rolled = rolling_least_squares(y, x, 8)
    singular = [*range(7), *range(17, 20), *range(32, 35)]
    assert np.flatnonzero(np.isnan(rolled).any(axis=1)).tolist() == singular
    assert np.isnan(rolled[singular]).all()


def test_a_window_longer_than_the_series_has_no_value():
    assert np.isnan(rolling_least_squares(np.arange(5.0), np.arange(5.0)[:, None] ** 2, 6)).all()


def test_a_combination_of_two_factors_is_recovered():
    x = factors(1, 60, 2)
    exact = ordinary_least_squares(0.7 * x[:, 0] - 0.3 * x[:, 1] + 0.001, x)
    assert exact.coefficients == pytest.approx([0.001, 0.7, -0.3], abs=1e-12)
    assert exact.r_squared == 1.0
    assert np.isnan(exact.t_values).all()
    assert np.isnan(exact.p_values).all()
    assert exact.standard_errors == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("spoil", "column", "detail"),
    [
        (lambda x: x[:, 0] + 0.5 * x[:, 1], 2, "combination"),
        (lambda x: x[:, 0] * (1.0 + 1e-14), 2, "combination"),
        (lambda x: np.full(len(x), 0.1), 2, "does not vary"),
        (lambda x: np.full(len(x), 1e6) + 1e-9 * x[:, 0], 2, "does not vary"),
    ],
)
def test_a_factor_without_a_part_of_its_own_is_named(spoil, column, detail):
    x = factors(4, 60, 4)
    y = explained(4, x)
    x[:, 2] = spoil(x)
    with pytest.raises(Collinear, match=detail) as raised:
        ordinary_least_squares(y, x)
    assert raised.value.column == column
    assert raised.value.reason is UndefinedReason.COLLINEAR
    assert f"regressor {column}" in raised.value.detail


def test_collinear_factors_with_large_means_are_noticed_though_rounding_hides_it():
    x = 1e6 + factors(4, 60, 3)
    x[:, 2] = x[:, 0] + 0.3 * x[:, 1]
    with pytest.raises(Collinear):
        ordinary_least_squares(explained(4, x - 1e6), x)


def test_nearly_collinear_factors_still_have_betas():
    x = factors(6, 100, 2)
    x[:, 1] = x[:, 0] + 1e-6 * x[:, 1]
    regression = ordinary_least_squares(explained(6, x), x)
    assert regression.variance_inflation == pytest.approx(1e12, rel=0.5)
    assert regression.condition_number == pytest.approx(2e6, rel=0.5)


def test_a_constant_y_has_no_r_squared():
    flat = ordinary_least_squares(np.full(30, 0.02), factors(9, 30, 2))
    assert np.isnan(flat.r_squared)
    assert np.isnan(flat.adjusted_r_squared)
    assert flat.coefficients == pytest.approx([0.02, 0.0, 0.0], abs=1e-14)
    assert np.isnan(flat.t_values).all()


def test_one_regressor_is_inflated_by_nothing():
    x = factors(8, 30, 1)
    regression = ordinary_least_squares(explained(8, x), x)
    assert regression.variance_inflation == pytest.approx([1.0], rel=1e-14)
    assert regression.condition_number == 1.0


def test_what_is_refused():
    x = factors(8, 30, 2)
    y = explained(8, x)
    with pytest.raises(Undefined) as short:
        ordinary_least_squares(y[:3], x[:3])
    assert short.value.reason is UndefinedReason.TOO_FEW_PERIODS
    with pytest.raises(Undefined) as large:
        ordinary_least_squares(y, 1e200 * x)
    assert large.value.reason is UndefinedReason.OVERFLOW
    with pytest.raises(ValueError, match="cannot be regressed"):
        ordinary_least_squares(y[1:], x)
    with pytest.raises(ValueError, match="finite"):
        ordinary_least_squares(np.where(np.arange(30) == 4, np.nan, y), x)
    with pytest.raises(ValueError, match="lag"):
        ordinary_least_squares(y, x, lag=-1)
    with pytest.raises(ValueError, match="confidence"):
        ordinary_least_squares(y, x, confidence=1.0)
    with pytest.raises(ValueError, match="at least 4"):
        rolling_least_squares(y, x, 3)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000),
    st.permutations(range(4)),
    st.floats(-50.0, 50.0).filter(lambda scale: abs(scale) > 0.02),
)
def test_order_and_units_of_factors_do_not_matter(seed, order, scale):
    x = factors(seed, 40, 4)
    y = explained(seed, x)
    plain = ordinary_least_squares(y, x)
    other = ordinary_least_squares(y, scale * x[:, order])
    where = [0, *(1 + np.array(order))]
    units = np.array([1.0, *[1.0 / scale] * 4])
    assert other.coefficients == pytest.approx(plain.coefficients[where] * units, rel=1e-9, abs=1e-12)
    assert other.standard_errors == pytest.approx(plain.standard_errors[where] * np.abs(units), rel=1e-9)
    assert other.r_squared == pytest.approx(plain.r_squared, rel=1e-10)
    assert other.variance_inflation == pytest.approx(plain.variance_inflation[list(order)], rel=1e-9)
