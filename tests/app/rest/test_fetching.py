"""Where no dataset serves, one is fetched: crypto for the factors, equities for their tickers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.app.rest.asking import COMPUTED, body
from tests.app.sources.stand_ins import artemis, coinbase, yahoo
from tests.app.sources.stand_ins.faults import Fault, Faults, serve_in_thread
from tests.app.test_main import ask, serving, settings_of

SPAN = {"start_date": "2024-06-01", "end_date": "2025-05-31"}
TICKERS = [f"S{index:03}" for index in range(6)]
DATASETS = "{ datasets { nodes { name calendar firstDate lastDate assetCount } } }"


@pytest.fixture(scope="module")
def faults() -> dict[str, Faults]:
    return {name: Faults() for name in ("artemis", "coinbase", "yahoo")}


@pytest.fixture(scope="module")
def vendors(faults: dict[str, Faults]) -> Iterator[dict[str, str]]:
    """Settings that lead to six coins and six stocks."""
    with ExitStack() as stack:
        applications = {
            "artemis": artemis.application(faults["artemis"], coins=coins()),
            "coinbase": coinbase.application(faults["coinbase"], listings=coinbase.many(6)),
            "yahoo": yahoo.application(faults["yahoo"], stocks=yahoo.many(6)),
        }
        yield {
            f"{name}_base_url": stack.enter_context(serve_in_thread(application))
            for name, application in applications.items()
        }


def coins() -> tuple[artemis.Coin, ...]:
    return tuple(artemis.Coin(artemis_id=f"coin-{index}", symbol=f"c{index:03}") for index in range(6))


@pytest.fixture
def client(tmp_path: Path, vendors: dict[str, str]) -> Iterator[httpx.Client]:
    with serving(settings_of(tmp_path, ARTEMIS_API_KEY=artemis.KEY, **vendors)) as client:
        yield client


def datasets(client: httpx.Client) -> list[dict[str, Any]]:
    return ask(client, DATASETS)["datasets"]["nodes"]


def test_with_a_key_and_no_dataset_one_is_fetched_and_computed_on(
    client: httpx.Client, faults: dict[str, Faults]
) -> None:
    request = body("smb", min_assets=5, market_cap_threshold=0, liquidity_threshold=0, **SPAN)
    response = client.post("/compute/smb", json=request)
    assert response.status_code == 200, response.text
    assert response.json().keys() == COMPUTED
    (dataset,) = datasets(client)
    assert dataset["name"] == "crypto"
    assert dataset["firstDate"] < "2023-06-01" < SPAN["end_date"] == dataset["lastDate"]
    asked = len(faults["artemis"].asked())
    assert client.post("/compute/smb", json=request | {"min_assets": 6}).status_code == 200
    assert len(faults["artemis"].asked()) == asked


def test_what_a_vendor_refuses_is_told(client: httpx.Client, faults: dict[str, Faults]) -> None:
    faults["artemis"].add(Fault(status=401))
    try:
        response = client.post("/compute/smb", json=body(**SPAN))
    finally:
        faults["artemis"].clear()
    assert response.status_code == 400
    assert "Artemis" in response.json()["detail"]
    assert artemis.KEY not in response.text
    assert not datasets(client)


def test_equities_are_fetched_by_their_tickers_once(client: httpx.Client, faults: dict[str, Faults]) -> None:
    request = {"tickers": [ticker.lower() for ticker in TICKERS], **SPAN}
    response = client.post("/compute/equity-factors", json=request)
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["tickers"] == TICKERS
    assert set(answer["factors"]) == {"smb", "market", "momentum", "momentum_v2"}
    assert set(answer["left_out"]) == {"value", "growth"}
    assert all(one.keys() == COMPUTED for one in answer["factors"].values())
    assert {one["config"]["min_assets"] for one in answer["factors"].values()} == {5, 6}
    (dataset,) = datasets(client)
    assert (dataset["name"], dataset["calendar"]) == (answer["dataset"], "OBSERVED")
    asked = len(faults["yahoo"].asked())
    fewer = client.post("/compute/equity-factors", json=request | {"tickers": TICKERS[:5]})
    assert fewer.json()["tickers"] == TICKERS[:5]
    assert len(faults["yahoo"].asked()) == asked


def test_two_equities_are_a_market_but_no_ranking(client: httpx.Client) -> None:
    answer = client.post("/compute/equity-factors", json={"tickers": TICKERS[:2], **SPAN}).json()
    assert set(answer["factors"]) == {"market"}
    assert "5 assets" in answer["left_out"]["smb"]


def test_equities_do_not_become_what_crypto_factors_are_computed_on(client: httpx.Client) -> None:
    crypto = body("smb", min_assets=5, market_cap_threshold=0, liquidity_threshold=0, **SPAN)
    assert client.post("/compute/smb", json=crypto).status_code == 200
    equities = client.post("/compute/equity-factors", json={"tickers": TICKERS[:2], **SPAN})
    assert equities.status_code == 200
    assert len(datasets(client)) == 2
    again = client.post("/compute/smb", json=crypto | {"min_assets": 6})
    assert again.status_code == 200
    assert again.json()["config"]["min_assets"] == 6


@pytest.mark.parametrize(
    "tickers", [[], ["a b"], ["../x"], [""], [7], "AAPL", [f"T{n}" for n in range(101)], ["A" * 40]]
)
def test_odd_tickers_are_named(empty: httpx.Client, tickers: object) -> None:
    response = empty.post("/compute/equity-factors", json={"tickers": tickers, **SPAN})
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"][:2] == ["body", "tickers"]


def test_a_span_without_data_is_told(client: httpx.Client) -> None:
    old = {"start_date": "1980-01-01", "end_date": "1981-01-01"}
    response = client.post("/compute/equity-factors", json={"tickers": TICKERS[:2], **old})
    assert response.status_code == 400
    assert response.json()["detail"]


def test_a_run_that_is_not_over_in_time_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendors: dict[str, str], faults: dict[str, Faults]
) -> None:
    monkeypatch.setattr("app.runs.awaited._GRACE_SECONDS", 0.0)
    settings = settings_of(tmp_path, ARTEMIS_API_KEY=artemis.KEY, run_timeout_seconds=0.2, **vendors)
    faults["artemis"].add(Fault(delay_seconds=0.5))
    try:
        with serving(settings) as client:
            response = client.post("/compute/smb", json=body(**SPAN))
    finally:
        faults["artemis"].clear()
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert "ask again" in response.json()["detail"]
