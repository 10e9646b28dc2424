"""From loose options (JSON, a form, a command line) to a checked config of a risk model, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

from engine.errors import ConfigFault, InvalidConfig
from engine.option_values import BadValue, coerced, to_json
from engine.risk.config import RiskModelConfig
from engine.risk.scores.config import StyleConfig, StyleName
from engine.risk.scores.registry import STYLES

Config = TypeVar("Config")

MAX_STYLES = 50
_STYLES = "styles"
_STYLE = "style"


class _Faulty(Exception):
    """Options that make no config, which says nothing of its neighbours."""


def risk_config_to_json(config: RiskModelConfig) -> dict[str, Any]:
    """Every option of a config in JSON types; parse_risk_config gives the same config back.

    styles: None, or a list of objects whose "style" names the style, beside all its options.
    """
    out = _options_to_json(config)
    if config.styles is not None:
        out[_STYLES] = [{_STYLE: style.style.value, **_options_to_json(style)} for style in config.styles]
    return out


def parse_risk_config(options: Mapping[str, object]) -> RiskModelConfig:
    """A checked config. An absent option takes its default, None switches it off where that is possible.

    Accepts JSON types and the typed ones (enums by name in any case, dates as ISO text); configs of a part
    ("universe", "covariance", "specific") and each of the "styles" are objects of their options. Raises
    InvalidConfig with every fault, each named by its way: "covariance.volatility_half_life", "styles.0.lag".
    """
    faults: list[ConfigFault] = []
    try:
        return _parsed(RiskModelConfig, options, "", faults)
    except _Faulty:
        raise InvalidConfig(tuple(faults)) from None


def _options_to_json(config: Any) -> dict[str, Any]:
    values = {item.name: getattr(config, item.name) for item in fields(config)}
    return {
        name: _options_to_json(value) if is_dataclass(value) else to_json(value)
        for name, value in values.items()
    }


def _parsed(
    config_type: type[Config], options: Mapping[str, object], way: str, faults: list[ConfigFault]
) -> Config:
    """A config of `config_type`, whose options are at `way` ("", or ending with a dot); adds to `faults` and
    raises _Faulty where there is none."""
    known = _option_types(config_type)
    found = len(faults)
    for name in options:
        if name not in known:
            message = f"there is no option {way + str(name)!r}; there are {', '.join(known)}"
            faults.append(ConfigFault(f"{way}{name}", "UNKNOWN_OPTION", message))
    values: dict[str, Any] = {}
    for name, (hint, needed) in known.items():
        if name in options:
            try:
                values[name] = _value(way + name, options[name], hint, faults)
            except BadValue as error:
                faults.append(ConfigFault(way + name, error.code, str(error)))
            except _Faulty:
                pass
        elif needed:
            faults.append(ConfigFault(way + name, "REQUIRED", f"{way}{name} is required"))
    if not any(needed and name not in values for name, (_, needed) in known.items()):
        try:
            config = config_type(**values)
        except InvalidConfig as error:
            # A default that a faulty option would have replaced may be what does not fit.
            complete = len(faults) == found
            faults += [_placed(fault, way) for fault in error.faults if complete or fault.option in values]
        else:
            if len(faults) == found:
                return config
    raise _Faulty


def _value(name: str, value: object, hint: Any, faults: list[ConfigFault]) -> Any:
    if name == _STYLES:
        return None if value is None else _styles(value, faults)
    if not (isinstance(hint, type) and is_dataclass(hint)):
        return coerced(name, value, hint)
    if value is None:
        raise BadValue("NOT_NULLABLE", f"{name} cannot be null")
    if not isinstance(value, Mapping):
        raise BadValue("WRONG_TYPE", f"{name} must be an object of options, not {value!r}")
    return _parsed(hint, value, f"{name}.", faults)


def _styles(value: object, faults: list[ConfigFault]) -> tuple[StyleConfig, ...]:
    if not isinstance(value, list | tuple):
        raise BadValue("WRONG_TYPE", f"{_STYLES} must be a list of styles, not {value!r}")
    if len(value) > MAX_STYLES:
        raise BadValue("TOO_MANY", f"{_STYLES} takes at most {MAX_STYLES} styles, not {len(value)}")
    found, styles = len(faults), []
    for number, options in enumerate(value):
        try:
            styles.append(_style(f"{_STYLES}.{number}", options, faults))
        except BadValue as error:
            way = f"{_STYLES}.{number}" + (f".{_STYLE}" if isinstance(options, Mapping) else "")
            faults.append(ConfigFault(way, error.code, str(error)))
        except _Faulty:
            pass
    if len(faults) > found:
        raise _Faulty
    return tuple(styles)


def _style(way: str, options: object, faults: list[ConfigFault]) -> StyleConfig:
    if not isinstance(options, Mapping):
        raise BadValue("WRONG_TYPE", f"{way} must be an object of a style's options, not {options!r}")
    if _STYLE not in options:
        raise BadValue("REQUIRED", f"{way}.{_STYLE} is required: one of {', '.join(StyleName).lower()}")
    style = StyleName(str(coerced(f"{way}.{_STYLE}", options[_STYLE], StyleName)))
    others = {name: option for name, option in options.items() if name != _STYLE}
    return _parsed(STYLES[style].config_type, others, f"{way}.", faults)


def _option_types(config_type: Any) -> dict[str, tuple[Any, bool]]:
    """The options of a config in their order, each with its type and whether it must be given."""
    hints = get_type_hints(config_type)
    return {
        item.name: (hints[item.name], item.default is MISSING and item.default_factory is MISSING)
        for item in fields(config_type)
    }


def _placed(fault: ConfigFault, way: str) -> ConfigFault:
    starts = fault.message.startswith(fault.option) or not way
    message = way + fault.message if starts else f"{way.rstrip('.')}: {fault.message}"
    return ConfigFault(way + fault.option, fault.code, message)
