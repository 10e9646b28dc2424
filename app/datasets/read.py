"""Reads a long-form file of market data into a panel with a report on the data's quality."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from app.datasets.assemble import AssembledPanel, assemble_panel
from app.datasets.attributes import AssetAttributes, read_attributes
from app.datasets.columns import plan_columns
from app.datasets.derived import filings_on_sessions, with_market_caps
from app.datasets.limits import ReadLimits
from app.datasets.open_source import open_source
from app.datasets.quality import QualityCode, QualityCount, QualityReport
from app.datasets.rows import RowCollector, Rows
from app.datasets.source import RowSource
from app.datasets.suspicious import field_coverage, suspicious_values
from engine.panel import Calendar, Panel

Progress = Callable[[float, str], None]
"""Told the fraction done, 0 to 1, and the stage in words."""

DEFAULT_LIMITS = ReadLimits()
_SHARE_OF_READING = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPanel:
    """What a file held, and what is to be known about it."""

    panel: Panel
    quality: QualityReport


def read_long_form(
    path: Path,
    *,
    filename: str,
    attributes: Path | None = None,
    calendar: Calendar | None = None,
    limits: ReadLimits = DEFAULT_LIMITS,
    progress: Progress | None = None,
) -> ReadPanel:
    """Read CSV, gzipped CSV or Parquet with one row a date and asset: date, asset, price, mc, 24h_volume,
    fees, dau, revenue, shares, book_value, close and further numeric columns, under these or common other
    names. Market caps that are missing altogether are derived from shares (see `derived`).

    filename: the name that messages use. attributes: a file of asset,<attribute>... rows (see `attributes`).
    calendar: detected when not given (assemble.detect_calendar).

    Faults of a row (text in a number, infinities, negative caps or shares, no asset id) refuse the whole row
    and are listed in the report; exact repetitions merge; suspicious values are kept and counted. Dates
    are taken as written: a time of day is dropped as long as each (date, asset) occurs once. Rows without any
    value add neither a date nor an asset.
    Raises InvalidFile (nothing usable, unparsable dates, contradicting rows, ...), LimitExceeded.
    """
    tell = progress or _tell_nobody
    tell(0.0, "reading")
    described = None
    if attributes is not None:
        described = read_attributes(attributes, filename=attributes.name, limits=limits)
    with open_source(path, filename=filename, limits=limits) as source:
        return read_source(
            source,
            filename=filename,
            described=described,
            calendar=calendar,
            limits=limits,
            progress=tell,
        )


def read_source(
    source: RowSource,
    *,
    filename: str,
    described: AssetAttributes | None = None,
    calendar: Calendar | None = None,
    limits: ReadLimits = DEFAULT_LIMITS,
    progress: Progress | None = None,
    all_are_fields: bool = False,
) -> ReadPanel:
    """`read_long_form` of rows that are open already.

    all_are_fields: no column is there by chance, so that an infinite value costs its row and not its column.
    """
    tell = progress or _tell_nobody
    plan = plan_columns(source.names, filename)
    if all_are_fields:
        plan = replace(plan, fields={**plan.fields, **plan.further}, further={})
    collector = RowCollector(plan, filename, source.unit, limits)
    for chunk in source.chunks(collector.wanted, text_columns={plan.date, plan.asset}):
        collector.add(chunk)
        tell(_SHARE_OF_READING * source.fraction_read(), "reading")
    rows = collector.finish()
    tell(_SHARE_OF_READING, "building the panel")
    assembled = assemble_panel(rows, filename=filename, unit=source.unit, calendar=calendar, limits=limits)
    traded = filings_on_sessions(assembled.panel, calendar=calendar)
    derived = with_market_caps(traded.panel, price_is_adjusted=plan.price_is_adjusted)
    panel = derived.panel
    if described is not None:
        panel = described.of_panel(panel)
    tell(0.9, "checking the data")
    quality = _report(panel, rows, assembled, described, (*traded.notes, *derived.notes))
    tell(1.0, "read")
    return ReadPanel(panel=panel, quality=quality)


def _report(
    panel: Panel,
    rows: Rows,
    assembled: AssembledPanel,
    described: AssetAttributes | None,
    derivations: tuple[str, ...],
) -> QualityReport:
    counted = {
        **rows.refusals,
        QualityCode.DUPLICATE: assembled.rows_merged,
        QualityCode.EMPTY: assembled.rows_empty,
    }
    return QualityReport(
        rows_read=rows.rows_read,
        rows_kept=assembled.rows_kept,
        rows_refused=rows.refusals.total(),
        rows_merged=assembled.rows_merged,
        rows_skipped=assembled.rows_empty,
        counts=(
            *(QualityCount(code=code, count=counted[code]) for code in QualityCode if counted.get(code)),
            *suspicious_values(panel),
        ),
        refused=rows.refused,
        coverage=field_coverage(panel, assembled.rows_kept),
        notes=(
            *(described.notes(panel) if described is not None else ()),
            *rows.notes,
            *_notes(panel, rows, assembled),
            *derivations,
        ),
    )


def _notes(panel: Panel, rows: Rows, assembled: AssembledPanel) -> list[str]:
    notes = [f"the field {field} has no value at all and counts as absent" for field in assembled.absent]
    if rows.timed:
        notes.append("dates have a time of day, which was dropped: each date and asset occurs once")
    if assembled.calendar_detected and panel.calendar is Calendar.OBSERVED:
        notes.append("no date is a Saturday or Sunday: taken for trading sessions (calendar OBSERVED)")
    if len(panel.dates) == 1:
        notes.append("there is only one date, so no return can be computed")
    if len(panel.assets) == 1:
        notes.append("there is only one asset, so no portfolio can be formed across assets")
    return notes


def _tell_nobody(fraction: float, stage: str) -> None:
    pass
