"""Children are forked from what was preloaded, hold nothing that is not theirs, and end when they have to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.execution.worker import launcher as launcher_module
from app.execution.worker.exchange import ChildExited, exchange
from app.execution.worker.frames import MAX_RESULT_BYTES, Frame, FrameKind, receive_frame, send_frame
from app.execution.worker.launcher import ChildProcess, ForkRefused, ForkserverLost, Launcher
from app.execution.worker.protocol import ComputeRequest, Failure, Progress, decode_arrays, encode_message
from db.records import RunResults
from tests.app.execution.processes import eventually, lives, request_to

ACTING = "tests.app.execution.computations"


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    launcher = Launcher(ACTING)
    launcher.start()
    yield launcher
    launcher.close()


@pytest.fixture
def own_launcher() -> Iterator[Launcher]:
    """For tests that harm their forkserver."""
    launcher = Launcher(ACTING)
    launcher.start()
    yield launcher
    launcher.close()


def outcome_of(launcher: Launcher, request: ComputeRequest) -> object:
    with closing(launcher.launch()) as child:
        return exchange(child, request, lambda _: None)


def answer(child: ChildProcess, request: ComputeRequest) -> Frame | None:
    """The first frame that comes back."""
    send_frame(child.channel, FrameKind.REQUEST, [encode_message(request)])
    return receive_frame(child.channel, MAX_RESULT_BYTES)


# -- what comes back ---------------------------------------------------------------------------------------


def test_a_result_comes_back_whole(launcher):
    results = outcome_of(launcher, request_to("succeed", seed=7))
    assert isinstance(results, RunResults)
    assert results.series[0].values.tolist() == [7.0, 7.01, 7.02, 7.03]
    assert results.compositions[3].short.weights.tolist() == [0.5, 0.5]


def test_progress_comes_in_order_before_the_result(launcher):
    heard: list[Progress] = []
    with closing(launcher.launch()) as child:
        assert isinstance(exchange(child, request_to("report_steps"), heard.append), RunResults)
    assert heard == [Progress(0.0, "step 0"), Progress(0.25, "step 1"), Progress(0.5, "step 2")]


def test_a_result_of_many_megabytes_does_not_block(launcher):
    results = outcome_of(launcher, request_to("succeed", periods=1000, assets=600))
    assert isinstance(results, RunResults)
    assert len(results.compositions) == 1000
    assert results.compositions[-1].long.asset_ordinals.tolist() == list(range(600))


@pytest.mark.parametrize(
    ("act", "code", "message"),
    [
        ("refuse", "NO_PERIODS", "at most 3 assets were eligible, 30 are needed"),
        ("miss_files", "DATASET_UNAVAILABLE", "the files of dataset 'x' are gone"),
    ],
)
def test_expected_errors_keep_their_code_and_words(launcher, act, code, message):
    failure = outcome_of(launcher, request_to(act))
    assert isinstance(failure, Failure)
    assert failure.code == code
    assert message in failure.message
    assert failure.traceback is None


def test_a_fault_of_the_program_brings_its_traceback_apart_from_the_message(launcher):
    failure = outcome_of(launcher, request_to("have_a_fault"))
    assert isinstance(failure, Failure)
    assert failure.code == "INTERNAL_ERROR"
    assert "secret" not in failure.message
    assert "RuntimeError: a secret detail" in failure.traceback


# -- limits ------------------------------------------------------------------------------------------------


def test_more_memory_than_allowed_is_a_failure_and_less_is_not(launcher):
    with closing(launcher.launch()) as child:
        frame = answer(child, request_to("allocate", megabytes=100, memory_limit_mb=256))
        assert frame.kind is FrameKind.RESULT
    failure = outcome_of(launcher, request_to("allocate", megabytes=400, memory_limit_mb=256))
    assert failure == Failure("OUT_OF_MEMORY", "the computation needs more than the 256 MB it may use")


def test_mapped_files_do_not_count_as_memory(launcher, tmp_path):
    file = tmp_path / "large"
    with file.open("wb") as sparse:
        sparse.truncate(2**30)
    with closing(launcher.launch()) as child:
        frame = answer(child, request_to("map_a_file", file=str(file), memory_limit_mb=256))
        assert frame.kind is FrameKind.RESULT


def test_a_child_that_nobody_stops_is_stopped_by_its_processor_time(launcher):
    assert outcome_of(launcher, request_to("stay_busy_in_numpy", cpu_limit_seconds=1)) == ChildExited(
        -signal.SIGKILL
    )


# -- ends --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "ended"),
    [
        (request_to("exit_silently"), ChildExited(0)),
        (request_to("exit_silently", code=3), ChildExited(3)),
        (request_to("crash"), ChildExited(-signal.SIGSEGV)),
    ],
)
def test_a_child_that_ends_without_a_result_is_told_by_its_exit_code(launcher, request_, ended):
    assert outcome_of(launcher, request_) == ended


@pytest.mark.parametrize("act", ["sleep", "stay_busy_in_numpy", "hold_the_interpreter"])
def test_killing_ends_a_child_whatever_it_does(launcher, act):
    with closing(launcher.launch()) as child:
        assert answer(child, request_to(act)).kind is FrameKind.PROGRESS
        child.kill()
        child.kill()
        assert receive_frame(child.channel, MAX_RESULT_BYTES) is None
        assert child.exit_code() in (-signal.SIGKILL, 70)
        assert not lives(child.pid)
    child.kill()


def test_closing_ends_a_child_that_never_got_a_request(launcher):
    child = launcher.launch()
    child.close()
    assert eventually(lambda: not lives(child.pid))


# -- what a child holds ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seen() -> dict:
    """What a child of the production forkserver sees, under a server that has secrets and open files."""
    secrets = {
        "FACTORQL_API_TOKEN": "token-in-the-environment",
        "FACTORQL_DATABASE_URL": "postgresql://user:password@host/database",
        "ARTEMIS_API_KEY": "key-in-the-environment",
        "PYTHONPATH": "/somewhere/else",
    }
    with pytest.MonkeyPatch.context() as patch, Path(__file__).open() as held_by_server:
        os.set_inheritable(held_by_server.fileno(), True)
        for name, value in secrets.items():
            patch.setenv(name, value)
        launcher = Launcher("tests.app.execution.surroundings")
        with closing(launcher), closing(launcher.launch()) as other, closing(launcher.launch()) as child:
            assert other.pid != child.pid
            facts, _ = decode_arrays(answer(child, request_to("look around")).payload)
            return facts | {"forkserver": launcher.forkserver_pid, "launched": child.pid}


def test_the_preload_happened_in_the_forkserver(seen):
    assert seen["pid"] == seen["launched"]
    assert seen["parent"] == seen["forkserver"] == seen["imported_in"]
    assert {"numpy", "engine.factors.compute", "app.datasets.snapshot", "app.datasets.period_cache"} <= set(
        seen["modules"]
    )


def test_the_forkserver_has_one_thread_and_the_child_a_lifeline_besides(seen):
    assert seen["forkserver_threads"] == [str(seen["forkserver"])]
    assert len(seen["threads"]) == 2


def test_no_database_network_or_server_module_is_loaded(seen):
    packages = {module.partition(".")[0] for module in seen["modules"]}
    assert not packages & {
        "db",
        "sqlalchemy",
        "sqlmodel",
        "sqlite3",
        "asyncpg",
        "aiosqlite",
        "aiohttp",
        "pandas",
    }
    assert not packages & {"pydantic", "starlette", "strawberry", "asyncio", "ssl", "pytest"}
    assert "app.settings" not in seen["modules"]


def test_the_server_main_module_is_not_run_again(seen):
    assert seen["main"] is None


def test_no_secret_reaches_the_child(seen):
    kept = {"LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}
    threads = {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"}
    assert set(seen["environment"]) <= kept | threads
    assert {seen["environment"][name] for name in threads} == {"1"}
    for secret in ("token-in", "password", "key-in", "/somewhere/else"):
        assert secret not in seen["initial_environment"]


def test_a_child_holds_its_channel_and_the_standard_streams_only(seen):
    by_number = dict(link.split(" ", 1) for link in seen["descriptors"])
    others = [target for number, target in by_number.items() if int(number) > 2]
    assert len(others) == 1, others
    assert others[0].startswith("socket:")
    assert by_number["0"] == by_number["1"] == "/dev/null"


def test_the_kernel_takes_a_child_before_the_server_when_memory_is_short(seen):
    assert seen["oom_score"] == 500
    assert seen["core_limit"] == 0


def test_ctrl_c_does_not_reach_a_child(seen):
    assert seen["ignores_interrupt"]
    assert seen["session"] == seen["forkserver"]


# -- the forkserver's own ends -----------------------------------------------------------------------------


def test_a_preload_that_fails_is_an_error_and_its_traceback_is_shown(capfd):
    launcher = Launcher("tests.app.execution.no_such_module")
    with closing(launcher), pytest.raises(ForkserverLost):
        launcher.start()
    assert capfd.readouterr().err.count("No module named 'tests.app.execution.no_such_module'") == 1


def test_warming_up_that_fails_is_a_line_and_no_end(capfd):
    with closing(Launcher("tests.app.execution.cold")) as launcher:
        launcher.start()
        assert isinstance(outcome_of(launcher, request_to("succeed")), RunResults)
    assert capfd.readouterr().err == "warming up failed: OSError: a library cannot be loaded\n"


def test_a_system_without_room_for_a_process_is_an_error_that_passes():
    launcher = Launcher("tests.app.execution.no_room")
    with closing(launcher):
        launcher.start()
        with pytest.raises(ForkRefused, match="EAGAIN"):
            launcher.launch()
        launcher.launch().close()


def test_a_forkserver_that_was_killed_is_replaced_and_its_children_go_on(own_launcher):
    first = own_launcher.forkserver_pid
    with closing(own_launcher.launch()) as child:
        send_frame(child.channel, FrameKind.REQUEST, [encode_message(request_to("sleep", seconds=0.3))])
        os.kill(first, signal.SIGKILL)
        assert isinstance(outcome_of(own_launcher, request_to("succeed")), RunResults)
        assert own_launcher.forkserver_pid != first
        assert receive_frame(child.channel, MAX_RESULT_BYTES).kind is FrameKind.PROGRESS
        assert receive_frame(child.channel, MAX_RESULT_BYTES).kind is FrameKind.RESULT


def test_a_child_without_its_forkserver_can_still_be_killed(own_launcher):
    with closing(own_launcher.launch()) as child:
        assert answer(child, request_to("stay_busy_in_numpy")).kind is FrameKind.PROGRESS
        os.kill(own_launcher.forkserver_pid, signal.SIGKILL)
        child.kill()
        assert receive_frame(child.channel, MAX_RESULT_BYTES) is None
        assert child.exit_code() is None
        assert eventually(lambda: not lives(child.pid))


def test_a_child_that_dies_with_its_forkserver_is_lost_not_crashed(own_launcher, tmp_path):
    assert outcome_of(own_launcher, request_to("die_once", marker=str(tmp_path / "marker"))) == ChildExited(
        None
    )


def test_a_forkserver_that_hangs_is_replaced(own_launcher, monkeypatch):
    monkeypatch.setattr(launcher_module, "_BIRTH_SECONDS", 3.0)
    monkeypatch.setattr(launcher_module, "_EXIT_CODE_SECONDS", 0.1)
    monkeypatch.setattr(launcher_module, "_WIND_UP_SECONDS", 0.1)
    with closing(own_launcher.launch()) as child:
        hanging = own_launcher.forkserver_pid
        os.kill(hanging, signal.SIGSTOP)
        assert exchange(child, request_to("exit_silently", code=3), lambda _: None) == ChildExited(None)
    assert isinstance(outcome_of(own_launcher, request_to("succeed")), RunResults)
    assert not lives(hanging)


def test_closing_leaves_no_process_and_no_way_to_start_another(own_launcher):
    children = [own_launcher.launch() for _ in range(3)]
    assert answer(children[0], request_to("hold_the_interpreter")).kind is FrameKind.PROGRESS
    pids = [own_launcher.forkserver_pid, *(child.pid for child in children)]
    assert all(lives(pid) for pid in pids)
    own_launcher.close()
    assert not any(lives(pid) for pid in pids)
    for child in children:
        child.close()
    with pytest.raises(ForkserverLost):
        own_launcher.launch()


def test_no_process_outlives_a_server_that_is_killed():
    script = """
import sys, time
from app.execution.worker.frames import FrameKind, receive_frame, send_frame
from app.execution.worker import launcher as launcher_module
from app.execution.worker.launcher import Launcher
from app.execution.worker.protocol import encode_message
from tests.app.execution.processes import request_to
launcher = Launcher("tests.app.execution.computations")
children = [launcher.launch() for _ in range(4)]
for child, act in zip(children, ["sleep", "stay_busy_in_numpy", "hold_the_interpreter"]):
    send_frame(child.channel, FrameKind.REQUEST, [encode_message(request_to(act))])
    receive_frame(child.channel, 1000)
print(launcher.forkserver_pid, *(child.pid for child in children), flush=True)
time.sleep(60)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        pids = [int(word) for word in server.stdout.readline().split()]
        assert len(pids) == 5
        assert all(lives(pid) for pid in pids)
        server.kill()
    assert eventually(lambda: not any(lives(pid) for pid in pids))
