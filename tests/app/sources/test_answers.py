from __future__ import annotations

import time

import orjson
import pytest

from app.sources.answers import read_json, vendor_words


def test_numbers_that_json_does_not_have_are_null():
    body = b'{"price": [1.5, NaN, Infinity, -Infinity], "name": "NaN"}'
    assert read_json(body) == {"price": [1.5, None, None, None], "name": "NaN"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"price": NaN',
        b"<html>NaN</html>",
        b'{"price": nan}',
        b'["NaN", ' + b"[" * 200_000,
        b'["NaN\xff"]',
        b'[NaN, "\\ud800"]',
    ],
    ids=["empty", "cut off", "a page", "another spelling", "deep", "no UTF-8", "half a letter"],
)
def test_what_is_no_document_is_an_error(body: bytes):
    with pytest.raises(ValueError, match=r"."):
        read_json(body)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("see https://vendor.example/a?key=1 for more", "see … for more"),
        ("(http://vendor.example)", "(…"),
        ("no address", "no address"),
    ],
)
def test_words_on_an_error_hold_no_address(said: str, words: str):
    assert vendor_words(orjson.dumps({"error": {"message": said}})) == words


def test_one_very_long_word_holds_nobody_up():
    body = orjson.dumps({"message": "a" * 64_000})
    begun = time.process_time()
    assert vendor_words(body) == "a" * 64_000
    assert time.process_time() - begun < 2.0  # it is milliseconds, or many seconds
