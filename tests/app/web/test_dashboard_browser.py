"""The dashboard's forms and lists, used as a reader uses them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.app.web.browsing import Visit, chromium, playwright_api, visiting
from tests.e2e.graph import launched
from tests.e2e.held_datasets import held_datasets
from tests.e2e.panels import csv_of, rows
from tests.e2e.servers import Server, commands, run_command

expect = playwright_api.expect

BAD_LINES = 30
IMPORT = "mutation Import($files: [Upload!]!) { importFactorLogs(files: $files) { __typename } }"
RUN_COUNT = "{ factorRuns(first: 1) { totalCount } }"
TOKEN = "token-of-the-test"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with what `factorql demo` leaves, and one import of logs with lines that say nothing."""
    folder = tmp_path_factory.mktemp("demo")
    done = run_command(folder, "demo", "--no-serve")
    assert done.returncode == 0, done.stderr
    with commands(folder) as start:
        server = start(Server).ready()
        lines = [
            "run_id,factor,breakpoint",
            *(f"2024010{n % 9}_0000{n:02},carry,{n}" for n in range(BAD_LINES)),
        ]
        log = ("variables.files.0", "carry.csv", "\n".join(lines).encode())
        server.upload(IMPORT, {"files": [None]}, [log])
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright_api.Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def context(browser: playwright_api.Browser) -> Iterator[playwright_api.BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 860}, timezone_id="Asia/Tokyo")
    context.set_default_timeout(8_000)
    yield context
    context.close()


@pytest.fixture
def visit(context: playwright_api.BrowserContext, server: Server) -> Iterator[Visit]:
    with visiting(context, server.url) as visit:
        yield visit


def launched_panel(visit: Visit) -> playwright_api.Locator:
    return visit.page.get_by_role("region", name="Launched run")


def input_fields(server: Server, name: str) -> dict[str, Any]:
    query = "query Fields($name: String!) { __type(name: $name) { inputFields { name description } } }"
    answer = server.ask(query, name=name)
    return {each["name"]: each["description"] for each in answer["__type"]["inputFields"]}


# -- overview ----------------------------------------------------------------------------------------------


def test_the_overview_draws_every_factor_and_says_that_the_data_is_synthetic(visit: Visit) -> None:
    visit.open("")
    expect(visit.page.get_by_role("heading", level=1)).to_be_visible()
    visit.expect_chart(visit.page.locator("main"))
    for title in ("Size", "Market", "Value", "Momentum", "Growth"):
        expect(visit.page.locator("main")).to_contain_text(title)
    expect(visit.page.get_by_role("note").first).to_contain_text("made up by a program")


# -- launch ------------------------------------------------------------------------------------------------


def test_the_form_has_every_option_of_the_schema_with_its_default_and_its_help(
    visit: Visit, server: Server
) -> None:
    visit.open("#/launch/momentum")
    visit.control("lookbackPeriods").wait_for()
    described = input_fields(server, "MomentumInput")
    shown = visit.page.locator("[data-option]").evaluate_all("all => all.map(one => one.dataset.option)")
    assert set(described) <= set(shown)
    assert {"dataset", "tags", "note", "force"} <= set(shown)
    names = [name for name in described if name not in {"volatilityAdjusted"}]
    selection = f"... on MomentumConfig {{ {' '.join(names)} }}"
    query = f"{{ factor(name: MOMENTUM) {{ defaultConfig {{ {selection} }} }} }}"
    for name, value in server.ask(query)["factor"]["defaultConfig"].items():
        text = "" if value in (None, []) else f"{value:g}" if isinstance(value, float) else str(value)
        typed = visit.control(name).input_value()
        assert (float(typed) == float(text)) if isinstance(value, float) else typed == text, name
    help_text = visit.option("costBps").locator(".field-hint").last
    expect(help_text).to_contain_text("Cost of trading in basis points")
    expect(visit.option("marketCapThreshold").get_by_role("checkbox")).not_to_be_checked()
    assert visit.option("costBps").get_by_role("checkbox").count() == 0


def test_another_factor_brings_its_own_options_by_keyboard(visit: Visit) -> None:
    visit.open("#/launch/smb?breakpoint=0.3")
    visit.page.get_by_role("radio", name=re.compile("^Size")).focus()
    visit.page.keyboard.press("ArrowDown")
    expect(visit.control("topN")).to_have_value("10")
    expect(visit.option("breakpoint")).to_have_count(0)
    assert "#/launch/market" in visit.page.url
    visit.page.keyboard.press("ArrowUp")
    expect(visit.control("breakpoint")).to_have_value("0.3")
    assert visit.page.url.endswith(
        "#/launch/smb?breakpoint=0.3&dataset=" + visit.control("dataset").input_value()
    )


