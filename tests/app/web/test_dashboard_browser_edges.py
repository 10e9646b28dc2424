"""The dashboard in unusual places: other zones, other kinds of runs, short runs, a server that was away."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from app.schema.node_ids import encode_id, row_id
from app.settings import Settings
from db.pages import MAX_PAGE_SIZE
from db.runs.read import get_runs
from db.store import Store
from tests.app.web.browsing import Visit, launched_panel, playwright_api, visiting
from tests.db.samples import add_sample_dataset
from tests.e2e.graph import ended, launched
from tests.e2e.held_datasets import held_datasets
from tests.e2e.servers import Command, Server, commands
from tests.newer_store import make_unknown
from tests.stores import run_blocking

pytestmark = pytest.mark.slow

expect = playwright_api.expect

TICKS = """async address => {
  const of = name => import(new URL(address.replace("main.js", name), location.href));
  const { plotOptions } = await of("charts/plot_options.js");
  const { default: Plot } = await of("vendor/uplot.js");
  const { seconds } = await of("charts/days.js");
  const drawn = { series: [{ color: "--ink" }], width: 900, height: 200, format: String, range: null };
  const host = document.body.appendChild(document.createElement("div"));
  const columns = [["2021-01-31", "2022-07-17", "2023-12-31"].map(seconds), [1, 2, 3]];
  const plot = await new Promise(resolve =>
    new Plot(plotOptions({ ...drawn, hooks: { draw: [resolve] } }), columns, host));
  const { _splits: splits, _values: labels } = plot.axes[0];
  return splits.map((at, index) => [new Date(at * 1000).toISOString(), labels[index]]);
}"""
SWEEP = """
mutation Sweep($input: SweepFactorInput!) {
  sweepFactor(input: $input, waitSeconds: 20) { ... on SweepFactorSuccess { run { id } } }
}
"""
RISK_MODEL = """
mutation RiskModel($input: BuildRiskModelInput!) {
  buildRiskModel(input: $input, waitSeconds: 20) { ... on BuildRiskModelSuccess { run { id } } }
}
"""


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
def test_days_lie_where_they_are_in_every_zone(
    browser: playwright_api.Browser, server: Server, zone: str
) -> None:
    context = browser.new_context(timezone_id=zone)
    page = context.new_page()
    page.goto(server.url)
    ticks = page.evaluate(TICKS, page.locator("script").get_attribute("src"))
    assert ["2022-01-01T00:00:00.000Z", "Jan 2022"] in ticks
    assert all(moment.endswith("-01T00:00:00.000Z") for moment, _ in ticks), ticks
    context.close()


def test_no_dataset_is_hidden_by_a_hundred_versions_of_another(
    context: playwright_api.BrowserContext, demo_copy: Callable[[], Path]
) -> None:
    folder = demo_copy()
    url = Settings(_env_file=None, data_dir=folder / "data").store_url

    async def fetch_daily() -> None:
        async with await Store.open(url) as store:
            for number in range(MAX_PAGE_SIZE + 1):
                await add_sample_dataset(store, name="coins", fingerprint=f"f{number}")

    run_blocking(fetch_daily())
    with commands(folder) as start, visiting(context, start(Server).ready().url) as visit:
        for address, name in (("#/launch", "Computed from"), ("#/runs", "Dataset"), ("", "Dataset")):
            visit.open(address)
            choices = visit.page.get_by_label(name, exact=True).locator("option")
            expect(choices.filter(has_text="sample-synthetic")).to_have_count(1)
            expect(choices.filter(has_text="coins")).to_have_count(MAX_PAGE_SIZE + 1)


def test_a_run_of_a_newer_version_says_where_it_stands(visit: Visit, server: Server) -> None:
    run_id = launched(server, spec={"smb": {"breakpoint": 0.31}}, dataset=None)
    ended(server, run_id)
    key = row_id(run_id, "FactorRun")
    url = Settings(_env_file=None, data_dir=server.folder / "data").store_url

    async def become_unknown() -> None:
        async with await Store.open(url) as store:
            await make_unknown(store, (await get_runs(store, [key]))[key])

    run_blocking(become_unknown())
    visit.open(f"#/runs/{encode_id('OtherRun', key)}")
    main = visit.page.locator("main")
    expect(main.get_by_role("heading", level=1)).to_have_text("Session")
    expect(main).to_contain_text("finished")
    expect(main).to_contain_text("A run of a kind that this server does not know")
    visit.open("#/runs")
    expect(main.get_by_role("table")).to_be_visible()


def test_a_run_shorter_than_the_rolling_window_says_so(visit: Visit, server: Server) -> None:
    run_id = launched(server, spec={"smb": {"endDate": "2021-04-30"}}, dataset=None)
    visit.open(f"#/runs/{run_id}")
    rolling = visit.page.get_by_role("region", name="Rolling Sharpe and volatility")
    expect(rolling).to_contain_text("are fewer than the window has")
    expect(rolling.locator("canvas")).to_have_count(0)


def test_a_sweep_and_a_risk_model_are_summed_up(visit: Visit, server: Server) -> None:
    axes = [{"option": "LOOKBACK_PERIODS", "values": {"numbers": [2, 3]}}]
    swept = server.ask(SWEEP, input={"spec": {"momentum": {}}, "axes": axes})["sweepFactor"]["run"]["id"]
    visit.open(f"#/runs/{swept}")
    outcome = visit.page.get_by_role("region", name="In short")
    expect(outcome).to_contain_text("Lookback periods (2)")
    expect(outcome).to_contain_text("Momentum (price return over periods)")
    expect(visit.page.get_by_role("note")).to_contain_text("made up by a program")
    model = server.ask(RISK_MODEL, input={"config": None})["buildRiskModel"]["run"]["id"]
    visit.open(f"#/runs/{model}")
    expect(outcome).to_contain_text("Mean R")
    expect(visit.page.get_by_role("heading", level=1)).to_contain_text("Risk model")
    visit.page.get_by_role("link", name="Query in GraphiQL").click()
    expect(visit.page.locator(".graphiql-query-editor .CodeMirror")).to_contain_text("query RiskModel(")


def test_two_clicks_launch_one_run(visit: Visit) -> None:
    visit.open("#/launch/market?topN=7")
    button = visit.page.get_by_role("button", name="Launch", exact=True)
    button.evaluate("button => { button.click(); button.click(); }")
    expect(visit.page.get_by_role("region", name="Launched run")).to_contain_text("Open the run")
    assert len(visit.sent("Launch")) == 1


def complete_without_the_end(visit: Visit, server: Server, before: Callable[[], None] = lambda: None) -> None:
    """Let the page's subscription to a run tell nothing and complete once the run has ended."""

    def serve(socket: playwright_api.WebSocketRoute) -> None:
        def answer(text: str | bytes) -> None:
            message = json.loads(text)
            if message["type"] == "connection_init":
                socket.send(json.dumps({"type": "connection_ack"}))
            elif message["type"] == "subscribe":
                (run_id,) = message["payload"]["variables"].values()
                before()
                ended(server, run_id)
                socket.send(json.dumps({"type": "complete", "id": message["id"]}))

        socket.on_message(answer)

    visit.page.route_web_socket("**/graphql", serve)


