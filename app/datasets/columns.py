"""Which column of a long-form file is which field, by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.errors import InvalidFile
from engine.panel import BOOK_VALUE, CLOSE, DAU, FEES, MARKET_CAP, PRICE, REVENUE, SHARES, VOLUME

DATE: Final = "date"
ASSET: Final = "asset"
SYNTHETIC: Final = "synthetic"
"""The attribute that marks invented assets when it is true; the quality report says so first."""

_CLOSES: Final = ("close", "close_price", "close_usd")
_ADJUSTED_PRICES: Final = ("adj_close", "adjusted_close", "adjclose")

ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    DATE: ("date", "timestamp", "day", "datetime", "time", "date_utc", "snapped_at"),
    ASSET: ("asset", "asset_id", "symbol", "id", "ticker", "coin", "coin_id", "token"),
    PRICE: ("price", "price_usd", "priceusd", *_CLOSES, *_ADJUSTED_PRICES),
    MARKET_CAP: ("mc", "market_cap", "marketcap", "market_cap_usd", "mcap", "capmrktcurusd"),
    VOLUME: ("24h_volume", "volume", "volume_24h", "volume_usd", "24h_volume_usd", "total_volume"),
    FEES: ("fees", "fees_usd", "feetotusd"),
    DAU: ("dau", "daily_active_users", "active_addresses", "active_users", "adractcnt"),
    REVENUE: ("revenue", "revenue_usd"),
    SHARES: ("shares", "shares_outstanding", "outstanding_shares", "sharesoutstanding"),
    BOOK_VALUE: ("book_value", "book_equity", "total_equity", "shareholders_equity", "stockholders_equity"),
}
"""The names a column may have, in lower case with `_` for spaces and hyphens. A close is the price, but
beside a column that is the price by another name it is the field CLOSE, the price as it was traded."""

REQUIRED: Final = (DATE, ASSET, PRICE)
NEVER_NEGATIVE: Final = frozenset({MARKET_CAP, VOLUME, FEES, DAU, SHARES})
"""Fields whose negative values are faults. Revenue may be a loss, book equity may be used up, and a price or
close <= 0 counts as missing."""

MAX_NAME_LENGTH: Final = 64
_PANDAS_INDEX_PREFIXES = ("unnamed: ", "__index_level_", "__null_dask_index__")
_FIELD_OF_ALIAS: Final = {alias: field for field, aliases in ALIASES.items() for alias in aliases}
_FIELDS: Final = (*(field for field in ALIASES if field not in (DATE, ASSET)), CLOSE)
_KNOWN: Final = frozenset({DATE, ASSET, *_FIELDS})


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnPlan:
    """What each column of a file is. Columns are numbered from 0, in the file's order.

    fields: column -> name of the known field it holds.
    further: column -> its own name, for columns that become fields if they turn out to be numeric.
    left_out: names of columns that cannot be fields, for the quality report.
    price_is_adjusted: whether the price column is called one that is adjusted for dividends or splits.
    """

    names: tuple[str, ...]
    date: int
    asset: int
    fields: Mapping[int, str]
    further: Mapping[int, str]
    left_out: tuple[str, ...]
    price_is_adjusted: bool

    def used(self) -> set[int]:
        return {self.date, self.asset, *self.fields, *self.further}


def plan_columns(names: Sequence[str], filename: str) -> ColumnPlan:
    """Match column names, whatever their case, with fields.

    Raises InvalidFile when date, asset or price is missing, or when two columns mean the same.
    """
    stripped = tuple(name.strip() for name in names)
    columns: defaultdict[str, list[int]] = defaultdict(list)
    left_out: list[str] = []
    for column, name in enumerate(stripped):
        if _can_be_a_field(name):
            columns[_meaning(name)].append(column)
        else:
            left_out.append(name)
    closes = [column for column in columns[PRICE] if normalised(stripped[column]) in _CLOSES]
    if len(closes) < len(columns[PRICE]):
        columns[PRICE] = [column for column in columns[PRICE] if column not in closes]
        columns[CLOSE] = closes

    for meaning, candidates in columns.items():
        if len(candidates) > 1:
            quoted = " and ".join(repr(stripped[column]) for column in candidates)
            field = meaning if meaning in _KNOWN else stripped[candidates[0]]
            raise InvalidFile(
                f"{filename}: columns {quoted} both mean {field}",
                hint="rename or remove all but one of them",
            )
    missing = [field for field in REQUIRED if not columns[field]]
    if missing:
        raise _missing_columns(missing, stripped, filename)

    own = {meaning: candidates[0] for meaning, candidates in columns.items() if candidates}
    return ColumnPlan(
        names=stripped,
        date=own[DATE],
        asset=own[ASSET],
        fields={own[field]: field for field in _FIELDS if field in own},
        further={column: stripped[column] for meaning, column in own.items() if meaning not in _KNOWN},
        left_out=tuple(left_out),
        price_is_adjusted=normalised(stripped[own[PRICE]]) in _ADJUSTED_PRICES,
    )


def normalised(name: str) -> str:
    """A column name without case, spaces or hyphens: 'Market Cap' -> 'market_cap'."""
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def is_asset_column(name: str) -> bool:
    """Whether a column of this name holds asset ids."""
    return _FIELD_OF_ALIAS.get(normalised(name)) == ASSET


def _meaning(name: str) -> str:
    """The known field of a name, or for any other name what tells it from others."""
    plain = normalised(name)
    return _FIELD_OF_ALIAS.get(plain, plain)


def _can_be_a_field(name: str) -> bool:
    """Row numbers that pandas wrote as a nameless column are no field."""
    is_index = name.casefold().startswith(_PANDAS_INDEX_PREFIXES)
    return bool(name) and name.isprintable() and len(name) <= MAX_NAME_LENGTH and not is_index


def _missing_columns(missing: Sequence[str], names: Sequence[str], filename: str) -> InvalidFile:
    shown = ", ".join(repr(name[:MAX_NAME_LENGTH]) for name in names[:12]) + (
        ", ..." if len(names) > 12 else ""
    )
    if len(names) == 1 and any(separator in names[0] for separator in ";\t|"):
        hint = "columns must be separated by commas"
    else:
        hint = "; ".join(f"{field} may be called {', '.join(ALIASES[field])}" for field in missing)
    plural = "s" if len(missing) > 1 else ""
    return InvalidFile(
        f"{filename}: no column{plural} for {', '.join(missing)}; the file has {shown}", hint=hint
    )
