"""Launching risk models, and finding them again."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

from app.context import Services
from app.datasets.service import DatasetRef, resolve_dataset
from app.errors import RunNotFound
from app.runs.checking import asset_selectors, dataset_faults, invalid_config
from app.runs.launch import Launch, launch
from app.runs.lifecycle import get_run
from db.records import RunKind, RunRecord
from engine import ENGINE_VERSION
from engine.config import parse, to_json
from engine.errors import ConfigFault, InvalidConfig
from engine.risk.config import RiskModelConfig, chosen_styles, needed_fields, repeated_names
from engine.risk.factor_returns import MARKET

SECTOR = "sector"
"""The attribute of assets by which they have sectors."""

_CONFIG = "config"


async def launch_risk_model(
    services: Services,
    options: Mapping[str, object],
    *,
    dataset: DatasetRef | None = None,
    tags: Sequence[str] = (),
    note: str | None = None,
    force: bool = False,
) -> Launch:
    """Queue the estimation of a risk model, or return the run that is the same one already (unless `force`).

    options: as `parse` takes them. Field errors of options stand at (`config`, ...), such as
    (`config`, `styles`, `0`, `lag`), those of tags and note at their names. What the dataset's fields and its
    assets' latest sectors tell is found here; the rest is the run's failure. Raises InvalidInput,
    DatasetNotFound, MissingField, QueueFull.
    """
    # Many styles are parsed one by one: not in the loop's thread.
    config = await asyncio.to_thread(checked_risk_config, options)
    record = await resolve_dataset(services, dataset)
    _, attributes = await asset_selectors(services, record)
    with dataset_faults(record, _in_config):
        needed_fields(config, record.fields)
        require_distinct_factors(config, record.fields, attributes.get(SECTOR, ()))
    normalised = to_json(config)
    return await launch(
        services,
        RunKind.RISK_MODEL,
        config=normalised,
        identity=(normalised, record.fingerprint, ENGINE_VERSION),
        dataset=record,
        tags=tags,
        note=note,
        force=force,
    )


async def get_risk_model(services: Services, run_id: int) -> RunRecord:
    """Raises RunNotFound, also for runs of another kind."""
    run = await get_run(services, run_id)
    if run.kind != RunKind.RISK_MODEL:
        raise RunNotFound(f"there is no risk model {run_id}")
    return run


def stored_risk_config(run: RunRecord) -> RiskModelConfig:
    """The config of a risk model's run, which was checked when it was launched."""
    return parse(RiskModelConfig, run.config)


def checked_risk_config(options: Mapping[str, object]) -> RiskModelConfig:
    """Raises InvalidInput, as `launch_risk_model` does."""
    try:
        return parse(RiskModelConfig, options)
    except InvalidConfig as error:
        raise invalid_config(error, _in_config) from None


def require_distinct_factors(
    config: RiskModelConfig, available: Collection[str], sectors: Collection[str | None]
) -> None:
    """Raises the engine's InvalidConfig where a sector has the name of another factor."""
    named = sorted({name for name in sectors if name is not None})
    if len(named) < 2:
        return  # then the model has no sectors
    styles, _ = chosen_styles(config, available)
    faults = repeated_names((MARKET, *named, *(style.label for style in styles)))
    if faults:
        raise InvalidConfig(tuple(faults))


def _in_config(fault: ConfigFault) -> tuple[str, ...]:
    return (_CONFIG, *fault.option.split("."))
