"""Packed documents: facts as JSON has them, arrays bit by bit, and refused when anything is amiss."""

from __future__ import annotations

import json
import struct
import tracemalloc
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from db import document_codec
from db.codec import Blob
from db.document_codec import pack_document, unpack_document
from db.errors import CorruptBlob
from db.records import DocumentRecord

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
ARRAYS = st.sampled_from(["<f8", "<i8", "<i4"]).flatmap(
    lambda dtype: hnp.arrays(dtype, st.integers(0, 9))  # NaNs of any bits and infinities too
)


def document(**arrays: Any) -> DocumentRecord:
    return DocumentRecord(name="RESEARCH", facts={"buckets": [1, 2.5], "none": None}, arrays=arrays)


def back(packed: DocumentRecord) -> DocumentRecord:
    return unpack_document(packed.name, pack_document(packed))


def blob_of(content: bytes) -> Blob:
    """A blob of unpacked `content`, whatever it is, with a right checksum."""
    payload = zlib.compress(content)
    return Blob(1, zlib.crc32(payload), payload)


def content_of(header: Any, rest: bytes = b"") -> bytes:
    """Unpacked content; the `rest` begins at a multiple of 8, as arrays do."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    head = struct.pack("<I", len(text)) + text
    return head + bytes(-len(head) % 8 if rest else 0) + rest


@given(st.dictionaries(st.text(), JSON_VALUES, max_size=4), st.dictionaries(st.text(), ARRAYS, max_size=4))
def test_documents_come_back_bit_by_bit(facts: dict[str, Any], arrays: dict[str, Any]) -> None:
    read = back(DocumentRecord(name="é", facts=facts, arrays=arrays))
    assert read.name == "é"
    assert json.dumps(read.facts) == json.dumps(facts)  # 1 and 1.0 and True are equal, but not the same
    assert list(read.arrays) == list(arrays)
    for name, array in arrays.items():
        assert read.arrays[name].dtype == array.dtype
        assert read.arrays[name].tobytes() == array.tobytes()


def test_the_layout_is_the_documented_one() -> None:
    packed = pack_document(document(days=np.array([1, -1], "<i4"), rows=np.array([0.5])))
    header = b'{"facts":{"buckets":[1,2.5],"none":null},"arrays":[["days","<i4",2],["rows","<f8",1]]}'
    first = -(-(4 + len(header)) // 8) * 8
    expected = (struct.pack("<I", len(header)) + header).ljust(first, b"\0")
    expected += struct.pack("<ii", 1, -1) + struct.pack("<d", 0.5)
    assert zlib.decompress(packed.payload) == expected
    assert (packed.codec_version, packed.checksum) == (1, zlib.crc32(packed.payload))


def test_arrays_that_were_read_are_aligned_and_cannot_be_changed() -> None:
    read = back(document(a=np.arange(3, dtype="<i4"), b=np.arange(5.0), c=np.arange(7)))
    for array in read.arrays.values():
        assert array.flags.aligned
        assert not array.flags.writeable


def test_odd_nans_and_infinities_keep_their_bits() -> None:
    bits = np.array([0x7FF8000000000001, 0xFFF8DEADBEEF0000, 0x7FF0000000000000, 0xFFF0000000000000], "<u8")
    read = back(document(values=bits.view("<f8")))
    assert read.arrays["values"].view("<u8").tolist() == bits.tolist()


def test_arrays_in_other_memory_are_packed_by_value() -> None:
    values = np.arange(12.0)
    read = back(document(strided=values[::3], swapped=values.astype(">f8"), ints=np.arange(3, dtype=">i4")))
    assert read.arrays["strided"].tolist() == [0.0, 3.0, 6.0, 9.0]
    assert read.arrays["swapped"].tolist() == values.tolist()
    assert read.arrays["ints"].dtype == np.dtype("<i4")
    assert read.arrays["ints"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 2)),
        np.zeros(()),
        np.zeros(2, "<f4"),
        np.zeros(2, bool),
        np.zeros(2, "<u8"),
        np.zeros(2, "<i2"),
        np.array(["2025-01-01"], "<M8[D]"),
        np.array([None]),
        np.array(["x"]),
    ],
)
def test_other_arrays_are_not_packed(array: Any) -> None:
    with pytest.raises(ValueError, match="document RESEARCH: wrong is"):
        pack_document(document(wrong=array))


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), [{"a": -float("inf")}], np.int64(1), {1, 2}, b"x", np.zeros(2)]
)
def test_facts_that_are_no_finite_json_are_not_packed(value: Any) -> None:
    with pytest.raises(ValueError, match="document x: its facts are not JSON"):
        pack_document(DocumentRecord(name="x", facts={"value": value}))


def test_facts_that_contain_themselves_are_not_packed() -> None:
    facts: dict[str, Any] = {}
    facts["self"] = facts
    with pytest.raises(ValueError, match="not JSON"):
        pack_document(DocumentRecord(name="x", facts=facts))


@pytest.mark.parametrize("position", [0, 2, 20, -5, -1])
def test_a_flipped_bit_is_noticed(position: int) -> None:
    blob = pack_document(document(values=np.arange(9.0)))
    payload = bytearray(blob.payload)
    payload[position] ^= 1
    with pytest.raises(CorruptBlob, match="document RESEARCH is damaged: it does not match its checksum"):
        unpack_document("RESEARCH", replace(blob, payload=bytes(payload)))
    with pytest.raises(CorruptBlob):
        unpack_document("RESEARCH", replace(blob, checksum=blob.checksum ^ 1))


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(CorruptBlob, match="version 2"):
        unpack_document("x", replace(pack_document(document()), codec_version=2))


GOOD = content_of({"facts": {}, "arrays": [["a", "<f8", 1]]}, bytes(8))


def test_the_content_that_the_next_tests_damage_is_good() -> None:
    assert len(GOOD) % 8 == 0
    assert unpack_document("x", blob_of(GOOD)).arrays["a"].tolist() == [0.0]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\1\0",
        GOOD[:-1],
        GOOD[:-8],
        GOOD + b"\0",
        GOOD[:20],
        struct.pack("<I", 2**32 - 1) + GOOD[4:],
        content_of(b"{"),
        content_of(b"\xff\xfe{}"),
        content_of(b"[" * 100_000),
        content_of(b'{"facts": {"a": NaN}, "arrays": []}'),
        content_of([]),
        content_of({"facts": {}}),
        content_of({"arrays": []}),
        content_of({"facts": [], "arrays": []}),
        content_of({"facts": {}, "arrays": 1}),
        content_of({"facts": {}, "arrays": [["a", "<f8"]]}),
        content_of({"facts": {}, "arrays": [["a", "<f8", -1]]}),
        content_of({"facts": {}, "arrays": [["a", "<f8", True]]}, bytes(8)),
        content_of({"facts": {}, "arrays": [["a", "<f8", 2**80]]}),
        content_of({"facts": {}, "arrays": [["a", "|O", 1]]}, bytes(64)),
        content_of({"facts": {}, "arrays": [["a", {}, 1]]}, bytes(64)),
        content_of({"facts": {}, "arrays": [[1, "<f8", 1]]}, bytes(8)),
        content_of({"facts": {}, "arrays": [["a", "<f8", 1], ["a", "<f8", 1]]}, bytes(16)),
    ],
    ids=range(24),
)
def test_content_that_cannot_be_is_noticed_even_with_a_right_checksum(content: bytes) -> None:
    with pytest.raises(CorruptBlob, match="document x"):
        unpack_document("x", blob_of(content))


@pytest.mark.parametrize(
    "damage",
    [lambda p: p[:-1], lambda p: p[: len(p) // 2], lambda p: p + b"x", lambda p: b"x" + p, lambda p: b""],
)
def test_a_stream_that_is_not_whole_is_noticed_even_with_a_right_checksum(damage: Any) -> None:
    payload = damage(pack_document(document(values=np.arange(50.0))).payload)
    with pytest.raises(CorruptBlob, match="document x"):
        unpack_document("x", Blob(1, zlib.crc32(payload), payload))


def test_documents_that_are_too_large_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = document(values=np.zeros(100)), document(values=np.zeros(100_000))
    packed = pack_document(large)
    monkeypatch.setattr(
        document_codec, "MAX_DOCUMENT_BYTES", len(zlib.decompress(pack_document(small).payload))
    )
    assert back(small).arrays["values"].tolist() == [0.0] * 100
    with pytest.raises(CorruptBlob, match="bytes unpacked"):
        unpack_document("x", packed)
    with pytest.raises(ValueError, match="more than"):
        pack_document(large)
    with pytest.raises(ValueError, match="more than"):
        pack_document(document(values=np.zeros(101)))


def test_what_would_unpack_to_too_much_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    payload = zlib.compress(bytes(50_000_000))
    monkeypatch.setattr(document_codec, "MAX_DOCUMENT_BYTES", 10_000)
    tracemalloc.start()
    try:
        with pytest.raises(CorruptBlob, match="bytes unpacked"):
            unpack_document("x", Blob(1, zlib.crc32(payload), payload))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
