"""The column orders of the factor logs: the seven that occurred, and what a header says about a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BASE_COLUMNS = ("run_id", "factor", "breakpoint", "min_assets", "weighting_method")


@dataclass(frozen=True, slots=True)
class ColumnOrder:
    """The columns of a row from left to right; `number` is None for an order that only a header names."""

    number: int | None
    columns: tuple[str, ...]


def _known(number: int, *extra_columns: str) -> ColumnOrder:
    return ColumnOrder(number, BASE_COLUMNS + extra_columns)


_RESULT = ("cumulative_returns", "annualized_return")
_RATIOS = ("sharpe_ratio", "sortino_ratio")
_LEGS = ("long_only_returns", "short_only_returns")
_DATES = ("start_date", "end_date")
_LOOKBACK = "trailing_momentum_lookback_periods"

KNOWN_ORDERS = (
    _known(1, *_RESULT, "years", *_LEGS),
    _known(2, *_RESULT, "years", *_LEGS, *_RATIOS, *_DATES),
    _known(3, *_RESULT, *_RATIOS, "years", *_LEGS, *_DATES),
    _known(4, *_RESULT, *_RATIOS, "years", _LOOKBACK, *_DATES),
    _known(5, *_RESULT, "years", *_LEGS, _LOOKBACK, *_RATIOS, *_DATES),
    _known(6, "annualized_return", *_RATIOS, *_DATES),
    _known(6, "annualized_return", "sharpe_ratio", *_DATES),
    _known(7, *_RESULT, *_RATIOS, *_DATES, "years", *_LEGS),
)

NEWEST_ORDER = next(order for order in KNOWN_ORDERS if order.number == 5)
"""The order that has every column, and the one written."""

KNOWN_COLUMNS = frozenset(NEWEST_ORDER.columns)


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a factor's log, its names stripped and in lower case.

    `fault` says why rows cannot be read under this header, None if they can.
    """

    columns: tuple[str, ...]
    fault: str | None

    @classmethod
    def of(cls, cells: Sequence[str]) -> Header:
        columns = tuple(cell.lower() for cell in cells)
        return cls(columns, _fault(columns))

    @property
    def names_runs(self) -> bool:
        """Whether this is the header of a factor's log at all."""
        return "run_id" in self.columns and "factor" in self.columns

    def candidate_orders(self, value_count: int) -> tuple[ColumnOrder, ...]:
        """The orders a row of `value_count` values may have, the header's own first."""
        known = tuple(order for order in KNOWN_ORDERS if len(order.columns) == value_count)
        if self.fault is not None or len(self.columns) != value_count:
            return known
        own = next((order for order in known if order.columns == self.columns), None)
        own = own or ColumnOrder(None, self.columns)
        return (own, *(order for order in known if order != own))

    def contradicts(self, order: ColumnOrder) -> bool:
        """Whether the order gives a place that this header names to another column.

        A row longer than its header does not contradict it when it begins as the header does.
        """
        return any(mine != its for mine, its in zip(self.columns, order.columns, strict=False))


def _fault(columns: tuple[str, ...]) -> str | None:
    missing = [name for name in BASE_COLUMNS if name not in columns]
    unknown = [name for name in columns if name not in KNOWN_COLUMNS]
    if missing:
        return f"its header lacks {', '.join(missing)}"
    if unknown:
        return f"its header has {len(unknown)} unknown column(s): {', '.join(map(repr, unknown))[:200]}"
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    return f"its header repeats {', '.join(repeated)}" if repeated else None
