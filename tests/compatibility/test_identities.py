"""What requests to launch become: stored configs and identity hashes, equal to the byte, or refusals."""

from __future__ import annotations

import base64
import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.compatibility.replaying import DATABASE, Pin, ask, serving, unpack

_AT_ONCE = 25


async def test_configs_and_identities(tmp_path: Path) -> None:
    pin = Pin("identities.json")
    requests: list[dict[str, Any]] = pin.content["requests"]
    folder = unpack(tmp_path)
    answers: list[dict[str, Any]] = []
    async with serving(folder) as client:
        for start in range(0, len(requests), _AT_ONCE):
            calls = enumerate(requests[start : start + _AT_ONCE])
            answer = await ask(client, f"mutation {{ {' '.join(_call(*call) for call in calls)} }}")
            answers += answer["data"].values()
    with closing(sqlite3.connect(folder / DATABASE)) as store:
        columns = "SELECT id, kind, config, identity_hash FROM run"
        rows = {run_id: stored for run_id, *stored in store.execute(columns)}
    for request, answer in zip(requests, answers, strict=True):
        label = f"{request['mutation']}({request['input']})"
        if "run" not in answer:
            pin.check(request, answer["message"], label, "refused")
            continue
        kind, config, identity = rows[_row_id(answer["run"]["id"])]
        pin.check(request, kind, label, "kind")
        pin.check(request, identity, label, "identity")
        pin.check(request, _digest(config), f"{label} {config}", "config")
        if "text" in request:
            pin.check(request, config, label, "text")
    pin.close()


def _call(number: int, request: dict[str, Any]) -> str:
    mutation = request["mutation"]
    answer = f"... on {_success(mutation)} {{ run {{ id }} }} ... on Error {{ message }}"
    return f"a{number}: {mutation}(input: {request['input']}) {{ {answer} }}"


def _success(mutation: str) -> str:
    return f"{mutation[0].upper()}{mutation[1:]}Success"


def _row_id(global_id: str) -> int:
    return int(base64.urlsafe_b64decode(global_id + "=" * (-len(global_id) % 4)).decode().split(":")[1])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
