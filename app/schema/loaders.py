"""Reads of one request that are asked for one by one and done together: a statement a batch, not one a row.

Nothing is kept between batches, so that a long request (a mutation that waits, a subscription) sees what is
in the store at the time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from strawberry.dataloader import DataLoader

from app.context import Services
from db import datasets
from db.errors import CorruptBlob
from db.runs import read as run_queries
from db.runs import results
from db.store import Store

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """A way to read something for many keys at once: `read` gives the values by key, and leaves out those
    that there are none of. On an error of `split_on` each key is read by itself."""

    read: Callable[[Services, Sequence[Any]], Awaitable[Mapping[Any, Any]]]
    split_on: type[Exception] | tuple[type[Exception], ...] = ()


class Loaders:
    """One a request. Keys that have nothing in the store load as None."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._made: dict[Read, DataLoader[Any, Any]] = {}
        store = services.store
        self.runs = _loader(lambda ids: run_queries.get_runs(store, ids))
        self.performance = _loader(lambda run_ids: results.get_performance(store, run_ids))
        self.net_performance = _loader(lambda run_ids: results.get_net_performance(store, run_ids))
        self.series = _loader(lambda keys: _series(store, keys), split_on=CorruptBlob)
        self.compositions = _loader(lambda keys: results.get_compositions(store, keys), split_on=CorruptBlob)
        self.composition_dates = _loader(lambda run_ids: results.composition_dates(store, run_ids))
        self.datasets = _loader(lambda ids: datasets.get_datasets(store, ids))
        self.datasets_by_name = _loader(lambda names: _datasets_by_name(store, names))
        self.assets = _loader(lambda dataset_ids: datasets.get_assets(store, dataset_ids))
        self.asset_names = _loader(lambda dataset_ids: datasets.asset_names(store, dataset_ids))

    def of(self, read: Read) -> DataLoader[Any, Any]:
        """Return the loader of what a feature reads, made when it is first asked for."""
        if read not in self._made:
            self._made[read] = _loader(lambda keys: read.read(self._services, keys), split_on=read.split_on)
        return self._made[read]


def _loader(
    load: Callable[[list[Any]], Awaitable[Mapping[Any, Any]]],
    *,
    split_on: type[Exception] | tuple[type[Exception], ...] = (),
) -> DataLoader[Any, Any]:
    """A loader whose batches are given their distinct keys. On an error of `split_on` the keys are loaded one
    by one, so that one damaged value does not take the others down; values that are errors are raised."""

    async def load_batch(keys: list[Any]) -> list[Any]:
        distinct = list(dict.fromkeys(keys))
        try:
            found = await load(distinct)
        except split_on as error:
            if len(distinct) == 1:
                return [error] * len(keys)
            found = {key: (await load_batch([key]))[0] for key in distinct}
        return [found.get(key) for key in keys]

    return DataLoader(load_batch, cache=False)


async def _series(store: Store, keys: Sequence[tuple[int, str]]) -> Mapping[tuple[int, str], Any]:
    run_ids, names = zip(*keys, strict=True)
    return await results.get_series(store, list(dict.fromkeys(run_ids)), list(dict.fromkeys(names)))


async def _datasets_by_name(store: Store, names: Sequence[str]) -> Mapping[str, Any]:
    return {name: await datasets.find_dataset(store, name) for name in names}
