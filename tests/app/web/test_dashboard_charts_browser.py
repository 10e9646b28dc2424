"""The dashboard's overview and its view of a run, used as a reader uses them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.app.web.browsing import Visit, chromium, playwright_api, visiting
from tests.e2e.graph import launched
from tests.e2e.held_datasets import held_datasets
from tests.e2e.servers import Server, commands

pytestmark = pytest.mark.slow

expect = playwright_api.expect

LATEST = """
{ latestFactorRuns { id factor { name title } performance { annualizedReturn sharpeRatio maxDrawdown } } }
"""
HELD = """
query Held($id: ID!, $date: Date) {
  run(id: $id) { ... on FactorRun { compositionDates composition(date: $date) {
    date startDate long { asset weight periodReturn } short { asset weight periodReturn }
  } } }
}
"""
MONTHS = (
    "query Months($id: ID!) { run(id: $id) { ... on FactorRun { monthlyReturns { year month return } } } }"
)
IMPORT = "mutation Import($files: [Upload!]!) { importFactorLogs(files: $files) { __typename } }"
IMPORTED_LOG = (
    "run_id,factor,breakpoint,min_assets,weighting_method,cumulative_returns,annualized_return,years,"
    "long_only_returns,short_only_returns,trailing_momentum_lookback_periods,sharpe_ratio,sortino_ratio,"
    "start_date,end_date\n"
    "20190101_120000,smb,0.5,30,equal,0.21,0.1,2.0,0.4,0.2,,0.7,1.1,2017-01-01,2018-12-30\n"
)


@pytest.fixture(scope="module")
def server(demo_copy: Callable[[], Path]) -> Iterator[Server]:
    """A server with what `factorql demo` leaves, and one imported run without a return series."""
    with commands(demo_copy()) as start:
        server = start(Server).ready()
        server.upload(IMPORT, {"files": [None]}, [("variables.files.0", "smb.csv", IMPORTED_LOG.encode())])
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright_api.Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def context(browser: playwright_api.Browser) -> Iterator[playwright_api.BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.set_default_timeout(8_000)
    yield context
    context.close()


@pytest.fixture
def visit(context: playwright_api.BrowserContext, server: Server) -> Iterator[Visit]:
    with visiting(context, server.url) as visit:
        yield visit


@pytest.fixture(scope="module")
def numbers(browser: playwright_api.Browser, server: Server) -> Iterator[playwright_api.Page]:
    """A page of a reader in Tokyo with the dashboard's formats at hand."""
    context = browser.new_context(timezone_id="Asia/Tokyo")
    page = context.new_page()
    page.goto(server.url)
    script = page.locator("script").get_attribute("src") or ""
    address = script.replace("main.js", "lib/format.js")
    page.evaluate(
        "async address => { window.format = await import(new URL(address, location.href)) }", address
    )
    yield page
    context.close()


@pytest.fixture(scope="module")
def latest(server: Server) -> dict[str, Any]:
    return {run["factor"]["name"]: run for run in server.ask(LATEST)["latestFactorRuns"]}


def percent(value: float, digits: int = 1, sign: bool = True) -> str:
    """As the page writes it."""
    text = f"{value * 100:+.{digits}f}" if sign else f"{value * 100:.{digits}f}"
    return f"{text}\u202f%".replace("-", "\u2212")


def address_of(visit: Visit) -> dict[str, str]:
    """The parameters of the view's address."""
    query = urlsplit(visit.page.url).fragment.partition("?")[2]
    return {name: values[0] for name, values in parse_qs(query).items()}


def panel(visit: Visit, name: str) -> playwright_api.Locator:
    return visit.page.locator(f"section[aria-label='{name}']")


def readout(visit: Visit) -> str:
    return visit.page.locator(".legend-day").first.inner_text()


# -- numbers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        ("percent(0.12345)", "12.3 %"),
        ("percent(-0.0004)", "0.0 %"),
        ("percent(-0.5)", "\u221250.0 %"),
        ("percent(12.345)", "1,235 %"),
        ("percent(null)", "\u2013"),
        ("signed(0.0666)", "+6.7 %"),
        ("signed(0)", "0.0 %"),
        ("ratio(1.449)", "1.45"),
        ("ratio(-0.001)", "0.00"),
        ("ratio(NaN)", "\u2013"),
        ("integer(1234567)", "1,234,567"),
        ("compact(35000000)", "35 M"),
        ("axisNumber(350)", "350"),
        ("axisNumber(0.25)", "0.25"),
        ("growth(123.45)", "123.5"),
        ("growth(5571738)", "5.57 M"),
        ("day('2024-09-01')", "1 Sep 2024"),
        ("moment('2024-01-31T16:00:00+00:00')", "1 Feb 2024, 01:00"),
        ("duration(950)", "950 ms"),
        ("duration(59990)", "1 min 0 s"),
        ("duration(119700)", "2 min 0 s"),
        ("words('MARKET_CAP')", "Market cap"),
        ("words('maxAbsReturn')", "Max abs return"),
        ("plural(1, 'period')", "1 period"),
        ("plural(1200, 'period')", "1,200 periods"),
    ],
)
def test_numbers_and_times_are_written_for_people(
    numbers: playwright_api.Page, call: str, shown: str
) -> None:
    assert numbers.evaluate(f"format.{call}").replace("\u202f", " ") == shown


