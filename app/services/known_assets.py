"""The assets of a dataset and the symbols people call them by, read from the store once a process.

A dataset never changes, so that its fingerprint names what it holds; reading thousands of rows takes the
event loop's time, and one request may ask for them many times.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np

from app.services.asset_words import SYMBOL_ATTRIBUTES
from db import datasets as dataset_store
from db.records import DatasetRecord
from db.store import Store
from engine.panel import Calendar, Panel

_REMEMBERED: Final = 16
_known: OrderedDict[str, Panel] = OrderedDict()
_reading: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


async def known_assets(store: Store, dataset: DatasetRecord) -> Panel:
    """The dataset's assets with the attributes that words may mean, without dates and fields."""
    # Those who ask while it is read wait for that one reading.
    async with _reading.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
        found = _known.get(dataset.fingerprint)
        if found is None:
            found = await _read(store, dataset)
            _known[dataset.fingerprint] = found
            while len(_known) > _REMEMBERED:
                _known.popitem(last=False)
        _known.move_to_end(dataset.fingerprint)
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