def test_a_run_is_launched_through_the_form_followed_and_its_curve_appears(
    visit: Visit, server: Server
) -> None:
    visit.open("#/launch/momentum")
    visit.control("lookbackPeriods").fill("5")
    visit.option("marketCapThreshold").get_by_role("checkbox").check()
    visit.control("costBps").fill("10")
    visit.control("exclude").fill("syn-acorn, syn-amber")
    visit.option("volatilityAdjusted").get_by_role("checkbox").check()
    visit.control("tags").fill("by hand")
    panel = launched_panel(visit)
    with held_datasets(server.folder / "data") as release:
        visit.launch()
        expect(panel.get_by_role("progressbar")).to_be_visible()
        expect(panel).to_contain_text(re.compile("Queued|Running"))
        release()
        expect(panel).to_contain_text("Succeeded")
    visit.expect_chart(panel)
    expect(panel).to_contain_text("Sharpe ratio")
    expect(panel).to_contain_text("net ")
    expect(panel.get_by_role("note")).to_contain_text("made up by a program")
    assert panel.get_by_role("button", name="Cancel").count() == 0
    (sent,) = visit.sent("Launch")
    assert sent["input"] == {
        "spec": {
            "momentum": {
                "lookbackPeriods": 5,
                "volatilityAdjusted": True,
                "marketCapThreshold": None,
                "costBps": 10,
                "exclude": ["syn-acorn", "syn-amber"],
            }
        },
        "dataset": {"id": visit.control("dataset").input_value()},
        "tags": ["by hand"],
    }
    panel.get_by_role("link", name="Open the run").click()
    expect(visit.page.get_by_role("heading", level=1)).to_contain_text("Momentum")
    visit.expect_chart(visit.page.locator("main"))


def test_the_same_again_is_not_computed_again_unless_it_is_asked_for(visit: Visit, server: Server) -> None:
    visit.open("#/launch/market")
    visit.control("topN").wait_for()
    count = server.ask(RUN_COUNT)["factorRuns"]["totalCount"]
    visit.launch()
    panel = launched_panel(visit)
    expect(panel).to_contain_text("This run was there already")
    assert server.ask(RUN_COUNT)["factorRuns"]["totalCount"] == count
    panel.get_by_role("button", name="Compute anew").click()
    expect(panel).to_contain_text("Computed in")
    visit.expect_chart(panel)
    assert server.ask(RUN_COUNT)["factorRuns"]["totalCount"] == count + 1


def test_a_value_that_the_server_refuses_has_its_error_beside_it(visit: Visit, server: Server) -> None:
    count = server.ask(RUN_COUNT)["factorRuns"]["totalCount"]
    visit.open("#/launch/momentum?lookbackPeriods=99")
    visit.control("lookbackPeriods").wait_for()
    visit.launch()
    expect(visit.option("lookbackPeriods").locator(".field-error")).to_contain_text("from 1 to 12")
    expect(visit.control("lookbackPeriods")).to_have_attribute("aria-invalid", "true")
    expect(visit.control("lookbackPeriods")).to_be_focused()
    expect(visit.page.locator(".field-error")).to_have_count(1)
    expect(visit.page.get_by_role("alert")).to_contain_text("Nothing was launched")
    assert server.ask(RUN_COUNT)["factorRuns"]["totalCount"] == count
    visit.control("lookbackPeriods").fill("4")
    expect(visit.page.locator(".field-error")).to_have_count(0)
    visit.launch()
    expect(launched_panel(visit)).to_contain_text("Succeeded")


@pytest.mark.parametrize(
    ("option", "typed", "told"),
    [
        ("minAssets", "ten", "not a number"),
        ("minAssets", "10.5", "whole"),
        ("costBps", "1,5", "without separators"),
    ],
)
def test_what_is_no_number_is_refused_before_anything_is_sent(
    visit: Visit, option: str, typed: str, told: str
) -> None:
    visit.open("#/launch/smb")
    visit.control(option).fill(typed)
    visit.launch()
    expect(visit.option(option).locator(".field-error")).to_contain_text(told)
    assert visit.sent("Launch") == []


def test_a_run_is_canceled_while_it_is_under_way(visit: Visit, server: Server) -> None:
    visit.open("#/launch/growth?growthWindow=7")
    visit.control("growthWindow").wait_for()
    panel = launched_panel(visit)
    with held_datasets(server.folder / "data"):
        visit.launch()
        panel.get_by_role("button", name="Cancel").click()
        expect(panel).to_contain_text("Canceled")
    expect(panel.get_by_role("button", name="Cancel")).to_have_count(0)
    assert panel.locator("canvas").count() == 0
    expect(visit.control("growthWindow")).to_have_value("7")


