"""Risk models and portfolios' risk as the command shows them: tables, and JSON."""

from __future__ import annotations

from typing import Any

import click
import numpy as np

from app.features.risk.portfolios import PortfolioRiskAnswer
from app.features.risk.results import RiskModelResults
from app.features.risk.summary import factor_summaries, mean_r_squared
from engine.panel import FloatArray
from engine.risk.outcomes import Outcomes, TooFewPeriods, Validation
from engine.risk.portfolio_risk import RiskDecomposition
from scripts.console import day, number, percent, plain, print_table

_FACTOR_COLUMNS = {
    "factor": "left",
    "kind": "left",
    "return a year": "right",
    "volatility": "right",
    "forecast": "right",
    "|t| > 2": "right",
    "days": "right",
}
_BIAS_COLUMNS = {"portfolios": "left", "number": "right", "bias": "right", "Q": "right", "months": "right"}
_SHOWN_ASSETS = 12
EXPECTED_Q = 2.27


def print_risk_model(results: RiskModelResults) -> None:
    """The factors, how much they explain, who is covered, and how good the forecasts were."""
    print_table(
        _FACTOR_COLUMNS,
        [
            [
                one.name,
                one.kind.lower(),
                percent(one.mean_return),
                percent(one.volatility),
                percent(one.forecast),
                percent(one.significant, 0),
                f"{one.observations:,}",
            ]
            for one in factor_summaries(results)
        ],
    )
    click.echo()
    for line in _facts(results):
        click.echo(line)
    click.echo()
    if isinstance(results.validation, TooFewPeriods):
        found = results.validation
        click.echo(
            f"forecasts are not validated: {found.periods} periods lie between forecasts, {found.needed} are "
            "needed"
        )
        return
    print_table(_BIAS_COLUMNS, _bias_rows(results.validation), title="Out of sample")
    click.echo(f"a bias of 1 and a Q of {EXPECTED_Q} are right; a bias above 1 means more risk than forecast")


def risk_model_json(results: RiskModelResults) -> dict[str, Any]:
    validation = results.validation
    return {
        "first_date": day(results.dates[0].item()),
        "last_date": day(results.dates[-1].item()),
        "forecast_dates": [str(one) for one in results.forecast_dates],
        "days_per_year": results.days_per_year,
        "factors": [plain(one) for one in factor_summaries(results)],
        "mean_r_squared": mean_r_squared(results),
        "priced": int(results.coverage.priced[-1]),
        "estimation_universe": int(results.coverage.universe[-1]),
        "missing_scores": dict(zip(results.styles, results.coverage.missing[-1].tolist(), strict=True)),
        "extreme_returns": int(results.extreme_returns.sum()),
        "skipped_styles": [plain(one) for one in results.skipped_styles],
        "volatilities": plain(dict(zip(results.factors, results.volatilities[-1].tolist(), strict=True))),
        "correlations": plain(results.correlations(-1).tolist()),
        "bias": plain(validation)
        if isinstance(validation, TooFewPeriods)
        else {
            group: {
                "portfolios": len(one.names),
                "mean_bias": plain(one.statistics.mean_bias),
                "mean_q": plain(one.statistics.mean_q),
            }
            for group, one in _groups(validation).items()
        },
    }


def print_portfolio_risk(results: RiskModelResults, answer: PortfolioRiskAnswer) -> None:
    """Volatility and loss, then what each factor and the largest positions contribute."""
    risk, total = answer.risk, answer.risk.total
    click.echo(
        f"volatility {percent(total.volatility)} a year (factors {percent(total.factor_volatility)}, "
        f"specific {percent(total.specific_volatility)}), {value_at_risk_words(answer)}"
    )
    if risk.active is not None:
        click.echo(
            f"against the benchmark: tracking error {percent(risk.active.volatility)}, beta "
            f"{number(_finite(risk.beta))}"
        )
    click.echo()
    columns = ["exposure", "factor vol.", "contribution", "of the risk"]
    active = risk.active
    if active is not None:
        columns += ["active exposure", "to the tracking error"]
    rows = []
    for at, name in enumerate(results.factors):
        if total.exposures[at] == 0.0 and (active is None or active.exposures[at] == 0.0):
            continue
        row = [
            name,
            number(total.exposures[at]),
            percent(total.factor_volatilities[at]),
            percent(total.factor_contributions[at]),
            percent(_finite(total.factor_shares[at])),
        ]
        if active is not None:
            row += [number(active.exposures[at]), percent(active.factor_contributions[at])]
        rows.append(row)
    own = ["specific", "", "", percent(total.specific_contribution), percent(_finite(total.specific_share))]
    rows.append(own if active is None else [*own, "", percent(active.specific_contribution)])
    print_table({"factor": "left", **dict.fromkeys(columns, "right")}, rows)
    click.echo()
    headings = dict.fromkeys(["weight", "contribution", "of the risk"], "right")
    print_table({"position": "left", **headings}, _position_rows(answer))


