"""The page of a sweep: the verdict first, then luck, overfitting, choice in time, and the points."""

from __future__ import annotations

import math

import numpy as np

from app.features.sweeps.points import PointList, PointOrder
from app.features.sweeps.results import SweepResults
from app.features.sweeps.verdict import verdict as verdict_of
from engine.sweeps.sweep import SPAN_SHARPE
from scripts.report import sweep_figures as figures
from scripts.report.definitions import SWEEP_DEFINITIONS, small_print
from scripts.report.gather import RunMaterial, finite
from scripts.report.head import heading, provenance_section, setting, settings_block, verdict, words
from scripts.report.layout import (
    Column,
    absent,
    block,
    figure,
    key_figure,
    key_figures,
    page,
    pair,
    plain_list,
    section,
    table,
    text,
)
from scripts.report.markup import Markup
from scripts.report.numbers import DASH, count, number, percent

TOP = 20
MOST_CHOICES = 40
_COLUMNS = (
    ("Sharpe", SPAN_SHARPE, number),
    ("gross Sharpe", "gross_sharpe_ratio", number),
    ("annualised", "annualized_return", percent),
    ("volatility", "annualized_volatility", percent),
    ("max drawdown", "max_drawdown", percent),
    ("t", "newey_west_t", number),
    ("turnover", "mean_turnover", percent),
    ("break-even bps", "break_even_cost_bps", lambda value: number(value, 0)),
    ("periods", "num_periods", lambda value: number(value, 0)),
)


@np.errstate(over="ignore", invalid="ignore")  # what leaves double precision is shown as a dash
def sweep_page(material: RunMaterial) -> str:
    """The whole page as HTML."""
    title = f"Sweep of {material.title}: run {material.run.id}"
    if material.document is None:
        return page(
            title,
            heading(material, DASH),
            absent("This sweep has no points stored."),
            settings_block(material),
            provenance_section(material),
        )
    results = SweepResults.from_document(material.document)
    return page(
        title,
        heading(material, _dates(material)),
        key_figures(_keys(results)),
        verdict(verdict_of(results), _sentences(results)),
        _axes(material, results),
        settings_block(material, [axis.option for axis in results.axes]),
        _luck(results),
        _walk_forward(material, results),
        _surface(results),
        _points(material, results),
        provenance_section(material),
        section("Definitions and sources", small_print(SWEEP_DEFINITIONS)),
    )


def _dates(material: RunMaterial) -> str:
    best = finite(material.series.get("BEST_POINT"))
    return DASH if best is None else f"{best.dates[0]} to {best.dates[-1]}"


def _keys(results: SweepResults) -> list[Markup]:
    root = math.sqrt(results.periods_per_year)
    deflated, overfitting, walk = results.deflated_sharpe, results.overfitting, results.walk_forward
    failed = f"{count(results.failed_count)} failed" if results.failed_count else "none failed"
    computed = results.point_count < results.grid_size
    grid = f"sampled from {results.grid_size:,}" if computed else "the whole grid"
    return [
        key_figure("Points", count(results.point_count), f"{grid}, {failed}"),
        key_figure(
            "Best Sharpe ratio", number(results.metric(SPAN_SHARPE, results.best)), f"point {results.best:,}"
        ),
        key_figure(
            "Expected by luck",
            number(None if deflated is None else deflated.expected_maximum * root),
            "" if deflated is None else f"of {number(deflated.effective_trials, 1)} effective trials",
        ),
        key_figure(
            "Deflated Sharpe ratio",
            percent(None if deflated is None else deflated.probability),
            "that the best is more than luck",
        ),
        key_figure(
            "Probability of overfitting",
            percent(None if overfitting is None else overfitting.probability),
            "" if overfitting is None else f"{count(overfitting.combinations)} combinations",
        ),
        key_figure(
            "Walk-forward Sharpe",
            number(None if walk is None else walk.sharpe_ratio),
            "" if walk is None else f"best in hindsight {number(walk.in_sample_best_sharpe_ratio)}",
        ),
    ]


def _sentences(results: SweepResults) -> dict[str, str]:
    root = math.sqrt(results.periods_per_year)
    found: dict[str, str] = {}
    if (deflated := results.deflated_sharpe) is not None:
        found["Luck"] = (
            f"{count(deflated.trials)} points that correlate by {number(deflated.mean_correlation)} on "
            f"average count as {number(deflated.effective_trials, 1)} independent trials; the best of so "
            f"many would reach a Sharpe ratio of {number(deflated.expected_maximum * root)} by luck."
        )
    if (overfitting := results.overfitting) is not None:
        mean = overfitting.mean_out_of_sample_sharpe
        outside = "" if mean is None else f", with a mean Sharpe ratio of {number(mean * root)}"
        found["Overfitting"] = (
            f"The point that is best on one half of the periods is no better than the median on the other in "
            f"{percent(overfitting.probability, 0)} of the splits{outside}, and loses money in "
            f"{percent(overfitting.probability_of_loss, 0)}."
        )
    if (walk := results.walk_forward) is not None:
        found["Choice in time"] = (
            f"Choosing anew each quarter earned {percent(walk.annualized_return)} a year with a drawdown of "
            f"{percent(walk.max_drawdown)}; {count(walk.distinct_points)} different points were chosen in "
            f"{count(walk.num_choices)} quarters."
        )
    if results.plateau is not None:
        found["Surroundings"] = (
            f"The best point's neighbours reach {percent(results.plateau, 0)} of its Sharpe ratio on average."
        )
    for one in results.undefined:
        found.setdefault(words(one.metric).capitalize(), f"Not defined: {one.detail}.")
    return found


