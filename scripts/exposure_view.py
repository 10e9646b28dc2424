"""A portfolio's exposures as the command shows them: tables, and JSON."""

from __future__ import annotations

import math
from typing import Any

import click

from app.features.exposures.service import ExposureAnswer
from engine.exposures.attribution import ALPHA, RESIDUAL, RISK_FREE, Attribution
from engine.exposures.results import ExposureRegression, FactorExposure, Method, RollingBetas
from scripts.console import day, number, percent, plain, print_table
from scripts.views import dataset_json

_SHOWN_POSITIONS = 8
PART_LABELS = {ALPHA: "alpha", RISK_FREE: "risk-free", RESIDUAL: "residual"}


def print_exposures(answer: ExposureAnswer) -> None:
    found = answer.exposures
    _print_portfolio(answer)
    runs = {label: str(run.id) for label, run in zip(answer.labels, answer.runs, strict=True)}
    level = f"{100 * found.confidence:g} %"
    columns = dict.fromkeys(["run", "beta", "std. error", "t", "p", f"{level} from", f"{level} to"], "right")
    joint = found.method is Method.JOINT
    more = ("VIF",) if joint else ("alpha a year", "R2", "residual vol.", "weeks")
    print_table(
        {"factor": "left", **columns, **dict.fromkeys(more, "right")},
        [
            [*_of_factor(factor, runs[factor.name]), *_further(factor, regression, joint=joint)]
            for regression in found.regressions
            for factor in regression.factors
        ],
    )
    click.echo()
    if joint:
        click.echo(_fit(found.regressions[0]))
    click.echo(_sample(answer))
    if found.rolling is not None:
        _print_rolling(found.rolling, found.regressions)
    if found.attribution is not None:
        _print_attribution(found.attribution, in_excess=found.in_excess)
    elif not joint:
        click.echo("\nno attribution: what each factor contributes takes the joint regression")
    for reason in found.undefined:
        click.echo(f"\n{reason.metric} is not defined: {reason.detail}")
    if answer.notes:
        click.echo()
    for note in answer.notes:
        click.echo(f"note: {note}")


def _print_portfolio(answer: ExposureAnswer) -> None:
    heaviest = sorted(answer.positions, key=lambda one: (-abs(one.weight), one.asset))
    shown = ", ".join(f"{one.asset} {percent(one.weight)}" for one in heaviest[:_SHOWN_POSITIONS])
    more = len(heaviest) - _SHOWN_POSITIONS
    click.echo(f"portfolio: {shown}" + (f" and {more:,} more" if more > 0 else ""))
    net = math.fsum(one.weight for one in answer.positions)
    facts = [f"net weight {percent(net)}"]
    if answer.as_of is not None:
        value = math.fsum(one.value or 0.0 for one in answer.positions)
        facts.append(f"worth {number(value)} USD at the prices of {day(answer.as_of)}")
    name = f"{answer.dataset.name} (synthetic)" if answer.dataset.synthetic else answer.dataset.name
    click.echo(f"{', '.join(facts)}; prices of dataset {name}\n")


def _of_factor(factor: FactorExposure, run: str) -> list[str]:
    return [
        factor.name,
        run,
        number(factor.beta, 3),
        number(factor.standard_error, 3),
        number(factor.t_value),
        number(factor.p_value, 4),
        number(factor.lower, 3),
        number(factor.upper, 3),
    ]


def _further(factor: FactorExposure, regression: ExposureRegression, *, joint: bool) -> list[str]:
    if joint:
        return [number(factor.variance_inflation)]
    return [
        percent(regression.alpha),
        number(regression.r_squared, 3),
        percent(regression.residual_volatility),
        f"{regression.observations:,}",
    ]


def _fit(regression: ExposureRegression) -> str:
    return (
        f"alpha {percent(regression.alpha)} a year (t {number(regression.alpha_t_value)}), "
        f"R2 {number(regression.r_squared, 3)} (adjusted {number(regression.adjusted_r_squared, 3)}), "
        f"residual volatility {percent(regression.residual_volatility)} a year"
    )


