"""Aggregated panels kept on disk."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.datasets import period_cache
from app.datasets.array_folder import read_array_folder
from app.datasets.period_cache import open_periods, periods_dir, stale_periods
from app.datasets.snapshot import open_snapshot, write_snapshot
from app.errors import DatasetDamaged
from engine.panel import PRICE, Calendar, Panel
from engine.periods import PeriodPanel, Rebalance, build_periods
from tests.app.datasets.files import damage, rewrite_manifest, small_panel

NAME = "a" * 64


def assert_same(left: PeriodPanel, right: PeriodPanel) -> None:
    np.testing.assert_array_equal(left.grid.ends, right.grid.ends)
    np.testing.assert_array_equal(left.grid.first_rows, right.grid.first_rows)
    np.testing.assert_array_equal(left.grid.nominal_days, right.grid.nominal_days)
    np.testing.assert_array_equal(left.first_price_dates, right.first_price_dates)
    assert left.fields.keys() == right.fields.keys()
    for name, values in left.fields.items():
        np.testing.assert_array_equal(values, right.fields[name])


@pytest.fixture
def panel() -> Panel:
    panel = small_panel(date_count=70)
    return replace(panel, fields=dict(sorted(panel.fields.items())))


@pytest.mark.parametrize("rebalance", list(Rebalance))
@pytest.mark.parametrize("calendar", list(Calendar))
def test_kept_periods_equal_built_ones(
    tmp_path: Path, panel: Panel, rebalance: Rebalance, calendar: Calendar
) -> None:
    panel = replace(panel, calendar=calendar)
    built = build_periods(panel, rebalance)

    assert_same(open_periods(panel, NAME, rebalance, tmp_path), built)
    kept = open_periods(panel, NAME, rebalance, tmp_path)

    assert_same(kept, built)
    assert kept.panel is panel
    assert all(isinstance(values.base, np.memmap) for values in kept.fields.values())


def test_nothing_is_built_a_second_time(
    tmp_path: Path, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_periods(panel, NAME, Rebalance.WEEKLY, tmp_path)
    monkeypatch.delattr(period_cache, "build_periods")

    assert len(open_periods(panel, NAME, Rebalance.WEEKLY, tmp_path).grid) == 10


def test_it_works_on_opened_snapshots(tmp_path: Path, panel: Panel) -> None:
    name = write_snapshot(panel, tmp_path / "datasets")
    opened = open_snapshot(tmp_path / "datasets", name)

    open_periods(opened, name, Rebalance.WEEKLY, tmp_path / "cache")

    assert_same(
        open_periods(opened, name, Rebalance.WEEKLY, tmp_path / "cache"),
        build_periods(panel, Rebalance.WEEKLY),
    )


def test_datasets_grids_and_versions_have_their_own_entries(
    tmp_path: Path, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_periods(panel, NAME, Rebalance.WEEKLY, tmp_path)
    open_periods(panel, NAME, Rebalance.MONTHLY, tmp_path)
    open_periods(panel, "b" * 64, Rebalance.WEEKLY, tmp_path)
    monkeypatch.setattr(period_cache, "ENGINE_VERSION", "next")
    open_periods(panel, NAME, Rebalance.WEEKLY, tmp_path)
    monkeypatch.setattr(period_cache, "FORMAT", period_cache.FORMAT + 1)
    open_periods(panel, NAME, Rebalance.WEEKLY, tmp_path)

    assert len(list(periods_dir(tmp_path).iterdir())) == 5


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path, panel: Panel) -> None:
    (tmp_path / "cache").write_text("in the way")

    periods = open_periods(panel, NAME, Rebalance.WEEKLY, tmp_path / "cache")

    assert_same(periods, build_periods(panel, Rebalance.WEEKLY))


@pytest.mark.parametrize("damage", ["truncated", "missing", "manifest", "unsealed"])
def test_a_damaged_entry_is_replaced(tmp_path: Path, panel: Panel, damage: str) -> None:
    open_periods(panel, NAME, Rebalance.WEEKLY, tmp_path)
    (entry,) = periods_dir(tmp_path).iterdir()
    if damage == "truncated":
        (entry / "array-001.npy").write_bytes(b"")
    elif damage == "missing":
        (entry / "array-001.npy").unlink()
    elif damage == "manifest":
        (entry / "manifest.json").write_text("{")
    else:
        rewrite_manifest(entry, sealed=False)

    assert_same(open_periods(panel, NAME, Rebalance.WEEKLY, tmp_path), build_periods(panel, Rebalance.WEEKLY))

    assert [path.name for path in periods_dir(tmp_path).iterdir()] == [entry.name]
    assert (entry / "array-001.npy").stat().st_size > 0
    assert read_array_folder(entry).is_sealed


def test_changed_bits_are_replaced_with_a_warning(
    tmp_path: Path, panel: Panel, caplog: pytest.LogCaptureFixture
) -> None:
    open_periods(panel, NAME, Rebalance.WEEKLY, tmp_path)
    assert_same(open_periods(panel, NAME, Rebalance.WEEKLY, tmp_path), build_periods(panel, Rebalance.WEEKLY))
    assert caplog.messages == []
    (entry,) = periods_dir(tmp_path).iterdir()
    damage(entry, "field:price")

    assert_same(open_periods(panel, NAME, Rebalance.WEEKLY, tmp_path), build_periods(panel, Rebalance.WEEKLY))
    assert_same(open_periods(panel, NAME, Rebalance.WEEKLY, tmp_path), build_periods(panel, Rebalance.WEEKLY))

    (warning,) = caplog.messages
    assert "built again" in warning
    assert "field price" in warning


def test_fields_that_are_not_wanted_are_not_checked(
    tmp_path: Path, panel: Panel, caplog: pytest.LogCaptureFixture
) -> None:
    first, *_ = (name for name in panel.fields if name != PRICE)
    open_periods(panel, NAME, Rebalance.WEEKLY, tmp_path)
    (entry,) = periods_dir(tmp_path).iterdir()
    damage(entry, f"field:{first}")

    found = open_periods(panel, NAME, Rebalance.WEEKLY, tmp_path, fields=())

    assert list(found.fields) == [PRICE]
    assert caplog.messages == []


def test_a_damaged_field_of_the_dataset_matters_only_to_who_reads_it(
    tmp_path: Path, panel: Panel, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether periods are kept or built; with that field missing they are not kept."""
    name = write_snapshot(panel, tmp_path / "datasets")
    bad, good, *_ = (field for field in panel.fields if field != PRICE)
    damage(tmp_path / "datasets" / name, f"field:{bad}")

    def periods(fields: tuple[str, ...] | None) -> PeriodPanel:
        opened = open_snapshot(tmp_path / "datasets", name)
        return open_periods(opened, name, Rebalance.WEEKLY, tmp_path / "cache", fields)

    assert_same(periods((good,)), build_periods(panel, Rebalance.WEEKLY, (good,)))
    (warning,) = caplog.messages
    assert "weekly periods" in warning
    assert "not kept" in warning
    assert f"field {bad}" in warning
    for fields in ((bad,), None):
        with pytest.raises(DatasetDamaged, match=f"field {bad}"):
            periods(fields)
    assert len(caplog.messages) == 1
    assert not periods_dir(tmp_path / "cache").exists()

    write_snapshot(panel, tmp_path / "datasets")
    periods((good,))
    assert len(list(periods_dir(tmp_path / "cache").iterdir())) == 1


def test_an_entry_that_does_not_fit_the_panel_is_replaced(tmp_path: Path, panel: Panel) -> None:
    open_periods(small_panel(date_count=7), NAME, Rebalance.WEEKLY, tmp_path)

    assert_same(open_periods(panel, NAME, Rebalance.WEEKLY, tmp_path), build_periods(panel, Rebalance.WEEKLY))


def test_entries_of_other_datasets_and_versions_are_stale(
    tmp_path: Path, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_periods(panel, NAME, Rebalance.WEEKLY, tmp_path)
    open_periods(panel, "b" * 64, Rebalance.WEEKLY, tmp_path)
    assert [path.name[:3] for path in stale_periods(tmp_path, {NAME})] == ["bbb"]

    monkeypatch.setattr(period_cache, "ENGINE_VERSION", "next")

    assert len(stale_periods(tmp_path, {NAME, "b" * 64})) == 2
    assert stale_periods(tmp_path / "gone", {NAME}) == ()