# -- overview ----------------------------------------------------------------------------------------------


def test_the_table_has_the_graphs_numbers_and_sorts(visit: Visit, latest: dict[str, Any]) -> None:
    visit.open("")
    table = panel(visit, "Metrics").locator("table")
    names = table.locator("tbody th a")
    expect(names).to_have_count(6)
    for run in latest.values():
        row = table.locator("tbody tr").filter(has=visit.page.locator(f"a[href='#/runs/{run['id']}']"))
        expect(row).to_contain_text(percent(run["performance"]["annualizedReturn"]))
        expect(row).to_contain_text(percent(run["performance"]["maxDrawdown"], sign=False))
        expect(row.get_by_role("img", name="Drawdown over time")).to_be_visible()

    sharpe = {
        run["factor"]["title"].split(" (")[0]: run["performance"]["sharpeRatio"] for run in latest.values()
    }
    button = table.get_by_role("button", name="Sharpe", exact=True)
    button.focus()
    visit.page.keyboard.press("Enter")
    assert names.all_inner_texts() == sorted(sharpe, key=lambda name: -sharpe[name])
    visit.page.keyboard.press("Enter")
    assert names.all_inner_texts() == sorted(sharpe, key=lambda name: sharpe[name])
    expect(table.locator("th[aria-sort=ascending]")).to_have_text("Sharpe")
    assert address_of(visit) == {"sort": "sharpe"}


def test_correlations_are_those_of_the_graph(visit: Visit, server: Server, latest: dict[str, Any]) -> None:
    ids = [latest["SMB"]["id"], latest["MOMENTUM"]["id"]]
    query = "query C($runs: [ID!]!) { factorCorrelations(runs: $runs) { values } }"
    value = server.ask(query, runs=ids)["factorCorrelations"]["values"][0][1]
    visit.open("")
    heat = panel(visit, "Correlations").locator("table")
    expect(heat.locator("td")).to_have_count(36)
    expect(heat.locator("td[title^='Size and Momentum:']")).to_have_text(
        f"{value:.2f}".replace("-", "\u2212")
    )


def test_a_line_is_switched_off_and_the_address_keeps_it(visit: Visit) -> None:
    visit.open("")
    entry = visit.page.get_by_role("button", name=re.compile("^Market"))
    entry.click()
    expect(entry).to_have_attribute("aria-pressed", "false")
    visit.page.get_by_label("Log scale").check()
    visit.wait_until(lambda: address_of(visit) == {"hidden": "MARKET", "log": "1"})
    visit.page.reload()
    expect(visit.page.get_by_role("button", name=re.compile("^Market"))).to_have_attribute(
        "aria-pressed", "false"
    )
    expect(visit.page.get_by_label("Log scale")).to_be_checked()
    visit.expect_chart(visit.page.locator("main"))


def test_a_line_that_grew_a_thousandfold_and_ended_early_is_drawn_and_read_rightly(visit: Visit) -> None:
    def change(route: playwright_api.Route) -> None:
        response = route.fetch()
        answer = response.json()
        for run in (answer.get("data") or {}).get("latestFactorRuns") or []:
            (growth,) = run["growth"] or [{"dates": [], "values": []}]
            if run["factor"]["name"] == "SMB":
                growth["dates"] = growth["dates"][:100]
                growth["values"] = [100 * 1.1**number for number in range(100)]
        route.fulfill(response=response, json=answer)

    visit.page.route("**/graphql", change)
    visit.open("")
    expect(visit.page.get_by_label("Log scale")).to_be_checked()
    entry = visit.page.get_by_role("button", name=re.compile("^Size"))
    expect(entry).to_contain_text("1.25\u202fM")
    assert readout(visit) == "Last values"
    chart = visit.page.locator(".chart-canvas").first
    chart.focus()
    visit.page.keyboard.press("End")
    visit.wait_until(lambda: readout(visit) == "31 Dec 2023")
    expect(entry).to_contain_text("\u2013")
    visit.page.get_by_label("Log scale").uncheck()
    visit.wait_until(lambda: address_of(visit) == {"log": "0"})


