"""What each path answers in its odd cases: values, defaults, order, statuses and words of errors."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.context import Services
from app.features.legacy.logs.batch import read_batch
from app.features.legacy.logs.records import LegacyRun
from app.rest.models import ComputeRequest
from tests.app.execution.processes import eventually
from tests.app.rest.asking import FACTORS, IMPORTED, SPAN, body
from tests.app.test_main import ask, serving, settings_of, without_executor

PAGE = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
RUN = """query ($id: ID!) { run(id: $id) { status ... on FactorRun { factor { name } config {
  breakpoint minAssets weightingMethod marketCapThreshold liquidityThreshold minLifetimeDays startDate endDate
  ... on MomentumConfig { lookbackPeriods volatilityAdjusted } ... on MarketConfig { topN } }
  performance { cumulativeReturn numPeriods } series { dates values } } } }"""


def posted(client: httpx.Client, factor: str = "smb", **changes: Any) -> dict[str, Any]:
    response = client.post(f"/compute/{factor}", json=body(factor, **changes))
    assert response.status_code == 200, response.text
    return response.json()


def run_behind(client: httpx.Client, factor: str, **changes: Any) -> dict[str, Any]:
    """The run of a computation, by the header that names it."""
    response = client.post(f"/compute/{factor}", json=body(factor, **changes))
    return ask(client, RUN, id=response.headers["x-factorql-run"])["run"]


# -- reading -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
        ("text/html, application/json", "application/json"),
        ("text/html;q=0.5, application/json", "application/json"),
        ("*/*;q=0.1, text/html;q=0", "application/json"),
        (PAGE, "text/html"),
        ("text/html", "text/html"),
        ("text/html, application/json;q=0.9", "text/html"),
    ],
)
def test_the_root_is_a_page_only_for_who_prefers_one(
    empty: httpx.Client, accept: str | None, kind: str
) -> None:
    request = empty.build_request("GET", "/")
    del request.headers["accept"]
    if accept is not None:
        request.headers["accept"] = accept
    response = empty.send(request)
    assert response.headers["content-type"].startswith(kind)
    assert "accept" in response.headers["vary"].lower()


def test_health_keeps_what_probes_read(empty: httpx.Client) -> None:
    content = empty.get("/health").json()
    assert datetime.fromisoformat(content["timestamp"]).utcoffset() is not None
    assert content["store_dialect"] == "sqlite"


def test_health_knows_whether_there_is_a_key(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, ARTEMIS_API_KEY="the-key")
    with serving(settings, services_factory=without_executor) as client:
        response = client.get("/health")
    assert response.json()["api_key_configured"] is True
    assert "the-key" not in response.text


@pytest.mark.parametrize("path", ["logs", "latest"])
def test_what_is_not_there_is_not_found(empty: httpx.Client, path: str) -> None:
    unknown = empty.get(f"/factors/carry/{path}")
    assert (unknown.status_code, unknown.json()) == (404, {"detail": "Factor 'carry' not found"})
    none = empty.get(f"/factors/smb/{path}")
    assert (none.status_code, none.json()) == (404, {"detail": "No logs found for factor: smb"})


def test_a_server_without_runs_has_nothing_to_compare(empty: httpx.Client) -> None:
    assert empty.get("/factors/compare").json() == {"comparison": []}
    assert empty.get("/factors/time-series").json() == {}
    assert empty.get("/factors/time-series?factors=carry").status_code == 404
    assert empty.get("/nothing").json() == {"detail": "Not Found"}
    refused = empty.get("/compute/smb")
    assert (refused.status_code, refused.json()) == (405, {"detail": "Method Not Allowed"})


def test_logs_come_in_their_order_the_most_recent_last(live: httpx.Client) -> None:
    for share in (0.21, 0.22, 0.23):
        posted(live, "growth", breakpoint=share)
    logs = live.get("/factors/growth/logs?limit=2").json()
    assert [log["breakpoint"] for log in logs] == [0.22, 0.23]
    assert len(live.get("/factors/growth/logs").json()) >= 3
    assert live.get("/factors/growth/latest").json() == logs[-1]
    assert re.fullmatch(r"\d{8}_\d{6}", logs[-1]["run_id"])


def test_an_imported_run_is_shown_as_it_was_logged(live: httpx.Client) -> None:
    first = live.get("/factors/value/logs?limit=100").json()[0]
    assert first == {
        "run_id": IMPORTED.legacy_run_id,
        "factor": "value",
        "breakpoint": 0.9,
        "min_assets": 30,
        "weighting_method": "rank_weighted",
        "cumulative_returns": 0.0,
        "annualized_return": 0.0,
        "years": 1.0,
        "sharpe_ratio": None,
        "sortino_ratio": None,
        "long_only_returns": None,
        "short_only_returns": None,
        "start_date": "2020-01-05",
        "end_date": "2021-01-04",
    }


def test_a_run_is_named_by_the_second_in_which_it_finished(live: httpx.Client) -> None:
    response = live.post("/compute/smb", json=body("smb", min_assets=11))
    query = "query ($id: ID!) { run(id: $id) { finishedAt } }"
    finished = ask(live, query, id=response.headers["x-factorql-run"])["run"]["finishedAt"]
    run_id = live.get("/factors/smb/latest").json()["run_id"]
    assert run_id == datetime.fromisoformat(finished).strftime("%Y%m%d_%H%M%S")


def test_series_are_cumulated_from_the_beginning_and_cut_to_the_range(live: httpx.Client) -> None:
    posted(live, "smb", min_assets=12)
    whole = live.get("/factors/time-series?factors=smb&normalize_to_100=false").json()["smb"]
    wealth = 1.0
    for value, cumulative in zip(whole["returns"], whole["cumulative_returns"], strict=True):
        wealth *= 1 + value
        assert cumulative == pytest.approx(wealth - 1)
    query = "/factors/time-series?factors=smb,smb&start_date=2022-01-01&end_date=2022-12-31"
    year = live.get(query).json()["smb"]
    first = whole["dates"].index(year["dates"][0])
    assert year["dates"] == [day for day in whole["dates"] if day.startswith("2022")]
    assert year["cumulative_returns"][0] == pytest.approx(100 * (1 + whole["cumulative_returns"][first]))
    open_ended = live.get("/factors/time-series?factors=smb&start_date=&end_date=").json()["smb"]
    assert open_ended["dates"] == whole["dates"]


def test_a_comparison_begins_with_the_best(live: httpx.Client) -> None:
    for factor in FACTORS:
        posted(live, factor)
    rows = live.get("/factors/compare").json()["comparison"]
    assert {row["factor"] for row in rows} == set(FACTORS)
    returns = [row["annualized_return"] for row in rows]
    assert returns == sorted(returns, reverse=True)
    latest = {row["factor"]: live.get(f"/factors/{row['factor']}/latest").json() for row in rows}
    assert all(row["sharpe_ratio"] == latest[row["factor"]]["sharpe_ratio"] for row in rows)
    assert list(live.get("/factors/time-series").json()) == FACTORS


# -- computing ---------------------------------------------------------------------------------------------


def test_defaults_are_those_of_the_older_system() -> None:
    asked = ComputeRequest.model_validate(body())
    assert asked.model_dump() == {
        "factor": "smb",
        "start_date": date(2021, 6, 1),
        "end_date": date(2023, 6, 30),
        "breakpoint": 0.5,
        "min_assets": 30,
        "weighting_method": "equal",
        "market_cap_threshold": 100_000_000,
        "liquidity_threshold": 35_000_000,
        "min_lifetime_days": 30,
    }


def test_a_computation_is_a_run_like_any_other(live: httpx.Client) -> None:
    given = {
        "breakpoint": 0.3,
        "min_assets": 12,
        "weighting_method": "inverse_variance",
        "market_cap_threshold": 2e8,
        "liquidity_threshold": None,
        "min_lifetime_days": 60,
    }
    answer = posted(live, "smb", **given)
    run = run_behind(live, "smb", **given)
    assert answer["config"] == {"factor": "smb", **SPAN, **given, "lookback_periods": None}
    assert run["config"] == {
        "breakpoint": 0.3,
        "minAssets": 12,
        "weightingMethod": "INVERSE_VARIANCE",
        "marketCapThreshold": 2e8,
        "liquidityThreshold": None,
        "minLifetimeDays": 60,
        "startDate": SPAN["start_date"],
        "endDate": SPAN["end_date"],
    }
    assert answer["performance"]["cumulative_returns"] == run["performance"]["cumulativeReturn"]
    assert answer["performance"]["num_periods"] == run["performance"]["numPeriods"]
    (series,) = run["series"]
    assert answer["returns"] == dict(zip(series["dates"][-10:], series["values"][-10:], strict=True))


def test_asking_again_computes_nothing_anew(live: httpx.Client) -> None:
    ids = {live.post("/compute/smb", json=body(min_assets=13)).headers["x-factorql-run"] for _ in range(3)}
    assert len(ids) == 1


def test_what_was_asked_for_last_is_the_latest_run(live: httpx.Client) -> None:
    def latest() -> int:
        return live.get("/factors/smb/latest").json()["min_assets"]

    def computed(min_assets: int) -> str:
        response = live.post("/compute/smb", json=body(min_assets=min_assets))
        assert latest() == min_assets
        return response.headers["x-factorql-run"]

    first, second = computed(17), computed(18)
    again = computed(17)
    assert len({first, second, again}) == 3
    assert computed(17) == again
    computed(18)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(live.post, "/compute/smb", json=body(min_assets=17)) for _ in range(8)]
    assert len({one.result().headers["x-factorql-run"] for one in asked}) == 1
    assert latest() == 17


def test_momentum_is_adjusted_for_volatility(live: httpx.Client) -> None:
    config = run_behind(live, "momentum")["config"]
    assert (config["lookbackPeriods"], config["volatilityAdjusted"]) == (3, True)
    response = live.post("/compute/momentum?lookback_periods=1", json=body("momentum"))
    assert response.status_code == 400
    assert "lookback_periods" in response.json()["detail"]


def test_the_market_is_its_largest_assets_whatever_a_ranking_would_need(live: httpx.Client) -> None:
    config = run_behind(live, "market", breakpoint=0.2, min_assets=50)["config"]
    assert (config["topN"], config["minAssets"], config["weightingMethod"]) == (10, 10, "MARKET_CAP")
    equal = posted(live, "market", weighting_method="equal")["config"]
    assert (equal["weighting_method"], equal["breakpoint"], equal["min_assets"]) == ("equal", None, 10)


def test_numbers_may_stand_in_quotes_and_unknown_members_are_ignored(live: httpx.Client) -> None:
    answer = posted(live, "smb", breakpoint="0.4", min_assets="14", note="x")
    assert (answer["config"]["breakpoint"], answer["config"]["min_assets"]) == (0.4, 14)


def test_where_no_returns_come_out_it_says_so(live: httpx.Client) -> None:
    for changes in ({"start_date": "1990-01-01", "end_date": "1991-01-01"}, {"min_assets": 5000}):
        response = live.post("/compute/smb", json=body(**changes))
        assert response.status_code == 400
        assert response.json() == {"detail": "No factor returns computed - check data availability"}


def test_the_factor_of_the_body_is_that_of_the_path(live: httpx.Client) -> None:
    response = live.post("/compute/smb", json=body("growth"))
    assert response.status_code == 400
    assert "'growth'" in response.json()["detail"]


@pytest.mark.parametrize("factor", FACTORS)
def test_each_computation_is_in_the_csv_logs(live: httpx.Client, live_folder: Path, factor: str) -> None:
    posted(live, factor, min_lifetime_days=47)
    latest = live.get(f"/factors/{factor}/latest").json()

    def logged() -> LegacyRun | None:
        batch = read_batch({path.name: path.read_bytes() for path in (live_folder / "logs").glob("*.csv")})
        assert batch.quarantined_count == batch.repaired_count == 0
        assert batch.series_count == batch.run_count
        return next((run for run in batch.runs if matches(run, latest)), None)

    assert eventually(logged)


def matches(run: LegacyRun, log: dict[str, Any]) -> bool:
    """All but the id, which is another where two runs finished in one second."""
    return log | {"run_id": run.legacy_run_id} == {
        "run_id": run.legacy_run_id,
        "factor": run.factor,
        "breakpoint": run.breakpoint,
        "min_assets": run.min_assets,
        "weighting_method": run.weighting_method,
        "cumulative_returns": run.cumulative_return,
        "annualized_return": run.annualized_return,
        "years": run.years,
        "sharpe_ratio": run.sharpe_ratio,
        "sortino_ratio": run.sortino_ratio,
        "long_only_returns": run.long_only_return,
        "short_only_returns": run.short_only_return,
        "start_date": str(run.start_date),
        "end_date": str(run.end_date),
    }


# -- what is wrong with a request --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "place", "kind"),
    [
        ({"breakpoint": 0.6}, "breakpoint", "less_than_equal"),
        ({"breakpoint": "wide"}, "breakpoint", "float_parsing"),
        ({"breakpoint": None}, "breakpoint", "float_type"),
        ({"min_assets": 4}, "min_assets", "greater_than_equal"),
        ({"min_assets": 7.5}, "min_assets", "int_from_float"),
        ({"weighting_method": "EQUAL"}, "weighting_method", "enum"),
        ({"market_cap_threshold": -1}, "market_cap_threshold", "greater_than_equal"),
        ({"liquidity_threshold": [1]}, "liquidity_threshold", "float_type"),
        ({"start_date": "2021"}, "start_date", "date_parsing"),
        ({"start_date": 1_600_000_000}, "start_date", "date_parsing"),
        ({"start_date": "2021-02-30"}, "start_date", "date_from_datetime_parsing"),
        ({"end_date": "2020-01-01"}, "end_date", "date_order"),
        ({"factor": 7}, "factor", "string_type"),
    ],
)
def test_each_value_out_of_range_is_named(
    live: httpx.Client, changes: dict[str, Any], place: str, kind: str
) -> None:
    response = live.post("/compute/smb", json=body(**changes))
    assert response.status_code == 422
    (fault,) = response.json()["detail"]
    assert fault["loc"] == ["body", place]
    assert fault["type"] == kind
    assert fault["msg"]
    assert fault["input"] == changes[place]


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/factors/smb/logs?limit=0", "limit"),
        ("/factors/smb/logs?limit=101", "limit"),
        ("/factors/smb/logs?limit=ten", "limit"),
        ("/factors/time-series?start_date=soon", "start_date"),
        ("/factors/time-series?start_date=2021-02-30", "start_date"),
        ("/factors/time-series?end_date=2021-01-01T12:00:00", "end_date"),
        ("/factors/time-series?start_date=2022-01-02&end_date=2022-01-01", "end_date"),
        ("/factors/time-series?normalize_to_100=maybe", "normalize_to_100"),
    ],
)
def test_each_query_parameter_out_of_range_is_named(empty: httpx.Client, path: str, place: str) -> None:
    response = empty.get(path)
    assert response.status_code == 422
    (fault,) = response.json()["detail"]
    assert fault["loc"] == ["query", place]


def test_lookback_periods_are_checked_before_the_body(live: httpx.Client) -> None:
    for periods in (0, 13):
        response = live.post(f"/compute/momentum?lookback_periods={periods}", json={})
        (fault,) = response.json()["detail"]
        assert fault["loc"] == ["query", "lookback_periods"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"{", "json_invalid"), (b"\xff", "json_invalid"), (b"[" * 5000, "json_invalid"), (b"", "missing")],
)
def test_what_is_no_json_is_named_too(live: httpx.Client, content: bytes, kind: str) -> None:
    response = live.post("/compute/smb", content=content, headers={"content-type": "application/json"})
    assert response.status_code == 422
    (fault,) = response.json()["detail"]
    assert fault["type"] == kind
    assert fault["loc"][0] == "body"


@pytest.mark.parametrize("content", ["[]", "7", "null", '"text"'])
def test_a_body_is_an_object(live: httpx.Client, content: str) -> None:
    response = live.post("/compute/smb", content=content, headers={"content-type": "application/json"})
    assert response.status_code == 422
    assert [fault["loc"] for fault in response.json()["detail"]] == [["body"]]


def test_a_long_input_is_not_repeated(live: httpx.Client) -> None:
    response = live.post("/compute/smb", json={"factor": "smb", "note": "x" * 10_000})
    assert response.status_code == 422
    assert len(response.content) < 1_000


# -- who may ask, and how much -----------------------------------------------------------------------------


def test_bodies_are_limited_and_are_json(live: httpx.Client) -> None:
    too_long = live.post("/compute/smb", json=body(note="x" * 30_000))
    assert too_long.status_code == 413
    assert "20,000" in too_long.json()["detail"]
    other = live.post(
        "/compute/smb", content=b"factor=smb", headers={"content-type": "text/xml", "x-factorql-request": "1"}
    )
    assert other.status_code == 415
    packed = live.post(
        "/compute/smb", content=b"x", headers={"content-type": "application/json", "content-encoding": "gzip"}
    )
    assert packed.status_code == 415


def test_pages_of_other_sites_and_plain_forms_are_refused_with_a_detail(live: httpx.Client) -> None:
    foreign = live.post("/compute/smb", json=body(), headers={"origin": "http://evil.example"})
    form = live.post("/compute/smb", data={"factor": "smb"})
    host = live.get("/factors", headers={"host": "evil.example"})
    assert [response.status_code for response in (foreign, form, host)] == [403, 403, 400]
    assert all(isinstance(response.json()["detail"], str) for response in (foreign, form, host))


def test_a_token_is_needed_where_one_is_set(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, api_token="secret-of-the-test", allow_anonymous_reads=True)
    with serving(settings, services_factory=without_executor) as client:
        assert client.get("/factors").status_code == 200
        refused = client.post("/compute/smb", json=body())
        assert refused.status_code == 401
        assert refused.json()["detail"]
        right = {"authorization": "Bearer secret-of-the-test"}
        assert client.post("/compute/smb", json={}, headers=right).status_code == 422
    closed = settings_of(tmp_path, api_token="secret-of-the-test")
    with serving(closed, services_factory=without_executor) as client:
        for path, status in (
            ("/factors", 401),
            ("/factors/smb/latest", 401),
            ("/", 200),
            ("/docs", 200),
            ("/openapi.json", 200),
            ("/health", 200),
        ):
            assert client.get(path).status_code == status, path


def test_no_origin_at_all_may_be_configured(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, cors_origins="")
    with serving(settings, services_factory=without_executor) as client:
        response = client.get("/factors", headers={"origin": "http://localhost:3000"})
    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers


# -- what is wrong with the server -------------------------------------------------------------------------


def test_without_data_and_key_it_names_the_key(empty: httpx.Client) -> None:
    response = empty.post("/compute/smb", json=body())
    assert response.status_code == 500
    assert response.json() == {"detail": "ARTEMIS_API_KEY environment variable not set"}


def test_the_unexpected_is_an_id(empty: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr("app.rest.reads.latest_results", broken)
    response = empty.get("/factors/compare")
    assert response.status_code == 500
    assert re.fullmatch(r"Internal error \(error id [0-9a-f]{16}\)", response.json()["detail"])


def test_a_full_queue_asks_to_come_back(live: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.errors import QueueFull

    async def full(services: Services, *_: object, **__: object) -> None:
        raise QueueFull("the queue is full: 3 runs are waiting", hint="try again when some have finished")

    monkeypatch.setattr("app.features.legacy.computed_last.launch_factor", full)
    response = live.post("/compute/smb", json=body())
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert response.json()["detail"].startswith("the queue is full")
