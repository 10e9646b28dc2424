"""The house rules that a machine can check: who imports whom, what is never used, never committed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
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


def test_imports_go_one_way():
    assert [f"{path.relative_to(ROOT)}: {name}" for path in SOURCES for name in forbidden_imports(path)] == []


def forbidden_imports(path):
    room = path.relative_to(ROOT).parts[0]
    tops = {name.split(".")[0] for name in imported_modules(path)}
    if path.is_relative_to(ROOT / "scripts" / "benchmarks"):
        tops.discard("tests")  # the reference implementation is what benchmarks compare with
    forbidden = {*ROOMS, "tests", "pickle"} - MAY_IMPORT[room]
    return sorted(tops & (forbidden | FORBIDDEN_IN_ENGINE if room == "engine" else forbidden))


CORE = ("boundary", "datasets", "execution", "runs", "schema", "sources", "storage", "*.py")
"""Rooms of `app` that every run needs: they know features by `app.kinds` alone."""


def test_core_rooms_import_no_feature():
    modules = [
        path
        for room in CORE
        for path in ((ROOT / "app").glob(room) if room == "*.py" else (ROOT / "app" / room).rglob("*.py"))
    ]
    assert len(modules) > 60
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules
        for name in imported_modules(path)
        if name.startswith("app.features")
    ]
    assert wrong == []


def test_no_circle_of_imports():
    names = {module_name(path): path for path in SOURCES}
    graph = {name: {one for one in loaded_with(path) if one in names} for name, path in names.items()}
    order = TopologicalSorter({name: sorted(others - {name}) for name, others in graph.items()})
    order.prepare()  # raises CycleError, which names the circle


def module_name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def loaded_with(path):
    """The modules that a module imports when it is imported itself."""
    names = set()
    for node in top_level(ast.parse(path.read_text()).body):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def top_level(nodes):
    """Statements outside functions and what only type checkers read."""
    for node in nodes:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for part in ("body", "orelse", "handlers", "finalbody"):
                yield from top_level(getattr(node, part, ()))


def test_sweeps_and_statistics_know_no_factor():
    """They are of anything that earns."""
    of_factors = (
        "engine.factors",
        "engine.factors.compute",
        "engine.factors.formation",
        "engine.factors.performance",
    )
    for room in ("sweeps", "statistics"):
        for path in (ROOT / "engine" / room).glob("*.py"):
            assert [name for name in imported_modules(path) if name.startswith(of_factors)] == []


def test_the_store_is_used_where_nothing_is_cancelled():
    """Whoever opens `store.read()` or `store.write()` is a `store_access`, which runs to its end."""
    cancellable = [
        f"{path.relative_to(ROOT)}: {function.name}"
        for path in SOURCES
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.AsyncFunctionDef)
        and any(map(opens_the_store, own_nodes(function)))
        and "store_access" not in map(ast.unparse, function.decorator_list)
    ]
    assert cancellable == []


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


HEAVY = {
    *("pandas", "pyarrow", "sqlalchemy", "sqlmodel"),
    *("pydantic", "strawberry", "starlette", "aiohttp", "db"),
}
MUST_NOT_LOAD = {
    "app.storage.artifacts.writer": HEAVY | {"engine"},
    "app.storage.artifacts.reader": HEAVY | {"engine"},
    "app.datasets.snapshot": HEAVY | {"asyncio"},
    "app.datasets.period_cache": HEAVY | {"asyncio"},
    "app.jobs": HEAVY | {"asyncio"},
    "app.graph": {"aiohttp"},
}
"""What must not be in memory once a module is imported, after those before it."""


def test_what_is_imported_is_light():
    """A computation's process holds numpy and the engine; the graph is built without an HTTP client."""
    program = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    print(*{name.split('.')[0] for name in sys.modules})"
    )
    command = [sys.executable, "-c", program, *MUST_NOT_LOAD]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    for (module, forbidden), line in zip(MUST_NOT_LOAD.items(), done.stdout.splitlines(), strict=True):
        loaded = set(line.split())
        assert not loaded & forbidden, module
        if module == "app.jobs":
            assert {"numpy", "scipy", "engine"} <= loaded  # whatever is missing, each child would import


def tracked_files() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout, so nothing tells which files are committed")
    return [ROOT / name for name in listing.stdout.split("\0") if name]


def test_nothing_committed_names_a_package_host_or_a_machine_path():
    # an option that names an index, or an address of the shape that an index gives to a package
    host = re.compile(
        rb'--(extra-)?index-url|"resolved": *"http|https?://[^\s"\'<>]*(/simple/|/-/|\.whl\b|\.tgz\b)'
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