def test_a_run_that_fails_says_why(visit: Visit) -> None:
    visit.open("#/launch/smb?minAssets=5000")
    visit.control("minAssets").wait_for()
    visit.launch()
    expect(launched_panel(visit)).to_contain_text("NO_PERIODS")


def test_a_run_leads_back_to_the_form_with_its_options(visit: Visit, server: Server) -> None:
    spec = {"value": {"longSide": "LOW", "liquidityThreshold": None, "universe": ["syn-acorn"], "minAssets": 5}}
    run_id = launched(server, spec=spec, dataset=None)
    visit.open(f"#/runs/{run_id}")
    visit.page.get_by_role("link", name="Launch again").click()
    expect(visit.control("longSide")).to_have_value("LOW")
    expect(visit.option("liquidityThreshold").get_by_role("checkbox")).to_be_checked()
    expect(visit.control("universe")).to_have_value("syn-acorn")
    expect(visit.page.locator(".launch-bar")).to_contain_text("4 options changed")
    visit.page.get_by_role("button", name="Reset all").click()
    expect(visit.page.locator(".launch-bar")).to_contain_text("all defaults")
    expect(visit.control("longSide")).to_have_value("HIGH")


def test_links_to_what_is_not_there_say_so(visit: Visit) -> None:
    visit.open("#/launch/carry?dataset=gone")
    expect(visit.page.get_by_role("note").first).to_contain_text("no factor 'carry'")
    expect(visit.option("dataset")).to_contain_text("the dataset of this link is not here")
    visit.launch()
    expect(visit.option("dataset").locator(".field-error")).to_contain_text("choose a dataset")
    assert visit.sent("Launch") == []
    visit.open("#/nothing")
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("No such view")


# -- runs --------------------------------------------------------------------------------------------------


def test_runs_are_listed_filtered_followed_and_canceled(visit: Visit, server: Server) -> None:
    visit.open("#/runs?factor=SMB")
    body = visit.page.locator("tbody")
    expect(body).to_contain_text("Size (small minus big)")
    expect(body).not_to_contain_text("Market")
    with held_datasets(server.folder / "data"):
        launched(server, spec={"smb": {"minAssets": 11}}, dataset=None)
        body.get_by_role("button", name="Cancel Size (small minus big)").click()
        expect(body.locator("tr").first).to_contain_text("Canceled")
    visit.page.get_by_label("Status").select_option("CANCELED")
    expect(body.locator("tr")).to_have_count(1)
    assert "status=CANCELED" in visit.page.url
    visit.page.get_by_label("Origin").select_option("IMPORTED")
    expect(visit.page.locator("main")).to_contain_text("No runs fit.")


# -- datasets ----------------------------------------------------------------------------------------------


def test_a_dataset_shows_its_coverage_its_quality_and_its_assets(visit: Visit) -> None:
    visit.open("#/datasets")
    visit.page.get_by_role("link", name="sample-synthetic").click()
    expect(visit.page.get_by_role("note")).to_contain_text("made up by a program")
    coverage = visit.page.get_by_role("region", name="Coverage", exact=True)
    expect(coverage.get_by_role("row")).to_have_count(7)
    expect(coverage.get_by_role("row", name=re.compile("^price"))).to_contain_text("100.0")
    expect(visit.page.get_by_role("region", name="Quality")).to_contain_text("60,272")
    assets = visit.page.get_by_role("region", name="Assets", exact=True).first
    assets.get_by_role("button", name="Show").click()
    expect(assets.locator("tbody tr")).to_have_count(50)
    assets.get_by_role("button", name="More assets").click()
    expect(assets.locator("tbody tr")).to_have_count(60)
    visit.page.get_by_role("link", name="Launch on it").click()
    expect(visit.option("dataset")).to_contain_text("synthetic")


