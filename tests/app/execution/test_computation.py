"""The production computation: a factor on a stored dataset, computed in a child, arrives unchanged."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from app.datasets.snapshot import remove_snapshot, write_snapshot
from app.execution.worker import exchange as conversation
from app.execution.worker.exchange import exchange
from app.execution.worker.frames import MAX_RESULT_BYTES, FrameKind, receive_frame, send_frame
from app.execution.worker.launcher import PRODUCTION, Launcher
from app.execution.worker.protocol import ComputeRequest, Failure, decode_arrays, encode_message
from app.execution.worker.results import decode_result
from app.features.factors.job import encode_result
from app.storage.file_hashes import known_hashes, remember_hashes
from db.records import LegRecord, PerformanceRecord, RunResults
from engine.config import to_json
from engine.factors.compute import compute_factor
from engine.factors.performance import Performance
from engine.factors.portfolio import LegHoldings
from engine.factors.registry import FactorName, parse_config
from engine.factors.research.analyse import analyse
from engine.factors.series import OTHER_UNITS
from engine.panel import Calendar, Panel
from tests.app.datasets.files import damage, rewrite_manifest

OPTIONS = {"min_assets": 5, "market_cap_threshold": None, "liquidity_threshold": None}


def panel(days: int = 200, assets: int = 12) -> Panel:
    random = np.random.default_rng(5)
    shape = (days, assets)
    price = 100 * np.exp(np.cumsum(random.normal(0, 0.03, shape), axis=0))
    price[:40, 0] = np.nan
    price[150:, 1] = np.nan
    values = {
        "price": price,
        "market_cap": price * random.uniform(1e6, 1e8, assets),
        "volume": random.uniform(1e6, 1e8, shape),
        "fees": random.uniform(1e3, 1e5, shape),
        "dau": random.uniform(1e3, 1e5, shape),
        "revenue": random.uniform(1e3, 1e5, shape),
    }
    return Panel(
        dates=np.datetime64("2023-01-01") + np.arange(days),
        assets=tuple(f"asset-{number:02}" for number in range(assets)),
        fields=values,
        calendar=Calendar.EVERY_DAY,
    )


@pytest.fixture(scope="module")
def launcher():
    launcher = Launcher(PRODUCTION)
    launcher.start()
    yield launcher
    launcher.close()


@pytest.fixture
def request_(tmp_path) -> ComputeRequest:
    return ComputeRequest(
        datasets_dir=str(tmp_path / "datasets"),
        cache_dir=str(tmp_path / "cache"),
        artifacts_dir=str(tmp_path / "artifacts"),
        fingerprint=write_snapshot(panel(), tmp_path / "datasets"),
        kind="FACTOR",
        subject="SMB",
        identity="1" * 64,
        config=to_json(parse_config(FactorName.SMB, OPTIONS)),
        memory_limit_bytes=2**30,
        cpu_limit_seconds=30,
    )


def computed(launcher: Launcher, request: ComputeRequest):
    with closing(launcher.launch()) as child:
        return exchange(child, request, lambda _: None)


def assert_same_leg(stored: LegRecord, leg: LegHoldings, period: int) -> None:
    held = slice(leg.offsets[period], leg.offsets[period + 1])
    np.testing.assert_array_equal(stored.asset_ordinals, leg.assets[held])
    for name in ("weights", "period_returns", "signals", "market_caps"):
        np.testing.assert_array_equal(getattr(stored, name), getattr(leg, name)[held], err_msg=name)


@pytest.mark.parametrize("factor", FactorName)
def test_every_factor_arrives_as_the_engine_computed_it(launcher, request_, factor):
    options = {**OPTIONS, "top_n": 5} if factor is FactorName.MARKET else OPTIONS
    options = {
        name: options[name] for name in options if name != "min_assets" or factor is not FactorName.MARKET
    }
    config = parse_config(factor, options)
    expected = compute_factor(panel(), config)

    results = computed(launcher, replace(request_, subject=factor.value, config=to_json(config)))

    assert isinstance(results, RunResults), results
    series = {series.name: series.values for series in results.series}
    for one in results.series:
        np.testing.assert_array_equal(one.dates, expected.dates)
        assert one.is_return == (one.unit == "fraction per period") == (one.name not in OTHER_UNITS)
    for name in ("FACTOR", "LONG", "SHORT"):
        if (values := getattr(expected, name.lower())) is None:
            assert name not in series
        else:
            np.testing.assert_array_equal(series[name], values)
    np.testing.assert_array_equal(series["IC"], expected.ics)
    np.testing.assert_array_equal(series["TURNOVER"], expected.trading.turnover)
    np.testing.assert_array_equal(series["MARKET"], expected.market[expected.rows + 1])
    assert {"BREADTH", "SIGNAL_AUTOCORRELATION", "QUANTILE_SPREAD", "QUANTILE_5"} <= set(series)
    for name in {item.name for item in fields(PerformanceRecord)} - {"undefined_metrics"}:
        value = getattr(expected.performance, name)
        if isinstance(value, float):
            # sums of products end otherwise in arrays that begin elsewhere in memory
            value = pytest.approx(value, rel=1e-13)
        assert getattr(results.performance, name) == value, name
    undefined = [(one.metric, one.reason, one.detail) for one in results.performance.undefined_metrics]
    assert undefined == [(one.metric, one.reason, one.detail) for one in expected.performance.undefined]
    assert [one.period_end for one in results.compositions] == expected.dates.tolist()
    assert [one.period_start for one in results.compositions] == expected.formation_dates.tolist()
    for period, composition in enumerate(results.compositions):
        assert_same_leg(composition.long, expected.long_leg, period)
        if expected.short_leg is None:
            assert composition.short is None
        else:
            assert_same_leg(composition.short, expected.short_leg, period)


def test_a_child_has_nothing_left_to_load(request_):
    launcher = Launcher("tests.app.execution.surroundings")
    with closing(launcher), closing(launcher.launch()) as child:
        send_frame(child.channel, FrameKind.REQUEST, [encode_message(request_)])
        while (frame := receive_frame(child.channel, MAX_RESULT_BYTES)).kind is not FrameKind.RESULT:
            pass
        seen, _ = decode_arrays(frame.payload)
    assert seen["loaded_by_computing"] == []


def test_warming_up_says_nothing_where_nothing_is_wrong(capfd):
    with closing(Launcher(PRODUCTION)) as launcher:
        launcher.start()
    assert capfd.readouterr().err == ""


def test_what_cannot_be_warmed_up_stops_nothing_else(request_, capfd):
    config = to_json(parse_config(FactorName.MOMENTUM, OPTIONS))
    with closing(Launcher("tests.app.execution.lacking")) as launcher:
        launcher.start()
        results = computed(launcher, replace(request_, subject="MOMENTUM", config=config))
    assert isinstance(results, RunResults), results
    assert capfd.readouterr().err.splitlines() == [
        "warming up growth failed: ZeroDivisionError: nothing to divide by",
        "warming up a sweep failed: ZeroDivisionError: nothing to divide by",
    ]


def test_undefined_metrics_arrive_with_their_reasons():
    config = parse_config(FactorName.SMB, {**OPTIONS, "start_date": "2023-03-01", "end_date": "2023-03-08"})
    expected = compute_factor(panel(), config)
    payload = memoryview(b"".join(bytes(part) for part in encode_result(expected, analyse(expected))))
    performance = decode_result(payload).performance
    assert performance.num_periods == 1
    assert performance.sharpe_ratio is None
    assert {one.metric for one in performance.undefined_metrics} >= {"sharpe_ratio"}


def test_the_engine_and_the_store_name_the_same_metrics():
    engine = {item.name for item in fields(Performance)} - {"undefined"}
    store = {item.name for item in fields(PerformanceRecord)} - {"undefined_metrics"}
    assert engine == store


def test_a_kept_aggregate_changes_nothing(launcher, request_, tmp_path):
    first = computed(launcher, request_)
    assert any((tmp_path / "cache").rglob("*.npy"))
    second = computed(launcher, request_)
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").write_text("in the way")
    third = computed(launcher, request_)
    for other in (second, third):
        assert other.performance == first.performance


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"min_assets": 13}, "NO_PERIODS", "at most 12 assets were eligible, 13 are needed"),
        ({"max_weight": 0.1}, "INFEASIBLE_MAX_WEIGHT", "max_weight 0.1 cannot hold"),
        ({"exclude": ["nobody"]}, "INVALID_CONFIG", "nobody"),
    ],
)
def test_what_the_engine_refuses_is_told_in_its_words(launcher, request_, changes, code, message):
    config = to_json(parse_config(FactorName.SMB, OPTIONS | changes))
    failure = computed(launcher, replace(request_, config=config))
    assert isinstance(failure, Failure), failure
    assert failure.code == code
    assert message in failure.message


def test_a_field_that_the_dataset_lacks_is_named(launcher, request_, tmp_path):
    whole = panel()
    without = replace(whole, fields={"price": whole.fields["price"]})
    failure = computed(
        launcher, replace(request_, fingerprint=write_snapshot(without, tmp_path / "datasets"))
    )
    assert isinstance(failure, Failure), failure
    assert failure.code == "MISSING_FIELD"
    assert "market_cap" in failure.message


def test_a_dataset_whose_files_are_gone_is_said_so(launcher, request_, tmp_path):
    remove_snapshot(tmp_path / "datasets", request_.fingerprint)
    failure = computed(launcher, request_)
    assert isinstance(failure, Failure), failure
    assert failure.code == "DATASET_UNAVAILABLE"
    assert "ingest the file again" in failure.message


# -- damaged files -----------------------------------------------------------------------------------------


def test_a_damaged_field_that_is_read_fails_the_run(launcher, request_, tmp_path):
    damage(tmp_path / "datasets" / request_.fingerprint, "field:market_cap")
    failure = computed(launcher, request_)
    assert isinstance(failure, Failure), failure
    assert failure.code == "DATASET_DAMAGED"
    assert "field market_cap" in failure.message
    assert "ingest the file again" in failure.message
    assert str(tmp_path) not in failure.message


def test_a_damaged_field_that_is_not_read_fails_no_run(launcher, request_, tmp_path, caplog):
    sound = computed(launcher, request_)
    shutil.rmtree(tmp_path / "cache")
    damage(tmp_path / "datasets" / request_.fingerprint, "field:volume")
    assert computed(launcher, request_).performance == sound.performance
    (warning,) = caplog.messages
    assert "field volume" in warning


def test_damaged_periods_are_built_again_and_said_so(launcher, request_, tmp_path, caplog):
    first = computed(launcher, request_)
    (entry,) = (tmp_path / "cache" / "periods").iterdir()
    damage(entry, "field:market_cap")
    second = computed(launcher, request_)
    assert second.performance == first.performance
    (warning,) = caplog.messages
    assert "weekly periods" in warning
    assert "field market_cap" in warning
    third = computed(launcher, request_)
    assert third.performance == first.performance
    assert len(caplog.messages) == 1


def test_a_server_learns_what_its_children_have_read(launcher, request_, tmp_path, monkeypatch):
    """So that the next one need not read it again, until it changes."""
    learned: list[list[str]] = []

    def learn(hashes) -> None:
        hashes = tuple(hashes)
        learned.append(sorted(known.identity.path for known in hashes))
        remember_hashes(hashes)

    def compute() -> RunResults | Failure:
        return computed(launcher, replace(request_, hashes=known_hashes(str(tmp_path))))

    monkeypatch.setattr(conversation, "remember_hashes", learn)
    snapshot = tmp_path / "datasets" / request_.fingerprint
    compute()
    assert learned.pop() == sorted(map(str, snapshot.glob("*.npy")))
    compute()
    (entry,) = (tmp_path / "cache" / "periods").iterdir()
    periods = learned.pop()
    assert 0 < len(periods) < len(list(entry.glob("*.npy"))), "dau and others are not read"
    assert {Path(path).parent for path in periods} == {entry}
    compute()
    assert learned == []
    damage(entry, "field:price")
    damage(snapshot, "field:price")
    assert compute().code == "DATASET_DAMAGED"


def test_a_dataset_without_a_hash_of_its_manifest_is_compared_with_its_fingerprint_once(
    launcher, request_, tmp_path
):
    """However many children read it: the server passes on that it was found to be right."""
    snapshot = tmp_path / "datasets" / request_.fingerprint
    manifest = str(snapshot / "manifest.json")
    rewrite_manifest(snapshot, sealed=False)
    first = computed(launcher, request_)
    assert isinstance(first, RunResults), first
    hashes = known_hashes(str(snapshot))
    assert manifest in {known.identity.path for known in hashes}
    damage(snapshot, "field:dau")  # whoever compares again reads it
    assert isinstance(computed(launcher, replace(request_, hashes=hashes)), RunResults)
    assert computed(launcher, request_).code == "DATASET_DAMAGED"