def _sample(answer: ExposureAnswer) -> str:
    found = answer.exposures
    first = found.regressions[0]
    excess = "" if answer.risk_free is None else f", in excess of {answer.risk_free}"
    return (
        f"{first.observations:,} weeks from {day(first.start_week)} to {day(first.end_week)}; "
        f"{found.kind.lower()} returns{excess}; Newey-West errors with {first.lag} lags"
    )


def _print_rolling(rolling: RollingBetas, regressions: tuple[ExposureRegression, ...]) -> None:
    """How far each beta moved; the whole of it is in the picture and in JSON."""
    click.echo(f"\nbetas over {rolling.window} weeks")
    rows = []
    for name, betas in rolling_betas(rolling, regressions).items():
        known = [beta for beta in betas if math.isfinite(beta)]
        ends = [known[0], min(known), max(known), known[-1]] if known else [None] * 4
        rows.append([name, *(number(value, 3) for value in ends)])
    print_table({"factor": "left", **dict.fromkeys(["first", "least", "greatest", "last"], "right")}, rows)


def _print_attribution(attribution: Attribution, *, in_excess: bool) -> None:
    span = f"{attribution.weeks[0]} to {attribution.weeks[-1]}"
    click.echo(f"\nwhat the return of {span} is made of")
    rows = [
        [PART_LABELS.get(name, name), percent(part, 2)]
        for name, part in zip(attribution.names, attribution.linked.tolist(), strict=True)
        if in_excess or name != RISK_FREE
    ]
    print_table({"part": "left", "contribution": "right"}, [*rows, ["total", percent(attribution.total, 2)]])


def rolling_betas(
    rolling: RollingBetas, regressions: tuple[ExposureRegression, ...]
) -> dict[str, list[float]]:
    """Factor -> its betas in the windows that end from week `window` on; NaN where collinear."""
    return {
        factor.name: coefficients[rolling.window - 1 :, place].tolist()
        for regression, coefficients in zip(regressions, rolling.coefficients, strict=True)
        for place, factor in enumerate(regression.factors, start=1)
    }


def exposures_json(answer: ExposureAnswer) -> dict[str, Any]:
    found = answer.exposures
    runs = {label: run.id for label, run in zip(answer.labels, answer.runs, strict=True)}
    regressions = []
    for regression in found.regressions:
        values = plain(regression)
        factors = [{"run": runs[factor["name"]], **factor} for factor in values.pop("factors")]
        regressions.append({"factors": factors, **values})
    return {
        "dataset": dataset_json(answer.dataset),
        "as_of": answer.as_of,
        "positions": plain(answer.positions),
        "method": found.method.lower(),
        "returns": found.kind.lower(),
        "risk_free": answer.risk_free,
        "confidence": found.confidence,
        "regressions": regressions,
        "rolling": None if found.rolling is None else _rolling_json(found.rolling, found.regressions),
        "attribution": None if found.attribution is None else _attribution_json(found.attribution),
        "undefined": plain(found.undefined),
        "notes": list(answer.notes),
    }


def _rolling_json(rolling: RollingBetas, regressions: tuple[ExposureRegression, ...]) -> dict[str, Any]:
    return {
        "window_weeks": rolling.window,
        "weeks": rolling.weeks[rolling.window - 1 :].astype(str).tolist(),
        "betas": rolling_betas(rolling, regressions),
    }


def _attribution_json(attribution: Attribution) -> dict[str, Any]:
    kinds = dict.fromkeys(attribution.names, "FACTOR") | {name: name for name in PART_LABELS}
    return {
        "total": attribution.total,
        "weeks": attribution.weeks.astype(str).tolist(),
        "parts": [
            {
                "name": PART_LABELS.get(name, name),
                "kind": kinds[name],
                "linked": linked,
                "contributions": contributions.tolist(),
            }
            for name, linked, contributions in zip(
                attribution.names, attribution.linked.tolist(), attribution.contributions.T, strict=True
            )
        ],
    }