def test_a_launched_run_whose_stream_lacks_the_end_is_asked_for_once(visit: Visit, server: Server) -> None:
    complete_without_the_end(visit, server)
    visit.open("#/launch/smb?minAssets=5001")
    visit.control("minAssets").wait_for()
    visit.launch()
    expect(launched_panel(visit)).to_contain_text("NO_PERIODS")
    assert len(visit.sent("LaunchedRunState")) == 1


def test_a_run_whose_stream_lacks_the_end_is_asked_for_once(visit: Visit, server: Server) -> None:
    with held_datasets(server.folder / "data") as release:
        run_id = launched(server, spec={"smb": {"minAssets": 5002}}, dataset=None)
        complete_without_the_end(visit, server, release)
        visit.open(f"#/runs/{run_id}")
        expect(visit.page.locator("main")).to_contain_text("NO_PERIODS")
    assert len(visit.sent("Run")) == 2, "when the page opened, and at the end"


def test_what_was_missed_while_the_server_was_away_appears(
    browser: playwright_api.Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder: Path = tmp_path_factory.mktemp("away")
    context = browser.new_context()
    with commands(folder) as start:
        first = start(Server).ready()
        port = int(first.url.rpartition(":")[2])
        with visiting(context, first.url) as visit:
            visit.open("")
            main = visit.page.locator("main")
            expect(main).to_contain_text("No factor model has been computed yet")
            first.end_by(signal.SIGINT)
            visit.page.evaluate("location.hash = '#/launch'")
            visit.page.evaluate("location.hash = '#/'")
            expect(main).to_contain_text("The server cannot be reached.")
            start(Command, "serve", "--port", str(port))
            expect(main).to_contain_text("No factor model has been computed yet", timeout=40_000)
            expect(main).not_to_contain_text("The server cannot be reached.")
            visit.page.route("**/pages/datasets.js", lambda route: route.abort())
            visit.page.evaluate("location.hash = '#/datasets'")
            expect(main).to_contain_text("The server cannot be reached.")
            visit.page.unroute("**/pages/datasets.js")
            visit.page.get_by_role("button", name="Try again").click()
            expect(main).to_contain_text("No datasets yet.")
            lost = [text for text in visit.complaints if "ERR_" in text]
            assert lost
            visit.complaints[:] = [text for text in visit.complaints if text not in lost]
    context.close()


def test_a_damaged_part_of_a_run_is_named_beside_the_sound_ones(
    context: playwright_api.BrowserContext, demo_copy: Callable[[], Path]
) -> None:
    folder = demo_copy()
    with closing(sqlite3.connect(folder / "data" / "factorql.sqlite")) as store:
        store.execute("UPDATE series SET checksum = checksum + 1 WHERE name = 'FACTOR'")
        store.commit()
    with commands(folder) as start:
        server = start(Server).ready()
        (run,) = server.ask("{ factorRuns(first: 1) { nodes { id } } }")["factorRuns"]["nodes"]
        with visiting(context, server.url) as visit:
            visit.open(f"#/runs/{run['id']}")
            expect(visit.page.get_by_role("alert").first).to_contain_text("series FACTOR is damaged")
            expect(visit.page.get_by_role("region", name="Composition")).to_contain_text("syn-")
            expect(visit.page.get_by_role("region", name="Monthly returns")).to_have_count(0)
