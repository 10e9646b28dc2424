"""`--set` on the command line: options of a factor, and the values that a sweep tries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.errors import FieldError, InvalidInput
from engine.config import Option, options_of
from engine.factors.registry import FACTORS, FactorName
from engine.sweeps.grid import MAX_AXIS_VALUES, SweepAxis

_WORDS = {"null": None, "none": None, "off": None, "true": True, "false": False}
_EXACT_INTEGERS = 2**53
_RANGE = re.compile(r"(?P<start>[^.]*(?:\.[^.]+)?)\.\.(?P<stop>[^:]*)(?::(?P<step>.*))?")


@dataclass(frozen=True, slots=True)
class SweepSettings:
    """base: options with one value. axes: options with several, in the order given."""

    base: dict[str, object]
    axes: tuple[SweepAxis, ...]


def snake_case(name: str) -> str:
    """An option's name, of either spelling."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name.strip()).lower()


def option_name(factor: FactorName, key: str) -> str:
    """An option's name in snake_case, of either spelling; `weighting` is short for weighting_method."""
    name = snake_case(key)
    return "weighting_method" if name == "weighting" and name not in _known(factor) else name


def parse_settings(factor: FactorName, settings: Sequence[str]) -> dict[str, object]:
    """`key=value` pairs as options; keys in snake_case or camelCase, list options take `a,b`.

    Raises InvalidInput.
    """
    known = _known(factor)
    return {
        name: single_value(text, is_list=name in known and known[name].is_list)
        for name, text in _pairs(factor, settings)
    }


def parse_sweep_settings(factor: FactorName, settings: Sequence[str]) -> SweepSettings:
    """`key=value` pairs, `key=a,b,c`, `key=start..stop` and `key=start..stop:step`, also mixed: `off,1..3`.

    What comes to one value belongs to the base, the others are axes. `[a,b]` is a list as one value.
    Ranges include their end, and are counted in decimals: 0.3 is what 0.3 means. Raises InvalidInput, also
    for ranges of more values than an axis may have, without making them.
    """
    known = _known(factor)
    base: dict[str, object] = {}
    axes = []
    for name, text in _pairs(factor, settings):
        if not text:
            raise _fault(name, "EMPTY", f"{name} has no values to try")
        is_list = name in known and known[name].is_list
        fixed_list = text.startswith("[") and text.endswith("]")
        if is_list and ("[" in text[1:] or "]" in text[:-1]):
            message = f"{name}: values of a sweep are single names, and [a,b] is one fixed list, not {text!r}"
            raise _fault(name, "MALFORMED", message)
        if fixed_list or ("," not in text and ".." not in text):
            base[name] = single_value(text, is_list=is_list)
            continue
        values = tuple(_values(name, text, is_list=is_list))
        if len(values) == 1:
            base[name] = [values[0]] if is_list and values[0] is not None else values[0]
        else:
            axes.append(SweepAxis(option=name, values=values))
    return SweepSettings(base, tuple(axes))


def _pairs(factor: FactorName, settings: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(option, text) of each setting, each option once."""
    seen = set()
    for setting in settings:
        key, separator, text = setting.partition("=")
        name = option_name(factor, key)
        if not separator or not name:
            raise _fault("set", "MALFORMED", f"--set takes key=value, not {setting!r}")
        if name in seen:
            raise _fault(name, "DUPLICATE", f"{key.strip()} is set twice")
        seen.add(name)
        yield name, text.strip()


def single_value(text: str, *, is_list: bool = False) -> object:
    """One option's value: a number, a word, off (None), true or false; of a list its parts."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if is_list:
        inner = text[1:-1] if text.startswith("[") and text.endswith("]") else text
        return [part.strip() for part in inner.split(",") if part.strip()]
    return _scalar(text)


def _scalar(text: str) -> object:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _values(name: str, text: str, *, is_list: bool) -> Iterator[object]:
    """Of an axis; names of a list option are never numbers."""
    count = 0
    for part in (part.strip() for part in text.split(",")):
        if not part:
            raise _fault(name, "EMPTY", f"{name} has an empty value in {text!r}")
        if is_list:
            found: Sequence[object] = [None if _WORDS.get(part.lower(), part) is None else part]
        elif ".." in part:
            found = _range(name, part)
        else:
            found = [_scalar(part)]
        count += len(found)
        if count > MAX_AXIS_VALUES:
            raise _too_many(name, text)
        yield from found


def _range(name: str, text: str) -> list[float]:
    match = _RANGE.fullmatch(text)
    numbers = (
        {} if match is None else {key: _decimal(part) for key, part in match.groupdict().items() if part}
    )
    if not {"start", "stop"} <= numbers.keys() or None in numbers.values() or text.endswith(":"):
        message = f"{name} takes ranges such as 1..12 or 0.1..0.5:0.1 (start..stop:step), not {text!r}"
        raise _fault(name, "MALFORMED", message)
    start, stop, step = numbers["start"], numbers["stop"], numbers.get("step", Decimal(1))
    if step <= 0 or stop < start:
        message = f"{name}: the range {text} must go upwards, with a step above 0"
        raise _fault(name, "OUT_OF_RANGE", message)
    if "step" not in numbers and start != stop and not (_is_whole(start) and _is_whole(stop)):
        raise _fault(name, "MALFORMED", f"{name}: {text} needs a step, as in {text}:0.1")
    if (stop - start) / step >= MAX_AXIS_VALUES:
        raise _too_many(name, text)
    return [_number(start + place * step) for place in range(int((stop - start) / step) + 1)]


def _decimal(text: str) -> Decimal | None:
    """A number of a size that any option could have, which keeps decimal arithmetic exact."""
    try:
        value = Decimal(text.strip())
    except ArithmeticError:
        return None
    if not value.is_finite() or (value != 0 and not -15 <= value.adjusted() <= 15):
        return None
    return value


def _is_whole(value: Decimal) -> bool:
    return value == value.to_integral_value()


def _number(value: Decimal) -> float:
    return int(value) if _is_whole(value) and abs(value) < _EXACT_INTEGERS else float(value)


def _known(factor: FactorName) -> Mapping[str, Option]:
    return options_of(FACTORS[factor].config_type)


def _too_many(name: str, text: str) -> InvalidInput:
    shown = text if len(text) <= 40 else f"{text[:37]}..."
    return _fault(name, "TOO_MANY", f"{name} takes at most {MAX_AXIS_VALUES:,} values, {shown} are more")


def _fault(name: str, code: str, message: str) -> InvalidInput:
    return InvalidInput(message, (FieldError((name,), code, message),))
