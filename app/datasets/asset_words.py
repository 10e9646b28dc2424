"""Which assets of a dataset are meant by the words that people use for them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from app.errors import FieldError, InvalidInput, UnknownAsset, UnknownAssets
from engine.panel import Panel

SYMBOL_ATTRIBUTES: Final = ("symbol", "ticker")
MOST_NEAR = 3
_MOST_EXPLAINED = 20  # looking for near names takes a while each
_LONGEST_WORD = 100


def resolve_assets(panel: Panel, words: Sequence[str], locate: Callable[[int], tuple[str, ...]]) -> list[str]:
    """The asset that each word means: its id, else its id in any case, else its attribute `symbol` or
    `ticker` in any case.

    Raises UnknownAssets naming all words that mean none, and InvalidInput for one that could mean several,
    at the place that `locate` gives for its position.
    """
    exact = set(panel.assets)
    folded = _by_folded_id(panel)
    symbols = _by_symbol(panel)
    found: list[str] = []
    unknown: list[str] = []
    faults: list[FieldError] = []
    for position, word in enumerate(words):
        if word in exact:
            found.append(word)
            continue
        key = _folded(word)
        meant = folded.get(key) or symbols.get(key) or []
        if len(meant) > 1:
            message = f"{_shown(word)} could be {' or '.join(meant[:5])}"
            faults.append(FieldError(locate(position), "AMBIGUOUS", message))
        elif not meant:
            unknown.append(word)
        found += meant[:1]
    if unknown:
        raise _unknown(list(dict.fromkeys(unknown)), panel)
    if faults:
        raise InvalidInput("; ".join(fault.message for fault in faults[:5]), tuple(faults), hint="use the id")
    return found


def _by_folded_id(panel: Panel) -> dict[str, list[str]]:
    ids: dict[str, list[str]] = {}
    for asset in panel.assets:
        ids.setdefault(_folded(asset), []).append(asset)
    return ids


def _by_symbol(panel: Panel) -> dict[str, list[str]]:
    symbols: dict[str, list[str]] = {}
    for name in SYMBOL_ATTRIBUTES:
        for asset, symbol in zip(panel.assets, panel.attributes.get(name, ()), strict=False):
            if symbol is not None:
                assets = symbols.setdefault(_folded(symbol), [])
                if asset not in assets:
                    assets.append(asset)
    return symbols


def _unknown(words: Sequence[str], panel: Panel) -> UnknownAssets:
    spelled = {_folded(asset): asset for asset in reversed(panel.assets)}
    for name in SYMBOL_ATTRIBUTES:
        for symbol in panel.attributes.get(name, ()):
            if symbol is not None:
                spelled.setdefault(_folded(symbol), symbol)
    near = [_near(word, spelled) if at < _MOST_EXPLAINED else () for at, word in enumerate(words)]
    shown = [
        f"{_shown(word)} (near: {', '.join(names)})" if names else _shown(word)
        for word, names in zip(words, near, strict=True)
    ]
    more = f" and {len(words) - 5:,} more" if len(words) > 5 else ""
    return UnknownAssets(
        f"unknown {'asset' if len(words) == 1 else 'assets'}: {', '.join(shown[:5])}{more}",
        unknown=tuple(map(UnknownAsset, words, near)),
    )


def _near(word: str, spelled: Mapping[str, str]) -> tuple[str, ...]:
    key = _folded(word)
    if len(key) > _LONGEST_WORD:
        return ()
    return tuple(spelled[one] for one in difflib.get_close_matches(key, spelled, MOST_NEAR))


def _folded(word: str) -> str:
    return word.strip().casefold()


def _shown(word: str) -> str:
    return repr(word if len(word) <= _LONGEST_WORD else f"{word[:_LONGEST_WORD]}...")
