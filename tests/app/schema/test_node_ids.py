"""Global ids: opaque, and read in one spelling only."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidInput
from app.schema.node_ids import decode_id, encode_id, parse_factor_key, row_id


@given(st.sampled_from(["Factor", "FactorRun", "Dataset", "SomethingElse"]), st.integers(1, 2**63 - 1))
def test_an_id_comes_back_as_it_was(node_type: str, key: int) -> None:
    encoded = encode_id(node_type, key)
    assert encoded.replace("-", "").replace("_", "").isalnum()
    assert decode_id(encoded) == (node_type, str(key))


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "7",
        "ü",
        "a b",
        "====",
        "x" * 10_000,
        _encoded("FactorRun"),
        _encoded("FactorRun:"),
        _encoded("user:1"),
        _encoded("User 2:1"),
        _encoded("FactorRun:1") + "=",
        base64.urlsafe_b64encode(b"\xff\xfe:1").decode().rstrip("="),
    ],
)
def test_what_is_no_id_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        decode_id(wrong, ("runId",))
    assert [(fault.path, fault.code) for fault in caught.value.field_errors] == [(("runId",), "INVALID_ID")]


@pytest.mark.parametrize("key", ["one", "-1", "+1", "01", "1.0", " 1", "١", "9" * 19])
def test_a_row_key_is_a_plain_number(key: str) -> None:
    with pytest.raises(InvalidInput):
        row_id(encode_id("FactorRun", key), "FactorRun")


def test_an_id_of_another_type_says_what_it_is() -> None:
    with pytest.raises(InvalidInput, match="the id of a Dataset, not of a FactorRun"):
        row_id(encode_id("Dataset", 1), "FactorRun")


def test_an_unknown_factor_is_refused() -> None:
    with pytest.raises(InvalidInput):
        parse_factor_key("ALPHA")
