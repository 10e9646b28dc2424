"""A risk model's documents come back as the engine's results, or are refused."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from app.context import Services
from app.execution.worker.payload import encode_payload
from app.execution.worker.results import decode_result
from app.features.risk import results as risk_results
from app.features.risk.documents import RISK_COVERAGE, RISK_MODEL, RISK_VALIDATION
from app.features.risk.job import risk_documents
from app.features.risk.results import RiskModelResults, get_risk_results
from app.runs.events import EventHub
from app.settings import Settings
from db.errors import CorruptBlob
from db.records import DocumentRecord
from engine.risk.model import RiskModel, build_risk_model
from engine.risk.outcomes import TooFewPeriods
from tests.app.modelling import config, launch, panel
from tests.app.sweeping import add_panel, compute_next

MODEL = build_risk_model(panel(), config())
SHORT = build_risk_model(panel(sectors=0), config(start_date=panel().dates[250].item(), styles=None))


@pytest.fixture
async def services(store, tmp_path):
    services = Services(Settings(data_dir=tmp_path, _env_file=None), store, EventHub(store), None)
    yield services
    await services.events.close()


def documents_of(model: RiskModel) -> dict[str, DocumentRecord]:
    payload = b"".join(bytes(part) for part in encode_payload(documents=risk_documents(model)))
    return {document.name: document for document in decode_result(memoryview(payload)).documents}


def assert_same(found: object, expected: object, where: str = "") -> None:
    """Field by field, bit by bit."""
    if is_dataclass(expected):
        assert type(found) is type(expected), where
        for item in fields(expected):
            assert_same(getattr(found, item.name), getattr(expected, item.name), f"{where}.{item.name}")
    elif isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype, where
        np.testing.assert_array_equal(found, expected, err_msg=where)
    elif isinstance(expected, float) and math.isnan(expected):
        assert math.isnan(found), where
    else:
        assert found == expected, where


def assert_results_of(found: RiskModelResults, model: RiskModel) -> None:
    for name in ("factors", "kinds", "dates", "days_per_year", "skipped_styles"):
        assert_same(getattr(found, name), getattr(model, name), name)
    for name in ("coverage", "extreme_returns", "validation"):
        assert_same(getattr(found, name), getattr(model, name), name)
    assert_same(found.covariance, model.outlook.covariance)
    returns = model.factor_returns
    assert_same(found.factor_returns, returns.returns)
    for name in ("t_statistics", "r_squared", "assets", "condition_number"):
        assert_same(getattr(found, name), getattr(returns, name), name)
    assert_same(found.specific_regime_multipliers, model.outlook.specific.regime_multipliers)
    assert_same(found.forecast_rows, model.outlook.rows)
    assert_same(found.forecast_dates, model.outlook.dates)
    assert found.asset_count == len(model.assets)
    assert found.factors == ("MARKET", *found.sectors, *found.styles)


@pytest.mark.parametrize("model", [MODEL, SHORT], ids=["validated", "too short"])
def test_documents_come_back_as_the_model(model):
    found = RiskModelResults.from_documents(documents_of(model))
    assert_results_of(found, model)
    assert isinstance(found.validation, TooFewPeriods) == (model is SHORT)
    assert bool(found.skipped_styles) == (model is SHORT)
    correlations = model.outlook.covariance.correlations()
    for at in (0, -1):
        np.testing.assert_array_equal(found.correlations(at), correlations[at])
    with pytest.raises(IndexError):
        found.correlations(len(found.forecast_rows))


async def test_stored_results_are_those_of_the_model(services):
    dataset = await add_panel(services, panel())
    run = await launch(services.store, dataset)
    assert (await compute_next(services)).failure_message is None
    found = await get_risk_results(services.store, [run.id, run.id + 1])
    assert found.keys() == {run.id}
    assert_results_of(found[run.id], MODEL)


async def test_a_run_deleted_while_it_is_read_is_left_out_and_a_partial_one_is_not(services, monkeypatch):
    dataset = await add_panel(services, panel())
    run = await launch(services.store, dataset)
    await compute_next(services)
    read, asked = risk_results.result_store.get_documents, []

    def without(name: str, *, gone: bool):
        async def documents(store, run_ids, wanted):
            asked.append(wanted)
            again = gone and wanted == RISK_MODEL and asked.count(RISK_MODEL) > 1
            return {} if wanted == name or again else await read(store, run_ids, wanted)

        return documents

    monkeypatch.setattr(risk_results.result_store, "get_documents", without(RISK_COVERAGE, gone=True))
    assert await get_risk_results(services.store, [run.id]) == {}
    asked.clear()
    monkeypatch.setattr(risk_results.result_store, "get_documents", without(RISK_COVERAGE, gone=False))
    with pytest.raises(CorruptBlob):
        await get_risk_results(services.store, [run.id])


def with_facts(name: str, **changes):
    def change(documents):
        documents[name] = replace(documents[name], facts={**documents[name].facts, **changes})

    return change


def with_array(name: str, array: str, change):
    def changed(documents):
        arrays = documents[name].arrays
        documents[name] = replace(documents[name], arrays={**arrays, array: change(arrays[array])})

    return changed


@pytest.mark.parametrize(
    "change",
    [
        lambda documents: documents.pop(RISK_MODEL),
        lambda documents: documents.pop("RISK_COVARIANCE"),
        lambda documents: documents.pop(RISK_VALIDATION),
        with_facts(RISK_MODEL, styles=[]),
        with_facts(RISK_MODEL, factors=[{"name": "MARKET", "kind": "ELSE"}]),
        with_facts(RISK_MODEL, assets=0),
        with_facts(RISK_MODEL, assets=True),
        with_facts(RISK_MODEL, days_per_year="252"),
        with_facts(RISK_MODEL, skipped_styles=[1]),
        with_facts(RISK_VALIDATION, random=None),
        with_array(RISK_MODEL, "dates", lambda values: values[1:]),
        with_array(RISK_MODEL, "dates", lambda values: values.astype(np.float64)),
        with_array(RISK_MODEL, "forecast_rows", lambda values: values[::-1]),
        with_array(RISK_MODEL, "forecast_rows", lambda values: values + 1),
        with_array(RISK_MODEL, "forecast_rows", lambda values: values[:0]),
        with_array("RISK_FACTOR_RETURNS", "returns", lambda values: values[:-1]),
        with_array("RISK_COVARIANCE", "matrices", lambda values: np.append(values, 1.0)),
        with_array(RISK_COVERAGE, "flagged", lambda values: values.astype(np.int64)),
        with_array(RISK_VALIDATION, "starts", lambda values: values - 10_000),
        with_array(RISK_VALIDATION, "styles.returns", lambda values: values[1:]),
    ],
)
def test_documents_that_do_not_fit_each_other_are_refused(change):
    documents = documents_of(MODEL)
    RiskModelResults.from_documents(documents)
    change(documents)
    with pytest.raises(CorruptBlob, match="do not fit each other"):
        RiskModelResults.from_documents(documents)
