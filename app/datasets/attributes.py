"""Reads a file of asset attributes: one column an attribute, values as text; one row an asset, or with a
column `from` one row for each day on which something changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from app.datasets.cells import MISSING_DAY, CellFault, DateReader, WrongType, asset_fault
from app.datasets.columns import MAX_NAME_LENGTH, SYNTHETIC, is_asset_column, normalised
from app.datasets.limits import ReadLimits
from app.datasets.open_source import open_source
from app.datasets.source import Chunk, shown
from app.errors import InvalidFile, LimitExceeded
from engine.panel import SINCE_EVER, DatedValue, Panel

MAX_VALUE_LENGTH: Final = 200
FROM: Final = "from"
"""The column of the days from which on the other values of a row hold, until the asset's next row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetAttributes:
    """asset -> day from which on, SINCE_EVER without one -> attribute -> value. Names are in lower case;
    empty cells are left out; true and false likewise in lower case, since spreadsheets write TRUE."""

    names: tuple[str, ...]
    of_asset: Mapping[str, Mapping[date, Mapping[str, str]]]

    def of_panel(self, panel: Panel) -> Panel:
        """The panel with these attributes, less those of which nothing is known.

        What held at the panel's first date is taken to have held ever since, and what comes after its last
        date is left out: no computation on the panel could tell the difference.
        """
        attributes, changes = {}, {}
        for name in self.names:
            histories = tuple(self._history(asset, name, panel) for asset in panel.assets)
            if not any(histories):
                continue
            attributes[name] = tuple(own[-1].value if own else None for own in histories)
            if any(own and (len(own) > 1 or own[0].since != SINCE_EVER) for own in histories):
                changes[name] = histories
        return replace(panel, attributes=attributes, attribute_changes=changes)

    def notes(self, panel: Panel) -> tuple[str, ...]:
        """Which assets are invented, what changes, and what the two files do not have in common."""
        assets = panel.assets
        unknown = sorted(self.of_asset.keys() - set(assets))
        bare = [asset for asset in assets if asset not in self.of_asset]
        invented = [asset for asset in assets if self._is_invented(asset)]
        late = [asset for asset in assets if self._days_after(asset, panel)]
        notes = []
        if invented:
            which = "all assets" if len(invented) == len(assets) else _listed(invented)
            notes.append(f"SYNTHETIC: marked as invented: {which}")
        for name, histories in panel.attribute_changes.items():
            known = [(asset, own) for asset, own in zip(assets, histories, strict=True) if own]
            changed = [asset for asset, own in known if len(own) > 1]
            later = [asset for asset, own in known if own[0].since != SINCE_EVER]
            if changed:
                notes.append(f"the attribute {name} changes for {_counted(changed)}")
            if later:
                notes.append(f"the attribute {name} is unknown before its first day for {_counted(later)}")
        if late:
            notes.append(f"attributes from after the last date are not used: of {_listed(late)}")
        if unknown:
            notes.append(f"the attributes of {_listed(unknown)} are not used: no such asset in the data")
        if bare:
            notes.append(f"no attributes for {_listed(bare)}")
        return tuple(notes)

    def _history(self, asset: str, name: str, panel: Panel) -> tuple[DatedValue, ...]:
        first, last = _first_and_last(panel)
        history: list[DatedValue] = []
        for since, values in sorted(self.of_asset.get(asset, {}).items()):
            own = DatedValue(SINCE_EVER if since <= first else since, values.get(name))
            if since > last:
                break
            if history and history[-1].since == own.since:
                history.pop()
            if own.value != (history[-1].value if history else None):
                history.append(own)
        return tuple(history)

    def _is_invented(self, asset: str) -> bool:
        return any(values.get(SYNTHETIC) == "true" for values in self.of_asset.get(asset, {}).values())

    def _days_after(self, asset: str, panel: Panel) -> bool:
        last = _first_and_last(panel)[1]
        return any(since > last for since in self.of_asset.get(asset, {}))


