"""Reads a file of asset attributes: one row an asset, one column an attribute, values as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from app.datasets.cells import asset_fault
from app.datasets.columns import MAX_NAME_LENGTH, is_asset_column, normalised
from app.datasets.limits import ReadLimits
from app.datasets.open_source import open_source
from app.datasets.source import shown
from app.errors import InvalidFile

MAX_VALUE_LENGTH: Final = 200
SYNTHETIC: Final = "synthetic"
"""The attribute that marks invented assets when it is true; the quality report says so first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetAttributes:
    """attribute -> asset -> value. Names are in lower case; empty cells are left out; true and false likewise
    in lower case, since spreadsheets write TRUE."""

    names: tuple[str, ...]
    of_asset: Mapping[str, Mapping[str, str]]

    def columns(self, assets: tuple[str, ...]) -> dict[str, tuple[str | None, ...]]:
        """attribute -> (N,) values in the order of `assets`, None where unknown; never all None."""
        columns = {
            name: tuple(self.of_asset.get(asset, {}).get(name) for asset in assets) for name in self.names
        }
        return {
            name: values for name, values in columns.items() if any(value is not None for value in values)
        }

    def notes(self, assets: tuple[str, ...]) -> tuple[str, ...]:
        """Which assets are invented, and what the two files do not have in common."""
        unknown = sorted(self.of_asset.keys() - set(assets))
        bare = [asset for asset in assets if asset not in self.of_asset]
        invented = [asset for asset in assets if self.of_asset.get(asset, {}).get(SYNTHETIC) == "true"]
        notes = []
        if invented:
            which = "all assets" if len(invented) == len(assets) else _listed(invented)
            notes.append(f"SYNTHETIC: marked as invented: {which}")
        if unknown:
            notes.append(f"the attributes of {_listed(unknown)} are not used: no such asset in the data")
        if bare:
            notes.append(f"no attributes for {_listed(bare)}")
        return tuple(notes)


def read_attributes(path: Path, *, filename: str, limits: ReadLimits) -> AssetAttributes:
    """Raises InvalidFile (unreadable, no asset column, two rows for one asset, ...), LimitExceeded."""
    with open_source(path, filename=filename, limits=limits) as source:
        asset_column, names = _plan(source.names, filename)
        columns = {asset_column, *names}
        of_asset: dict[str, dict[str, str]] = {}
        line_of_asset: dict[str, int] = {}
        for chunk in source.chunks(columns, text_columns=columns):
            if chunk.malformed:
                row = chunk.malformed[0]
                raise InvalidFile(f"{filename}: {source.unit} {row.line} has {row.reason}")
            texts = {column: _texts(chunk.columns[column]) for column in columns}
            for index, line in enumerate(chunk.lines.tolist()):
                asset = texts[asset_column][index]
                values = {
                    name: texts[column][index] for column, name in names.items() if texts[column][index]
                }
                if not asset and not values:
                    continue
                fault = asset_fault(asset) or next(map(value_fault, values.values()), None)
                if asset in line_of_asset:
                    fault = f"{shown(asset)} is described already in {source.unit} {line_of_asset[asset]}"
                if fault:
                    raise InvalidFile(f"{filename}: {source.unit} {line}: {fault}")
                line_of_asset[asset] = line
                of_asset[asset] = values
    if not of_asset:
        raise InvalidFile(f"{filename} has no rows")
    return AssetAttributes(names=tuple(names.values()), of_asset=of_asset)


def _plan(names: tuple[str, ...], filename: str) -> tuple[int, dict[int, str]]:
    """The column of asset ids, and the attribute in each other column."""
    asset_columns = [column for column, name in enumerate(names) if is_asset_column(name)]
    if len(asset_columns) != 1:
        found = " and ".join(repr(names[column].strip()) for column in asset_columns) or "none"
        raise InvalidFile(
            f"{filename}: one column must hold the asset ids, found {found}",
            hint="the first line must read like asset,sector,stable",
        )
    attributes: dict[int, str] = {}
    for column, name in enumerate(names):
        attribute = normalised(name)
        if column == asset_columns[0] or not attribute:
            continue
        if attribute in attributes.values():
            raise InvalidFile(f"{filename}: two columns are named {attribute!r}")
        if not attribute.isprintable() or "=" in attribute or len(attribute) > MAX_NAME_LENGTH:
            raise InvalidFile(f"{filename}: {shown(name)} cannot name an attribute")
        attributes[column] = attribute
    if not attributes:
        raise InvalidFile(f"{filename}: no column holds an attribute")
    return asset_columns[0], attributes


def _texts(cells: pa.Array) -> list[str]:
    if not pa.types.is_dictionary(cells.type) and not pa.types.is_string(cells.type):
        try:
            cells = cells.cast(pa.string())
        except pa.ArrowException as error:
            raise InvalidFile(f"attributes cannot be of type {cells.type}") from error
    return [_plain("" if text is None else str(text)) for text in cells.to_pylist()]


def _plain(text: str) -> str:
    stripped = text.strip()
    return stripped.lower() if stripped.lower() in ("true", "false") else stripped


def value_fault(value: str) -> str | None:
    """Why a text cannot be an attribute's value, if it cannot."""
    if len(value) > MAX_VALUE_LENGTH:
        return f"a value has {len(value):,} characters, at most {MAX_VALUE_LENGTH} are allowed"
    return None if value.isprintable() else f"{shown(value)} holds unprintable characters"


def _listed(assets: list[str], at_most: int = 5) -> str:
    more = f" and {len(assets) - at_most:,} more" if len(assets) > at_most else ""
    return ", ".join(assets[:at_most]) + more