def test_the_cursor_tells_values_by_mouse_and_by_keyboard(visit: Visit) -> None:
    visit.open("")
    visit.expect_chart(visit.page.locator("main"))
    chart = visit.page.locator(".chart-canvas").first
    assert readout(visit) == "31 Dec 2023"
    visit.page.locator(".u-over").first.hover(position={"x": 2, "y": 60})
    visit.wait_until(lambda: readout(visit) == "31 Jan 2021")
    visit.page.mouse.move(5, 5)
    chart.focus()
    visit.page.keyboard.press("End")
    visit.page.keyboard.press("ArrowLeft")
    visit.wait_until(lambda: readout(visit) == "24 Dec 2023")
    expect(visit.page.locator(".chart [role=status]").first).to_contain_text("24 Dec 2023: ")


def test_a_range_is_chosen_by_keyboard_by_dragging_and_by_button(visit: Visit) -> None:
    visit.open("")
    visit.expect_chart(visit.page.locator("main"))
    visit.page.get_by_role("slider", name="Start of the range").focus()
    visit.page.keyboard.press("PageDown")
    visit.wait_until(lambda: address_of(visit) == {"from": "2021-05-02", "to": "2023-12-31"})
    visit.page.get_by_role("button", name="All", exact=True).click()
    visit.wait_until(lambda: address_of(visit) == {})
    box = visit.page.locator(".u-over").first.bounding_box()
    assert box is not None
    visit.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 90)
    visit.page.mouse.down()
    visit.page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 90, steps=6)
    visit.page.mouse.up()
    visit.wait_until(lambda: address_of(visit).get("from", "").startswith("2022-07"))
    visit.page.get_by_label("Rebase").check()
    visit.wait_until(lambda: address_of(visit).get("rebase") == "1")


def test_filters_are_in_the_address_and_lead_to_what_fits(visit: Visit) -> None:
    visit.open("")
    visit.page.get_by_label("Origin").select_option("IMPORTED")
    visit.wait_until(lambda: address_of(visit) == {"origin": "IMPORTED"})
    expect(panel(visit, "Growth of 100")).to_contain_text("None of these runs has a return series")
    expect(panel(visit, "Metrics").locator("tbody tr")).to_have_count(1)
    visit.page.get_by_label("Dataset").select_option(label="sample-synthetic v1 (synthetic)")
    expect(visit.page.locator("main")).to_contain_text("No run fits this filter")
    visit.page.get_by_role("link", name="Show all runs").click()
    expect(panel(visit, "Metrics").locator("tbody tr")).to_have_count(6)


def test_a_run_that_ends_appears_by_itself(visit: Visit, server: Server) -> None:
    visit.open("")
    recent = panel(visit, "Recent runs")
    expect(recent.locator("tbody tr")).not_to_have_count(0)
    run_id = launched(server, spec={"smb": {"breakpoint": 0.2}}, dataset=None)
    link = visit.page.locator(f"a[href='#/runs/{run_id}']")
    expect(recent.locator("tr").filter(has=link)).to_contain_text("Succeeded")


# -- run ---------------------------------------------------------------------------------------------------


def test_a_run_shows_its_curves_and_its_months(visit: Visit, server: Server, latest: dict[str, Any]) -> None:
    run = latest["VALUE"]
    visit.open(f"#/runs/{run['id']}")
    expect(visit.page.get_by_role("heading", level=1)).to_contain_text("historical direction: long expensive")
    expect(visit.page.get_by_role("note").first).to_contain_text("made up by a program")
    for name in ("Growth of 100 and drawdown", "Long and short legs", "Rolling Sharpe and volatility"):
        visit.expect_chart(panel(visit, name))
    months = server.ask(MONTHS, id=run["id"])["run"]["monthlyReturns"]
    cells = panel(visit, "Monthly returns").locator("td")
    may = next(one["return"] for one in months if (one["year"], one["month"]) == (2022, 5))
    expect(cells.and_(visit.page.locator("[title^='May 2022']"))).to_have_text(percent(may))
    year = 1.0
    for one in months:
        year *= 1 + one["return"] if one["year"] == 2022 else 1
    expect(cells.and_(visit.page.locator("[title^='2022:']"))).to_have_text(percent(year - 1))


def test_the_slider_shows_what_was_held_and_what_it_added(
    visit: Visit, server: Server, latest: dict[str, Any]
) -> None:
    run_id = latest["MOMENTUM"]["id"]
    dates = server.ask(HELD, id=run_id)["run"]["compositionDates"]
    visit.open(f"#/runs/{run_id}?date={dates[40]}")
    composition = visit.page.locator("#composition")
    expect(composition.locator("output")).not_to_be_empty()
    composition.get_by_role("slider").focus()
    visit.page.keyboard.press("ArrowLeft")
    visit.wait_until(lambda: address_of(visit) == {"date": dates[39]})
    held = server.ask(HELD, id=run_id, date=dates[39])["run"]["composition"]
    for leg, sign in (("long", 1), ("short", -1)):
        holdings = held[leg]
        total = sum(
            sign * one["weight"] * one["periodReturn"] for one in holdings if one["periodReturn"] is not None
        )
        shown = composition.locator(".leg").nth(0 if leg == "long" else 1)
        expect(shown.locator("h3")).to_contain_text(percent(total, 2))
        expect(shown.locator("tbody tr")).to_have_count(len(holdings))
        assert set(shown.locator("tbody th").all_inner_texts()) == {one["asset"] for one in holdings}


