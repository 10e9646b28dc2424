"""Ranges of options in the configs of the risk model, checked in one place."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from engine.errors import ConfigFault, InvalidConfig


def check_ranges(config: Any) -> None:
    """Raises InvalidConfig with all `range_faults`."""
    faults = range_faults(config)
    if faults:
        raise InvalidConfig(tuple(faults))


def range_faults(config: Any) -> list[ConfigFault]:
    """A dataclass against the ranges its fields carry (`engine.factors.config.option`): one fault an option.

    None is an option switched off and NaN is out of every range.
    """
    faults = []
    for item in fields(config):
        low, high = item.metadata.get("low"), item.metadata.get("high")
        value = getattr(config, item.name)
        if value is None or (low is None and high is None):
            continue
        if (low is None or value >= low) and (high is None or value <= high):
            continue
        bounds = f"at least {low:g}" if high is None else f"from {low:g} to {high:g}"
        faults.append(ConfigFault(item.name, "OUT_OF_RANGE", f"{item.name} must be {bounds}, not {value!r}"))
    return faults
