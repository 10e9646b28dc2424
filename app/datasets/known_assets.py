"""The assets of a dataset and the symbols people call them by, read from a store once.

A dataset never changes; reading thousands of rows takes the event loop's time, and one request may ask for
them many times.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np

from app.datasets.asset_words import SYMBOL_ATTRIBUTES
from db import datasets as dataset_store
from db.records import DatasetRecord
from db.store import Store
from engine.panel import Calendar, Panel

_REMEMBERED: Final = 16
"""Datasets of a store."""


class _Known:
    """By the dataset's id; whoever asks while one is read waits for that reading."""

    def __init__(self) -> None:
        self.panels: OrderedDict[int, Panel] = OrderedDict()
        self.reading = asyncio.Lock()


_known_of: WeakKeyDictionary[Store, _Known] = WeakKeyDictionary()


async def known_assets(store: Store, dataset: DatasetRecord) -> Panel:
    """The dataset's assets with the attributes that words may mean, without dates and fields."""
    known = _known_of.setdefault(store, _Known())
    async with known.reading:
        found = known.panels.get(dataset.id)
        if found is None:
            found = await _read(store, dataset)
            known.panels[dataset.id] = found
            while len(known.panels) > _REMEMBERED:
                known.panels.popitem(last=False)
        known.panels.move_to_end(dataset.id)
        return found


async def _read(store: Store, dataset: DatasetRecord) -> Panel:
    assets = (await dataset_store.get_assets(store, [dataset.id]))[dataset.id]
    return Panel(
        dates=np.zeros(0, dtype="datetime64[D]"),
        assets=tuple(one.asset for one in assets),
        fields={},
        calendar=Calendar(dataset.calendar),
        attributes={name: tuple(one.attributes.get(name) for one in assets) for name in SYMBOL_ATTRIBUTES},
    )
