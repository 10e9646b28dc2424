"""A risk model's run in a child: its documents, its files, and what becomes of them when it ends early."""

from __future__ import annotations

import errno
import json
import os
import signal
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.errors import DatasetDamaged
from app.execution.worker.exchange import ChildExited, exchange
from app.execution.worker.frames import MAX_RESULT_BYTES, FrameKind, receive_frame, send_frame
from app.execution.worker.launcher import Launcher
from app.execution.worker.protocol import Failure, decode_arrays, encode_arrays, encode_message
from app.execution.worker.results import decode_result
from app.features.risk import job as risk_job
from app.features.risk.documents import ARTIFACT_ARRAYS, DOCUMENT_ARRAYS
from app.storage.artifacts.reader import open_artifact
from app.storage.artifacts.writer import RowWriter
from app.storage.folders import stale_temporaries
from db.records import RunResults
from engine.config import to_json
from engine.risk.model import build_risk_model
from engine.risk.sectors import sectors_of
from tests.app.datasets.files import damage
from tests.app.modelling import ASSETS, DATES, config, panel, request_for

KINDS = {"sectors": panel(), "none": panel(sectors=0), "changing": panel(changing=True)}


@pytest.fixture(scope="module")
def launcher():
    launcher = Launcher()
    launcher.start()
    yield launcher
    launcher.close()


def computed_here(request, report=lambda fraction, stage: None) -> RunResults:
    payload = risk_job.build_model(request, report)
    return decode_result(memoryview(b"".join(bytes(part) for part in payload)))


def arrays_of(results: RunResults, data_dir: Path) -> dict[str, np.ndarray]:
    return {record.name: open_artifact(data_dir, record) for record in results.artifacts}


def expected_arrays(content, options) -> tuple[dict[str, np.ndarray], object]:
    """From the engine, which gives the scores in pieces."""
    pieces = {}
    model = build_risk_model(content, options, keep_scores=lambda row, *kept: pieces.update({row: kept}))
    outlook, specific = model.outlook, model.outlook.specific
    return {
        "scores": np.concatenate([pieces[row][0] for row in sorted(pieces)]),
        "missing_scores": np.concatenate([pieces[row][1] for row in sorted(pieces)]),
        "specific_returns": model.factor_returns.specific,
        "specific_risk": specific.volatilities,
        "own_specific_risk": specific.own,
        "peer_specific_risk": specific.peer,
        "peer_shares": specific.peer_shares,
        "specific_observations": specific.observations,
        "market_caps": outlook.caps,
        "estimation_universe": outlook.universe,
    }, model


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_hold_what_the_engine_computed(tmp_path, kind):
    request = request_for(KINDS[kind], tmp_path)
    results = computed_here(request)
    expected, model = expected_arrays(KINDS[kind], config())
    found = arrays_of(results, tmp_path)
    assert found.keys() == ARTIFACT_ARRAYS.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    for name, (dtype, _) in ARTIFACT_ARRAYS.items():
        assert found[name].dtype.str == dtype
    sectors = np.broadcast_to(found["sectors"], (DATES - 1, ASSETS))
    np.testing.assert_array_equal(sectors[model.outlook.rows], model.outlook.sectors)
    assert len(found["sectors"]) == (DATES - 1 if kind == "changing" else 1)
    if kind == "changing":
        np.testing.assert_array_equal(sectors, sectors_of(KINDS[kind]).codes[1:])
    assert len({record.path.rpartition("/")[0] for record in results.artifacts}) == 1


def test_dates_between_two_days_shift_no_row(tmp_path):
    dates = KINDS["changing"].dates
    options = config(start_date=dates[50].item(), end_date=dates[400].item())
    found = arrays_of(computed_here(request_for(KINDS["changing"], tmp_path, options)), tmp_path)
    expected, model = expected_arrays(KINDS["changing"], options)
    assert model.dates.tolist() == dates[50:401].tolist()
    np.testing.assert_array_equal(found["scores"], expected["scores"])
    np.testing.assert_array_equal(found["sectors"], sectors_of(KINDS["changing"]).codes[50:401])


