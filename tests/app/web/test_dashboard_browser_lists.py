"""The dashboard's lists in a browser: runs, datasets, imports, and what is taken in there."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.app.web.browsing import BAD_LINES, Visit, launched_panel, playwright_api
from tests.e2e.graph import launched
from tests.e2e.held_datasets import held_datasets
from tests.e2e.panels import csv_of, rows
from tests.e2e.servers import Server

pytestmark = pytest.mark.slow

expect = playwright_api.expect


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


def test_logs_are_tried_first_and_then_imported(visit: Visit) -> None:
    log = (
        "run_id,factor,breakpoint,min_assets,weighting_method,cumulative_returns,annualized_return\n"
        "20240301_101500,value,0.5,30,equal,0.42,0.093\n"
        "20240302_1015"
    )
    visit.open("#/imports")
    batches = visit.page.get_by_role("region", name="Imports").first.locator("tbody tr")
    expect(batches).to_have_count(1)
    visit.page.get_by_role("button", name="Import logs").click()
    form = visit.page.get_by_role("region", name="Import logs")
    expect(form.get_by_role("button", name="Import", exact=True)).to_be_disabled()
    file = {"name": "value.csv", "mimeType": "text/csv", "buffer": log.encode()}
    form.get_by_label("CSV files").set_input_files([file])  # type: ignore[list-item]
    form.get_by_role("button", name="Try first").click()
    expect(form.get_by_role("note")).to_contain_text("Nothing was written.")
    expect(form.get_by_role("note")).to_contain_text("1 run added, 1 line quarantined.")
    expect(form.locator("tbody tr")).to_contain_text("20240302_1015")
    expect(batches).to_have_count(1)
    form.get_by_role("button", name="Import", exact=True).click()
    expect(form.get_by_role("note")).to_contain_text("Imported:")
    expect(form.get_by_role("note")).to_contain_text("1 run added, 1 line quarantined.")
    expect(batches).to_have_count(2)
    expect(visit.page.get_by_role("region", name="Quarantine", exact=True)).to_contain_text("value.csv:3")