def test_a_file_is_taken_in_and_what_it_lacks_is_told_where_it_matters(visit: Visit) -> None:
    lines = [line.split(",") for line in rows(assets=6, days=60)]
    lines[7][3] = "-1"
    content = csv_of([",".join(cells[:5]) for cells in lines], "date,asset,price,mc,24h_volume")
    visit.open("#/datasets")
    visit.page.get_by_role("button", name="Take in a file").click()
    visit.page.get_by_role("button", name="Take in", exact=True).click()
    expect(visit.option("file").locator(".field-error")).to_contain_text("choose a file")
    file = {"name": "panel.csv", "mimeType": "text/csv", "buffer": content}
    visit.control("file").set_input_files([file])  # type: ignore[list-item]
    visit.control("name").fill("no/such name")
    visit.page.get_by_role("button", name="Take in", exact=True).click()
    expect(visit.option("name").locator(".field-error")).to_be_visible()
    visit.control("name").fill("by-hand")
    visit.page.get_by_role("button", name="Take in", exact=True).click()
    expect(visit.page.locator("main")).to_contain_text("by-hand v1 is here: 359 rows kept.")
    refused = visit.page.get_by_role("region", name="Refused rows")
    expect(refused.locator("tbody tr")).to_have_count(1)
    expect(refused.locator("tbody tr")).to_contain_text("9")
    expect(visit.page.get_by_role("region", name="Datasets").last).to_contain_text("by-hand")

    visit.page.get_by_role("link", name="Launch on it").click()
    visit.page.get_by_role("radio", name=re.compile("^Growth")).check()
    visit.launch()
    expect(visit.page.get_by_role("alert")).to_contain_text("fees")
    expect(launched_panel(visit)).to_have_count(0)


# -- imports -----------------------------------------------------------------------------------------------


def test_quarantined_lines_are_shown_page_by_page_as_they_stood(visit: Visit) -> None:
    visit.open("#/imports")
    quarantine = visit.page.get_by_role("region", name="Quarantine", exact=True)
    expect(quarantine.locator("tbody tr")).to_have_count(25)
    first = quarantine.locator("tbody tr").first
    for text in ("carry.csv:2", "20240100_000000,carry,0", "UNKNOWN_FACTOR"):
        expect(first).to_contain_text(text)
    when = visit.page.get_by_role("region", name="Imports").first.locator("time")
    moment = datetime.fromisoformat(when.get_attribute("datetime") or "").astimezone(ZoneInfo("Asia/Tokyo"))
    expect(when).to_have_text(f"{moment.day} {moment:%b %Y, %H:%M}")
    quarantine.get_by_role("button", name="Next").click()
    expect(quarantine.locator("tbody tr")).to_have_count(BAD_LINES - 25)
    expect(quarantine).to_contain_text(f"26 to {BAD_LINES} of {BAD_LINES}")
    expect(quarantine.get_by_role("button", name="Next")).to_be_disabled()
    quarantine.get_by_role("button", name="Previous").click()
    expect(first).to_contain_text("carry.csv:2")


# -- looks -------------------------------------------------------------------------------------------------

VIEWS = ("", "#/runs", "#/launch/value", "#/datasets", "#/imports")


def test_every_view_fits_a_phone_in_the_dark(browser: playwright_api.Browser, server: Server) -> None:
    context = browser.new_context(viewport={"width": 375, "height": 720}, color_scheme="dark")
    context.set_default_timeout(8_000)
    with visiting(context, server.url) as visit:
        for view in VIEWS:
            visit.open(view)
            expect(visit.page.locator("main .panel").first).to_be_visible()
            assert visit.overflow() <= 0, view
            shade = visit.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
            assert max(map(int, re.findall(r"\d+", shade)[:3])) < 60, (view, shade)
        visit.open("")
        visit.expect_chart(visit.page.locator("main"))
        visit.page.get_by_role("button", name="Use the light theme").click()
        shade = visit.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert min(map(int, re.findall(r"\d+", shade)[:3])) > 200
    context.close()


def test_an_empty_store_and_a_missing_token_are_told(
    browser: playwright_api.Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder: Path = tmp_path_factory.mktemp("guarded")
    context = browser.new_context()
    context.set_default_timeout(8_000)
    with commands(folder) as start, visiting(context, start(Server, api_token=TOKEN).ready().url) as visit:
        visit.open("#/datasets")
        visit.page.get_by_label(re.compile("API token")).fill("wrong")
        visit.page.get_by_role("button", name="Use token").click()
        expect(visit.page.locator("main")).to_contain_text("The server refused the API token.")
        visit.page.get_by_label(re.compile("API token")).fill(TOKEN)
        visit.page.keyboard.press("Enter")
        expect(visit.page.locator("main")).to_contain_text("No datasets yet.")
        for view, told in (
            ("launch", "There is no dataset to compute from."),
            ("runs", "No runs fit."),
            ("imports", "Nothing was imported yet."),
        ):
            visit.page.evaluate("address => { location.hash = address }", f"#/{view}")
            expect(visit.page.locator("main")).to_contain_text(told)
        assert not [address for address in visit.requests if TOKEN in address]
        refusals = [text for text in visit.complaints if "401" in text]
        assert refusals
        visit.complaints[:] = [text for text in visit.complaints if text not in refusals]
    context.close()
