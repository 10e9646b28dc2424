"""What is possible but suspicious is counted and left as it is."""

import numpy as np
import pytest

from app.datasets import suspicious
from app.datasets.quality import QualityCode
from app.datasets.suspicious import field_coverage, suspicious_values
from engine.panel import Calendar, Panel

NAN = np.nan


def panel_of(calendar: Calendar = Calendar.EVERY_DAY, **fields: list[list[float]]) -> Panel:
    """Fields as one list of values an asset."""
    arrays = {name: np.array(columns, dtype=float).T.copy() for name, columns in fields.items()}
    date_count, asset_count = arrays["price"].shape
    return Panel(
        dates=np.arange(np.datetime64("2021-01-01"), np.datetime64("2021-01-01") + date_count),
        assets=tuple("abcdefgh"[:asset_count]),
        fields=arrays,
        calendar=calendar,
    )


def findings(panel: Panel) -> dict[QualityCode, tuple[int, str | None]]:
    return {count.code: (count.count, count.example) for count in suspicious_values(panel)}


def test_a_clean_panel_has_no_findings() -> None:
    assert findings(panel_of(price=[[1, 2, 3], [4, 5, 6]], volume=[[1, 1, 1], [2, 2, 2]])) == {}


def test_prices_that_are_not_positive_are_counted() -> None:
    panel = panel_of(price=[[1, 0, 2], [3, -1, 0]])

    assert findings(panel)[QualityCode.NON_POSITIVE_PRICE] == (3, "first: a on 2021-01-02; 2 assets")


def test_moves_beyond_e_squared_are_counted_between_consecutive_dates_only() -> None:
    panel = panel_of(price=[[1, 7.3, 7.4, 60, 1], [1, NAN, 100, 100, 100], [1, 0, 100, 100, 100]])

    assert findings(panel)[QualityCode.EXTREME_MOVE] == (
        2,
        "largest: a on 2021-01-05, price times 0.0167; 1 asset",
    )


def test_the_largest_possible_move_is_counted() -> None:
    panel = panel_of(price=[[1e-300, 1e300]])

    assert findings(panel)[QualityCode.EXTREME_MOVE] == (
        1,
        "largest: a on 2021-01-02, price times inf; 1 asset",
    )


def test_runs_of_five_identical_prices_are_counted_as_runs() -> None:
    panel = panel_of(
        price=[
            [1, 1, 1, 1, 2, 2, 2, 2, 2, 3],
            [5, 6, 6, 6, 6, NAN, 6, 6, 6, 6],
            [7, 7, 7, 7, 7, 7, 7, 7, 7, 7],
        ]
    )

    assert findings(panel)[QualityCode.STALE_QUOTE] == (
        2,
        "longest: 10 dates from c on 2021-01-01; 2 assets",
    )


def test_a_run_does_not_continue_into_the_next_asset() -> None:
    panel = panel_of(price=[[1, 9, 9, 9], [9, 9, 9, 1]])

    assert QualityCode.STALE_QUOTE not in findings(panel)


def test_gaps_are_dates_without_a_price_inside_a_life() -> None:
    panel = panel_of(price=[[1, NAN, 0, 2, NAN], [NAN, 1, 2, NAN, NAN], [NAN, 1, NAN, 2, 3]])

    assert findings(panel)[QualityCode.GAP] == (3, "most: a, 2 dates; 2 assets")


def test_zero_volumes_and_fees_are_counted() -> None:
    panel = panel_of(price=[[1, 2], [3, 4]], volume=[[0, 1], [NAN, 0]], fees=[[0, NAN], [1, 2]])

    assert findings(panel)[QualityCode.ZERO_VOLUME] == (2, "first: a on 2021-01-01; 2 assets")
    assert findings(panel)[QualityCode.ZERO_FEES] == (1, "first: a on 2021-01-01; 1 asset")


def test_caps_that_end_while_the_price_goes_on_are_counted() -> None:
    panel = panel_of(
        price=[[1, 2, 3], [1, 2, NAN], [1, 2, 3], [1, 2, 0]],
        market_cap=[[1, NAN, NAN], [1, 1, NAN], [NAN, NAN, NAN], [1, 1, NAN]],
    )

    assert findings(panel)[QualityCode.CAP_ENDS_EARLY] == (
        1,
        "longest: a, cap until 2021-01-01, price until 2021-01-03",
    )


def test_findings_do_not_depend_on_how_many_assets_are_looked_at_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(5)
    prices = np.exp(3 * random.normal(size=(7, 40))).round(0)
    panel = panel_of(price=prices.tolist())
    whole = findings(panel)

    monkeypatch.setattr(suspicious, "_ASSETS_A_BLOCK", 2)

    assert findings(panel) == whole
    assert len(whole) >= 3


def test_nothing_is_changed() -> None:
    panel = panel_of(price=[[1, 0, NAN, 500, 500]], volume=[[0, 0, 0, 0, 0]])
    before = {name: values.copy() for name, values in panel.fields.items()}

    suspicious_values(panel)

    for name, values in before.items():
        np.testing.assert_array_equal(panel.fields[name], values)


def test_coverage_counts_observations_assets_and_dates() -> None:
    panel = panel_of(price=[[1, 2, 3], [1, NAN, 3]], fees=[[NAN, 5, NAN], [NAN, NAN, NAN]])

    price, fees = field_coverage(panel, rows_kept=5)

    assert (price.field, price.observations, price.share, price.assets) == ("price", 5, 1.0, 2)
    assert (fees.observations, fees.share, fees.assets) == (1, 0.2, 1)
    assert (fees.first_date, fees.last_date) == ("2021-01-02", "2021-01-02")
