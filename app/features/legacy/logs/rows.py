"""Which reading of a row is the right one: a header was written once, rows of other orders came under it.

A row is read under every order that has as many columns as it has values. A reading **fails** if a value does
not parse or one of these is known and untrue:
- dates: start_date is not after end_date;
- years: they are within 2 % of (end_date - start_date) / 365;
- annualised: (1 + cumulative)^(1/years) - 1 is within 0.01 of annualized_return (years from the dates where
  the row has none). A cumulative at or below -1 cannot be tested so: dates and years decide, and the run is
  marked suspect.

Of the readings that do not fail:
- one that the header does not contradict is accepted even if nothing could be tested (columns are missing in
  orders 1 and 6 and in short headers), unless one that it contradicts passes *more* tests;
- one that the header contradicts (a repair) must be the only one left and have passed the test that its
  columns allow: years; annualised in order 1, which has no dates; dates in order 6, which has no years;
- a row shorter than its header may have been cut off: both its dates must have been read;
- a last line without a line end may have been cut off inside its last value: that must be a whole date.
Two different readings that cannot be told apart by this are refused as ambiguous. A row read rightly is still
refused if it measured nothing: its years are 0, or no return and no ratio has a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.features.legacy.logs import cells as cell
from app.features.legacy.logs.columns import ColumnOrder, Header
from app.features.legacy.logs.records import FACTORS, LegacyRun, Source
from app.features.legacy.logs.refusals import QuarantineCode, Refused, shown

DAYS_PER_YEAR = 365
YEARS_TOLERANCE = 0.02
ANNUALIZED_TOLERANCE = 0.01

_RESULT_FIELDS = (
    "cumulative_return",
    "annualized_return",
    "sharpe_ratio",
    "sortino_ratio",
    "long_only_return",
    "short_only_return",
)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A run as one order reads it, and which of the tests it passed."""

    run: LegacyRun
    dates_agree: bool
    years_agree: bool
    annualized_agrees: bool

    @property
    def tests_passed(self) -> int:
        return self.dates_agree + self.years_agree + self.annualized_agrees

    def confirms(self, order: ColumnOrder) -> bool:
        """Whether the reading passed the strongest test that the order's columns allow."""
        if "start_date" not in order.columns:
            return self.annualized_agrees
        return self.years_agree if "years" in order.columns else self.dates_agree


def read_row(values: Sequence[str], header: Header, source: Source, *, line_ended: bool = True) -> LegacyRun:
    """The run that a row of a factor's log records.

    `values` are the row's cells, stripped; `line_ended` is False for a last line without a line end.
    Raises Refused with the reason to quarantine the row.
    """
    orders = header.candidate_orders(len(values))
    shorter = len(values) < len(header.columns)
    if not orders:
        raise _shape_refusal(values, header)

    readings: list[_Reading] = []
    refusals: list[tuple[ColumnOrder, Refused]] = []
    for order in orders:
        try:
            reading = _read_under(order, values, header, source)
            _refuse_cut_off(reading.run, order, shorter=shorter, line_ended=line_ended)
        except Refused as refusal:
            refusals.append((order, refusal))
            continue
        if reading.confirms(order) or not reading.run.repaired:
            readings.append(reading)
        else:
            reason = f"nothing confirms reading it in order {order.number} against its header"
            refusals.append((order, Refused(QuarantineCode.AMBIGUOUS, reason)))
    if readings:
        run = _decide(readings)
        _refuse_if_nothing_measured(run)
        return run
    refusal = _best_refusal(refusals, header)
    if shorter and refusal.code is not QuarantineCode.UNKNOWN_FACTOR:
        count = f"{len(values)} of {len(header.columns)} values"
        raise Refused(
            QuarantineCode.CUT_OFF, f"cut off, or of an order that does not fit: {count}; {refusal}"
        )
    raise refusal


def _shape_refusal(values: Sequence[str], header: Header) -> Refused:
    """What to say of a row that has as many values as no order."""
    count, expected = len(values), len(header.columns)
    if count < expected:
        return Refused(QuarantineCode.CUT_OFF, f"cut off: {count} of {expected} values")
    factor = values[header.columns.index("factor")].lower()
    if factor not in FACTORS:
        return Refused(QuarantineCode.UNKNOWN_FACTOR, f"unknown factor {shown(factor)}")
    if header.fault is not None:
        return Refused(QuarantineCode.BAD_HEADER, header.fault)
    reason = f"{count} values, and no known column order has as many"
    return Refused(QuarantineCode.WRONG_VALUE_COUNT, reason)


def _refuse_cut_off(run: LegacyRun, order: ColumnOrder, *, shorter: bool, line_ended: bool) -> None:
    if shorter and (run.start_date is None or run.end_date is None):
        raise Refused(QuarantineCode.CUT_OFF, "shorter than its header and without dates: perhaps cut off")
    if not line_ended and (order.columns[-1] != "end_date" or run.end_date is None):
        reason = "the last line has no line end, so its last value may be cut off (add one if it is whole)"
        raise Refused(QuarantineCode.CUT_OFF, reason)


