"""The engine's objections to a config, or to what a dataset lacks for it, at their places in the input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.context import Services
from app.errors import FieldError, InvalidInput, MissingField
from db import datasets as dataset_store
from db.records import DatasetRecord
from engine import errors as engine_errors


def _by_option(fault: engine_errors.ConfigFault) -> tuple[str, ...]:
    return (fault.option,)


def invalid_config(
    error: engine_errors.InvalidConfig,
    locate: Callable[[engine_errors.ConfigFault], tuple[str, ...]] = _by_option,
) -> InvalidInput:
    """The engine's faults as field errors, each at the place that `locate` gives."""
    faults = tuple(FieldError(locate(fault), fault.code, fault.message) for fault in error.faults)
    return InvalidInput(str(error), faults)


@contextmanager
def dataset_faults(
    dataset: DatasetRecord,
    locate: Callable[[engine_errors.ConfigFault], tuple[str, ...]] = _by_option,
) -> Iterator[None]:
    """Inside, what the engine misses in the dataset is a MissingField or an InvalidInput."""
    try:
        yield
    except engine_errors.MissingField as error:
        has = ", ".join(dataset.fields)
        raise MissingField(
            f"dataset {dataset.name!r}: {error}", field=error.field, hint=f"it has {has}"
        ) from None
    except engine_errors.InvalidConfig as error:
        raise invalid_config(error, locate) from None


async def asset_selectors(
    services: Services, dataset: DatasetRecord
) -> tuple[set[str], dict[str, set[str | None]]]:
    """Return what `exclude` and `universe` may name: (asset ids, values by attribute)."""
    assets = (await dataset_store.get_assets(services.store, [dataset.id]))[dataset.id]
    attributes: dict[str, set[str | None]] = {}
    for asset in assets:
        for name, value in asset.attributes.items():
            attributes.setdefault(name, set()).add(value)
    return {asset.asset for asset in assets}, attributes