def test_the_documents_are_those_listed_and_plain(tmp_path):
    results = computed_here(request_for(KINDS["sectors"], tmp_path))
    documents = {document.name: document for document in results.documents}
    for name, arrays in DOCUMENT_ARRAYS.items():
        assert {one: values.dtype.str for one, values in documents[name].arrays.items()} == {
            one: dtype for one, (dtype, _) in arrays.items()
        }
    for document in documents.values():
        json.dumps(document.facts, allow_nan=False)
    assert results.performance is None
    assert results.series == ()


@pytest.mark.parametrize("kind", KINDS)
def test_a_child_computes_the_same_with_few_words(launcher, tmp_path, kind):
    request = request_for(KINDS[kind], tmp_path)
    told = []
    with closing(launcher.launch()) as child:
        results = exchange(child, request, told.append)
    assert isinstance(results, RunResults), results
    here = computed_here(request)
    for name, values in arrays_of(here, tmp_path).items():
        np.testing.assert_allclose(arrays_of(results, tmp_path)[name], values, rtol=1e-9, atol=1e-12)
    stages = [progress.stage for progress in told]
    assert stages[:2] == ["Reading data", f"Scoring: 0 of {DATES:,} dates"]
    assert stages[-1] == "Storing"
    assert [progress.fraction for progress in told] == sorted(progress.fraction for progress in told)


def test_a_child_has_nothing_left_to_load(tmp_path):
    request = request_for(KINDS["sectors"], tmp_path)
    with closing(Launcher("tests.app.execution.surroundings")) as own, closing(own.launch()) as child:
        send_frame(child.channel, FrameKind.REQUEST, [encode_message(request)])
        while (frame := receive_frame(child.channel, MAX_RESULT_BYTES)).kind is not FrameKind.RESULT:
            pass
        seen, _ = decode_arrays(frame.payload)
    assert seen["loaded_by_computing"] == []
    assert len(seen["threads"]) == 2  # its own and the lifeline: those of the chunks have ended


def test_a_second_run_makes_files_of_its_own(tmp_path):
    request = request_for(KINDS["none"], tmp_path)
    first, second = computed_here(request), computed_here(request)
    assert not {one.path for one in first.artifacts} & {one.path for one in second.artifacts}
    assert [one.sha256 for one in first.artifacts] == [one.sha256 for one in second.artifacts]
    assert len(list((tmp_path / "artifacts").iterdir())) == 2


def test_a_model_without_styles_is_kept_too(tmp_path):
    results = computed_here(request_for(KINDS["sectors"], tmp_path, config(styles=())))
    assert arrays_of(results, tmp_path)["scores"].shape == (DATES - 1, ASSETS, 0)


# -- ends without a result ---------------------------------------------------------------------------------


def left(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "artifacts"
    return list(folder.iterdir()) if folder.is_dir() else []


def test_a_full_disk_is_a_failure_that_says_so(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    request = request_for(KINDS["sectors"], tmp_path)
    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(Exception, match="no space") as caught:
        computed_here(request)
    assert caught.value.code == "NO_SPACE"
    assert left(tmp_path) == []


def test_a_disk_that_fills_while_rows_are_written_ends_all_threads(tmp_path, monkeypatch):
    whole = RowWriter.write

    def full(self, first_row, array):
        if self.name == "missing_scores":
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(self, first_row, array)

    request = request_for(KINDS["sectors"], tmp_path)
    before = threading.active_count()
    monkeypatch.setattr(RowWriter, "write", full)
    with pytest.raises(OSError, match="No space"):
        computed_here(request)
    assert left(tmp_path) == []
    assert threading.active_count() <= before


@pytest.mark.parametrize("stage", ["Scoring", "Storing"])
def test_a_killed_child_leaves_nothing_but_a_stale_folder(launcher, tmp_path, stage):
    with closing(launcher.launch()) as child:
        outcome = exchange(
            child,
            request_for(KINDS["sectors"], tmp_path),
            lambda progress: os.kill(child.pid, signal.SIGKILL) if progress.stage.startswith(stage) else None,
        )
    assert outcome == ChildExited(-signal.SIGKILL)
    assert stale_temporaries(tmp_path / "artifacts", grace_seconds=0.0) == tuple(left(tmp_path))
    assert len(left(tmp_path)) <= 1


def test_too_little_memory_is_a_failure_that_leaves_nothing(launcher, tmp_path):
    request = replace(request_for(panel(assets=800), tmp_path), memory_limit_bytes=32 * 2**20)
    with closing(launcher.launch()) as child:
        outcome = exchange(child, request, lambda _: None)
    assert isinstance(outcome, Failure), outcome
    assert outcome.code == "OUT_OF_MEMORY"
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"styles": [{"style": "USER", "name": "X", "field": "nothing"}]}, "MISSING_FIELD"),
        ({"min_assets": 50}, "TOO_FEW_RETURNS"),
        ({"start_date": "2030-01-01"}, "NO_PERIODS"),
    ],
)
def test_what_the_engine_refuses_leaves_nothing(tmp_path, launcher, options, code):
    request = request_for(KINDS["sectors"], tmp_path)
    request = replace(request, config=to_json(config()) | options)
    with closing(launcher.launch()) as child:
        outcome = exchange(child, request, lambda _: None)
    assert isinstance(outcome, Failure), outcome
    assert outcome.code == code
    assert left(tmp_path) == []


