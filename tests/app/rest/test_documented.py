"""The documented requests as clients write them, against a running server: no answer lacks a member."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
import requests

from tests.app.rest.asking import (
    COMPARED,
    COMPUTED,
    CONFIG,
    FACTOR,
    FACTORS,
    HEALTH,
    LOG,
    PERFORMANCE,
    ROOT,
    SERIES,
)


@pytest.fixture(scope="module")
def url(live: httpx.Client) -> str:
    return str(live.base_url).rstrip("/")


def check_computed(answer: Mapping[str, Any], factor: str) -> None:
    assert answer.keys() == COMPUTED
    assert answer["factor"] == factor
    assert answer["config"].keys() >= CONFIG
    assert answer["performance"].keys() == PERFORMANCE
    assert len(answer["returns"]) == 10


class TestRequests:
    """As in Python with requests."""

    def test_the_overview(self, url: str) -> None:
        answer = requests.get(f"{url}/", timeout=60).json()
        assert answer.keys() == ROOT
        assert answer["name"] == "Factor Models API"
        assert answer["available_factors"] == FACTORS
        assert "/factors/{factor}/logs" in answer["endpoints"]
        health = requests.get(f"{url}/health", timeout=60).json()
        assert health.keys() >= HEALTH
        assert (health["status"], health["api_key_configured"]) == ("healthy", False)

    def test_the_factors(self, url: str) -> None:
        answer = requests.get(f"{url}/factors", timeout=60).json()
        assert [entry["name"] for entry in answer["factors"]] == FACTORS
        assert all(entry.keys() == FACTOR and all(entry.values()) for entry in answer["factors"])

    @pytest.mark.parametrize("factor", FACTORS)
    def test_a_computation_and_its_log(self, url: str, factor: str) -> None:
        response = requests.post(
            f"{url}/compute/{factor}",
            json={
                "factor": factor,
                "breakpoint": 0.5,
                "min_assets": 30,
                "weighting_method": "equal",
                "start_date": "2021-01-01",
                "end_date": "2023-12-31",
                "market_cap_threshold": 100000000,
                "liquidity_threshold": 35000000,
                "min_lifetime_days": 30,
            },
            timeout=60,
        )
        response.raise_for_status()
        check_computed(response.json(), factor)

        logs = requests.get(f"{url}/factors/{factor}/logs", params={"limit": 5}, timeout=60).json()
        latest = requests.get(f"{url}/factors/{factor}/latest", timeout=60).json()
        assert logs[-1] == latest
        assert all(log.keys() == LOG for log in logs)
        assert latest["factor"] == factor
        assert latest["cumulative_returns"] == response.json()["performance"]["cumulative_returns"]

    def test_momentum_over_other_periods(self, url: str) -> None:
        request = {"factor": "momentum", "start_date": "2021-01-01", "end_date": "2023-12-31"}
        answers = [
            requests.post(
                f"{url}/compute/momentum", params={"lookback_periods": periods}, json=request, timeout=60
            ).json()
            for periods in (3, 6)
        ]
        assert answers[0]["returns"] != answers[1]["returns"]

    def test_comparison_and_series(self, url: str) -> None:
        compute(url, "smb")
        compute(url, "momentum")
        rows = requests.get(f"{url}/factors/compare", timeout=60).json()["comparison"]
        assert {"smb", "momentum"} <= {row["factor"] for row in rows}
        assert all(row.keys() == COMPARED for row in rows)
        annualized = [row["annualized_return"] for row in rows]
        assert annualized == sorted(annualized, reverse=True)
        answer = requests.get(
            f"{url}/factors/time-series",
            params={"factors": "smb,momentum", "start_date": "2022-01-01", "normalize_to_100": True},
            timeout=60,
        ).json()
        assert list(answer) == ["smb", "momentum"]
        for factor, series in answer.items():
            assert series.keys() == SERIES
            assert series["factor"] == factor
            assert len(series["dates"]) == len(series["returns"]) == len(series["cumulative_returns"]) > 50
            assert min(series["dates"]) >= "2022-01-01"

    def test_an_error(self, url: str) -> None:
        response = requests.post(f"{url}/compute/smb", json={"factor": "smb"}, timeout=60)
        assert response.status_code == 422
        assert {tuple(fault["loc"]) for fault in response.json()["detail"]} == {
            ("body", "start_date"),
            ("body", "end_date"),
        }


def compute(url: str, factor: str) -> None:
    span = {"start_date": "2021-01-01", "end_date": "2023-12-31"}
    requests.post(f"{url}/compute/{factor}", json={"factor": factor, **span}, timeout=60).raise_for_status()


class TestCurl:
    """As in a shell."""

    @pytest.fixture(autouse=True)
    def _curl(self) -> None:
        if shutil.which("curl") is None:
            pytest.skip("curl is not installed")

    def ask(self, *arguments: str) -> Any:
        done = subprocess.run(
            ["curl", "--silent", "--show-error", "--noproxy", "*", *arguments],
            capture_output=True,
            check=True,
            timeout=60,
        )
        return json.loads(done.stdout)

    def test_reading(self, url: str) -> None:
        compute(url, "smb")
        assert self.ask(f"{url}/").keys() == ROOT
        assert self.ask(f"{url}/health")["status"] == "healthy"
        assert len(self.ask(f"{url}/factors")["factors"]) == 6
        assert self.ask(f"{url}/factors/smb/logs?limit=1")[0].keys() == LOG
        assert self.ask(f"{url}/factors/smb/latest").keys() == LOG
        assert self.ask(f"{url}/factors/compare")["comparison"][0].keys() == COMPARED
        series = self.ask(f"{url}/factors/time-series?factors=smb&normalize_to_100=false")
        assert series["smb"].keys() == SERIES

    def test_computing(self, url: str) -> None:
        answer = self.ask(
            "-X",
            "POST",
            f"{url}/compute/momentum?lookback_periods=4",
            "-H",
            "Content-Type: application/json",
            "-d",
            '{"factor": "momentum", "start_date": "2021-01-01", "end_date": "2023-12-31"}',
        )
        check_computed(answer, "momentum")
        assert answer["config"]["lookback_periods"] == 4


FETCH = """
const [url] = process.argv.slice(1);
const asked = async (path, options = {}) => {
  const response = await fetch(`${url}${path}`, options);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
};
const compute = (factor) =>
  asked(`/compute/${factor}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ factor, start_date: "2021-01-01", end_date: "2023-12-31" }),
  });
const computed = await compute("smb");
const [logs, compared, series] = await Promise.all([
  asked("/factors/smb/logs?limit=3"),
  asked("/factors/compare"),
  asked("/factors/time-series?factors=smb"),
]);
console.log(JSON.stringify({ computed, log: logs.at(-1), row: compared.comparison[0], smb: series.smb }));
"""


def test_fetch_in_javascript(url: str) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    done = subprocess.run(
        [node, "--input-type=module", "-e", FETCH, "--", url],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    check_computed(answer["computed"], "smb")
    assert answer["log"].keys() == LOG
    assert answer["row"].keys() == COMPARED
    assert answer["smb"].keys() == SERIES


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:5173"])
def test_a_page_of_a_development_server_may_ask_as_a_browser_does(url: str, origin: str) -> None:
    preflight = requests.options(
        f"{url}/compute/smb",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
        timeout=60,
    )
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == origin
    answer = requests.post(
        f"{url}/compute/smb",
        headers={"Origin": origin, "Sec-Fetch-Site": "same-site"},
        json={"factor": "smb", "start_date": "2021-01-01", "end_date": "2023-12-31"},
        timeout=60,
    )
    check_computed(answer.json(), "smb")
    assert answer.headers["access-control-allow-origin"] == origin
    for name in ("x-factorql-run", "x-factorql-dataset"):
        assert name in answer.headers["access-control-expose-headers"]
    assert answer.headers["x-factorql-run"]
    assert answer.headers["x-factorql-dataset"] == "sample-synthetic v1 (synthetic)"
