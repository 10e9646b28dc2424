"""What a start imports: whatever is added here, every start of a command or of the server pays for."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STORE = {"aiosqlite", "filelock", "greenlet", "numpy", "orjson", "sqlalchemy", "sqlmodel"}
TYPES = {"annotated_types", "pydantic", "pydantic_core", "typing_extensions", "typing_inspection"}
SETTINGS = {"dotenv", "pydantic_settings", *TYPES}
SERVER = {"anyio", "httptools", "python_multipart", "starlette", "uvicorn", "uvloop", "websockets"}
GRAPH = {"dateutil", "graphql", "strawberry"}
PACKAGES = {
    "--help": {"click"},
    "runs": {"click", "rich", *STORE, *SETTINGS},
    "serve": {"click", *STORE, *SETTINGS, *SERVER, *GRAPH},
}
ROOMS = {
    "--help": {"scripts"},
    "runs": {
        *("scripts", "db", "engine.config", "engine.errors", "engine.factors", "engine.panel"),
        *("engine.periods", "engine.statistics.undefined"),
        *("app.context", "app.datasets", "app.errors", "app.features.factors.latest", "app.kinds"),
        *("app.runs", "app.settings", "app.sources", "app.storage", "app.turns", "app.wiring"),
    },
    "serve": {"scripts", "db", "engine", "app"},
}
LEFT_TO_USE = {
    *(
        "app.datasets.read",
        "app.datasets.cells",
        "app.features.fetches.work",
        "app.features.legacy.logs.batch",
    ),
    *(
        "app.features.legacy.csv_log",
        "app.features.legacy.imports",
        "scripts.report",
        "sqlalchemy.dialects.postgresql",
    ),
}
"""Where heavy packages, or much code, are imported: at the first use, whatever was started."""

PROGRAM = """
import atexit, os, signal, sys, threading, time, urllib.request

def answered(port):
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health").close()
            return os.kill(os.getpid(), signal.SIGINT)
        except OSError:
            time.sleep(0.05)

@atexit.register
def tell():
    for name, module in sys.modules.items():
        print(name, getattr(module, "__file__", None) or "", sep="\\t", file=sys.stderr)

from scripts.cli import main
if "--port" in sys.argv:
    threading.Thread(target=answered, args=(sys.argv[-1],), daemon=True).start()
main(sys.argv[1:])
"""


def modules_after(*arguments: str, data_dir: Path, store: Path) -> dict[str, str]:
    """Return the files by name of the modules that a command has imported when it ends."""
    environment = {"FACTORQL_DATA_DIR": str(data_dir), "FACTORQL_DATABASE_URL": f"sqlite:///{store}"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode in (0, 130), done.stderr
    return dict(line.split("\t") for line in done.stderr.splitlines() if "\t" in line)


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


@pytest.mark.parametrize("command", PACKAGES)
def test_a_start_imports_what_it_needs(command: str, tmp_path: Path, migrated_file: Path) -> None:
    arguments = [command, "--port", str(free_port())] if command == "serve" else [command]
    files = modules_after(*arguments, data_dir=tmp_path, store=migrated_file)
    tops = {name.split(".")[0] for name, file in files.items() if "site-packages" in file}
    assert {top for top in tops if not top.startswith("_")} <= PACKAGES[command]
    own = {name for name in files if name.split(".")[0] in ("app", "db", "engine", "scripts")}
    stray = {
        name
        for name in own - {"app", "app.features", "app.features.factors", "engine", "engine.statistics"}
        if not any(name == room or name.startswith(f"{room}.") for room in ROOMS[command])
    }
    assert not stray
    assert not LEFT_TO_USE & files.keys()
