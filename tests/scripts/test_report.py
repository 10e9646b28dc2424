"""The report of a run: what is on the page, and that it holds whatever the run holds."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from app.errors import FactorQLError, StorageFailure
from app.runs.lifecycle import get_run
from app.settings import Settings
from app.wiring import open_services
from db.records import DocumentRecord, PerformanceRecord, RunOrigin, SeriesRecord
from scripts.cli import main
from scripts.report.factor_page import factor_page
from scripts.report.gather import RunMaterial, gather
from scripts.report.layout import POLICY
from scripts.report.markup import Markup, element
from scripts.report.metrics import GROUPS
from scripts.report.numbers import number, percent, significant
from scripts.report.sweep_page import sweep_page
from scripts.report.write import write_report

MOST_BYTES = 3_000_000
VOID = {"meta", "br", "hr", "col", "img", "link", "input"}
HOSTILE = "</td><script>alert(1)</script><img src=x onerror=alert(2)>\"'&$x^{$\u202e\x07"
COSTS = ("--set", "cost_bps=10", "--set", "short_carry_bps=300")
SWEEP = ("--set", "lookbackPeriods=1..4", "--set", "breakpoint=0.3,0.5", "--set", "minAssets=20,61")


class Page(HTMLParser):
    """A page's elements; complains of what is not closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data + "\n"


def run(data_dir: Path, *arguments: str) -> Result:
    variables = {"FACTORQL_DATA_DIR": str(data_dir), "FACTORQL_DATABASE_URL": ""}
    return CliRunner(env=variables).invoke(main, list(arguments))


def run_json(data_dir: Path, *arguments: str):
    result = run(data_dir, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data")
    result = run(path, "demo", "--no-serve")
    assert result.exit_code == 0, result.output
    return path


@pytest.fixture(scope="module")
def factor_id(data_dir) -> int:
    return run_json(data_dir, "compute", "momentum", *COSTS)["id"]


@pytest.fixture(scope="module")
def sweep_id(data_dir) -> int:
    assert run(data_dir, "sweep", "momentum", *SWEEP, *COSTS[:2]).exit_code == 0
    return max(item["id"] for item in run_json(data_dir, "runs") if item["kind"] == "SWEEP")


@pytest.fixture(scope="module")
def gathered(data_dir):
    """Run id -> all that its page is made of."""

    def material(run_id: int) -> RunMaterial:
        async def work() -> RunMaterial:
            async with open_services(Settings(data_dir=data_dir), execute=False) as services:
                return await gather(services, await get_run(services, run_id))

        return asyncio.run(work())

    return material


@pytest.fixture(scope="module")
def factor_material(gathered, factor_id) -> RunMaterial:
    return gathered(factor_id)


@pytest.fixture(scope="module")
def sweep_material(gathered, sweep_id) -> RunMaterial:
    return gathered(sweep_id)


def checked(source: str) -> Page:
    """The page, found to stand alone: nothing in it is fetched or runs."""
    page = Page(source)
    assert not page.tags.keys() & {"script", "img", "link", "iframe", "object", "embed", "form", "input"}
    policies = [value for _, name, value in page.attributes if name == "content" and "default-src" in value]
    assert policies == [POLICY]
    assert "default-src 'none'" in POLICY
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), (tag, name)
        assert name not in ("src", "href", "action", "srcset"), (tag, name)
        if name == "xlink:href":
            assert value.startswith(("#", "data:image/png;base64,"))
    styles = source[source.index("<style>") : source.index("</style>")]
    assert "url(" not in styles
    assert "@import" not in styles
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    for reference in re.findall(r"""(?:url\(#|xlink:href="#)([^)"]+)""", source):
        assert reference in ids
    return page


# -- what is on the page -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def factor_source(data_dir, factor_id, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("report") / "run.html"
    result = run(data_dir, "show", str(factor_id), "--report", str(path))
    assert result.exit_code == 0, result.output
    assert f"report written to {path}" in result.output
    assert [item.name for item in path.parent.iterdir()] == ["run.html"]
    assert path.stat().st_size < MOST_BYTES
    return path.read_text(encoding="utf-8")


