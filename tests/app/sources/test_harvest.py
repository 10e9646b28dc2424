from __future__ import annotations

import pytest

from app.sources.errors import SourceIncomplete
from app.sources.harvest import Harvest, LossCode


def test_assets_that_no_vendor_could_give_do_not_hide_that_it_failed_for_most():
    harvest = Harvest()
    harvest.expect(200)
    for number in range(195):
        harvest.lose(f"typo{number}", LossCode.UNKNOWN_ASSET, "unknown")
    harvest.lose("btc", LossCode.REQUEST_FAILED, "HTTP 500")
    harvest.lose("eth", LossCode.MALFORMED, "no JSON")
    with pytest.raises(SourceIncomplete, match=r"3 of 5 assets .* the last one, sol: HTTP 500"):
        harvest.lose("sol", LossCode.REQUEST_FAILED, "HTTP 500")


def test_that_most_failed_may_come_out_when_another_asset_has_no_data():
    harvest = Harvest()
    harvest.expect(4)
    harvest.lose("btc", LossCode.REQUEST_FAILED, "HTTP 500")
    harvest.lose("eth", LossCode.REQUEST_FAILED, "HTTP 502")
    with pytest.raises(SourceIncomplete, match=r"2 of 3 assets .* the last one, eth: HTTP 502"):
        harvest.lose("sol", LossCode.NO_DATA, "no data")


def test_a_failure_for_half_of_the_assets_is_borne():
    harvest = Harvest()
    harvest.expect(3)
    harvest.lose("typo", LossCode.UNKNOWN_ASSET, "unknown")
    harvest.lose("btc", LossCode.REQUEST_FAILED, "HTTP 500")
    assert set(harvest.lost) == {"typo", "btc"}
