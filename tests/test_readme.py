"""The README's queries give the output that it prints, on a fresh store with the bundled sample."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest
from graphql import build_schema, parse, validate

from app.datasets.service import DatasetRef, ingest_sample
from app.features.factors.service import launch_factor
from app.main import create_app
from app.runs.lifecycle import wait_for_run
from app.settings import Settings
from engine.factors.registry import FactorName

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```graphql\n(.*?)```\n\n```json\n(.*?)```", README, flags=re.DOTALL)


def test_there_are_ten_examples_with_output():
    assert len(EXAMPLES) == 10


def test_every_query_fits_the_schema():
    schema = build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))
    for query in re.findall(r"```graphql\n(.*?)```", README, flags=re.DOTALL):
        assert validate(schema, parse(query)) == [], query


async def test_every_example_gives_the_printed_output(tmp_path):
    app = create_app(Settings(data_dir=tmp_path, database_url=None))
    async with app.router.lifespan_context(app):
        services = app.state.services
        dataset = (await ingest_sample(services)).dataset
        for name in FactorName:
            launch = await launch_factor(services, name, {}, dataset=DatasetRef(id=dataset.id))
            await wait_for_run(services, launch.run.id, 30)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            for query, printed in EXAMPLES:
                answer = (await client.post("/graphql", json={"query": query})).json()
                assert_same(answer, json.loads(printed))


def assert_same(actual: object, expected: object) -> None:
    """Equal, numbers up to rounding of another processor."""
    if isinstance(expected, dict):
        assert isinstance(actual, dict)
        assert list(actual) == list(expected)
        for key, value in expected.items():
            assert_same(actual[key], value)
    elif isinstance(expected, list):
        assert isinstance(actual, list)
        assert len(actual) == len(expected)
        for left, right in zip(actual, expected, strict=True):
            assert_same(left, right)
    elif isinstance(expected, float):
        assert actual == pytest.approx(expected, rel=1e-9, abs=1e-12)
    else:
        assert actual == expected


def test_the_screenshot_is_there():
    for image in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / image).is_file()


def test_linked_files_exist():
    for target in re.findall(r"(?<!!)\[[^]]*\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_nothing_is_left_to_be_filled_in():
    assert "@@" not in README
