"""Why one asset is lost while the others go on, in codes and words that all sources share."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from app.sources.errors import SourceError, SourceMalformed, SourceRejected, SourceUnavailable
from app.sources.harvest import Harvest, LossCode

_UNKNOWN_TO_VENDOR: Final = frozenset({400, 404})
MAX_COMPARED: Final = 5
"""Unknown words that are told what they may have been meant for; more of them are no slips of the pen."""


def loss_code(error: SourceError) -> LossCode:
    """Of an asset whose own request, for it alone, failed with `error`.

    An answer 400 or 404 to a well-formed request means that the vendor does not know the asset. Raises the
    error itself where it is not about one asset, such as a refused key.
    """
    match error:
        case SourceRejected() if error.status in _UNKNOWN_TO_VENDOR:
            return LossCode.UNKNOWN_ASSET
        case SourceRejected() | SourceUnavailable():
            return LossCode.REQUEST_FAILED
        case SourceMalformed():
            return LossCode.MALFORMED
    raise error


def lose_for(harvest: Harvest, asset: str, error: SourceError) -> None:
    """Lose the asset whose own request failed; raises what `loss_code` and `Harvest.lose` do."""
    harvest.lose(asset, loss_code(error), error.message)


class UnknownAssets:
    """The reasons for words that the vendor's list does not have, with what they may have been meant for."""

    def __init__(self, vendor: str, known: Iterable[str]) -> None:
        self._vendor = vendor
        self._known = known
        self._spelling: dict[str, str] | None = None
        self._compared = 0

    def reason(self, word: str) -> str:
        near = self._near(word)
        meant = f"; near matches: {', '.join(near)}" if near else ""
        return f"{self._vendor} knows no asset {word!r}{meant}"

    def _near(self, word: str) -> list[str]:
        """Of the first few words only: comparing one with thousands of names holds up all other work."""
        if self._compared == MAX_COMPARED:
            return []
        self._compared += 1
        if self._spelling is None:
            self._spelling = {name.casefold(): name for name in sorted(self._known)}
        return [self._spelling[name] for name in get_close_matches(word.casefold(), self._spelling, n=3)]
