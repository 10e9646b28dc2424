"""What the questions to the kept store cost: a dearer one could be refused."""

from __future__ import annotations

from graphql import parse

from app.boundary.query_cost import QueryCostMeter
from app.graph import build_schema
from tests.compatibility.replaying import Pin

COUNTED = ("depth", "root_fields", "nodes", "points", "values")


def test_what_questions_cost() -> None:
    pin, documents = Pin("costs.json"), Pin("graph.json").content["documents"]
    meter = QueryCostMeter(build_schema()._schema)
    for entry in pin.content["asked"]:
        cost = meter.measure(parse(documents[entry["document"]]))
        pin.check(entry, {name: getattr(cost, name) for name in COUNTED}, entry["document"])
    pin.close()
