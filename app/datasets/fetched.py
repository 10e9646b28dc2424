"""Turns what a source brought in into a panel, by the same rules as a file's rows."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from app.datasets.attributes import AssetAttributes, value_fault
from app.datasets.limits import ReadLimits
from app.datasets.quality import LostAsset, QualityCode, QualityCount, QualityReport
from app.datasets.read import DEFAULT_LIMITS, ReadPanel, read_source
from app.datasets.source import Chunk
from app.sources.harvest import AssetSeries, Harvest
from engine.panel import SINCE_EVER, Calendar


def read_harvest(
    harvest: Harvest,
    *,
    name: str,
    calendar: Calendar | None,
    limits: ReadLimits = DEFAULT_LIMITS,
) -> ReadPanel:
    """A panel of everything that was brought in, and its quality report, which names what was lost.

    `name` is what messages call it. calendar: detected when None. Raises InvalidFile (nothing has a price),
    LimitExceeded.
    """
    series = [harvest.series[asset] for asset in sorted(harvest.series)]
    source = _Series(series)
    read = read_source(
        source,
        filename=name,
        described=_described(series),
        calendar=calendar,
        limits=limits,
        all_are_fields=True,
    )
    return replace(read, quality=_with_losses(read.quality, harvest, source))


def lost_assets(harvest: Harvest) -> tuple[LostAsset, ...]:
    """What was lost, as reports have it, by the asset's name."""
    return tuple(
        LostAsset(asset=lost.asset, code=lost.code.value, reason=lost.reason)
        for _, lost in sorted(harvest.lost.items())
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """The rows of one asset: numbered from `first` on."""

    first: int
    series: AssetSeries


class _Series:
    """An opened `RowSource` whose rows are the days of one asset after the other, numbered from 1."""

    unit = "row"

    def __init__(self, series: list[AssetSeries]) -> None:
        self._fields = list(dict.fromkeys(field for one in series for field in one.values))
        self.names = ("date", "asset", *self._fields)
        starts = np.cumsum([1, *(len(one.days) for one in series)])
        self._places = [_Place(int(start), one) for start, one in zip(starts, series, strict=False)]
        self._read = 0

    def chunks(self, wanted: Set[int], *, text_columns: Set[int]) -> Iterator[Chunk]:
        for place in self._places:
            self._read += 1
            one = place.series
            count = len(one.days)
            if not count:
                continue
            missing = np.full(count, np.nan)
            columns: dict[int, pa.Array] = {
                0: pa.array(one.days.astype("datetime64[D]")),
                1: pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), [one.asset]),
            }
            for number, field in enumerate(self._fields, start=2):
                if number in wanted:
                    columns[number] = pa.array(one.values.get(field, missing))
            yield Chunk(lines=np.arange(place.first, place.first + count), columns=columns)

    def fraction_read(self) -> float:
        return self._read / max(1, len(self._places))

    def describe(self, line: int) -> str:
        """Which row of the source that was."""
        place = next(place for place in reversed(self._places) if place.first <= line)
        day = np.datetime64(int(place.series.days[line - place.first]), "D")
        return f"{place.series.asset} on {day}"


def _described(series: list[AssetSeries]) -> AssetAttributes | None:
    """What the source says about the assets, as far as it can be shown; None if that is nothing."""
    of_asset = {
        one.asset: {
            name: value for name, value in one.attributes.items() if value and value_fault(value) is None
        }
        for one in series
    }
    names = tuple(dict.fromkeys(name for known in of_asset.values() for name in known))
    of_day = {asset: {SINCE_EVER: known} for asset, known in of_asset.items()}
    return AssetAttributes(names=names, of_asset=of_day) if names else None


def _with_losses(quality: QualityReport, harvest: Harvest, source: _Series) -> QualityReport:
    contradicted = {one.asset: one.contradicted for one in harvest.series.values() if one.contradicted}
    merged = sum(one.merged for one in harvest.series.values())
    counts, notes = quality.counts, [*harvest.notes, *quality.notes]
    if contradicted:
        worst = max(contradicted, key=lambda asset: contradicted[asset])
        example = f"most: {worst}, {contradicted[worst]:,}"
        counts += (
            QualityCount(code=QualityCode.CONTRADICTION, count=sum(contradicted.values()), example=example),
        )
    if merged:
        notes.append(f"{merged:,} points that the source gave twice were merged")
    return replace(
        quality,
        counts=counts,
        refused=tuple(
            replace(row, reason=f"{source.describe(row.line)}: {row.reason}") for row in quality.refused
        ),
        lost=lost_assets(harvest),
        notes=tuple(notes),
    )