def _decide(readings: list[_Reading]) -> LegacyRun:
    distinct: dict[LegacyRun, _Reading] = {}
    for reading in sorted(readings, key=lambda reading: reading.run.repaired):
        distinct.setdefault(reading.run, reading)
    if len(distinct) == 1:
        return next(iter(distinct))
    own = [reading for reading in distinct.values() if not reading.run.repaired]
    strongest_other = max((r.tests_passed for r in distinct.values() if r.run.repaired), default=0)
    if len(own) == 1 and own[0].tests_passed >= strongest_other:
        return own[0].run
    orders = sorted(reading.run.column_order or 0 for reading in distinct.values())
    names = " and ".join(f"order {number}" if number else "its header's order" for number in orders)
    raise Refused(QuarantineCode.AMBIGUOUS, f"it can be read in {names}, with different values")


def _refuse_if_nothing_measured(run: LegacyRun) -> None:
    if run.years is not None and run.years <= 0:
        missing = [name for name in _RESULT_FIELDS[:4] if getattr(run, name) is None]
        also = f", and {', '.join(missing)} missing" if missing else ""
        raise Refused(
            QuarantineCode.YEARS_NOT_POSITIVE, f"years is {run.years!r}{also}: nothing was measured"
        )
    if all(getattr(run, name) is None for name in _RESULT_FIELDS):
        raise Refused(QuarantineCode.NO_RESULT, "no return and no ratio has a value")


def _best_refusal(refusals: list[tuple[ColumnOrder, Refused]], header: Header) -> Refused:
    """What stands against the reading that the header names, or against the first there is."""
    order, refusal = next((pair for pair in refusals if not header.contradicts(pair[0])), refusals[0])
    if refusal.code is QuarantineCode.UNKNOWN_FACTOR:
        return refusal
    if header.fault is not None:
        return Refused(QuarantineCode.BAD_HEADER, f"{header.fault}; in order {order.number} {refusal.reason}")
    if len(refusals) == 1 and not header.contradicts(order):
        return refusal
    read_as = "under its header" if not header.contradicts(order) else f"in order {order.number}"
    return Refused(refusal.code, f"{refusal.reason} (read {read_as}; no other known order fits either)")


def _read_under(order: ColumnOrder, values: Sequence[str], header: Header, source: Source) -> _Reading:
    cells = dict(zip(order.columns, values, strict=True))
    factor = cells["factor"].lower()
    if factor not in FACTORS:
        raise Refused(QuarantineCode.UNKNOWN_FACTOR, f"unknown factor {shown(factor)}")

    def number(column: str) -> float | None:
        return cell.number(cells.get(column, ""), column)

    def whole_number(column: str) -> int | None:
        return cell.whole_number(cells.get(column, ""), column)

    cumulative_return = number("cumulative_returns")
    run = LegacyRun(
        factor=factor,
        legacy_run_id=cell.run_id(cells["run_id"]),
        breakpoint=number("breakpoint"),
        min_assets=whole_number("min_assets"),
        weighting_method=cell.word(cells["weighting_method"], "weighting_method"),
        lookback_periods=whole_number("trailing_momentum_lookback_periods"),
        cumulative_return=cumulative_return,
        annualized_return=number("annualized_return"),
        sharpe_ratio=number("sharpe_ratio"),
        sortino_ratio=number("sortino_ratio"),
        years=number("years"),
        long_only_return=number("long_only_returns"),
        short_only_return=number("short_only_returns"),
        start_date=cell.day(cells.get("start_date", ""), "start_date"),
        end_date=cell.day(cells.get("end_date", ""), "end_date"),
        suspect=suspicion(cumulative_return),
        column_order=order.number,
        repaired=header.contradicts(order),
        source=source,
    )
    return _Reading(
        run=run,
        dates_agree=_test_dates(run),
        years_agree=_test_years(run),
        annualized_agrees=_test_annualized(run),
    )


def suspicion(cumulative_return: float | None) -> str | None:
    """Why a run of this cumulative return cannot be trusted, None if nothing speaks against it."""
    if cumulative_return is None or cumulative_return > -1:
        return None
    return (
        f"cumulative return {cumulative_return!r} is a loss of everything or more: "
        "the annualised return cannot be tested against it"
    )


def _test_dates(run: LegacyRun) -> bool:
    if run.start_date is None or run.end_date is None:
        return False
    if run.start_date > run.end_date:
        reason = f"start_date {run.start_date} is after end_date {run.end_date}"
        raise Refused(QuarantineCode.DATES_OUT_OF_ORDER, reason)
    return True


def _test_years(run: LegacyRun) -> bool:
    if run.years is None:
        return False
    spanned = _spanned_years(run)
    if spanned is None:
        return False
    if abs(run.years - spanned) > YEARS_TOLERANCE * spanned:
        reason = f"years is {run.years!r}, but its dates span {spanned:.4f} years"
        raise Refused(QuarantineCode.YEARS_DISAGREE, reason)
    return True


def _test_annualized(run: LegacyRun) -> bool:
    years = run.years if run.years is not None else _spanned_years(run)
    if run.cumulative_return is None or run.annualized_return is None or run.cumulative_return <= -1:
        return False
    if years is None or years <= 0:
        return False
    try:
        expected = (1 + run.cumulative_return) ** (1 / years) - 1
    except OverflowError:
        expected = float("inf")
    if not abs(expected - run.annualized_return) <= ANNUALIZED_TOLERANCE:
        reason = (
            f"annualized_return is {run.annualized_return!r}, but cumulative and years give {expected:.4g}"
        )
        raise Refused(QuarantineCode.ANNUALIZED_DISAGREES, reason)
    return True


def _spanned_years(run: LegacyRun) -> float | None:
    if run.start_date is None or run.end_date is None:
        return None
    return (run.end_date - run.start_date).days / DAYS_PER_YEAR
