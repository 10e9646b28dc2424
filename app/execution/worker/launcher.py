"""The server's side of the forkserver: starts it, asks it for children, and follows each child to its end.

All calls block, for milliseconds at most except where said, and may come from any thread.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import closing, suppress

from app.errors import FactorQLError
from app.execution.worker.forkserver import NUMBER

PRODUCTION = "app.jobs"
"""What children run. Only the code that makes a launcher chooses it: no setting, request or row does."""

_KEPT_VARIABLES = frozenset(
    {"LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}
)
"""What Python and numpy may need of the environment. No key, token or database URL reaches a child."""

_ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
}
"""Runs are spread over the processors already, and a process that has threads must not fork."""

_PROGRAM = """\
import json, sys
control, computation, sys.path[:] = json.loads(sys.argv[1])
from app.execution.worker.forkserver import main
main(control, computation)
"""

_START_ATTEMPTS = 3
_BIRTH_SECONDS = 60.0
"""For a fork, which may have to wait for all imports from a cold disk."""
_EXIT_CODE_SECONDS = 10.0
_WIND_UP_SECONDS = 5.0


class NoChildProcess(FactorQLError):
    """Base of the two reasons why there is no child."""

    code = "NO_CHILD_PROCESS"


class ForkserverLost(NoChildProcess):
    """The forkserver ended, or never came up; its own words are on standard error."""

    def __init__(self) -> None:
        super().__init__("the process that starts computations has ended", hint="its last words are above")


class ForkRefused(NoChildProcess):
    """The system has no room for another process."""

    def __init__(self, error_number: int) -> None:
        reason = errno.errorcode.get(error_number, str(error_number))
        super().__init__(
            f"no process can be started for a computation ({reason})", hint="end others, or raise the limit"
        )


class ChildProcess:
    """One computation's process, as the server sees it. `channel` carries the frames.

    Close it when done with it; a child that still lives is killed by that."""

    def __init__(self, pid: int, channel: socket.socket, supervision: socket.socket) -> None:
        self.pid = pid
        self.channel = channel
        self._supervision = supervision
        self._lock = threading.Lock()
        self._closed = False

    def kill(self) -> None:
        """End the child, if it has not ended. Returns at once; who waits for frames gets no more."""
        # The lock keeps `close` from freeing the descriptors in between, for others to get the same numbers.
        with self._lock:
            if not self._closed:
                # The forkserver kills it, and should that hang or be dead, so does the child's own lifeline.
                for side, direction in (
                    (self._supervision, socket.SHUT_WR),
                    (self.channel, socket.SHUT_RDWR),
                ):
                    with suppress(OSError):
                        side.shutdown(direction)

    def exit_code(self) -> int | None:
        """Wait for the child's end, which must be near: its exit code, or minus the signal that ended it.
        None when it cannot be known, because the forkserver is gone or hangs."""
        return _read_number(self._supervision, _EXIT_CODE_SECONDS)

    def close(self) -> None:
        self.kill()
        with self._lock:
            self._closed = True
            self.channel.close()
            self._supervision.close()


class Launcher:
    """Keeps a forkserver running and gets children from it. `computation` names the module that they run."""

    def __init__(self, computation: str = PRODUCTION) -> None:
        self._computation = computation
        self._lock = threading.Lock()
        self._forkserver: _Forkserver | None = None
        self._closed = False

    def start(self) -> None:
        """Start the forkserver, wait until all is imported, and fork a first child, which is the slowest.

        Takes some tenths of a second. Errors: ForkserverLost, ForkRefused."""
        with closing(self._running().fork()) as first:
            first.kill()
            first.exit_code()

    def launch(self) -> ChildProcess:
        """A new child that waits for its request; a forkserver that has died is replaced.

        Errors: ForkserverLost, ForkRefused."""
        for _ in range(_START_ATTEMPTS - 1):
            forkserver = self._running()
            try:
                return forkserver.fork()
            except ForkserverLost:
                self._discard(forkserver)
        return self._running().fork()

    @property
    def forkserver_pid(self) -> int | None:
        forkserver = self._forkserver
        return None if forkserver is None else forkserver.process.pid

    def close(self) -> None:
        """End the forkserver and with it every child, for good."""
        with self._lock:
            self._closed = True
            forkserver = self._forkserver
        if forkserver is not None:
            self._discard(forkserver)

    def _running(self) -> _Forkserver:
        with self._lock:
            if self._closed:
                raise ForkserverLost
            if self._forkserver is None:
                self._forkserver = _Forkserver(self._computation)
            return self._forkserver

    def _discard(self, forkserver: _Forkserver) -> None:
        with self._lock:
            if self._forkserver is forkserver:
                self._forkserver = None
                forkserver.close()


class _Forkserver:
    def __init__(self, computation: str) -> None:
        self.control, control_of_forkserver = socket.socketpair()
        with control_of_forkserver:
            descriptor = control_of_forkserver.fileno()
            arguments = json.dumps([descriptor, computation, [os.path.abspath(entry) for entry in sys.path]])  # noqa: PTH100
            kept = {name: value for name, value in os.environ.items() if name in _KEPT_VARIABLES}
            self.process = subprocess.Popen(  # noqa: S603
                # -I: neither the working directory nor PYTHON* variables decide what is imported.
                [sys.executable, "-I", *_interpreter_flags(), "-c", _PROGRAM, arguments],
                env=kept | _ONE_THREAD,
                pass_fds=[descriptor],
                stdin=subprocess.DEVNULL,
                # Standard output belongs to the command that started all this.
                stdout=subprocess.DEVNULL,
                # A session of its own: Ctrl-C in the terminal reaches the server alone, which winds up.
                start_new_session=True,
            )

    def fork(self) -> ChildProcess:
        channel, channel_of_child = socket.socketpair()
        supervision, supervision_of_forkserver = socket.socketpair()
        try:
            with channel_of_child, supervision_of_forkserver:
                descriptors = [channel_of_child.fileno(), supervision_of_forkserver.fileno()]
                with suppress(BrokenPipeError, ConnectionResetError):
                    socket.send_fds(self.control, [b"+"], descriptors)
            pid = _read_number(supervision, _BIRTH_SECONDS)
            if pid is None:
                raise ForkserverLost
            if pid < 0:
                raise ForkRefused(-pid)
        except BaseException:
            channel.close()
            supervision.close()
            raise
        return ChildProcess(pid, channel, supervision)

    def close(self) -> None:
        self.control.close()
        try:
            self.process.wait(_WIND_UP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _interpreter_flags() -> list[str]:
    """Keep byte code where this interpreter does, though -I ignores the variables that say where."""
    prefix = ["-X", f"pycache_prefix={sys.pycache_prefix}"] if sys.pycache_prefix else []
    return ["-B", *prefix] if sys.dont_write_bytecode else prefix


def _read_number(supervision: socket.socket, timeout_seconds: float) -> int | None:
    """The next number that the forkserver writes; None when it has closed, or writes nothing for so long."""
    supervision.settimeout(timeout_seconds)
    received = b""
    while len(received) < NUMBER.size:
        try:
            part = supervision.recv(NUMBER.size - len(received))
        except (ConnectionResetError, TimeoutError):
            return None
        if not part:
            return None
        received += part
    number: int = NUMBER.unpack(received)[0]
    return number
