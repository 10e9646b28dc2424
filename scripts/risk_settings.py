"""What `factorql risk build` is told: a file of options, styles by name, and single options by `--set`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.errors import FieldError, InvalidFile, InvalidInput
from engine.config import Config, options_of
from engine.risk.config import RiskModelConfig
from engine.risk.scores.config import StyleName
from scripts.options import single_value, snake_case

_STYLES = "styles"
_STYLE = "style"
_MOST_BYTES = 1_000_000


def risk_options(file: Path | None, styles: str | None, settings: Sequence[str]) -> dict[str, Any]:
    """The options of a model, unchecked, as `parse` takes them: those of the JSON file, then the
    styles of `a,b`, then each `key=value`. Keys are in snake_case or camelCase: `winsor`,
    `covariance.volatilityHalfLife`, or an option of a style that is named in the file or in `styles`:
    `momentum.lag`.

    Raises InvalidFile, InvalidInput.
    """
    options = {} if file is None else _read(file)
    if styles is not None:
        options[_STYLES] = [{_STYLE: name} for name in _style_names(styles)]
    seen = set()
    for setting in settings:
        key, separator, text = setting.partition("=")
        way = tuple(snake_case(part) for part in key.split("."))
        if not separator or not all(way):
            raise _fault("set", "MALFORMED", f"--set takes key=value, not {setting!r}")
        if way in seen:
            raise _fault(".".join(way), "DUPLICATE", f"{key.strip()} is set twice")
        seen.add(way)
        _place(options, way, single_value(text.strip()))
    return options


def _read(file: Path) -> dict[str, Any]:
    """Names in either spelling."""
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise InvalidFile(f"{file} has more than {_MOST_BYTES:,} bytes")
        options = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise InvalidFile(f"{file} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidFile(f"{file} is not JSON: {error}") from None
    if not isinstance(options, dict):
        raise InvalidFile(f"{file} must hold an object of options")
    named: dict[str, Any] = _with_snake_names(options)
    return named


def _with_snake_names(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {snake_case(name): _with_snake_names(one) for name, one in value.items()}
    return [_with_snake_names(one) for one in value] if isinstance(value, list) else value


def _style_names(text: str) -> list[str]:
    names = [part.strip().upper() for part in text.split(",") if part.strip()]
    known = [name.value for name in StyleName if name is not StyleName.USER]
    for name in names:
        if name not in known:
            listed = ", ".join(known).lower()
            raise _fault(_STYLES, "UNKNOWN_STYLE", f"there is no style {name.lower()!r}; there are {listed}")
    return names


def _place(options: dict[str, Any], way: tuple[str, ...], value: object) -> None:
    """Put a value at its place among the options. Raises InvalidInput."""
    if len(way) == 1:
        options[way[0]] = value
        return
    part, *rest = way
    if len(rest) == 1 and part in _parts():
        own = options.setdefault(part, {})
        if isinstance(own, dict):
            own[rest[0]] = value
            return
    if len(rest) == 1 and part.upper() in StyleName.__members__:
        listed = options.get(_STYLES)
        found = [
            style
            for style in (listed if isinstance(listed, list) else [])
            if isinstance(style, dict) and str(style.get(_STYLE, "")).upper() == part.upper()
        ]
        if len(found) == 1:
            found[0][rest[0]] = value
            return
        which = "several styles are" if found else "no style is"
        message = f"{'.'.join(way)}: {which} named {part}; name the model's styles with --styles"
        raise _fault(".".join(way), "UNKNOWN_STYLE", message)
    known = ", ".join([*_parts(), *(name.lower() for name in StyleName)])
    message = f"there is no group of options {'.'.join(way[:-1])!r}; there are {known}"
    raise _fault(".".join(way), "UNKNOWN_OPTION", message)


def _parts() -> list[str]:
    """The options that are groups of options."""
    options = options_of(RiskModelConfig).values()
    return [one.name for one in options if issubclass(one.kind, Config) and not one.is_list]


def _fault(name: str, code: str, message: str) -> InvalidInput:
    return InvalidInput(message, (FieldError((name,), code, message),))
