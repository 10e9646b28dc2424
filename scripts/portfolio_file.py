"""A portfolio as a file: one line a position, an asset and how much of it."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from app.datasets.positions import Basis
from app.errors import InvalidFile

_BASES: Mapping[str, Basis] = MappingProxyType(
    {name: basis for basis in Basis for name in (basis.lower(), basis.lower().removesuffix("s"))}
)


@dataclass(frozen=True, slots=True)
class Portfolio:
    """positions: (word for an asset, finite number), in the order of the file."""

    positions: tuple[tuple[str, float], ...]
    basis: Basis


def read_portfolio(path: Path, basis: Basis | None = None) -> Portfolio:
    """A CSV file with a header of two columns: `asset`, then `amount`, `value` or `weight`, which says what
    the numbers are unless `basis` does. Blank lines are passed over. Raises InvalidFile."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(row)]
    except OSError as error:
        raise InvalidFile(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InvalidFile(f"{path} is not text in UTF-8") from None
    except csv.Error as error:
        raise InvalidFile(f"{path}: line {reader.line_num} is not CSV: {error}") from None
    if not lines:
        raise InvalidFile(f"{path} is empty")
    (_, header), *rows = lines
    basis = _basis(path, header, basis)
    if not rows:
        raise InvalidFile(f"{path} has a header and no position")
    return Portfolio(tuple(_position(path, line, row) for line, row in rows), basis)


def _basis(path: Path, header: list[str], basis: Basis | None) -> Basis:
    shown = ",".join(header)[:60]
    if len(header) != 2 or header[0].lower() != "asset":
        raise InvalidFile(
            f"{path} must begin with the line asset,amount (or value, or weight), not {shown!r}"
        )
    found = basis or _BASES.get(header[1].lower())
    if found is None:
        message = f"{path}: the second column must be amount, value or weight, not {header[1][:40]!r}"
        raise InvalidFile(message, hint="or say what it is with --basis")
    return found


def _position(path: Path, line: int, row: list[str]) -> tuple[str, float]:
    if len(row) != 2 or not row[0]:
        raise InvalidFile(f"{path}: line {line} must have an asset and a number, not {','.join(row)[:60]!r}")
    asset, text = row
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidFile(f"{path}: line {line}: {text[:40]!r} is no number of {asset[:40]!r}")
    return asset, number