def test_a_factor_report_stands_alone_and_is_loud_about_invented_data(factor_source):
    page = checked(factor_source)
    assert "SYNTHETIC DATA." in page.text
    assert "sample-synthetic (synthetic)" in page.text
    assert page.tags["svg"] == 9


def test_a_factor_report_shows_the_stored_numbers(data_dir, factor_id, factor_source):
    page = checked(factor_source)
    shown = run_json(data_dir, "show", str(factor_id))
    gross, net = shown["performance"], shown["net_performance"]
    for value in (
        percent(gross["annualized_return"]),
        f"net {percent(net['annualized_return'])}",
        f"{number(gross['sharpe_ratio'])} ± {number(gross['sharpe_standard_error'])}",
        number(gross["newey_west_t"]),
        percent(net["max_drawdown"], 2),
        number(gross["ic_mean"], 3),
        f"{number(gross['break_even_cost_bps'], 0)}\u00a0bps",
        shown["identity_hash"],
    ):
        assert f"{value}\n" in page.text, value
    for metric in (metric for group in GROUPS.values() for metric in group):
        assert f"{metric.label}\n" in page.text


def test_a_factor_report_has_every_part(factor_source):
    page = checked(factor_source)
    for heading in (
        *("Growth of 100", "Rolling Sharpe ratio", "Distribution of period returns", "Monthly returns"),
        *("By year and market regime", "Confidence intervals", "Rank IC by period", "Decay of the signal"),
        *("Quantile portfolios", "Growth of 100 by quantile, and of the spread", "Turnover and breadth"),
        *("The most extreme positions", "All metrics", "Provenance", "Definitions and sources", "Settings"),
    ):
        assert f"{heading}\n" in page.text, heading
    for beginning in ("Target portfolio formed ", "Latest composition, held from ", "The five most extreme"):
        assert beginning in page.text
    assert "Too few" not in page.text


def test_the_target_portfolio_lists_the_trades_of_both_legs(factor_material, factor_source):
    arrays = factor_material.document.arrays
    page = checked(factor_source)
    for leg in ("long", "short"):
        for asset, weight, held in zip(
            *(arrays[f"target.{leg}.{name}"] for name in ("assets", "weights", "previous_weights")),
            strict=True,
        ):
            name, trade = factor_material.assets[asset], percent(weight - held, 2, signed=True)
            assert re.search(rf"^{re.escape(name)}\n[^\n]+\n[^\n]+\n{re.escape(trade)}$", page.text, re.M)


def test_a_sweep_report_shows_the_verdict_and_the_points(data_dir, sweep_id, tmp_path):
    path = tmp_path / "sweep.html"
    assert run(data_dir, "show", str(sweep_id), "--report", str(path)).exit_code == 0
    assert path.stat().st_size < MOST_BYTES
    page = checked(path.read_text(encoding="utf-8"))
    shown = run_json(data_dir, "show", str(sweep_id))["sweep"]
    assert f"{shown['verdict']}\n" in page.text
    assert f"{percent(shown['overfitting']['probability'])}\n" in page.text
    assert f"{percent(shown['deflated_sharpe']['probability'])}\n" in page.text
    assert "SYNTHETIC DATA." in page.text
    for heading in (
        *("Sharpe ratios of all points", "Ranks out of sample", "Choices", "Failures", "What was varied"),
        *("Growth of 100, walk-forward and in hindsight", "Sensitivity to each option", "Best 8 of 8 points"),
        *("Sharpe ratio by lookback periods and breakpoint", "The best point and its neighbours"),
    ):
        assert f"{heading}\n" in page.text, heading
    assert "NO_PERIODS" in page.text


def test_show_prints_net_beside_gross_and_groups(data_dir, factor_id):
    output = run(data_dir, "show", str(factor_id)).output
    shown = run_json(data_dir, "show", str(factor_id))
    gross, net = shown["performance"], shown["net_performance"]
    line = f"{100 * gross['annualized_return']:.2f} %  +{100 * net['annualized_return']:.2f} %"
    assert re.search(rf"annualised return +{line}", output)
    for group in GROUPS:
        assert f"\n  {group}\n" in output


