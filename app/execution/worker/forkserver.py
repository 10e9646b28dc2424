"""The process that forks one child a computation, with everything a computation imports loaded already.

Written here rather than taken from `multiprocessing`: that forkserver imports the server's `__main__` into
every child and documents no way around it, swallows the errors of its preload, pickles what it passes, and
calls a child dead (255) that has merely lost its forkserver. From a fork to the first byte back took 15 ms
with it, 7 with this one.

It knows three kinds of sockets, all unnamed, so that no other process can reach them:

- control: each byte received carries two descriptors, a channel and a supervision, and asks for one child;
  when it closes, the server is gone: every child is killed, and the forkserver ends.
- channel, one a child: request and result. The child holds it alone, so its end is the child's end.
- supervision, one a child: the forkserver writes the pid at birth and the exit code at death. When the server
  shuts its side, or dies, the child is killed. Only the parent of a process can kill it by its id and never
  hit a stranger that got the id anew: an id is not free before the parent has reaped it.

Children that live when the forkserver dies go on: neither their result nor their lifeline needs it.
"""

from __future__ import annotations

import gc
import os
import selectors
import signal
import socket
import struct
import sys
import traceback
from contextlib import suppress
from importlib import import_module

from app.execution.worker import child
from app.execution.worker.limits import allocated_bytes, prefer_to_be_killed
from app.execution.worker.warming import warming_up

NUMBER = struct.Struct("<q")
"""How pids, exit codes and (negative, in a pid's place) the errno of a failed fork are written."""


def main(control_fd: int, computation: str) -> None:
    """Serve until the control socket closes.

    `computation` names a module with `prepare()`, which is called once, before any fork, and may fail, and
    `compute`, a `child.Computation`."""
    module = import_module(computation)
    with warming_up():
        module.prepare()
    prefer_to_be_killed()
    # Ctrl-C is the server's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=control_fd) as control:
        # What is alive now is shared with all children for good: the collector need not touch (and copy) it.
        gc.collect()
        gc.freeze()
        _Forkserver(control, module.compute).run()


class _Forkserver:
    def __init__(self, control: socket.socket, compute: child.Computation) -> None:
        self._control = control
        self._compute = compute
        self._allocated_bytes = allocated_bytes()
        self._supervisions: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._wakeup, self._wakeup_writer = socket.socketpair()

    def run(self) -> None:
        self._wakeup.setblocking(False)
        self._wakeup_writer.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakeup_writer.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._control:
                    if not self._fork_one():
                        self._kill_all()
                        return
                elif key.fileobj is self._wakeup:
                    with suppress(BlockingIOError):
                        self._wakeup.recv(4096)
                    self._reap()
                else:
                    self._kill_abandoned(key)

    def _fork_one(self) -> bool:
        """Fork a child for the next request; False when there will be no more."""
        try:
            request, descriptors, _, _ = socket.recv_fds(self._control, 1, 2)
        except ConnectionResetError:
            return False
        if not request:
            return False
        channel, supervision = (socket.socket(fileno=descriptor) for descriptor in descriptors)
        try:
            pid = os.fork()
        except OSError as error:
            channel.close()
            with supervision:
                _tell(supervision, -(error.errno or 1))
            return True
        if pid == 0:
            self._become_child(channel, supervision)
        channel.close()
        self._supervisions[pid] = supervision
        self._selector.register(supervision, selectors.EVENT_READ, pid)
        _tell(supervision, pid)
        return True

    def _become_child(self, channel: socket.socket, supervision: socket.socket) -> None:
        """Never returns."""
        exit_code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            # A copy of another child's supervision would hide the forkserver's death from the server.
            for inherited in (supervision, *self._supervisions.values()):
                inherited.close()
            for inherited in (self._selector, self._control, self._wakeup, self._wakeup_writer):
                inherited.close()
            child.serve(channel, self._compute, self._allocated_bytes)
            exit_code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            # Not sys.exit: nothing that the forkserver set up is the child's to wind up.
            sys.stderr.flush()
            os._exit(exit_code)

    def _reap(self) -> None:
        while self._supervisions:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            with self._supervisions.pop(pid) as supervision:
                with suppress(KeyError):
                    self._selector.unregister(supervision)
                _tell(supervision, os.waitstatus_to_exitcode(status))

    def _kill_abandoned(self, key: selectors.SelectorKey) -> None:
        pid = key.data
        # It may have been reaped, and its id used for a newer child, since `select` returned.
        if self._supervisions.get(pid) is key.fileobj:
            self._selector.unregister(key.fileobj)
            os.kill(pid, signal.SIGKILL)

    def _kill_all(self) -> None:
        for pid in self._supervisions:
            os.kill(pid, signal.SIGKILL)
        for pid in self._supervisions:
            os.waitpid(pid, 0)


def _tell(supervision: socket.socket, number: int) -> None:
    with suppress(OSError):  # the server is not listening any more
        supervision.sendall(NUMBER.pack(number))