def read_attributes(path: Path, *, filename: str, limits: ReadLimits) -> AssetAttributes:
    """Raises InvalidFile (unreadable, no asset column, a day that is none, two rows for one asset that
    contradict each other or, without the column `from`, two rows at all, ...), LimitExceeded."""
    with open_source(path, filename=filename, limits=limits) as source:
        plan = _plan(source.names, filename)
        rows = _Rows(plan, filename, source.unit, limits)
        for chunk in source.chunks(plan.used(), text_columns=plan.used()):
            rows.add(chunk)
    if not rows.of_asset:
        raise InvalidFile(f"{filename} has no rows")
    return AssetAttributes(names=tuple(plan.attributes.values()), of_asset=rows.of_asset)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Which column holds the asset ids, the days if any does, and each attribute."""

    asset: int
    since: int | None
    attributes: Mapping[int, str]

    def used(self) -> set[int]:
        return {self.asset, *self.attributes} | ({self.since} if self.since is not None else set())


class _Rows:
    """Collects what the rows of a file say of each asset, and refuses what they say twice."""

    def __init__(self, plan: _Plan, filename: str, unit: str, limits: ReadLimits) -> None:
        self.of_asset: dict[str, dict[date, dict[str, str]]] = {}
        self._plan = plan
        self._filename = filename
        self._unit = unit
        self._limits = limits
        self._dates = DateReader()
        self._lines: dict[tuple[str, date], int] = {}
        self._count = 0

    def add(self, chunk: Chunk) -> None:
        if chunk.malformed:
            row = chunk.malformed[0]
            raise InvalidFile(f"{self._filename}: {self._unit} {row.line} has {row.reason}")
        self._count += len(chunk.lines)
        if self._count > self._limits.max_attribute_rows:
            most = self._limits.max_attribute_rows
            raise LimitExceeded(f"{self._filename} has more than {most:,} rows of attributes, the most read")
        assets = _texts(chunk.columns[self._plan.asset])
        texts = {name: _texts(chunk.columns[column]) for column, name in self._plan.attributes.items()}
        days = self._days(chunk)
        for index, line in enumerate(chunk.lines.tolist()):
            values = {name: cells[index] for name, cells in texts.items() if cells[index]}
            if assets[index] or values or days[index] != SINCE_EVER:
                self._add_row(assets[index], days[index], values, line)

    def _add_row(self, asset: str, since: date, values: dict[str, str], line: int) -> None:
        fault = asset_fault(asset) or next(map(value_fault, values.values()), None)
        earlier = self._lines.get((asset, since))
        dated = self._plan.since is not None
        if earlier is not None and not (dated and self.of_asset[asset][since] == values):
            when = f" from {since} on" if since != SINCE_EVER else ""
            how = "otherwise" if dated else "already"
            fault = f"{shown(asset)}{when} is described {how} in {self._unit} {earlier}"
        if fault:
            raise InvalidFile(f"{self._filename}: {self._unit} {line}: {fault}")
        self._lines.setdefault((asset, since), line)
        self.of_asset.setdefault(asset, {})[since] = values

    def _days(self, chunk: Chunk) -> list[date]:
        """The day of each row, SINCE_EVER where it has none."""
        if self._plan.since is None:
            return [SINCE_EVER] * len(chunk.lines)
        try:
            found = self._dates.read(chunk.columns[self._plan.since])
        except CellFault as fault:
            line = chunk.lines[fault.row]
            raise InvalidFile(f"{self._filename}: {self._unit} {line}: {fault.reason}") from fault
        except WrongType as error:
            raise InvalidFile(f"{self._filename}: column {FROM!r} holds {error}, not dates") from error
        if found.timed:
            raise InvalidFile(
                f"{self._filename}: column {FROM!r} holds times of day",
                hint="give days: attributes hold from the beginning of a day on",
            )
        days = np.array(found.days, dtype="datetime64[D]").tolist()
        missing = (found.days == MISSING_DAY).tolist()
        return [SINCE_EVER if empty else day for day, empty in zip(days, missing, strict=True)]


def _plan(names: tuple[str, ...], filename: str) -> _Plan:
    asset_columns = [column for column, name in enumerate(names) if is_asset_column(name)]
    if len(asset_columns) != 1:
        found = " and ".join(repr(names[column].strip()) for column in asset_columns) or "none"
        raise InvalidFile(
            f"{filename}: one column must hold the asset ids, found {found}",
            hint="the first line must read like asset,sector,stable",
        )
    attributes: dict[int, str] = {}
    since: int | None = None
    for column, name in enumerate(names):
        attribute = normalised(name)
        if column == asset_columns[0] or not attribute:
            continue
        if attribute in attributes.values() or (attribute == FROM and since is not None):
            raise InvalidFile(f"{filename}: two columns are named {attribute!r}")
        if attribute == FROM:
            since = column
            continue
        if not attribute.isprintable() or "=" in attribute or len(attribute) > MAX_NAME_LENGTH:
            raise InvalidFile(f"{filename}: {shown(name)} cannot name an attribute")
        attributes[column] = attribute
    if not attributes:
        raise InvalidFile(f"{filename}: no column holds an attribute")
    return _Plan(asset=asset_columns[0], since=since, attributes=attributes)


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


def _first_and_last(panel: Panel) -> tuple[date, date]:
    first, last = panel.dates[[0, -1]].astype("datetime64[D]").tolist()
    return first, last


def _counted(assets: list[str]) -> str:
    return f"{len(assets):,} asset{'s' if len(assets) != 1 else ''}: {_listed(assets)}"


def _listed(assets: list[str], at_most: int = 5) -> str:
    more = f" and {len(assets) - at_most:,} more" if len(assets) > at_most else ""
    return ", ".join(assets[:at_most]) + more
