"""Why a run failed, where the engine and the datasets have no code of their own for it."""

from __future__ import annotations

COMPUTATION_CRASHED = "COMPUTATION_CRASHED"
"""Its process ended without a result."""
INTERNAL_ERROR = "INTERNAL_ERROR"
"""A fault of the program; the server's log has it under the error id in the message."""
OUT_OF_MEMORY = "OUT_OF_MEMORY"
RESULT_TOO_LARGE = "RESULT_TOO_LARGE"
TIMED_OUT = "TIMED_OUT"
SERVER_STOPS = "SERVER_STOPS"
"""Before the computation ended."""
