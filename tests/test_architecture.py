"""The house rules that a machine can check: who imports whom, what is never used, never committed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("engine", "db", "app", "scripts")
MAY_IMPORT = {
    "engine": {"engine"},
    "db": {"db"},
    "app": {"app", "engine", "db"},
    "scripts": {"scripts", "app", "engine", "db"},
}
FORBIDDEN_IN_ENGINE = {
    "os",
    "io",
    "pathlib",
    "socket",
    "time",
    "random",
    "sqlite3",
    "pandas",
    "logging",
    "requests",
}
SOURCES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def imported_modules(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path):
    room = path.relative_to(ROOT).parts[0]
    tops = {name.split(".")[0] for name in imported_modules(path)}
    if path.is_relative_to(ROOT / "scripts" / "benchmarks"):
        tops.discard("tests")  # the reference implementation is what benchmarks compare with
    assert tops & {*ROOMS, "tests"} <= MAY_IMPORT[room]
    if room == "engine":
        assert not tops & FORBIDDEN_IN_ENGINE
    assert "pickle" not in tops


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_store_is_used_where_nothing_is_cancelled(path):
    """Whoever opens `store.read()` or `store.write()` is a `store_access`, which runs to its end."""
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.AsyncFunctionDef) and any(map(opens_the_store, own_nodes(function))):
            assert "store_access" in map(ast.unparse, function.decorator_list), function.name


def own_nodes(function):
    """The nodes of a function without those of functions inside it."""
    for node in ast.iter_child_nodes(function):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
            yield from own_nodes(node)


def opens_the_store(node):
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("read", "write")
        and ast.unparse(node.func.value).endswith("store")
    )


def test_what_children_import_is_light():
    """A computation's process holds numpy and the engine, not pandas, the database or the network."""
    code = (
        "import app.execution.computation, sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.split())
    assert {"numpy", "scipy", "engine"} <= loaded  # whatever is missing, each child would import
    assert not loaded & {"pandas", "sqlalchemy", "sqlmodel", "starlette", "strawberry", "aiohttp", "pydantic"}


def tracked_files() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout, so nothing tells which files are committed")
    return [ROOT / name for name in listing.stdout.split("\0") if name]


def test_nothing_committed_names_a_package_host_or_a_machine_path():
    host = re.compile(
        rb'--(extra-)?index-url|"resolved": *"http|/simple/|files\.pythonhosted|registry\.npmjs'
    )
    place = re.compile(rb"(?<![\w.])/(work|home|root|farm)/")
    for path in tracked_files():
        if path == Path(__file__) or not path.is_file() or path.suffix in {".png", ".gz"}:
            continue
        content = path.read_bytes()
        assert not host.search(content), path
        assert not place.search(content), path


def test_the_shared_data_is_not_committed():
    names = {path.name for path in tracked_files()}
    assert not names & {"crypto_panel.parquet", "wide2021_panel.parquet", "carry.csv"}
