"""The dashboard in a browser: what it draws, and runs that are launched through its form."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.app.web.browsing import Visit, launched_panel, playwright_api, visiting
from tests.e2e.graph import launched
from tests.e2e.held_datasets import held_datasets
from tests.e2e.servers import Server, commands

pytestmark = pytest.mark.slow

expect = playwright_api.expect

RUN_COUNT = "{ factorRuns(first: 1) { totalCount } }"
TOKEN = "token-of-the-test"


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
    expect(help_text).to_contain_text("Cost of trading, in basis points")
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
    visit.control("quantiles").fill("5")  # its default: as if it had been left alone
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
    spec = {
        "value": {"longSide": "LOW", "liquidityThreshold": None, "universe": ["syn-acorn"], "minAssets": 5}
    }
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


# -- looks -------------------------------------------------------------------------------------------------

VIEWS = ("", "#/runs", "#/launch/value", "#/datasets", "#/imports")


def test_every_view_fits_a_phone_in_the_dark(browser: playwright_api.Browser, server: Server) -> None:
    context = browser.new_context(viewport={"width": 375, "height": 720}, color_scheme="dark")
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
    with commands(folder) as start, visiting(context, start(Server, api_token=TOKEN).ready().url) as visit:
        visit.open("#/launch")
        visit.page.get_by_label(re.compile("API token")).fill("wrong")
        visit.page.get_by_role("button", name="Use token").click()
        expect(visit.page.locator("main")).to_contain_text("The server refused the API token.")
        visit.page.get_by_label(re.compile("API token")).fill(TOKEN)
        visit.page.keyboard.press("Enter")
        expect(visit.page.locator("main")).to_contain_text("There is no dataset to compute from.")
        visit.page.evaluate("sessionStorage.clear()")
        visit.open("#/datasets")
        visit.page.get_by_label(re.compile("API token")).fill(TOKEN)
        visit.page.keyboard.press("Enter")
        expect(visit.page.locator("main")).to_contain_text("No datasets yet.")
        for view, told in (
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