def test_every_request_of_a_run_asks_for_that_run_only(visit: Visit, latest: dict[str, Any]) -> None:
    run_id = latest["MARKET"]["id"]
    visit.open(f"#/runs/{run_id}")
    visit.expect_chart(panel(visit, "Growth of 100 and drawdown"))
    expect(panel(visit, "Long leg").or_(visit.page.locator(".leg")).first).to_be_visible()
    assert {each["variables"]["id"] for each in visit.operations} == {run_id}
    (select,) = (each["variables"]["select"] for each in visit.operations if "select" in each["variables"])
    # A long-only factor without costs has neither legs nor a net curve to draw.
    assert {each["name"] for each in select} == {"FACTOR"}
    expect(visit.page.get_by_role("heading", name="Long and short legs")).to_have_count(0)


def test_costs_skips_and_short_windows_are_shown(visit: Visit, server: Server) -> None:
    spec = {"smb": {"minAssets": 58, "costBps": 20, "liquidityThreshold": None, "marketCapThreshold": None}}
    spec["smb"]["minLifetimeDays"] = None
    run_id = launched(server, spec=spec, dataset=None)
    visit.open(f"#/runs/{run_id}")
    curves = panel(visit, "Growth of 100 and drawdown")
    expect(curves).to_contain_text(
        "skipped for want of eligible assets; shaded: 12 Mar 2023 \u2013 9 Apr 2023"
    )
    expect(curves).to_contain_text("Net of costs")
    rolling = panel(visit, "Rolling Sharpe and volatility")
    rolling.get_by_role("button", name="13").click()
    expect(rolling).to_contain_text("over the last 13 periods")
    assert address_of(visit) == {"window": "13"}


def test_the_same_query_opens_in_graphiql(visit: Visit, latest: dict[str, Any]) -> None:
    run_id = latest["SMB"]["id"]
    visit.open(f"#/runs/{run_id}")
    link = visit.page.get_by_role("link", name="Query in GraphiQL")
    parameters = parse_qs(urlsplit(link.get_attribute("href") or "").query)
    assert run_id in parameters["variables"][0]
    (asked,) = (each["query"] for each in visit.operations if each["query"].startswith("query Run("))
    assert " ".join(parameters["query"][0].split()) == asked
    link.click()
    expect(visit.page.locator(".graphiql-query-editor .CodeMirror")).to_contain_text("query Run(")


def test_a_run_under_way_is_followed_to_its_end(visit: Visit, server: Server) -> None:
    with held_datasets(server.folder / "data") as release:
        run_id = launched(server, spec={"growth": {"growthWindow": 5}}, dataset=None, force=True)
        visit.open(f"#/runs/{run_id}")
        progress = panel(visit, "Progress")
        expect(progress.get_by_role("progressbar")).to_be_visible()
        release()
        expect(panel(visit, "Key figures")).to_be_visible()
    expect(progress).to_have_count(0)
    visit.expect_chart(panel(visit, "Growth of 100 and drawdown"))


def test_a_run_that_failed_or_was_imported_says_what_it_lacks(visit: Visit, server: Server) -> None:
    run_id = launched(server, spec={"smb": {"minAssets": 60}}, dataset=None)
    visit.open(f"#/runs/{run_id}")
    expect(visit.page.get_by_role("alert")).to_contain_text("60 are needed")
    expect(panel(visit, "Configuration")).to_contain_text("60")
    query = '{ importedRun(factor: SMB, legacyRunId: "20190101_120000") { id } }'
    imported = server.ask(query)["importedRun"]["id"]
    visit.open(f"#/runs/{imported}")
    expect(panel(visit, "Growth of 100")).to_contain_text("No return series")
    expect(panel(visit, "Composition")).to_contain_text("Its holdings are not known")
    expect(panel(visit, "Configuration")).to_contain_text("not recorded")


def test_an_address_without_a_run_says_so(visit: Visit) -> None:
    visit.open("#/runs/nothing")
    expect(visit.page.get_by_role("alert")).to_contain_text("not the id of anything")
    visit.open("#/nowhere")
    expect(visit.page.locator("main")).to_contain_text("Nothing lies at this address")
