"""The metrics that the engine declares are the columns of the store, and what shows them shows all."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from strawberry.utils.str_converters import to_camel_case

from app.schema.performance import Performance
from db.models import NetPerformance
from db.models import Performance as PerformanceTable
from db.records import PerformanceRecord
from db.runs.filters import RunFilter
from db.runs.read import RunSortField
from engine.config import options_of
from engine.factors.performance import METRICS
from engine.factors.registry import FACTORS
from engine.statistics.performance import Unit
from scripts.report.metrics import GROUPS

PAGES = Path(__file__).parents[2] / "app/web/dashboard/pages"
FORMATS = {
    Unit.FRACTION: {"signed", "percent"},
    Unit.RATIO: {"ratio", "(value) => ratio(value, 3)", "(value) => ratio(value, 1)"},
    Unit.COUNT: {"integer"},
    Unit.BASIS_POINTS: {"bps"},
    Unit.DATE: {"day"},
}


def test_every_metric_has_its_column() -> None:
    recorded = [field.name for field in fields(PerformanceRecord)]
    assert {*METRICS, "undefined_metrics"} == set(recorded)
    for table in (PerformanceTable, NetPerformance):
        assert [column.name for column in table.__table__.columns if column.name != "run_id"] == recorded
    assert {field.name for field in fields(Performance)} == set(recorded)


def test_filters_and_orders_are_of_metrics_or_of_the_run() -> None:
    sorted_by = {one.lower() for one in RunSortField} & set(METRICS)
    filtered_by = {field.name for field in fields(RunFilter)} & set(METRICS)
    assert sorted_by <= filtered_by


def test_a_report_shows_each_metric_once() -> None:
    shown = [metric.name for group in GROUPS.values() for metric in group]
    assert sorted(shown) == sorted(name for name, one in METRICS.items() if one.unit is not Unit.DATE)


def test_the_dashboard_shows_known_metrics_in_their_units() -> None:
    script = (PAGES / "run/metrics.js").read_text()
    script = script[script.index("const GROUPS") : script.index("function labelOf")]
    shown = re.findall(r'\["(\w+)", "[^"]+", (.+?)\],\n', script)
    metrics = {to_camel_case(name): one for name, one in METRICS.items()}
    assert len(shown) > 30
    assert [name for name, shown_as in shown if shown_as not in FORMATS[metrics[name].unit]] == []


def test_the_dashboard_shows_every_option_of_a_run() -> None:
    labels = (PAGES / "run/origin.js").read_text()
    labels = labels[labels.index("const OPTIONS") : labels.index("function Fact")]
    asked = (PAGES / "run/query.js").read_text()
    options = {to_camel_case(name) for one in FACTORS.values() for name in options_of(one.config_type)}
    assert [name for name in options if f'"{name}"' not in labels or name not in asked.split()] == []
