"""What runs in a child process: one computation, from its request to its last frame.

No database and no network is imported here: a child holds what its computation needs and nothing else.
"""

from __future__ import annotations

import _thread
import logging
import os
import socket
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress

from app.errors import FactorQLError
from app.execution.worker.codes import INTERNAL_ERROR, OUT_OF_MEMORY, RESULT_TOO_LARGE
from app.execution.worker.frames import (
    MAX_REQUEST_BYTES,
    Buffer,
    FrameKind,
    FrameTooLong,
    receive_frame,
    send_frame,
)
from app.execution.worker.limits import limit_allocations, limit_processor_time
from app.execution.worker.protocol import (
    ComputeRequest,
    Failure,
    Findings,
    Progress,
    decode_request,
    encode_message,
)
from app.storage.file_hashes import known_hashes, remember_hashes
from engine.errors import EngineError, InvalidConfig, MissingRisk

ReportProgress = Callable[[float, str], None]
Computation = Callable[[ComputeRequest, ReportProgress], Sequence[Buffer]]
"""Turns a request into a result's payload. May raise; EngineError and FactorQLError are told to the user."""

_NO_THREAD = "can't start new thread"
"""What Python says, as a RuntimeError, where there is no memory for a thread's stack."""
_SERVER_GONE = 70
"""Exit code of a child that nobody waits for."""


def serve(channel: socket.socket, computation: Computation, inherited_bytes: int) -> None:
    """Receive one request, compute, send the outcome. Ends the process if the server goes away meanwhile.

    `inherited_bytes` are allocated already, and do not count against the request's memory limit."""
    frame = receive_frame(channel, MAX_REQUEST_BYTES)
    if frame is None:
        return
    request = decode_request(frame.payload)
    # Lower than `threading`, whose start waits for the new thread: some milliseconds on a busy machine.
    _thread.start_new_thread(_end_with_server, (channel,))
    limit_allocations(inherited_bytes + request.memory_limit_bytes)
    limit_processor_time(request.cpu_limit_seconds)
    remember_hashes(request.hashes)
    warnings = _WarningsKept()
    logging.getLogger("app").addHandler(warnings)

    def report(fraction: float, stage: str) -> None:
        send_frame(channel, FrameKind.PROGRESS, [encode_message(Progress(fraction, stage))])

    def computed() -> Sequence[Buffer]:
        try:
            return computation(request, report)
        finally:
            hashes = set(known_hashes("")).difference(request.hashes)
            if hashes or warnings.messages:
                findings = Findings(tuple(hashes), tuple(warnings.messages))
                send_frame(channel, FrameKind.FINDINGS, [encode_message(findings)])

    try:
        send_frame(channel, FrameKind.RESULT, computed())
    except ConnectionError:
        return  # the server has gone: there is nobody to tell
    except Exception as error:
        with suppress(ConnectionError):
            send_frame(channel, FrameKind.FAILURE, [encode_message(_failure(error, request))])


class _WarningsKept(logging.Handler):
    """The warnings that are logged in a child, for the log of its server."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def _failure(error: Exception, request: ComputeRequest) -> Failure:
    if isinstance(error, InvalidConfig):
        faults = tuple((fault.option, fault.code, fault.message) for fault in error.faults)
        return Failure(error.code, str(error), faults=faults)
    if isinstance(error, MissingRisk):
        words = "the risk model has no forecast for it"
        return Failure(error.code, str(error), faults=tuple((one, error.code, words) for one in error.assets))
    if isinstance(error, EngineError):
        return Failure(error.code, str(error))
    if isinstance(error, FactorQLError):
        return Failure(error.code, error.message if error.hint is None else f"{error.message} ({error.hint})")
    if isinstance(error, MemoryError) or str(error) == _NO_THREAD:
        limit = request.memory_limit_bytes // 2**20
        return Failure(OUT_OF_MEMORY, f"the computation needs more than the {limit:,} MB it may use")
    if isinstance(error, FrameTooLong):
        return Failure(RESULT_TOO_LARGE, f"the result is too large: {error}")
    return Failure(INTERNAL_ERROR, "the computation failed", traceback.format_exc())


def _end_with_server(channel: socket.socket) -> None:
    # The server sends nothing after the request: whatever comes is the end of the connection. A thread can
    # wait for it because numpy lets others run during most of its calls and between all of them.
    with suppress(OSError):
        channel.recv(1)
    os._exit(_SERVER_GONE)
