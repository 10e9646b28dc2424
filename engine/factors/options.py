"""From loose options (JSON, a form, a command line) to a checked config and back, and what a config needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any, get_type_hints

from engine.errors import ConfigFault, InvalidConfig, MissingField
from engine.factors.config import FactorConfig, FactorName, WeightingMethod
from engine.factors.growth import GROWTH_METRICS, GrowthConfig
from engine.factors.registry import FACTORS
from engine.factors.value import ValueConfig, value_fields
from engine.option_values import BadValue, coerced, to_json
from engine.panel import MARKET_CAP, VOLUME


def _option_types(config_type: type[FactorConfig]) -> dict[str, Any]:
    hints = get_type_hints(config_type)
    return {item.name: hints[item.name] for item in fields(config_type)}


_OPTION_TYPES = {name: _option_types(definition.config_type) for name, definition in FACTORS.items()}


def parse_config(factor: FactorName, options: Mapping[str, object]) -> FactorConfig:
    """A checked config. An absent option takes its default, None switches it off where that is possible.

    Accepts JSON types and the typed ones (enums by name in any case, dates as ISO text, lists or tuples of
    text). Raises InvalidConfig with one fault an option.
    """
    config_type = FACTORS[factor].config_type
    hints = _OPTION_TYPES[factor]
    values: dict[str, Any] = {}
    faults = [
        ConfigFault(
            name, "UNKNOWN_OPTION", f"{factor.lower()} has no option {name!r}; it has {', '.join(hints)}"
        )
        for name in options
        if name not in hints
    ]
    for name, hint in hints.items():
        if name in options:
            try:
                values[name] = coerced(name, options[name], hint)
            except BadValue as error:
                faults.append(ConfigFault(name, error.code, str(error)))
    if not faults:
        return config_type(**values)
    try:
        config_type(**values)
    except InvalidConfig as error:
        faults += [fault for fault in error.faults if fault.option in values]
    raise InvalidConfig(tuple(faults))


def config_to_json(config: FactorConfig) -> dict[str, object]:
    """Every option of a config in JSON types; parse_config gives the same config back."""
    return {item.name: to_json(getattr(config, item.name)) for item in fields(config)}


def option_types(factor: FactorName) -> Mapping[str, Any]:
    """The options of a factor in their order, each with its type."""
    return _OPTION_TYPES[factor]


def typed_option(factor: FactorName, name: str, value: object) -> object:
    """One option's value in its own type, from JSON types. Raises InvalidConfig."""
    try:
        return coerced(name, value, _OPTION_TYPES[factor][name])
    except BadValue as error:
        raise InvalidConfig((ConfigFault(name, error.code, str(error)),)) from None


def list_options(factor: FactorName) -> frozenset[str]:
    """The options that take a list of names."""
    return frozenset(name for name, hint in _OPTION_TYPES[factor].items() if "tuple" in str(hint))


def needed_fields(config: FactorConfig, available: Collection[str]) -> tuple[str, ...]:
    """The fields that a computation reads, in a fixed order. Raises MissingField for the first one absent."""
    definition = FACTORS[config.factor]
    factor_title = f"factor {config.factor.lower()}"
    if isinstance(config, ValueConfig):
        by_fundamental = f"{factor_title} with fundamental {config.fundamental.lower()}"
        needed = dict.fromkeys(value_fields(config), by_fundamental)
    else:
        needed = dict.fromkeys(definition.required_fields, factor_title)
    if config.market_cap_threshold is not None:
        needed.setdefault(MARKET_CAP, "the market_cap_threshold filter (null switches it off)")
    if config.weighting_method is WeightingMethod.MARKET_CAP:
        needed.setdefault(MARKET_CAP, "weighting by market cap")
    if config.liquidity_threshold is not None:
        needed.setdefault(VOLUME, "the liquidity_threshold filter (null switches it off)")
    if isinstance(config, GrowthConfig):
        if config.growth_metrics is not None:
            needed.update(dict.fromkeys(config.growth_metrics, f"growth_metrics of {factor_title}"))
        elif not any(name in available for name in GROWTH_METRICS):
            raise MissingField(" or ".join(GROWTH_METRICS), factor_title)
    for name, reason in needed.items():
        if name not in available:
            raise MissingField(name, reason)
    optional = (*definition.optional_fields, MARKET_CAP)
    return tuple(needed) + tuple(
        name for name in dict.fromkeys(optional) if name in available and name not in needed
    )


def require_selectors(
    config: FactorConfig, assets: Collection[str], attributes: Mapping[str, Collection[str | None]]
) -> None:
    """Check that `exclude` and `universe` name assets or attribute values that exist; else InvalidConfig."""
    known = set(assets)
    faults = []
    for name in ("exclude", "universe"):
        unknown = [item for item in getattr(config, name) or () if not _is_known(item, known, attributes)]
        if unknown:
            shown = ", ".join(repr(item) for item in unknown[:5]) + (", ..." if len(unknown) > 5 else "")
            message = f"{name} names no asset or attribute=value of the dataset: {shown}"
            faults.append(ConfigFault(name, "UNKNOWN_ASSET", message))
    if faults:
        raise InvalidConfig(tuple(faults))


def split_selector(selector: str) -> tuple[str, str] | None:
    """`attribute=value` as its two parts, None for an asset id."""
    attribute, separator, value = selector.partition("=")
    return (attribute.strip(), value.strip()) if separator else None


def _is_known(
    selector: str, assets: Collection[str], attributes: Mapping[str, Collection[str | None]]
) -> bool:
    parts = split_selector(selector)
    if selector in assets or parts is None:
        return selector in assets
    return parts[1] in attributes.get(parts[0], ())