def test_show_of_a_sweep_prints_its_verdict(data_dir, sweep_id):
    result = run(data_dir, "show", str(sweep_id))
    assert result.exit_code == 0, result.output
    assert run_json(data_dir, "show", str(sweep_id))["sweep"]["verdict"] in result.output


# -- whatever comes ----------------------------------------------------------------------------------------


def test_names_from_data_and_users_are_text_and_nothing_else(factor_material):
    material = with_hostile_names(factor_material)
    extremes = {**material.facts["extremes"]}
    extremes["positions"] = [{**one, "asset": HOSTILE} for one in extremes["positions"]]
    document = replace(material.document, facts={**material.facts, "extremes": extremes})
    page = checked(factor_page(replace(material, document=document)))
    visible = HOSTILE.replace("\u202e", "\ufffd").replace("\x07", "\ufffd")
    assert page.text.count(visible) > 20
    assert "\u202e" not in page.text


def test_hostile_values_of_an_axis_are_text_in_tables_and_figures(sweep_material):
    material = with_hostile_names(sweep_material)
    facts = json.loads(json.dumps(dict(material.facts)))
    facts["axes"][0] = {"option": "exclude", "values": [HOSTILE, "<b>$\\frac$", "</svg><script>", "a&b"]}
    page = checked(sweep_page(replace(material, document=replace(material.document, facts=facts))))
    assert "</svg><script>\n" in page.text


def with_hostile_names(material: RunMaterial) -> RunMaterial:
    return replace(
        material,
        assets=(HOSTILE,) * len(material.assets),
        run=replace(material.run, tags=(HOSTILE,), note=HOSTILE),
        dataset=replace(material.dataset, name=HOSTILE, note=HOSTILE, source=HOSTILE, licence=HOSTILE),
    )


def test_markup_is_made_by_elements_only():
    made = element("p", "<b>", Markup("<i>x</i>"), title='"><script>')
    assert made == '<p title="&quot;&gt;&lt;script&gt;">&lt;b&gt;<i>x</i></p>'


def test_a_run_without_research_says_what_is_missing(factor_material):
    old = replace(
        factor_material,
        document=None,
        net=None,
        series={"FACTOR": factor_material.series["FACTOR"]},
        run=replace(factor_material.run, engine_version="1"),
    )
    page = checked(factor_page(old))
    assert "computed by an earlier engine version and has no confidence intervals" in page.text
    assert "Growth of 100\n" in page.text
    assert "Confidence intervals\n" not in page.text


def test_an_imported_result_has_a_page(data_dir, gathered, tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "value.csv").write_text(
        "run_id,factor,breakpoint,min_assets,weighting_method,cumulative_returns,annualized_return\n"
        "20240301_101500,value,0.5,30,equal,0.42,0.093\n"
    )
    assert run(data_dir, "import-logs", str(logs)).exit_code == 0
    (imported,) = run_json(data_dir, "runs", "--origin", "imported")
    material = gathered(imported["id"])
    assert material.run.origin is RunOrigin.IMPORTED
    page = checked(factor_page(material))
    assert "This run was imported and has no return series" in page.text
    assert "42.00\u202f%\n" in page.text
    assert "Not recorded" in page.text


def test_a_long_only_factor_has_a_page(gathered):
    page = checked(factor_page(gathered(2)))
    assert "Market (largest assets, long only)\n" in page.text
    assert re.search(r"^long leg$", page.text, re.M)
    assert not re.search(r"^short leg$", page.text, re.M)


def test_one_period_has_a_page(data_dir, gathered):
    dates = ("--set", "startDate=2023-12-25", "--set", "endDate=2023-12-31")
    material = gathered(run_json(data_dir, "compute", "smb", *dates)["id"])
    assert material.performance.num_periods == 1
    page = checked(factor_page(material))
    assert "over 1 period.\n" in page.text
    assert "Less than a year was measured" in page.text
    assert "Sharpe ratio\n" in page.text


