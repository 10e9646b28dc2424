"""Fails a session whose skips are not all allowed, where FACTORQL_ALLOWED_SKIPS names a list of reasons."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "FACTORQL_ALLOWED_SKIPS"


class SkipGuard:
    """Collects the reasons of skips; `allowed` are beginnings of reasons."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self._allowed = allowed
        self._refused: dict[str, int] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self._note(report.longrepr)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._note(report.longrepr)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._refused and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for reason, count in self._refused.items():
            terminalreporter.write_line(f"not allowed to skip ({count} times): {reason}", red=True)

    def _note(self, longrepr: object) -> None:
        reason = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
        reason = reason.removeprefix("Skipped: ")
        if not reason.startswith(self._allowed):
            self._refused[reason] = self._refused.get(reason, 0) + 1


def register(config: pytest.Config) -> None:
    """Watch the skips of this session if the environment asks for it; workers report theirs to it."""
    if (path := os.environ.get(VARIABLE)) is not None and not hasattr(config, "workerinput"):
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        allowed = tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
        config.pluginmanager.register(SkipGuard(allowed), "skip-guard")