def _axes(material: RunMaterial, results: SweepResults) -> Markup:
    items = {
        words(axis.option): ", ".join(_value(axis.option, value) for value in axis.values)
        for axis in results.axes
    }
    return block("What was varied", plain_list(items))


def _luck(results: SweepResults) -> Markup:
    return section(
        "Luck and overfitting",
        pair(
            figure(
                "Sharpe ratios of all points",
                figures.sharpe_figure(results),
                "With the best one, and the best that luck alone would give as many effective trials.",
                "The points do not differ.",
            ),
            figure(
                "Ranks out of sample",
                figures.logit_figure(results),
                "Of the point that was best in sample, over all combinations of half the periods.",
                "Too few periods or points.",
            ),
        ),
    )


def _walk_forward(material: RunMaterial, results: SweepResults) -> Markup:
    walk = results.walk_forward
    parts: list[Markup] = []
    if walk is not None:
        shown = walk.choices[-MOST_CHOICES:]
        rows = [[str(choice.date), f"{choice.point:,}", *_values(results, choice.point)] for choice in shown]
        columns = [text("from the period ending"), Column("point"), *_axis_columns(results)]
        earlier = len(walk.choices) - len(shown)
        caption = f"The last {len(shown)} of {len(walk.choices)}." if earlier else None
        parts.append(block("Choices", table(columns, rows), caption=caption))
    return section(
        "Choosing in time",
        figure(
            "Growth of 100, walk-forward and in hindsight",
            figures.walk_forward_figure(material),
            "Each quarter trades the point that was best until then; switching is not charged.",
            "There are fewer than five quarters of periods.",
        ),
        *parts,
    )


def _surface(results: SweepResults) -> Markup:
    maps = [
        figure(title, drawn, "Mean over the points of a cell; the frame marks the best point.")
        for title, drawn in figures.heat_map_figures(results)
    ]
    return section(
        "How the Sharpe ratio goes with the options",
        figure(
            "Sensitivity to each option",
            figures.sensitivity_figure(results),
            "Mean over all points with a value (dots), their range (bars), and the best point (diamond).",
            "No point has a Sharpe ratio.",
        ),
        *([pair(*maps)] if maps else []),
    )


def _points(material: RunMaterial, results: SweepResults) -> Markup:
    computed = results.point_count - results.failed_count
    top = PointList(sweep="", order=PointOrder(), failed=False).numbers(results)[:TOP].tolist()
    parts: list[Markup | None] = [
        block(
            f"Best {len(top)} of {computed:,} points",
            _point_table(results, top),
            caption="Net where a point has costs. The Sharpe ratio is over the periods of all points.",
        )
    ]
    if results.neighbours:
        near = [results.best, *results.neighbours]
        parts.append(block("The best point and its neighbours", _point_table(results, near)))
    if results.failures:
        rows = [[one.code, one.message, count(one.count)] for one in results.failures]
        parts.append(block("Failures", table([text("code"), text("reason"), Column("points")], rows)))
    return section("Points", *parts)


def _point_table(results: SweepResults, points: list[int]) -> Markup:
    columns = [Column("point"), *_axis_columns(results), *(Column(heading) for heading, _, _ in _COLUMNS)]
    rows = []
    for point in points:
        shown = [form(results.metric(name, point)) for _, name, form in _COLUMNS]
        failure = results.failure(point)
        if failure is not None:
            shown[0] = failure.code
        rows.append([f"{point:,}", *_values(results, point), *shown])
    chosen = {place for place, point in enumerate(points) if point == results.best}
    return table(columns, rows, chosen=chosen)


def _axis_columns(results: SweepResults) -> list[Column]:
    return [
        Column(words(axis.option), right=all(_is_number(value) for value in axis.values))
        for axis in results.axes
    ]


def _values(results: SweepResults, point: int) -> list[str]:
    places = results.positions[point].tolist()
    return [_value(axis.option, axis.values[place]) for axis, place in zip(results.axes, places, strict=True)]


def _value(option: str, value: object) -> str:
    return "off" if value is None else setting(option, value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
