"""The computations of readers where the solver is not installed."""

from __future__ import annotations

import sys

sys.modules["cvxpy"] = None  # type: ignore[assignment]

from app.features.risk.solver_worker import compute, prepare  # noqa: E402, F401
