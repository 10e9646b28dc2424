"""Real `factorql` processes: servers on free loopback ports and commands, in a folder of their own.

A process counts as a server's if it has the server's folder for temporary files in its environment, which
the server hands on to its computations: so orphans are found whoever their parent is by now.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from click.testing import CliRunner, Result

from scripts.cli import main
from tests.app.execution.processes import eventually

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0
OWN_REQUEST = {"x-factorql-request": "1"}
"""Says that no foreign page has sent this form."""


def environment_for(folder: Path, **settings: str) -> dict[str, str]:
    """Nothing of the machine's own settings; everything that is written goes below `folder`. A name in upper
    case is that of the variable itself."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("FACTORQL_", "ARTEMIS"))
    }
    given = {
        name if name.isupper() else f"FACTORQL_{name.upper()}": value for name, value in settings.items()
    }
    defaults = {
        "FACTORQL_DATA_DIR": str(folder / "data"),
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
    }
    return kept | defaults | given


class Command:
    """A running `factorql` process; its output is kept in a file."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        before_start: Callable[[], None] | None = None,
        **settings: str,
    ) -> None:
        number = sum(1 for _ in folder.glob("temporary-*"))
        self.temporary = folder / f"temporary-{number}"
        self.temporary.mkdir()
        self.folder = folder
        self._output = folder / f"output-{number}.txt"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "scripts", *arguments],
                env=environment_for(folder, **settings) | {"TMPDIR": str(self.temporary)},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=before_start,
            )

    @property
    def output(self) -> str:
        return self._output.read_text()

    def processes(self) -> list[int]:
        """The living ones, itself included."""
        entry = f"TMPDIR={self.temporary}".encode()
        return [pid for pid in _process_ids() if entry in _environment_of(pid)]

    def signal(self, number: signal.Signals) -> None:
        """As a terminal sends it: to the whole group."""
        os.killpg(self.process.pid, number)

    def wait(self, seconds: float = 30.0) -> int:
        """The exit code; negative if a signal ended it."""
        return self.process.wait(seconds)

    def end_by(self, number: signal.Signals, seconds: float = 30.0) -> int:
        self.signal(number)
        return self.wait(seconds)

    def clean_up(self) -> None:
        """End all that is left of it."""
        if self.process.poll() is None:
            self.end_by(signal.SIGKILL)
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)


class Server(Command):
    """`factorql serve`. Call `ready` before asking it anything."""

    def __init__(
        self, folder: Path, *, before_start: Callable[[], None] | None = None, **settings: str
    ) -> None:
        super().__init__(folder, "serve", "--port", "0", before_start=before_start, **settings)
        self.url = ""
        # TLS is not used, and its certificates would take longer to load than anything that is asked.
        self.client = httpx.Client(verify=False, timeout=40, trust_env=False)

    def ready(self) -> Server:
        """Once it answers at /health."""
        wait_for(self._serves, START_SECONDS)
        return self

    def _serves(self) -> bool:
        assert self.process.poll() is None, self.output
        found = re.search(r"http://\S+(?= \(GraphiQL)", self.output)
        if found is None:
            return False
        self.url = found[0]
        try:
            return self.client.get(f"{self.url}/health").status_code == 200
        except httpx.TransportError:
            return False

    def clean_up(self) -> None:
        self.client.close()
        super().clean_up()

    @property
    def websocket_url(self) -> str:
        return f"{self.url.replace('http', 'ws', 1)}/graphql"

    def post(self, query: str, **variables: object) -> httpx.Response:
        return self.client.post(f"{self.url}/graphql", json={"query": query, "variables": variables})

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """The data of an operation that meets no error."""
        return data_of(self.post(query, **variables))

    def send_files(
        self, query: str, variables: Mapping[str, object], files: Sequence[tuple[str, str, bytes]]
    ) -> httpx.Response:
        """An operation with files, as the GraphQL multipart request specification has it.

        files: (place such as `variables.file`, file name, content); the variables are null there."""
        form = {
            "operations": json.dumps({"query": query, "variables": variables}),
            "map": json.dumps({str(number): [place] for number, (place, _, _) in enumerate(files)}),
        }
        parts = {str(number): (name, content) for number, (_, name, content) in enumerate(files)}
        return self.client.post(f"{self.url}/graphql", data=form, files=parts, headers=OWN_REQUEST)

    def upload(
        self, query: str, variables: Mapping[str, object], files: Sequence[tuple[str, str, bytes]]
    ) -> dict[str, Any]:
        """The data of an operation with files that meets no error."""
        return data_of(self.send_files(query, variables, files))

    def computing(self) -> list[int]:
        """The processes that compute runs just now: the children of the forkserver."""
        return [pid for pid in self.processes() if _parent_of(_parent_of(pid)) == self.process.pid]


def data_of(response: httpx.Response) -> dict[str, Any]:
    answer = response.json()
    assert response.status_code == 200, (response.status_code, answer)
    assert "errors" not in answer, answer
    return answer["data"]


@contextmanager
def commands(folder: Path) -> Iterator[Callable[..., Any]]:
    """Starts commands and servers in the folder: `start(Server, **settings)`; none is left at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    started: list[Command] = []

    def start(kind: type[Command], *arguments: str, **settings: Any) -> Command:
        command = kind(folder, *arguments, **settings)
        started.append(command)
        return command

    try:
        yield start
    finally:
        for command in started:
            command.clean_up()
    for command in started:
        assert eventually(lambda command=command: not command.processes()), command.output


def run_command(
    folder: Path, *arguments: str, before_start: Callable[[], None] | None = None, **settings: str
) -> subprocess.CompletedProcess[str]:
    """A command to its end. Its output and errors are apart."""
    return subprocess.run(
        [sys.executable, "-m", "scripts", *arguments],
        env=environment_for(folder, **settings),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        preexec_fn=before_start,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def call_command(data_dir: Path, *arguments: str) -> Result:
    """The same in this process, which is quicker, for commands that need no process of their own."""
    environment = {"FACTORQL_DATA_DIR": str(data_dir), "FACTORQL_DATABASE_URL": ""}
    return CliRunner(env=environment).invoke(main, list(arguments))


def wait_for(find: Callable[[], Any], seconds: float = 20.0) -> Any:
    """What `find` returns, once that is neither None nor empty nor False."""
    deadline = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.03)
    return found


def _process_ids() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def _environment_of(pid: int) -> list[bytes]:
    """Empty for a process that has ended, even if nobody has asked for its exit code yet."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _parent_of(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])
