"""All files of one folder or upload together: runs with their series, duplicates merged, the rest refused.

Nothing is dropped: whatever is not a blank line, a header or an ignored file ends up taken, merged or
quarantined. Files are read in the order of their names and lines in theirs, so that the "first" of two rows
does not depend on how a folder happens to be listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import date

from app.features.legacy.logs.columns import Header
from app.features.legacy.logs.companions import read_monthly_line, read_series, require_monthly_header
from app.features.legacy.logs.files import FileName, Line, classify, non_blank_lines, raw_text, storable
from app.features.legacy.logs.records import (
    FACTORS,
    FileKind,
    LegacyBatch,
    LegacyFile,
    LegacyRun,
    LegacySeries,
    MergedLine,
    MonthlyMetric,
    MonthlyMetrics,
    QuarantinedLine,
    Source,
)
from app.features.legacy.logs.refusals import WHOLE_FILE, QuarantineCode, Refused, shown
from app.features.legacy.logs.rows import read_row


def read_batch(files: Mapping[str, bytes]) -> LegacyBatch:
    """What the files (name -> content) of the older system come to. Never raises for what they contain.

    The same run again with the same values is merged; with other values the first stays and the later line
    is quarantined. Likewise for series and for the lines of monthly sheets.
    """
    reader = _BatchReader()
    for name in sorted(files):
        reader.read_file(name, files[name])
    return reader.result()


def quarantine_orphan(series: LegacySeries) -> QuarantinedLine:
    """The entry for a series of `LegacyBatch.orphan_series` whose run the store does not have either."""
    return QuarantinedLine(
        file=series.source.file,
        line=WHOLE_FILE,
        raw=series.source.raw,
        code=QuarantineCode.ORPHAN_SERIES,
        reason=f"no run {series.legacy_run_id} of {series.factor} that these returns could belong to",
    )


class _BatchReader:
    """Collects over all files what their lines come to."""

    def __init__(self) -> None:
        self._files: list[LegacyFile] = []
        self._ignored: list[str] = []
        self._runs: dict[tuple[str, str], LegacyRun] = {}
        self._series: dict[tuple[str, str], LegacySeries] = {}
        self._monthly: dict[tuple[str, date], dict[str, tuple[MonthlyMetric, Source]]] = {}
        self._merged: list[MergedLine] = []
        self._quarantined: list[QuarantinedLine] = []
        self._taken = 0
        self._repaired = 0

    def read_file(self, name: str, content: bytes) -> None:
        named = classify(name)
        shown_name = storable(name)
        if named.kind is FileKind.IGNORED:
            self._ignored.append(shown_name)
            return
        taken, repaired = self._taken, self._repaired
        merged, quarantined = len(self._merged), len(self._quarantined)
        lines: list[Line] = []
        kind = named.kind
        try:
            if kind is FileKind.NOT_A_LOG:
                raise Refused(QuarantineCode.NOT_A_LOG, "not a log: its name is not that of one")
            lines = non_blank_lines(content)
            if kind is FileKind.FACTOR_LOG:
                self._read_factor_log(shown_name, named, lines)
            elif kind is FileKind.RETURNS:
                self._read_returns(shown_name, named, lines, content)
            else:
                self._read_monthly_metrics(shown_name, named, lines)
        except Refused as refusal:
            if refusal.code is QuarantineCode.NOT_A_LOG:
                kind = FileKind.NOT_A_LOG
            self._quarantine(Source(shown_name, WHOLE_FILE, raw_text(content)), refusal)
        self._files.append(
            LegacyFile(
                name=shown_name,
                kind=kind,
                lines=len(lines),
                taken=self._taken - taken,
                repaired=self._repaired - repaired,
                merged=len(self._merged) - merged,
                quarantined=len(self._quarantined) - quarantined,
            )
        )

    def result(self) -> LegacyBatch:
        attached = {key: series for key, series in self._series.items() if key in self._runs}
        return LegacyBatch(
            files=tuple(self._files),
            runs=tuple(self._runs.values()),
            series=tuple(attached.values()),
            orphan_series=tuple(series for key, series in self._series.items() if key not in attached),
            monthly_metrics=tuple(
                MonthlyMetrics(
                    factor=factor,
                    as_of_date=as_of_date,
                    rows=tuple(row for row, _ in rows.values()),
                    file=next(iter(rows.values()))[1].file,
                )
                for (factor, as_of_date), rows in self._monthly.items()
            ),
            merged=tuple(self._merged),
            quarantined=tuple(self._quarantined),
            ignored_files=tuple(self._ignored),
        )

    def _read_factor_log(self, name: str, named: FileName, lines: list[Line]) -> None:
        header = _header(lines[0], named.factor)
        for line in lines[1:]:
            source = Source(name, line.number, line.raw)
            try:
                run = read_row(line.cells(), header, source, line_ended=line.ended)
                if run.factor != named.factor:
                    reason = f"a run of {run.factor} in a file of {shown(named.factor)}"
                    raise Refused(QuarantineCode.FACTOR_MISMATCH, reason)
                self._take_run(run)
            except Refused as refusal:
                self._quarantine(source, refusal)

    def _take_run(self, run: LegacyRun) -> None:
        kept = self._runs.setdefault((run.factor, run.legacy_run_id), run)
        if kept is run:
            self._taken += 1
            self._repaired += run.repaired
            return
        if kept.content_hash != run.content_hash:
            differing = ", ".join(
                field.name
                for field in fields(LegacyRun)
                if field.compare and getattr(kept, field.name) != getattr(run, field.name)
            )
            raise _conflict(f"run {run.legacy_run_id}", kept.source, differing)
        self._merged.append(MergedLine(run.source, kept.source))

    def _read_returns(self, name: str, named: FileName, lines: list[Line], content: bytes) -> None:
        _require_known_factor(named.factor)
        series = read_series(
            lines,
            factor=named.factor,
            legacy_run_id=named.legacy_run_id,
            source=Source(name, WHOLE_FILE, raw_text(content)),
        )
        kept = self._series.setdefault((series.factor, series.legacy_run_id), series)
        if kept is series:
            self._taken += 1
            return
        if kept.content_hash != series.content_hash:
            raise _conflict(f"the series of run {series.legacy_run_id}", kept.source, "dates or returns")
        self._merged.append(MergedLine(series.source, kept.source))

    def _read_monthly_metrics(self, name: str, named: FileName, lines: list[Line]) -> None:
        _require_known_factor(named.factor)
        require_monthly_header(lines[0])
        for line in lines[1:]:
            source = Source(name, line.number, line.raw)
            try:
                as_of_date, row = read_monthly_line(line, factor=named.factor)
                self._take_monthly_line(named.factor, as_of_date, row, source)
            except Refused as refusal:
                self._quarantine(source, refusal)

    def _take_monthly_line(self, factor: str, as_of_date: date, row: MonthlyMetric, source: Source) -> None:
        rows = self._monthly.setdefault((factor, as_of_date), {})
        kept_row, kept_source = rows.setdefault(row.metric, (row, source))
        if kept_source is source:
            self._taken += 1
            return
        if kept_row != row:
            raise _conflict(f"{shown(row.metric)} of {as_of_date}", kept_source, "value")
        self._merged.append(MergedLine(source, kept_source))

    def _quarantine(self, source: Source, refusal: Refused) -> None:
        self._quarantined.append(
            QuarantinedLine(source.file, source.line, source.raw, refusal.code, refusal.reason)
        )


def _header(line: Line, factor: str) -> Header:
    """The header of a factor's log; what has none is no log, unless it bears a known factor's name."""
    try:
        header = Header.of(line.cells())
    except Refused:
        header = Header.of(())
    if header.names_runs:
        return header
    if factor in FACTORS:
        raise Refused(QuarantineCode.BAD_HEADER, "its first line is no header with run_id and factor")
    raise Refused(QuarantineCode.NOT_A_LOG, "not a log: neither its name nor its first line is that of one")


def _require_known_factor(factor: str) -> None:
    if factor not in FACTORS:
        raise Refused(QuarantineCode.UNKNOWN_FACTOR, f"unknown factor {shown(factor)}")


def _conflict(what: str, kept: Source, differing: str) -> Refused:
    where = f"{kept.file}:{kept.line}" if kept.line != WHOLE_FILE else kept.file
    reason = f"{what} is recorded at {where} already, with other values ({differing})"
    return Refused(QuarantineCode.CONFLICT, reason)
