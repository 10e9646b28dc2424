"""What readers ask for is computed in children: few at a time, within limits, and never left behind."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.errors import LimitExceeded, QueueFull
from app.execution.adhoc import MOST_AT_ONCE, MOST_WAITING, SOLVING, AdHocComputations, AdHocFailed
from app.execution.worker import exchange as conversation
from app.execution.worker.launcher import Launcher
from app.features.risk.optimization import optimize
from app.features.risk.optimize_job import Objective, OptimizeTask, decode_task, encode_task
from app.settings import Settings
from engine.risk.optimize import maximum_sharpe, minimum_variance
from engine.risk.portfolio_limits import ExposureLimit, PortfolioLimits
from tests.app.execution.processes import children_of, eventually, lives
from tests.app.execution.queueing import ACTING, executing, settings_for
from tests.engine.risk.forecasts import forecast_of, random_forecast

FORECAST = random_forecast(1, assets=12, factors=3)
LIMITS = PortfolioLimits(
    upper=0.3,
    current=np.full(12, 1 / 12),
    max_turnover=0.6,
    exposures=(ExposureLimit(factor="F1", low=-0.5, high=0.5),),
)
RETURNS = np.linspace(0.02, 0.2, 12)


@contextmanager
def consulting(computation: str, tmp_path: Path, **changes: object) -> Iterator[AdHocComputations]:
    launcher = Launcher(computation)
    launcher.start()
    adhoc = AdHocComputations(launcher, Settings(_env_file=None, data_dir=tmp_path, **changes))
    try:
        yield adhoc
    finally:
        adhoc.close()


@pytest.fixture(scope="module")
def production(tmp_path_factory) -> Iterator[AdHocComputations]:
    with consulting(SOLVING, tmp_path_factory.mktemp("data")) as adhoc:
        yield adhoc


@pytest.fixture
def acting(tmp_path) -> Iterator[AdHocComputations]:
    with consulting(ACTING, tmp_path) as adhoc:
        yield adhoc


def ask(adhoc: AdHocComputations, act: str, **options: object):
    return adhoc.compute("FACTOR", {"act": act, **options}, {})


def children(adhoc: AdHocComputations) -> list[int]:
    pid = adhoc._launcher.forkserver_pid
    return [] if pid is None else children_of(pid)


# -- portfolios --------------------------------------------------------------------------------------------


def tasks() -> list[OptimizeTask]:
    least = OptimizeTask(objective=Objective.MINIMUM_VARIANCE, forecast=FORECAST, limits=LIMITS)
    best = replace(least, objective=Objective.MAXIMUM_SHARPE, expected_returns=RETURNS, risk_free=0.05)
    return [least, best]


@pytest.mark.parametrize("task", tasks(), ids=lambda task: task.objective.value)
async def test_a_child_finds_what_the_engine_finds(production, task):
    expected = minimum_variance(FORECAST, LIMITS)
    if task.objective is Objective.MAXIMUM_SHARPE:
        expected = maximum_sharpe(FORECAST, RETURNS, LIMITS, risk_free=0.05)
    found = await optimize(production, task)
    np.testing.assert_allclose(found.weights, expected.weights, atol=1e-9)
    np.testing.assert_allclose(found.exposures, expected.exposures, atol=1e-9)
    assert found.iterations == expected.iterations
    assert found.volatility == pytest.approx(expected.volatility)
    assert found.turnover == pytest.approx(expected.turnover)
    assert found.expected_return == pytest.approx(expected.expected_return)
    assert found.sharpe_ratio == pytest.approx(expected.sharpe_ratio)


@pytest.mark.parametrize("task", tasks(), ids=lambda task: task.objective.value)
def test_a_task_survives_its_way(task):
    back = decode_task(*encode_task(task))
    assert (back.objective, back.risk_free) == (task.objective, task.risk_free)
    assert (back.forecast.assets, back.forecast.factors) == (task.forecast.assets, task.forecast.factors)
    for name in ("exposures", "covariance", "specific"):
        np.testing.assert_array_equal(getattr(back.forecast, name), getattr(task.forecast, name))
    limits = back.limits
    assert (limits.budget, limits.max_turnover, limits.exposures) == (1.0, 0.6, LIMITS.exposures)
    np.testing.assert_array_equal(limits.lower, np.zeros(12))
    np.testing.assert_array_equal(limits.upper, np.full(12, 0.3))
    np.testing.assert_array_equal(limits.current, LIMITS.current)
    if task.expected_returns is None:
        assert back.expected_returns is None
    else:
        np.testing.assert_array_equal(back.expected_returns, RETURNS)


@pytest.mark.parametrize(
    "changes",
    [
        {"expected_returns": RETURNS},
        {"objective": Objective.MAXIMUM_SHARPE},
        {"limits": replace(LIMITS, upper=np.ones(3))},
        {"limits": replace(LIMITS, lower=np.ones(1))},
        {"limits": replace(LIMITS, current=np.ones(3))},
        {"objective": Objective.MAXIMUM_SHARPE, "expected_returns": RETURNS[1:]},
    ],
)
def test_a_task_that_does_not_fit_itself_is_not_made(changes):
    with pytest.raises(ValueError, match=r"fit|needs"):
        replace(tasks()[0], **changes)


@pytest.mark.parametrize(
    ("limits", "code", "words", "faults"),
    [
        (PortfolioLimits(upper=0.01), "INFEASIBLE_PORTFOLIO", "add up to between", ()),
        (
            PortfolioLimits(max_turnover=-1.0, exposures=(ExposureLimit(factor="F9", low=0.0),)),
            "INVALID_CONFIG",
            "no factor",
            (("exposures", "UNKNOWN_FACTOR"), ("max_turnover", "OUT_OF_RANGE")),
        ),
        (
            PortfolioLimits(lower=np.array([0.0, 0.2, 0.0])),
            "MISSING_RISK",
            "no forecast for A1",
            (("A1", "MISSING_RISK"),),
        ),
    ],
)
async def test_what_the_engine_refuses_comes_back_typed(production, limits, code, words, faults):
    forecast = forecast_of(np.ones((3, 1)), np.eye(1) * 0.04, [0.2, np.nan, 0.2])
    task = OptimizeTask(objective=Objective.MINIMUM_VARIANCE, forecast=forecast, limits=limits)
    with pytest.raises(AdHocFailed, match=words) as caught:
        await optimize(production, task)
    assert caught.value.code == code
    assert tuple((what, why) for what, why, _ in caught.value.faults) == faults


async def test_a_portfolio_without_bounds_is_said_to_have_none(production):
    task = replace(tasks()[1], limits=PortfolioLimits(lower=-1e9, upper=1e9, budget=0.0))
    with pytest.raises(AdHocFailed) as caught:
        await optimize(production, task)
    assert caught.value.code == "UNBOUNDED_PORTFOLIO"


def test_the_solver_is_loaded_before_a_question_and_by_one_thread():
    launcher = Launcher(SOLVING)
    with closing(launcher), closing(launcher.launch()) as child:
        maps = Path(f"/proc/{child.pid}/maps").read_text()
        threads = list(Path(f"/proc/{launcher.forkserver_pid}/task").iterdir())
    assert "clarabel" in maps
    assert len(threads) == 1


async def test_without_the_solver_the_extra_is_named(tmp_path):
    task = tasks()[0]
    with (
        consulting("tests.app.execution.without_solver", tmp_path) as adhoc,
        pytest.raises(AdHocFailed, match="'optimize'") as caught,
    ):
        await optimize(adhoc, task)
    assert caught.value.code == "MISSING_EXTRA"


# -- limits ------------------------------------------------------------------------------------------------


async def test_few_are_computed_at_once_few_wait_and_the_next_is_refused(acting):
    most = MOST_AT_ONCE + MOST_WAITING
    asked = [asyncio.create_task(ask(acting, "sleep", seconds=0.15)) for _ in range(most)]
    await asyncio.sleep(0)
    with pytest.raises(QueueFull, match="8 computations wait"):
        await ask(acting, "succeed")
    together = 0
    while not all(task.done() for task in asked):
        together = max(together, len(children(acting)))
        await asyncio.sleep(0.01)
    assert together == MOST_AT_ONCE
    for task in asked:
        assert (await task).performance.num_periods == 4
    assert (await ask(acting, "succeed")).performance.num_periods == 4


async def test_one_over_its_time_is_ended_and_makes_room(tmp_path):
    with consulting(ACTING, tmp_path, optimize_timeout_seconds=0.4) as adhoc:
        for act in ("stay_busy_in_numpy", "hold_the_interpreter", "sleep"):
            with pytest.raises(AdHocFailed, match=r"took longer than 0.4 seconds") as caught:
                await ask(adhoc, act)
            assert caught.value.code == "TIMED_OUT"
        assert await asyncio.to_thread(eventually, lambda: not children(adhoc))
        assert (await ask(adhoc, "succeed")).performance.num_periods == 4


async def test_a_reader_who_goes_away_ends_what_was_asked(acting):
    asked = [asyncio.create_task(ask(acting, "sleep")) for _ in range(MOST_AT_ONCE + 1)]
    assert await asyncio.to_thread(eventually, lambda: len(children(acting)) == MOST_AT_ONCE)
    for task in asked:
        task.cancel()
    assert all(
        isinstance(end, asyncio.CancelledError)
        for end in await asyncio.gather(*asked, return_exceptions=True)
    )
    assert await asyncio.to_thread(eventually, lambda: not children(acting))
    assert (await ask(acting, "succeed")).performance.num_periods == 4


@pytest.mark.parametrize(
    ("act", "options", "code", "words"),
    [
        ("refuse", {}, "NO_PERIODS", "at most 3 assets"),
        ("crash", {"signal": "SIGKILL"}, "COMPUTATION_CRASHED", "killed by SIGKILL"),
        ("exit_silently", {"code": 3}, "COMPUTATION_CRASHED", "exit code 3"),
        ("allocate", {"megabytes": 400}, "OUT_OF_MEMORY", "more than the 256 MB"),
    ],
)
async def test_other_ends_are_typed(tmp_path, act, options, code, words):
    with consulting(ACTING, tmp_path, run_memory_mb=256) as adhoc:
        with pytest.raises(AdHocFailed, match=words) as caught:
            await ask(adhoc, act, **options)
        assert caught.value.code == code


async def test_a_fault_of_the_program_is_an_error_id_that_the_log_explains(acting, caplog):
    with caplog.at_level(logging.ERROR), pytest.raises(AdHocFailed) as caught:
        await ask(acting, "have_a_fault")
    assert caught.value.code == "INTERNAL_ERROR"
    assert "secret" not in str(caught.value)
    error_id = str(caught.value).rpartition("error id ")[2].rstrip(")")
    (entry,) = [record.getMessage() for record in caplog.records if error_id in record.getMessage()]
    assert "RuntimeError: a secret detail" in entry


async def test_a_question_that_is_too_large_is_refused(acting, monkeypatch):
    monkeypatch.setattr(conversation, "MAX_REQUEST_BYTES", 2000)
    with pytest.raises(LimitExceeded, match="too large"):
        await acting.compute("FACTOR", {"act": "succeed"}, {"a": np.zeros(1000)})
    assert (await ask(acting, "succeed")).performance.num_periods == 4


async def test_arrays_arrive_beside_the_config(acting):
    with pytest.raises(AdHocFailed, match=r"2\.0, -0\.5"):
        await acting.compute("FACTOR", {"act": "tell_arrays"}, {"a": np.array([2.0, -0.5])})


# -- stopping ----------------------------------------------------------------------------------------------


async def test_stopping_the_executor_ends_what_readers_wait_for(store, store_url, tmp_path, caplog):
    async with executing(store, settings_for(store_url, tmp_path)) as executor:
        adhoc = executor.adhoc
        asked = [asyncio.create_task(ask(adhoc, "sleep")) for _ in range(MOST_AT_ONCE + 1)]
        assert await asyncio.to_thread(eventually, lambda: len(children(adhoc)) == MOST_AT_ONCE)
        under_way = [*children(adhoc), adhoc._launcher.forkserver_pid]
    ends = await asyncio.gather(*asked, ask(adhoc, "succeed"), return_exceptions=True)
    assert [end.code for end in ends] == ["SERVER_STOPS"] * 4
    assert not any(lives(pid) for pid in under_way)
    assert caplog.records == []  # none was begun that could not be