def test_options_at_fault_come_back_one_by_one(tmp_path, launcher):
    request = request_for(KINDS["none"], tmp_path)
    request = replace(request, config={"winsor": 0.9, "specific": {"min_observations": 0}})
    with closing(launcher.launch()) as child:
        outcome = exchange(child, request, lambda _: None)
    assert outcome.code == "INVALID_CONFIG"
    assert {(option, code) for option, code, _ in outcome.faults} == {
        ("winsor", "OUT_OF_RANGE"),
        ("specific.min_observations", "OUT_OF_RANGE"),
    }


# -- what a child says of its files ------------------------------------------------------------------------

FOLDER = "artifacts/" + "0" * 32


def described(**changes) -> dict:
    return {
        "name": "scores",
        "path": f"{FOLDER}/scores.npy",
        "dtype": "<f8",
        "shape": [2, 3],
        "byte_count": 128 + 48,
        "sha256": "f" * 64,
    } | changes


def decoded(*artifacts: dict) -> RunResults:
    facts = {"performance": None, "net_performance": None, "series": [], "documents": {}}
    parts = encode_arrays({**facts, "artifacts": list(artifacts)}, {})
    return decode_result(memoryview(b"".join(bytes(part) for part in parts)))


def test_files_are_taken_as_described():
    (record,) = decoded(described()).artifacts
    assert (record.shape, record.byte_count) == ((2, 3), 176)


@pytest.mark.parametrize(
    "changes",
    [
        {"path": "artifacts/../../etc/passwd"},
        {"path": f"/{FOLDER}/scores.npy"},
        {"path": f"{FOLDER}/other.npy"},
        {"path": f"{FOLDER}/scores.npy\n"},
        {"name": "Scores", "path": f"{FOLDER}/Scores.npy"},
        {"dtype": "|O"},
        {"dtype": "<f4"},
        {"shape": [2, -3]},
        {"shape": [2.0, 3]},
        {"byte_count": 48},
        {"byte_count": 10_000},
        {"sha256": "F" * 64},
        {"sha256": ""},
        {"more": 1},
    ],
)
def test_what_can_be_no_file_of_a_run_is_refused(changes):
    with pytest.raises((ValueError, TypeError)):
        decoded(described(**changes))


def test_files_of_two_folders_or_of_one_name_are_refused():
    other = described(name="sectors", path="artifacts/" + "1" * 32 + "/sectors.npy")
    for pair in ((described(), other), (described(), described())):
        with pytest.raises(ValueError, match="of one run"):
            decoded(*pair)


def test_a_damaged_field_is_no_base_for_a_model(tmp_path):
    request = request_for(KINDS["sectors"], tmp_path)
    damage(tmp_path / "datasets" / request.fingerprint, "field:market_cap")
    with pytest.raises(DatasetDamaged, match="field market_cap"):
        computed_here(request)
    assert not any((tmp_path / "artifacts").iterdir())
