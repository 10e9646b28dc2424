"""Launching factor runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.context import Services
from app.datasets.service import DatasetRef, resolve_dataset
from app.runs.checking import asset_selectors, dataset_faults, invalid_config
from app.runs.launch import Launch, launch
from db.records import RunInputRecord, RunKind
from engine import ENGINE_VERSION
from engine import errors as engine_errors
from engine.config import to_json
from engine.factors.config import FactorConfig
from engine.factors.eligibility import require_selectors
from engine.factors.registry import FactorName, needed_fields, parse_config


async def launch_factor(
    services: Services,
    factor: FactorName,
    options: Mapping[str, object],
    *,
    dataset: DatasetRef | None = None,
    inputs: Sequence[RunInputRecord] = (),
    tags: Sequence[str] = (),
    note: str | None = None,
    force: bool = False,
) -> Launch:
    """Queue a computation, or return the run that is the same one already (unless `force`).

    inputs: what the options come from, such as the sweep of a point. Raises InvalidInput, DatasetNotFound,
    MissingField, QueueFull.
    """
    config = checked_config(factor, options)
    record = await resolve_dataset(services, dataset)
    needs_assets = bool(config.exclude) or config.universe is not None
    with dataset_faults(record):
        needed_fields(config, record.fields)
        if needs_assets:
            require_selectors(config, *await asset_selectors(services, record))
    normalised = to_json(config)
    return await launch(
        services,
        RunKind.FACTOR,
        subject=factor.value,
        config=normalised,
        identity=(factor.value, normalised, record.fingerprint, ENGINE_VERSION),
        dataset=record,
        inputs=inputs,
        tags=tags,
        note=note,
        force=force,
    )


def checked_config(factor: FactorName, options: Mapping[str, object]) -> FactorConfig:
    """The config that the options give, or InvalidInput with one field error an option."""
    try:
        return parse_config(factor, options)
    except engine_errors.InvalidConfig as error:
        raise invalid_config(error) from None