def test_a_factor_that_was_wiped_out_has_a_page(factor_material):
    factor = factor_material.series["FACTOR"]
    returns = factor.values.copy()
    returns[40] = -1.5
    performance = replace(
        factor_material.performance,
        wiped_out_on=date(2021, 11, 7),
        cumulative_return=-1.0,
        annualized_return=-1.0,
        max_drawdown=-1.0,
    )
    series = {**factor_material.series, "FACTOR": replace(factor, values=returns)}
    page = checked(factor_page(replace(factor_material, series=series, performance=performance)))
    assert "The factor was wiped out" in page.text
    assert "wiped out 2021-11-07\n" in page.text


@pytest.mark.parametrize("fill", [np.nan, np.inf, 1e308, 0.0, -3.0])
def test_a_page_holds_whatever_the_series_are(factor_material, fill):
    series = {
        name: replace(record, values=np.full(len(record.values), fill))
        for name, record in factor_material.series.items()
    }
    checked(factor_page(replace(factor_material, series=series)))


@pytest.mark.parametrize("points", [0, 1, 2, 30])
def test_a_page_holds_however_short_the_series_are(factor_material, points):
    series = {
        name: SeriesRecord(name=name, times=record.dates[:points], values=record.values[:points])
        for name, record in factor_material.series.items()
    }
    checked(factor_page(replace(factor_material, series=series)))


def test_gaps_in_the_series_are_no_reason_to_fail(factor_material):
    def with_gaps(record: SeriesRecord) -> SeriesRecord:
        values = record.values.copy()
        values[::3] = np.nan
        return replace(record, values=values)

    series = {name: with_gaps(record) for name, record in factor_material.series.items()}
    checked(factor_page(replace(factor_material, series=series)))


def test_a_page_holds_without_a_single_metric(factor_material):
    nothing = replace(factor_material, performance=PerformanceRecord(), net=PerformanceRecord())
    checked(factor_page(nothing))
    checked(factor_page(replace(factor_material, performance=None, net=None, series={}, document=None)))


def test_facts_that_are_not_defined_become_dashes(factor_material):
    def emptied(value):
        if isinstance(value, dict):
            return {key: emptied(one) for key, one in value.items()}
        if isinstance(value, list):
            return [emptied(one) for one in value]
        return None if isinstance(value, float) else value

    facts = emptied(json.loads(json.dumps(dict(factor_material.facts))))
    facts |= {"confidence": [], "net_confidence": []}
    facts["extremes"] = factor_material.facts["extremes"] | {"share": None}
    document = replace(factor_material.document, facts=facts)
    checked(factor_page(replace(factor_material, document=document)))


def test_a_target_that_is_absent_says_why(factor_material):
    target = factor_material.facts["target"] | {"absence": "30 assets are needed"}
    document = DocumentRecord(name="RESEARCH", facts={**factor_material.facts, "target": target})
    page = checked(factor_page(replace(factor_material, document=document)))
    assert "There is none: 30 assets are needed" in page.text


def test_a_sweep_without_statistics_says_why(sweep_material):
    why = {"undefined": {"reason": "TOO_FEW_PERIODS", "detail": "9 returns, 32 are needed"}}
    facts = dict(sweep_material.facts)
    facts |= dict.fromkeys(("deflated_sharpe", "overfitting", "walk_forward"), why)
    series = {"BEST_POINT": sweep_material.series["BEST_POINT"]}
    document = replace(sweep_material.document, facts=facts)
    page = checked(sweep_page(replace(sweep_material, document=document, series=series)))
    assert page.text.count("9 returns, 32 are needed") >= 3


def test_a_sweep_of_one_axis_and_many_values_has_a_page(data_dir, gathered):
    assert run(data_dir, "sweep", "smb", "--set", "marketCapThreshold=0..3e9:2.5e7").exit_code == 0
    run_id = max(item["id"] for item in run_json(data_dir, "runs") if item["kind"] == "SWEEP")
    checked(sweep_page(gathered(run_id)))


def test_sixteen_years_of_days_stay_a_small_file(factor_material):
    count = 6_000
    dates = np.datetime64("2010-01-01") + np.arange(count).astype("timedelta64[D]")
    values = np.random.default_rng(1).normal(0.0005, 0.02, count)
    names = {*factor_material.series, *(f"QUANTILE_{bucket}" for bucket in range(1, 11))}
    series = {name: SeriesRecord(name=name, times=dates, values=values) for name in names}
    source = factor_page(replace(factor_material, series=series, periods_per_year=365))
    assert len(source.encode()) < MOST_BYTES
    checked(source)


