"""The two kinds of file that lie beside a factor's log: a run's returns, and a factor's monthly sheet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from app.features.legacy.logs import cells as cell
from app.features.legacy.logs.files import Line
from app.features.legacy.logs.records import LegacySeries, MonthlyMetric, Source
from app.features.legacy.logs.refusals import QuarantineCode, Refused, shown

RETURNS_COLUMNS = ("date", "return", "cumulative_return")
MONTHLY_COLUMNS = ("metric", "value", "value_formatted", "as_of_date", "factor_name")
CUMULATIVE_TOLERANCE = 1e-6


def read_series(lines: Sequence[Line], *, factor: str, legacy_run_id: str, source: Source) -> LegacySeries:
    """The returns of one run, from the non-blank lines of its file: header, then one line a period.

    Raises Refused, for the file as a whole, when a line does not parse or has a value missing, when dates do
    not ascend strictly, when there is no period, or when the cumulative column is off the compounded returns
    by more than 1e-6 of wealth (of 1 where wealth is less). Compounding is plain, as the logs' was: it goes
    on past a loss of everything.
    """
    cell.run_id(legacy_run_id)
    place = _column_places(lines[0], RETURNS_COLUMNS)
    dates: list[date] = []
    returns: list[float] = []
    wealth = 1.0
    for line in lines[1:]:
        try:
            values = _values(line, RETURNS_COLUMNS)
            when = cell.day(values[place["date"]], "date")
            period_return = cell.number(values[place["return"]], "return")
            cumulative = cell.number(values[place["cumulative_return"]], "cumulative_return")
            if when is None or period_return is None or cumulative is None:
                raise Refused(QuarantineCode.CUT_OFF, "a value is missing")
            if dates and when <= dates[-1]:
                raise Refused(QuarantineCode.DATES_OUT_OF_ORDER, f"{when} does not come after {dates[-1]}")
            wealth *= 1 + period_return
            if not abs(1 + cumulative - wealth) <= CUMULATIVE_TOLERANCE * max(1.0, abs(wealth)):
                raise Refused(
                    QuarantineCode.CUMULATIVE_DISAGREES,
                    f"cumulative_return is {cumulative!r}, the returns so far compound to {wealth - 1!r}",
                )
        except Refused as refusal:
            raise Refused(refusal.code, f"line {line.number}: {refusal.reason}") from None
        dates.append(when)
        returns.append(period_return)
    if not dates:
        raise Refused(QuarantineCode.NO_RESULT, "it has a header and no period")
    return LegacySeries(
        factor=factor,
        legacy_run_id=legacy_run_id,
        dates=tuple(dates),
        returns=tuple(returns),
        source=source,
    )


def require_monthly_header(line: Line) -> None:
    """Raises Refused (BAD_HEADER) unless `line` is the header of a monthly sheet."""
    if tuple(name.lower() for name in line.cells()) != MONTHLY_COLUMNS:
        raise Refused(QuarantineCode.BAD_HEADER, f"its header is not {','.join(MONTHLY_COLUMNS)}")


def read_monthly_line(line: Line, *, factor: str) -> tuple[date, MonthlyMetric]:
    """One line of a monthly sheet: its date and metric. `factor` is the one its file is named after.

    `value` may be a number, missing, or text (the name of an asset). Raises Refused for the line.
    """
    metric, value, value_formatted, as_of_date, factor_name = _values(line, MONTHLY_COLUMNS)
    if factor_name.lower() != factor:
        reason = f"factor_name is {shown(factor_name)} in a file of {factor}"
        raise Refused(QuarantineCode.FACTOR_MISMATCH, reason)
    when = cell.day(as_of_date, "as_of_date")
    if when is None:
        raise Refused(QuarantineCode.NOT_A_DATE, "as_of_date is missing")
    if metric == "":
        raise Refused(QuarantineCode.NOT_A_WORD, "metric is missing")
    return when, MonthlyMetric(cell.unguarded(metric), _value(value), cell.unguarded(value_formatted))


def _value(text: str) -> float | str | None:
    if cell.is_guarded(text):
        return cell.unguarded(text)
    try:
        return cell.number(text, "value")
    except Refused:
        return text


def _column_places(header: Line, columns: tuple[str, ...]) -> dict[str, int]:
    names = [name.lower() for name in header.cells()]
    if sorted(names) != sorted(columns):
        raise Refused(QuarantineCode.BAD_HEADER, f"its header is not {','.join(columns)}")
    return {name: names.index(name) for name in columns}


def _values(line: Line, columns: tuple[str, ...]) -> list[str]:
    values = line.cells()
    if len(values) < len(columns):
        raise Refused(QuarantineCode.CUT_OFF, f"cut off: {len(values)} of {len(columns)} values")
    if len(values) > len(columns):
        raise Refused(QuarantineCode.WRONG_VALUE_COUNT, f"{len(values)} values in {len(columns)} columns")
    return values
