"""The research document, typed."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from app.features.factors.research import TargetPosition, read_research, target_positions
from db.document_codec import pack_document, unpack_document
from db.errors import CorruptBlob
from db.records import DocumentRecord
from engine.factors.portfolio import Leg
from engine.factors.registry import FactorName
from engine.factors.research.subperiods import SubperiodKind
from tests.app.schema.computed import as_stored, computed, sample_panel


@pytest.fixture(scope="module")
def document() -> DocumentRecord:
    """As the store gives it back."""
    (written,) = as_stored(*computed(cost_bps=5.0)).documents
    return unpack_document(written.name, pack_document(written))


def test_dates_and_names_of_choices_get_their_types_back(document):
    research = read_research(document)
    assert type(research.subperiods[0].start_date) is date
    assert research.subperiods[0].kind is SubperiodKind.YEAR
    assert type(research.extremes.positions[0].date) is date
    assert type(research.extremes.positions[0].leg) is Leg
    assert type(research.target.period_end) is date


def test_a_long_only_target_has_no_short_leg():
    (written,) = as_stored(*computed(FactorName.MARKET)).documents
    target = read_research(written).target
    assert target.long is not None
    assert target.short is None
    assert target.turnover == pytest.approx(np.abs(target.long.trades).sum() / 2)


def test_what_is_to_be_sold_has_no_signal(document):
    leg = read_research(document).target.long
    sold = [one for one in target_positions(leg, sample_panel().assets) if one.weight == 0]
    assert sold
    for one in sold:
        assert one == TargetPosition(
            asset=one.asset,
            weight=0.0,
            previous_weight=one.previous_weight,
            trade=-one.previous_weight,
            signal=None,
        )


def test_facts_of_a_later_engine_are_left_aside(document):
    facts = {**document.facts, "new": 1, "persistence": {**document.facts["persistence"], "new": 2}}
    later = DocumentRecord(name=document.name, facts=facts, arrays=document.arrays)
    assert read_research(later).persistence == read_research(document).persistence


@pytest.mark.parametrize(
    "changes",
    [
        {"target": None},
        {"decay": 1},
        {"subperiods": [{"kind": "YEAR"}]},
        {"persistence": {}},
        {"extremes": {"positions": [{"date": "soon", "leg": "LONG"}]}},
    ],
)
def test_what_is_no_research_is_refused(document, changes):
    odd = DocumentRecord(name="RESEARCH", facts={**document.facts, **changes}, arrays=document.arrays)
    with pytest.raises(CorruptBlob, match="RESEARCH is no research"):
        read_research(odd)
    missing = {name: array for name, array in document.arrays.items() if name != "target.long.weights"}
    with pytest.raises(CorruptBlob):
        read_research(DocumentRecord(name="RESEARCH", facts=document.facts, arrays=missing))
