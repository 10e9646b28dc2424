"""A snapshot as the store is to know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.datasets.columns import SYNTHETIC
from db.records import AssetRecord, NewDataset
from engine.panel import PRICE, Panel

if TYPE_CHECKING:
    from app.datasets.read import ReadPanel


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What a dataset says about itself."""

    source: str
    licence: str | None = None
    note: str | None = None
    synthetic: bool = False


def new_dataset(name: str, fingerprint: str, read: ReadPanel, provenance: Provenance) -> NewDataset:
    """The row of a snapshot that is written. Synthetic too is what has invented assets alone."""
    panel = read.panel
    return NewDataset(
        name=name,
        fingerprint=fingerprint,
        source=provenance.source,
        licence=provenance.licence,
        note=provenance.note,
        synthetic=provenance.synthetic or _all_invented(panel),
        calendar=panel.calendar.value,
        fields=tuple(panel.fields),
        date_count=len(panel.dates),
        first_date=panel.dates[0].item(),
        last_date=panel.dates[-1].item(),
        observation_count=read.quality.rows_kept,
        quality=read.quality.to_json(),
        assets=_asset_records(panel),
    )


def _all_invented(panel: Panel) -> bool:
    marks = panel.attributes.get(SYNTHETIC, ())
    return bool(marks) and all(mark == "true" for mark in marks)


def _asset_records(panel: Panel) -> tuple[AssetRecord, ...]:
    """Every asset with the dates between which it has a price."""
    priced = panel.fields[PRICE] > 0
    counts = priced.sum(axis=0)
    first, last = priced.argmax(axis=0), len(panel.dates) - 1 - priced[::-1].argmax(axis=0)
    return tuple(
        AssetRecord(
            ordinal=ordinal,
            asset=asset,
            attributes={
                key: value
                for key, values in panel.attributes.items()
                if (value := values[ordinal]) is not None
            },
            first_date=panel.dates[first[ordinal]].item() if counts[ordinal] else None,
            last_date=panel.dates[last[ordinal]].item() if counts[ordinal] else None,
            observation_count=int(counts[ordinal]),
        )
        for ordinal, asset in enumerate(panel.assets)
    )