def test_a_sweep_of_ten_thousand_points_stays_a_small_file(sweep_material):
    places = np.indices((100, 100), dtype=np.int32).reshape(2, -1).T
    values = np.random.default_rng(1).normal(0.5, 0.5, len(places))
    values[::7] = np.nan
    facts = dict(sweep_material.facts)
    facts["axes"] = [
        {"option": option, "values": [float(value) for value in range(100)]}
        for option in ("market_cap_threshold", "liquidity_threshold")
    ]
    facts |= {"grid_size": len(places), "best": int(np.nanargmax(values)), "neighbours": [1, 2]}
    arrays = {name: values for name in sweep_material.document.arrays if name.startswith("metric.")}
    arrays |= {"positions": places.ravel(), "failures": np.full(len(places), -1, dtype=np.int32)}
    arrays["logits"] = sweep_material.document.arrays["logits"]
    document = DocumentRecord(name="SWEEP", facts=facts, arrays=arrays)
    source = sweep_page(replace(sweep_material, document=document))
    assert len(source.encode()) < MOST_BYTES
    checked(source)


# -- the file ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "code", "word"),
    [("nowhere/run.html", 1, "cannot be written"), ("run.pdf", 2, ".html"), ("run", 2, ".html")],
)
def test_a_file_that_cannot_be_written_is_one_line(data_dir, factor_id, tmp_path, path, code, word):
    result = run(data_dir, "show", str(factor_id), "--report", str(tmp_path / path))
    assert result.exit_code == code, result.output
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.strip().splitlines()) == 1
    assert word in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_failed_has_no_report(data_dir, tmp_path, gathered):
    assert run(data_dir, "compute", "smb", "--set", "minAssets=61").exit_code == 1
    (failed,) = run_json(data_dir, "runs", "--status", "failed")
    result = run(data_dir, "show", str(failed["id"]), "--report", str(tmp_path / "run.html"))
    assert result.exit_code == 1
    assert "there is nothing to report: NO_PERIODS" in result.stderr
    with pytest.raises(FactorQLError, match="failed"):
        gathered(failed["id"])


def test_an_older_report_stays_whole_when_the_new_one_cannot_be_finished(
    factor_material, tmp_path, monkeypatch
):
    path = tmp_path / "run.html"
    path.write_text("older")

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StorageFailure, match="No space left"):
        write_report(factor_material, path)
    assert path.read_text() == "older"
    assert [item.name for item in tmp_path.iterdir()] == ["run.html"]


# -- numbers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (percent(0.1234), "12.3\u202f%"),
        (percent(-0.5), "−50.0\u202f%"),
        (percent(155.9), "15,590\u202f%"),
        (percent(0.01, 2, signed=True), "+1.00\u202f%"),
        (percent(-0.00001), "0.0\u202f%"),
        (percent(None), "–"),
        (percent(float("nan")), "–"),
        (number(1234.5, 1), "1,234.5"),
        (number(-0.001), "0.00"),
        (number(1e15), "1.00e+15"),
        (significant(0.000123), "1.23e−04"),
        (significant(35_000_000.0), "35,000,000"),
        (significant(0.25), "0.25"),
    ],
)
def test_numbers_are_written_as_people_read_them(shown, expected):
    assert shown == expected


# -- in a browser ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if executable is None:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(
            executable_path=executable, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        yield launched
        launched.close()


@pytest.mark.parametrize("kind", ["factor", "sweep"])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_the_page_without_a_request_or_a_complaint(request, browser, tmp_path, kind, width):
    material = with_hostile_names(request.getfixturevalue(f"{kind}_material"))
    path = tmp_path / "run.html"
    write_report(material, path)
    page = browser.new_page(viewport={"width": width, "height": 900})
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda sent: requests.append(sent.url))
    page.goto(path.as_uri())
    assert complaints == []
    assert requests == [path.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
