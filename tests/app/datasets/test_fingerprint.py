"""A panel's identity follows its content and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from app.datasets.fingerprint import fingerprint
from engine.panel import Calendar, Panel
from tests.app.datasets.files import small_panel


def test_the_value_is_stable() -> None:
    panel = Panel(
        dates=np.array(["2021-01-01", "2021-01-02"], dtype="datetime64[D]"),
        assets=("a", "b"),
        fields={"price": np.array([[1.0, np.nan], [0.0, 2.5]])},
        calendar=Calendar.EVERY_DAY,
        attributes={"sector": ("defi", None)},
    )

    assert fingerprint(panel) == "bbcc33284e8d836ef9da668ed540040dadbff5525ec64886162ae1406fc16b78"


def test_layout_field_order_nan_bits_and_signs_of_zero_do_not_matter() -> None:
    panel = small_panel()
    other_nan = np.array([0x7FF8_0000_0000_0001], dtype=np.uint64).view(np.float64)[0]
    price = panel.fields["price"].copy()
    price[1, 1] = 0.0
    same = {**panel.fields, "price": price}
    changed = price.copy()
    changed[np.isnan(changed)] = -other_nan
    changed[1, 1] = -0.0
    other = {name: np.asfortranarray(values) for name, values in reversed(same.items())} | {"price": changed}

    assert fingerprint(replace(panel, fields=same)) == fingerprint(replace(panel, fields=other))


def test_every_part_of_the_content_matters() -> None:
    panel = small_panel()
    moved = panel.fields["price"].copy()
    moved[3, 1] = np.nextafter(moved[3, 1], np.inf)
    variants = [
        panel,
        replace(panel, dates=panel.dates + 1),
        replace(panel, assets=("asset-00", "asset-01", "asset-02", "asset-04")),
        replace(panel, calendar=Calendar.OBSERVED),
        replace(panel, fields={**panel.fields, "price": moved}),
        replace(panel, fields={**panel.fields, "fees": panel.fields["volume"]}),
        replace(panel, fields={"price": panel.fields["price"], "fees": panel.fields["volume"]}),
        replace(panel, attributes={}),
        replace(panel, attributes={"sector": (None, "defi", None, None)}),
        replace(panel, attributes={"stable": panel.attributes["sector"]}),
    ]

    assert len({fingerprint(variant) for variant in variants}) == len(variants)


@pytest.mark.parametrize("rows", [1, 511, 512, 513])
def test_hashing_in_blocks_sees_every_row(rows: int) -> None:
    panel = small_panel(date_count=rows)
    changed = panel.fields["volume"].copy()
    changed[-1, -1] = 123.0

    assert fingerprint(panel) != fingerprint(replace(panel, fields={**panel.fields, "volume": changed}))
