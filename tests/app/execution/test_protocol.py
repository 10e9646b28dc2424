"""Messages and arrays survive the way through bytes; bytes that are neither are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from app.execution.worker.protocol import (
    ComputeRequest,
    Failure,
    Findings,
    Progress,
    decode_arrays,
    decode_failure,
    decode_findings,
    decode_progress,
    decode_request,
    encode_arrays,
    encode_message,
)
from app.storage.file_hashes import FileIdentity, KnownHash


def joined(facts, arrays) -> memoryview:
    return memoryview(b"".join(bytes(part) for part in encode_arrays(facts, arrays)))


def test_messages_come_back_equal():
    request = ComputeRequest(
        datasets_dir="/d",
        cache_dir="/c",
        artifacts_dir="/a",
        fingerprint="f" * 64,
        kind="FACTOR",
        subject="SMB",
        identity="1" * 64,
        config={"breakpoint": 0.1 + 0.2, "universe": None, "exclude": ["a", "é"]},
        memory_limit_bytes=1 << 40,
        cpu_limit_seconds=7,
        hashes=(KnownHash(FileIdentity("/d/x", 1, 2, 3, 4, 5), "ab" * 32),),
    )
    assert decode_request(encode_message(request)) == request
    assert decode_progress(encode_message(Progress(0.25, "half of a half"))) == Progress(
        0.25, "half of a half"
    )
    findings = Findings(request.hashes, ("the cache was damaged",))
    assert decode_findings(encode_message(findings)) == findings
    failure = Failure("NO_PERIODS", "none", "trace\nback")
    assert decode_failure(encode_message(failure)) == failure


@given(
    st.dictionaries(
        st.text(max_size=5),
        arrays_of.arrays(
            st.sampled_from([np.dtype("<f8"), np.dtype("<i8"), np.dtype("<i4")]), st.integers(0, 9)
        ),
        max_size=4,
    )
)
def test_arrays_come_back_bit_for_bit(arrays):
    facts, decoded = decode_arrays(joined({"a": 1.5}, arrays))
    assert facts == {"a": 1.5}
    assert decoded.keys() == arrays.keys()
    for name, values in arrays.items():
        assert decoded[name].dtype == values.dtype
        assert decoded[name].tobytes() == values.tobytes()


def test_strided_big_endian_and_date_arrays_are_made_plain():
    dates = np.array(["1969-12-31", "2024-02-29"], ">M8[D]")
    moments = np.array(["2024-02-29T12:00:00.000000001"] * 2, "datetime64[ns]")
    _, decoded = decode_arrays(
        joined({}, {"s": np.arange(6.0)[::2], "b": np.arange(3, dtype=">i4"), "d": dates, "m": moments})
    )
    np.testing.assert_array_equal(decoded["s"], [0.0, 2.0, 4.0])
    np.testing.assert_array_equal(decoded["b"], [0, 1, 2])
    for name, times in (("d", dates), ("m", moments)):
        np.testing.assert_array_equal(decoded[name], times)
        assert decoded[name].dtype == times.dtype.newbyteorder("<")


def test_decoded_arrays_are_views_that_cannot_be_written():
    _, decoded = decode_arrays(joined({}, {"a": np.arange(3.0)}))
    with pytest.raises(ValueError, match="read-only"):
        decoded["a"][0] = 1.0


def test_bytes_that_do_not_add_up_are_refused():
    payload = joined({}, {"a": np.arange(3.0), "b": np.arange(2, dtype="<i4")})
    for wrong in (payload[:-8], memoryview(bytes(payload) + bytes(8))):
        with pytest.raises(ValueError, match=r"bytes|buffer"):
            decode_arrays(wrong)
    with pytest.raises(ValueError, match="type"):
        decode_arrays(memoryview(bytes(payload).replace(b'"<i4"', b'"|O8"')))
