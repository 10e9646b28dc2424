"""Runs of every kind in a browser: listed, told apart, filtered, canceled."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.schema.node_ids import row_id
from app.settings import Settings
from db.runs.read import get_runs
from db.store import Store
from tests.app.schema.fetching import add_fetch
from tests.app.web.browsing import Visit, playwright_api, visiting
from tests.e2e.graph import ended, launched
from tests.e2e.held_datasets import held_datasets
from tests.e2e.servers import Server, commands
from tests.newer_store import make_unknown
from tests.stores import run_blocking

pytestmark = pytest.mark.slow

expect = playwright_api.expect

SWEEP = """
mutation Sweep($input: SweepFactorInput!, $waitSeconds: Float! = 0) {
  sweepFactor(input: $input, waitSeconds: $waitSeconds) { ... on SweepFactorSuccess { run { id } } }
}
"""
RISK_MODEL = """
mutation RiskModel($input: BuildRiskModelInput!) {
  buildRiskModel(input: $input, waitSeconds: 20) { ... on BuildRiskModelSuccess { run { id } } }
}
"""
AXES = [{"option": "LOOKBACK_PERIODS", "values": {"numbers": [2, 3]}}]
SWEPT = "Momentum (price return over periods)"


@pytest.fixture(scope="module")
def kinds(demo_copy: Callable[[], Path]) -> Iterator[Server]:
    """A server with runs of every kind and one of a kind that only a newer version has."""
    folder = demo_copy()
    with commands(folder) as start:
        server = start(Server).ready()
        swept = {"spec": {"momentum": {}}, "axes": AXES, "tags": ["overnight"]}
        server.ask(SWEEP, input=swept, waitSeconds=20)
        server.ask(RISK_MODEL, input={"config": None})
        run_id = launched(server, spec={"smb": {"breakpoint": 0.31}}, dataset=None)
        ended(server, run_id)
        key = row_id(run_id, "FactorRun")
        url = Settings(_env_file=None, data_dir=server.folder / "data").store_url

        async def add_others() -> None:
            async with await Store.open(url) as store:
                await make_unknown(store, (await get_runs(store, [key]))[key])
                await add_fetch(store)

        run_blocking(add_others())
        yield server


@pytest.fixture
def visit(context: playwright_api.BrowserContext, kinds: Server) -> Iterator[Visit]:
    with visiting(context, kinds.url) as visit:
        yield visit


def row(visit: Visit, *texts: str) -> playwright_api.Locator:
    found = visit.page.locator("tbody tr")
    for text in texts:
        found = found.filter(has_text=text)
    return found


def test_runs_of_every_kind_are_listed_with_what_they_are_about(visit: Visit) -> None:
    visit.open("#/runs")
    expect(row(visit, "Factor run", "Size (small minus big)")).to_contain_text("+34.3")
    expect(row(visit, "Sweep", SWEPT, "best of 2 configs")).to_contain_text("overnight")
    expect(row(visit, "Sweep", SWEPT)).to_contain_text("%")
    expect(row(visit, "Risk model")).to_contain_text("default styles")
    expect(row(visit, "Fetch", "Coinmetrics, 1 Jan 2024")).to_contain_text("fetched v1")
    expect(row(visit, "Session")).to_contain_text("Succeeded")
    assert visit.overflow() <= 0
    for name, title in (("Session", "Session"), ("fetched", "Fetch"), ("Risk model", "Risk model")):
        visit.page.get_by_role("link", name=name, exact=True).click()
        expect(visit.page.get_by_role("heading", level=1)).to_have_text(re.compile(title))
        visit.page.go_back()


def test_the_list_is_that_of_one_kind_where_it_is_asked_for(visit: Visit) -> None:
    visit.open("#/runs")
    kind = visit.page.get_by_label("Kind")
    expect(kind.locator("option")).to_have_text(["Any", "Factor run", "Fetch", "Risk model", "Sweep"])
    expect(visit.page.get_by_label("Order")).to_have_count(0)
    kind.select_option("FETCH")
    expect(visit.page.locator("tbody tr")).to_have_count(1)
    expect(visit.page.get_by_role("columnheader", name="Sharpe")).to_have_count(0)
    assert "kind=FETCH" in visit.page.url
    kind.select_option("SWEEP")
    expect(visit.page.locator("tbody")).to_contain_text("best of 2 configs")
    visit.open("#/runs?kind=SESSION")
    expect(visit.page.locator("tbody tr")).to_have_count(1)
    expect(kind.locator("option:checked")).to_have_text("one that is not listed")


def test_a_factor_is_the_subject_of_its_runs_and_of_its_sweeps(visit: Visit) -> None:
    visit.open("#/runs?factor=MOMENTUM")
    expect(visit.page.locator("tbody tr")).to_have_count(2)
    expect(row(visit, "Sweep")).to_have_count(1)
    expect(row(visit, "Factor run")).to_have_count(1)


def test_factor_runs_keep_their_orders_and_an_order_alone_asks_for_them(visit: Visit) -> None:
    visit.open("#/runs?order=SHARPE_RATIO")
    expect(visit.page.get_by_label("Kind")).to_have_value("FACTOR")
    subjects = visit.page.locator("tbody th")
    expect(subjects).to_have_count(6)
    expect(subjects.first).to_have_text("Growth (fees, users, revenue)")
    visit.page.get_by_label("Order").select_option("MAX_DRAWDOWN")
    expect(subjects.first).to_have_text("Market (largest assets, long only)")
    visit.page.get_by_label("Factor", exact=True).select_option("SMB")
    expect(subjects).to_have_text(["Size (small minus big)"])
    visit.page.get_by_label("Order").select_option("")
    assert "kind=FACTOR" in visit.page.url
    visit.page.get_by_label("Kind").select_option("RISK_MODEL")
    visit.page.get_by_label("Factor", exact=True).select_option("")
    expect(subjects).to_have_text([re.compile("Risk model")])
    assert "order=" not in visit.page.url


def test_a_sweep_that_waits_appears_by_itself_and_is_canceled(visit: Visit, kinds: Server) -> None:
    visit.open("#/runs?kind=SWEEP")
    expect(row(visit, SWEPT)).to_have_count(1)
    with held_datasets(kinds.folder / "data"):
        axes = [{"option": "LOOKBACK_PERIODS", "values": {"numbers": [2, 3, 4]}}]
        swept = {"spec": {"momentum": {}}, "axes": axes, "dataset": {"name": "sample-synthetic"}}
        kinds.ask(SWEEP, input=swept)
        newest = row(visit, "3 configs")
        newest.get_by_role("button", name=f"Cancel {SWEPT}").click()
        expect(newest).to_contain_text("Canceled")
    expect(newest.get_by_role("button")).to_have_count(0)


def test_the_overview_tells_kinds_apart_among_the_recent_runs(visit: Visit) -> None:
    visit.open("")
    recent = visit.page.get_by_role("region", name="Recent runs").first
    expect(recent.locator("tbody tr").filter(has_text="Sweep: best of")).to_contain_text("Momentum")
    expect(recent).to_contain_text("Risk model")
    expect(recent).to_contain_text("Session")


def test_a_damaged_result_of_one_run_leaves_the_others_in_the_list(
    visit: Visit,
) -> None:
    def spoil(route: playwright_api.Route) -> None:
        answer = route.fetch()
        body = answer.json()
        if any(run.get("result") for run in (body["data"].get("list") or {"nodes": []})["nodes"]):
            body["errors"] = [{"message": "the result is damaged", "extensions": {"code": "CORRUPT"}}]
        route.fulfill(response=answer, json=body)

    visit.page.route("**/graphql", spoil)
    visit.open("#/runs")
    expect(visit.page.get_by_role("alert")).to_contain_text("the result is damaged")
    expect(row(visit, "Size (small minus big)")).to_have_count(1)


def test_a_run_of_a_kind_that_the_server_knows_and_the_page_does_not_is_shown(visit: Visit) -> None:
    def rename(route: playwright_api.Route) -> None:
        answer = route.fetch()
        text = answer.text().replace('"FetchRun"', '"NewerRun"').replace('"FETCH"', '"NEWER_KIND"')
        route.fulfill(response=answer, body=text)

    visit.page.route("**/graphql", rename)
    visit.open("#/runs")
    expect(row(visit, "Newer kind")).to_have_count(1)
    visit.page.get_by_role("link", name="Newer kind").click()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Newer kind")
    expect(visit.page.get_by_role("note")).to_contain_text("NewerRun")
