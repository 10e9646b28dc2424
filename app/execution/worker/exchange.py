"""One child's conversation, from the request to what came of it. Blocks, so it has a thread to itself."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from dataclasses import dataclass

from app.execution.worker.codes import COMPUTATION_CRASHED
from app.execution.worker.frames import (
    MAX_REQUEST_BYTES,
    MAX_RESULT_BYTES,
    CutOffFrame,
    DamagedFrame,
    FrameKind,
    receive_frame,
    send_frame,
)
from app.execution.worker.launcher import ChildProcess
from app.execution.worker.protocol import (
    ComputeRequest,
    Failure,
    Progress,
    decode_failure,
    decode_findings,
    decode_progress,
    encode_message,
)
from app.execution.worker.results import decode_result
from app.storage.file_hashes import remember_hashes
from db.records import RunResults

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ChildExited:
    """The child ended without a result: its exit code, or minus the signal that ended it. None when nobody
    knows, because the forkserver ended with it."""

    exit_code: int | None

    def __str__(self) -> str:
        if self.exit_code is None:
            return "was lost together with the forkserver"
        if self.exit_code >= 0:
            return f"ended without a result (exit code {self.exit_code})"
        try:
            name = signal.Signals(-self.exit_code).name
        except ValueError:
            name = f"signal {-self.exit_code}"
        cause = "; the machine may have run out of memory" if name == "SIGKILL" else ""
        return f"was killed by {name}{cause}"


def exchange(
    child: ChildProcess, request: ComputeRequest, on_progress: Callable[[Progress], None]
) -> RunResults | Failure | ChildExited:
    """Send the request and take frames until the result, a failure or the child's end. The caller closes the
    child, which kills one that still lives. Findings are taken over: hashes remembered, warnings logged.

    Errors: ValueError, KeyError, TypeError for a whole frame that makes no sense: a fault of the program."""
    try:
        send_frame(child.channel, FrameKind.REQUEST, [encode_message(request)], MAX_REQUEST_BYTES)
    except ConnectionError:
        return ChildExited(child.exit_code())
    try:
        while frame := receive_frame(child.channel, MAX_RESULT_BYTES):
            match frame.kind:
                case FrameKind.PROGRESS:
                    on_progress(decode_progress(frame.payload))
                case FrameKind.FINDINGS:
                    findings = decode_findings(frame.payload)
                    remember_hashes(findings.hashes)
                    for warning in findings.warnings:
                        log.warning("%s", warning)
                case FrameKind.RESULT:
                    return decode_result(frame.payload)
                case FrameKind.FAILURE:
                    return decode_failure(frame.payload)
                case FrameKind.REQUEST:
                    raise DamagedFrame("a request from a child")
    except CutOffFrame:
        pass
    except DamagedFrame as damage:
        return Failure(COMPUTATION_CRASHED, f"the computation's process sent damaged data: {damage}")
    return ChildExited(child.exit_code())
