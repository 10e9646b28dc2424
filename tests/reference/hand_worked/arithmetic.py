"""Exact sums: fractions, roots with 50 digits, and the metrics of a list of returns."""

from __future__ import annotations

from decimal import Decimal, getcontext
from fractions import Fraction

getcontext().prec = 50

Exact = Fraction | Decimal | int | str | None


def decimal(number: Fraction | Decimal) -> Decimal:
    return number if isinstance(number, Decimal) else Decimal(number.numerator) / Decimal(number.denominator)


def sum_of_products(text: str) -> Fraction:
    """`-1/5 + 1/5 * 1/5`, the only shape of expression on the paper."""
    total = Fraction(0)
    for term in text.split(" + "):
        product = Fraction(1)
        for factor in term.split(" * "):
            product *= Fraction(factor)
        total += product
    return total


def mean(numbers: list) -> Fraction | Decimal:
    return sum(numbers, start=type(numbers[0])(0)) / len(numbers)


def deviation(numbers: list[Fraction]) -> Decimal:
    """Square root of the sum of squared distances from the mean over n - 1."""
    middle = mean(numbers)
    return decimal(sum(((x - middle) ** 2 for x in numbers), start=Fraction(0)) / (len(numbers) - 1)).sqrt()


def compound(returns: list[Fraction]) -> Fraction:
    wealth = Fraction(1)
    for r in returns:
        wealth *= 1 + r
    return wealth - 1


def drawdown(dates: list[str], returns: list[Fraction], formed_on: str) -> dict[str, Exact]:
    wealth = [Fraction(1)]
    wiped_out_on = None
    for day, r in zip(dates, returns, strict=True):
        wealth.append(max(Fraction(0), wealth[-1] * (1 + r)))
        if r <= -1 and wiped_out_on is None:
            wiped_out_on = day
    days = [formed_on, *dates]
    depths = [wealth[i] / max(wealth[: i + 1]) - 1 for i in range(len(wealth))]
    trough = depths.index(min(depths))
    if depths[trough] == 0:
        dated = dict.fromkeys(("peak", "trough", "recovery"))
    else:
        top = max(wealth[: trough + 1])
        peak = max(i for i in range(trough) if wealth[i] == top)
        recovered = [days[i] for i in range(trough + 1, len(wealth)) if wealth[i] >= top]
        dated = {"peak": days[peak], "trough": days[trough], "recovery": recovered[0] if recovered else None}
    return {
        "cumulative_return": wealth[-1] - 1,
        "max_drawdown": depths[trough],
        "max_drawdown_peak_date": dated["peak"],
        "max_drawdown_trough_date": dated["trough"],
        "max_drawdown_recovery_date": dated["recovery"],
        "wiped_out_on": wiped_out_on,
    }


def ratios(returns: list[Fraction], periods_a_year: int) -> dict[str, Exact]:
    n = len(returns)
    average = mean(returns)
    year = Decimal(periods_a_year).sqrt()
    negative = [r for r in returns if r < 0]
    centred = [r - average for r in returns]
    second, third, fourth = (sum((c**p for c in centred), start=Fraction(0)) / n for p in (2, 3, 4))
    below = mean([min(r, Fraction(0)) ** 2 for r in returns])
    ordered = sorted(returns)
    quantile = ordered[0] + Fraction(n - 1, 20) * (ordered[1] - ordered[0]) if n > 1 else ordered[0]
    spread = deviation(returns) if n > 1 else None
    skewness = kurtosis = None
    if n >= 3:
        skewness = (
            Decimal(n * (n - 1)).sqrt()
            / (n - 2)
            * decimal(third)
            / (decimal(second) * decimal(second).sqrt())
        )
    if n >= 4:
        kurtosis = Fraction(n - 1, (n - 2) * (n - 3)) * ((n + 1) * fourth / second**2 - 3 * (n - 1))
    return {
        "mean_annual_return": average * periods_a_year,
        "annualized_volatility": spread * year if spread else None,
        "sharpe_ratio": decimal(average) / spread * year if spread else None,
        "sortino_ratio": decimal(average) / deviation(negative) * year if len(negative) > 1 else None,
        "sortino_ratio_target": decimal(average) / decimal(below).sqrt() * year if negative else None,
        "value_at_risk_95": -quantile,
        "expected_shortfall_95": -mean([r for r in returns if r <= quantile]),
        "hit_rate": Fraction(sum(r > 0 for r in returns), n),
        "skewness": skewness,
        "excess_kurtosis": kurtosis,
        "best_period_return": max(returns),
        "worst_period_return": min(returns),
    }
