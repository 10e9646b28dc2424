"""Packed series and compositions: exact, aligned, read-only, and refused when a bit is wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.codec import (
    COMPOSITION_CODEC_VERSION,
    SERIES_CODEC_VERSION,
    Blob,
    pack_composition,
    pack_series,
    unpack_composition,
    unpack_series,
)
from db.errors import CorruptBlob, NewerBlob
from db.records import CompositionRecord, LegRecord, SeriesRecord
from tests.db.samples import new_composition, new_leg, new_series

ARRAYS = ("asset_ordinals", "weights", "period_returns", "signals", "market_caps")


def assert_same_leg(left: LegRecord | None, right: LegRecord | None) -> None:
    assert (left is None) == (right is None)
    if left is not None and right is not None:
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(left, name), getattr(right, name))


def unpack(composition: CompositionRecord, blob: Blob) -> CompositionRecord:
    return unpack_composition(composition.period_start, composition.period_end, blob)


@given(
    st.lists(
        st.tuples(st.integers(-(2**31), 2**31 - 1), st.floats(allow_infinity=False)),
        max_size=50,
        unique_by=lambda point: point[0],
    )
)
def test_series_come_back_bit_by_bit(points: list[tuple[int, float]]) -> None:
    points.sort(key=lambda point: point[0])
    series = SeriesRecord(
        name="FACTOR",
        times=np.array([day for day, _ in points], dtype="datetime64[D]"),
        values=np.array([value for _, value in points], dtype=float),
    )
    back = unpack_series("FACTOR", pack_series(series))
    np.testing.assert_array_equal(back.times, series.times)
    np.testing.assert_array_equal(back.values, series.values)
    assert (back.times.dtype, back.values.dtype) == (np.dtype("<M8[D]"), np.dtype("<f8"))


@given(st.lists(st.integers(-(2**63) + 1, 2**63 - 1), max_size=50))
def test_series_of_nanoseconds_come_back_and_may_have_equal_times(nanoseconds: list[int]) -> None:
    times = np.array(sorted(nanoseconds), dtype="<i8").view("<M8[ns]")
    series = SeriesRecord(
        name="TRADES", times=times, values=np.arange(len(times)), unit="USD", is_return=False
    )
    back = unpack_series("TRADES", pack_series(series), "USD", is_return=False)
    np.testing.assert_array_equal(back.times, times)
    np.testing.assert_array_equal(back.values, series.values)
    assert (back.times.dtype, back.unit, back.is_return) == (np.dtype("<M8[ns]"), "USD", False)


def test_nanoseconds_have_utc_days() -> None:
    times = np.array(["1969-12-31T23:59:59.999999999", "1970-01-01T00:00:00"], dtype="datetime64[ns]")
    series = SeriesRecord(name="x", times=times, values=np.zeros(2))
    assert series.dates.astype(str).tolist() == ["1969-12-31", "1970-01-01"]


@pytest.mark.parametrize("counts", [(0, None), (0, 0), (1, 0), (3, 2), (7, 8), (10, None)])
def test_compositions_come_back(counts: tuple[int, int | None]) -> None:
    long, short = counts
    composition = CompositionRecord(
        period_start=date(2025, 1, 5),
        period_end=date(2025, 1, 12),
        long=new_leg(long),
        short=None if short is None else new_leg(short, 1.0),
    )
    back = unpack(composition, pack_composition(composition))
    assert (back.period_start, back.period_end) == (composition.period_start, composition.period_end)
    assert_same_leg(back.long, composition.long)
    assert_same_leg(back.short, composition.short)
    assert back.long.asset_ordinals.dtype == np.dtype("<i4")


def test_the_layout_is_the_documented_one() -> None:
    blob = pack_series(
        SeriesRecord(
            name="x",
            times=np.array(["1970-01-02", "1969-12-31"], dtype="datetime64[D]")[::-1],
            values=np.array([1.0, -2.0]),
        )
    )
    values, days = bytes.fromhex("000000000000f03f00000000000000c0"), bytes.fromhex("ffffffff01000000")
    assert (blob.codec_version, blob.payload) == (1, values + days)
    times = np.array([-1, 2**40], dtype="datetime64[ns]")
    blob = pack_series(SeriesRecord(name="x", times=times, values=np.array([1.0, -2.0])))
    nanoseconds = bytes.fromhex("ffffffffffffffff0000000000010000")
    assert (blob.codec_version, blob.payload) == (2, values + nanoseconds)


def test_arrays_that_were_read_are_aligned_and_cannot_be_changed() -> None:
    series = unpack_series("x", pack_series(new_series(count=7)))
    composition = new_composition(date(2025, 1, 5))
    legs = unpack(composition, pack_composition(composition))
    assert legs.short is not None
    fine = unpack_series("x", pack_series(replace(series, times=series.times.astype("datetime64[ns]"))))
    arrays = [series.times, series.values, fine.times, fine.values]
    arrays += [getattr(leg, name) for leg in (legs.long, legs.short) for name in ARRAYS]
    for array in arrays:
        assert array.flags.aligned
        assert not array.flags.writeable


def test_infinities_and_all_kinds_of_nan_become_one_nan() -> None:
    odd_nan = np.frombuffer(bytes.fromhex("010000000000f8ff"), "<f8")[0]
    dates = new_series(count=4).dates
    odd = SeriesRecord(name="x", times=dates, values=np.array([np.inf, -np.inf, odd_nan, 1.0]))
    plain = SeriesRecord(name="x", times=dates, values=np.array([np.nan, np.nan, np.nan, 1.0]))
    assert pack_series(odd) == pack_series(plain)


@pytest.mark.parametrize("position", [0, 5, 30, -1])
def test_a_flipped_bit_is_noticed(position: int) -> None:
    composition = new_composition(date(2025, 1, 5))
    for blob in (pack_series(new_series()), pack_composition(composition)):
        payload = bytearray(blob.payload)
        payload[position] ^= 1
        wrong = replace(blob, payload=bytes(payload))
        with pytest.raises(CorruptBlob, match="checksum"):
            unpack_series("x", wrong)
        with pytest.raises(CorruptBlob, match="checksum"):
            unpack(composition, wrong)


def checked(payload: bytes) -> Blob:
    import zlib

    return Blob(1, zlib.crc32(payload), payload)


@pytest.mark.parametrize("length", [1, 7, 11, 13])
def test_a_length_that_cannot_be_is_noticed_even_with_a_right_checksum(length: int) -> None:
    composition = new_composition(date(2025, 1, 5))
    with pytest.raises(CorruptBlob):
        unpack_series("x", checked(bytes(length)))
    with pytest.raises(CorruptBlob):
        unpack(composition, checked(bytes(length)))
    with pytest.raises(CorruptBlob):
        unpack(composition, checked(pack_composition(composition).payload[:-1]))


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(CorruptBlob, match="version 0") as caught:
        unpack_series("x", replace(pack_series(new_series()), codec_version=0))
    assert type(caught.value) is CorruptBlob


def test_what_a_newer_version_packed_is_not_called_damaged() -> None:
    newer = replace(pack_series(new_series()), codec_version=SERIES_CODEC_VERSION + 1)
    with pytest.raises(NewerBlob, match=r"series x was written by a newer .*version 3") as caught:
        unpack_series("x", newer)
    assert caught.value.hint == "update FactorQL"
    composition = new_composition(date(2025, 1, 5))
    newer = replace(pack_composition(composition), codec_version=COMPOSITION_CODEC_VERSION + 1)
    with pytest.raises(NewerBlob, match=r"newer .*version 2, known is 1"):
        unpack(composition, newer)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(new_series(), values=np.zeros(4)),
        replace(new_series(), times=new_series().dates[::-1]),
        replace(new_series(), times=np.repeat(new_series().dates[:1], 5)),
        replace(new_series(), values=np.zeros((5, 1))),
        replace(new_series(), times=new_series().times.astype("datetime64[ns]")[::-1]),
        replace(new_series(), times=np.full(5, "NaT", dtype="datetime64[ns]")),
        replace(new_series(), times=new_series().times.astype("datetime64[us]")),
        replace(new_series(), times=np.arange(5)),
    ],
)
def test_series_that_make_no_sense_are_not_packed(wrong: SeriesRecord) -> None:
    with pytest.raises(ValueError, match="series FACTOR"):
        pack_series(wrong)


@pytest.mark.parametrize("name", ARRAYS)
def test_legs_with_arrays_of_different_lengths_are_not_packed(name: str) -> None:
    composition = new_composition(date(2025, 1, 5))
    wrong = replace(composition.long, **{name: getattr(composition.long, name)[:-1]})
    with pytest.raises(ValueError, match="as long"):
        pack_composition(replace(composition, long=wrong))
