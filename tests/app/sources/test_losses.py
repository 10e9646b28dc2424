from __future__ import annotations

import pytest

from app.sources import losses
from app.sources.errors import (
    SourceError,
    SourceIncomplete,
    SourceMalformed,
    SourceRefused,
    SourceRejected,
    SourceUnavailable,
)
from app.sources.harvest import Harvest, LossCode
from app.sources.losses import MAX_COMPARED, UnknownAssets, lose_for


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SourceRejected("no", status=404), LossCode.UNKNOWN_ASSET),
        (SourceRejected("no", status=400), LossCode.UNKNOWN_ASSET),
        (SourceRejected("pay first", status=402), LossCode.REQUEST_FAILED),
        (SourceUnavailable("down"), LossCode.REQUEST_FAILED),
        (SourceMalformed("HTML"), LossCode.MALFORMED),
    ],
)
def test_a_failed_request_tells_why_its_asset_is_lost(error: SourceError, code: LossCode):
    harvest = Harvest()
    harvest.expect(2)
    lose_for(harvest, "btc", error)
    assert (harvest.lost["btc"].code, harvest.lost["btc"].reason) == (code, error.message)


@pytest.mark.parametrize("error", [SourceRefused("wrong key"), SourceIncomplete("most failed")])
def test_what_is_not_about_one_asset_ends_the_fetch(error: SourceError):
    harvest = Harvest()
    harvest.expect(2)
    with pytest.raises(type(error)):
        lose_for(harvest, "btc", error)
    assert not harvest.lost


def test_an_unknown_word_comes_with_near_matches_as_the_vendor_spells_them():
    unknown = UnknownAssets("X", ["Bitcoin", "eth"])
    assert unknown.reason("bitcon") == "X knows no asset 'bitcon'; near matches: Bitcoin"
    assert unknown.reason("zzz") == "X knows no asset 'zzz'"


def test_thousands_of_unknown_words_are_not_compared_with_thousands_of_names(monkeypatch: pytest.MonkeyPatch):
    compared = []
    monkeypatch.setattr(losses, "get_close_matches", lambda word, names, n: compared.append(word) or [])
    unknown = UnknownAssets("X", ["bitcoin"])
    reasons = [unknown.reason(f"bitcoin{number}") for number in range(5_000)]
    assert len(compared) == MAX_COMPARED
    assert reasons[-1] == "X knows no asset 'bitcoin4999'"