def portfolio_risk_json(results: RiskModelResults, answer: PortfolioRiskAnswer) -> dict[str, Any]:
    risk, config = answer.risk, answer.value_at_risk
    return {
        "date": day(answer.date),
        "prices_as_of": None if answer.portfolio.as_of is None else day(answer.portfolio.as_of),
        "value_at_risk": {
            "confidence": config.confidence,
            "horizon_days": config.horizon_days,
            "loss": risk.value_at_risk,
        },
        "beta": plain(risk.beta),
        "portfolio": _decomposition_json(results, answer, risk.total, answer.portfolio.weights),
        "benchmark": None
        if risk.benchmark is None
        else _decomposition_json(results, answer, risk.benchmark, answer.benchmark),
        "active": None
        if risk.active is None
        else _decomposition_json(results, answer, risk.active, answer.portfolio.weights - answer.benchmark),
    }


def value_at_risk_words(answer: PortfolioRiskAnswer) -> str:
    config = answer.value_at_risk
    days = "1 day" if config.horizon_days == 1 else f"{config.horizon_days:,} days"
    return f"{100 * config.confidence:g} % VaR of {days} {percent(answer.risk.value_at_risk)}"


def _decomposition_json(
    results: RiskModelResults,
    answer: PortfolioRiskAnswer,
    found: RiskDecomposition,
    weights: FloatArray,
) -> dict[str, Any]:
    held = np.flatnonzero(weights)
    return plain(
        {
            "volatility": found.volatility,
            "factor_volatility": found.factor_volatility,
            "specific_volatility": found.specific_volatility,
            "specific_contribution": found.specific_contribution,
            "specific_share": found.specific_share,
            "factors": [
                {
                    "name": name,
                    "exposure": float(found.exposures[at]),
                    "volatility": float(found.factor_volatilities[at]),
                    "correlation": float(found.factor_correlations[at]),
                    "marginal": float(found.factor_marginals[at]),
                    "contribution": float(found.factor_contributions[at]),
                    "share": float(found.factor_shares[at]),
                }
                for at, name in enumerate(results.factors)
            ],
            "assets": [
                {
                    "asset": answer.forecast.assets[at],
                    "weight": float(weights[at]),
                    "marginal": float(found.asset_marginals[at]),
                    "contribution": float(found.asset_contributions[at]),
                    "share": float(found.asset_shares[at]),
                }
                for at in held.tolist()
            ],
        }
    )


def _position_rows(answer: PortfolioRiskAnswer) -> list[list[str]]:
    """The largest contributions, either way, and the rest of them together."""
    total, weights = answer.risk.total, answer.portfolio.weights
    order = np.argsort(-np.abs(total.asset_contributions), kind="stable")
    held = [int(at) for at in order if weights[at] != 0.0]
    shown, others = held[:_SHOWN_ASSETS], held[_SHOWN_ASSETS:]
    rows = [
        [
            answer.forecast.assets[at],
            percent(weights[at]),
            percent(total.asset_contributions[at]),
            percent(_finite(total.asset_shares[at])),
        ]
        for at in shown
    ]
    if others:
        rows.append(
            [
                f"{len(others):,} others",
                percent(float(weights[others].sum())),
                percent(float(total.asset_contributions[others].sum())),
                percent(_finite(float(total.asset_shares[others].sum()))),
            ]
        )
    return rows


def _facts(results: RiskModelResults) -> list[str]:
    coverage = results.coverage
    lines = [
        f"{day(results.dates[0].item())} to {day(results.dates[-1].item())}, "
        f"{len(results.forecast_dates):,} forecasts, the latest of "
        f"{day(results.forecast_dates[-1].item())}; mean R2 {percent(mean_r_squared(results))}",
        f"{coverage.priced[-1]:,} assets have a forecast at the end, {coverage.universe[-1]:,} of them "
        "estimate",
    ]
    missing = [
        f"{name} {count:,}"
        for name, count in zip(results.styles, coverage.missing[-1].tolist(), strict=True)
        if count
    ]
    if missing:
        lines.append(f"scores that do not exist and count as 0 at the end: {', '.join(missing)}")
    if extreme := int(results.extreme_returns.sum()):
        lines.append(f"{extreme:,} extreme returns were taken for faults in the data")
    lines += [
        f"left out: {one.name.lower()} (the dataset has no {' or '.join(one.fields)})"
        for one in results.skipped_styles
    ]
    return lines


def _groups(validation: Validation) -> dict[str, Outcomes]:
    groups = {"random": validation.random, "styles": validation.styles, "sectors": validation.sectors}
    return {name: one for name, one in groups.items() if one is not None}


def _bias_rows(validation: Validation) -> list[list[str]]:
    return [
        [
            name,
            f"{len(one.names):,}",
            number(_finite(one.statistics.mean_bias)),
            number(_finite(one.statistics.mean_q)),
            f"{len(validation.starts):,}",
        ]
        for name, one in _groups(validation).items()
    ]


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
