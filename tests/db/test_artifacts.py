"""Risk models in the store: no factor, and arrays whose places are committed with the end of the run."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from db.models import Artifact
from db.records import ArtifactRecord, RunKind, RunResults, RunStatus
from db.runs.artifacts import artifact_folders, get_artifacts
from db.runs.queue import (
    cancel_run,
    claim_run,
    delete_run,
    finish_run,
    launch_run,
    list_claims,
    retry_or_lose,
)
from db.runs.read import count_runs, get_runs, latest_runs, page_runs
from db.runs.results import get_documents
from db.store import Store
from tests.db.samples import (
    NOW,
    WORKER,
    add_sample_dataset,
    later,
    launch,
    modelled,
    new_artifact,
    new_run,
    running,
)

RISK = {"kind": RunKind.RISK_MODEL, "subject": None, "identity_hash": "risk"}
SCORES = new_artifact()
SECTORS = new_artifact("sectors", dtype="<i4", shape=(1, 3000), byte_count=12_128)
EMPTY = new_artifact("specific_risk", shape=(0, 3000), byte_count=128)


async def rows(store: Store) -> int:
    async with store.read() as connection:
        return await connection.scalar(select(func.count()).select_from(Artifact)) or 0


async def test_artifacts_are_there_with_the_end_of_their_run(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    claimed = await running(store, dataset_id, **RISK)
    assert await get_artifacts(store, claimed.id) == {}
    results = RunResults(artifacts=(SCORES, SECTORS, EMPTY))
    assert await finish_run(store, claimed.id, 1, WORKER, results, later(2))
    found = await get_artifacts(store, claimed.id)
    assert found == {"scores": SCORES, "sectors": SECTORS, "specific_risk": EMPTY}
    assert isinstance(found["scores"].shape, tuple)
    assert await get_artifacts(store, claimed.id + 1) == await get_artifacts(store, 2**70) == {}


async def test_a_size_beyond_32_bits_is_kept(store: Store) -> None:
    large = new_artifact(byte_count=5_000_000_000, shape=(250_000, 2_500))
    run = await modelled(store, await add_sample_dataset(store), large)
    assert await get_artifacts(store, run.id) == {"scores": large}


async def test_whoever_lost_the_claim_leaves_no_artifacts(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    run = await running(store, dataset_id, **RISK)
    (claim,) = await list_claims(store, tuple(RunKind))
    assert await retry_or_lose(store, claim, now=later(100)) is RunStatus.QUEUED
    again = await claim_run(store, WORKER, later(101), kinds=tuple(RunKind))
    assert again is not None
    assert (again.id, again.attempt) == (run.id, 2)
    late = RunResults(artifacts=(SCORES,))
    assert not await finish_run(store, run.id, 1, WORKER, late, later(102))
    assert await rows(store) == 0
    assert await finish_run(store, run.id, 2, WORKER, RunResults(artifacts=(SECTORS,)), later(103))
    assert await get_artifacts(store, run.id) == {"sectors": SECTORS}


async def test_results_that_cannot_be_committed_leave_a_run_without_artifacts(store: Store) -> None:
    run = await running(store, await add_sample_dataset(store), **RISK)
    twice = RunResults(artifacts=(SCORES, SCORES))
    with pytest.raises(IntegrityError):
        await finish_run(store, run.id, 1, WORKER, twice, later(2))
    assert await rows(store) == 0
    assert (await get_runs(store, [run.id]))[run.id].status is RunStatus.RUNNING


async def test_artifacts_go_with_their_run_alone(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    first = await modelled(store, dataset_id, SCORES, SECTORS)
    other = new_artifact(folder="cd" * 16)
    second = await modelled(store, dataset_id, other, identity_hash="other")
    assert await artifact_folders(store) == {f"artifacts/{'ab' * 16}", f"artifacts/{'cd' * 16}"}
    await delete_run(store, first.id)
    assert await artifact_folders(store) == {f"artifacts/{'cd' * 16}"}
    assert await get_artifacts(store, first.id) == {}
    assert await get_artifacts(store, second.id) == {"scores": other}


async def test_a_model_is_found_again_and_no_factor_run_is(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    model = await modelled(store, dataset_id, SCORES)
    new = new_run(dataset_id, **RISK)
    again, reused = await launch_run(store, new, max_queued=10, now=NOW)
    assert (again.id, reused, again.subject, again.kind) == (model.id, True, None, RunKind.RISK_MODEL)
    factor = await launch(store, dataset_id)
    assert [one.id for one in (await page_runs(store, kind=RunKind.FACTOR, first=10)).items] == [factor.id]
    assert (
        await count_runs(store, kind=RunKind.FACTOR) == await count_runs(store, kind=RunKind.RISK_MODEL) == 1
    )
    assert await count_runs(store, kind=None) == 2
    assert await latest_runs(store, kind=RunKind.FACTOR, now=later(600)) == {}
    assert (await get_documents(store, [model.id], "RISK_MODEL")).keys() == {model.id}


async def test_models_are_claimed_with_other_computations(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    model = await launch(store, dataset_id, **RISK)
    assert await claim_run(store, WORKER, later(1), kinds=[RunKind.FETCH, RunKind.FACTOR]) is None
    claimed = await claim_run(store, WORKER, later(1), kinds=[RunKind.RISK_MODEL])
    assert claimed is not None
    assert (claimed.id, claimed.kind, claimed.subject) == (model.id, RunKind.RISK_MODEL, None)
    assert await cancel_run(store, model.id, later(2)) is not None


async def test_no_artifact_is_without_a_run(store: Store) -> None:
    run = await modelled(store, await add_sample_dataset(store), SCORES)
    with pytest.raises(IntegrityError):
        async with store.write() as connection:
            await connection.execute(text("UPDATE artifact SET run_id = :id"), {"id": run.id + 1})
    assert await get_artifacts(store, run.id) == {"scores": SCORES}


def test_a_record_says_what_its_row_holds() -> None:
    assert {*ArtifactRecord.__slots__, "run_id"} == set(Artifact.__table__.c.keys())
