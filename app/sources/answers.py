"""Reading an HTTP answer with suspicion: its body within a limit, its wish to wait, its words on an error."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import aiohttp
import orjson

ACCEPTED_ENCODING: Final = "gzip"
_PIECE_BYTES: Final = 1 << 20
_MAX_WORDS: Final = 200
_WORDS_DEPTH: Final = 3
_WORDS_KEYS: Final = ("message", "error", "description", "detail")
_SECONDS = re.compile(r"\d+(\.\d+)?", flags=re.ASCII)
_ADDRESS = re.compile(r"(?<!\w)\w+://\S*")
"""Begins where a word does, and only there: a long word must not be searched from each of its letters."""


class BadBody(Exception):
    """The body is too large or not encoded as it says; the message says which."""


class BodyReader:
    """Takes a body in as it arrives. `received` counts the bytes as sent, the limit those decompressed.

    The session must leave bodies as they are (auto_decompress=False), since how much one piece of a
    compressed body may grow to is decided here.
    """

    def __init__(self, response: aiohttp.ClientResponse, max_bytes: int) -> None:
        self._response = response
        self._max_bytes = max_bytes
        self.received = 0

    async def read(self) -> bytes:
        """The whole body, decompressed.

        Raises BadBody, which leaves the rest unread, and what aiohttp raises when the transfer breaks off.
        """
        decoder = _decoder(self._response)
        body = bytearray()
        async for chunk in self._response.content.iter_any():
            self.received += len(chunk)
            for piece in decoder.feed(chunk):
                body += piece
                if len(body) > self._max_bytes:
                    raise BadBody(f"it is larger than {self._max_bytes:,} bytes")
        decoder.finish()
        return bytes(body)


class _Plain:
    def feed(self, chunk: bytes) -> Iterator[bytes]:
        yield chunk

    def finish(self) -> None:
        pass


class _Gzip:
    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        self._started = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Pieces of at most _PIECE_BYTES, so that a tiny chunk cannot fill the memory."""
        self._started = True
        try:
            while chunk:
                piece = self._zlib.decompress(chunk, _PIECE_BYTES)
                chunk = self._zlib.unconsumed_tail
                if self._zlib.unused_data:
                    raise BadBody("there is more after its compressed end")
                if piece:
                    yield piece
        except zlib.error as error:
            raise BadBody("its compression is garbled") from error

    def finish(self) -> None:
        if self._started and not self._zlib.eof:
            raise BadBody("its compressed form is cut off")


def _decoder(response: aiohttp.ClientResponse) -> _Plain | _Gzip:
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return _Plain()
    if encoding in ("gzip", "x-gzip"):
        return _Gzip()
    raise BadBody("it is compressed in a way that was not asked for")


def read_json(body: bytes) -> Any:
    """The document. NaN and infinities, which are no JSON but which some servers write, are null.

    Raises ValueError for what is no document, or nested too deeply.
    """
    try:
        return orjson.loads(body)
    except ValueError:
        if b"NaN" not in body and b"Infinity" not in body:
            raise
    try:
        document = json.loads(body.decode(), parse_constant=lambda name: None)
        return orjson.loads(json.dumps(document))  # which is strict about the rest, such as lone surrogates
    except RecursionError:
        raise ValueError("nested too deeply") from None


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """A Retry-After header, of either form, as seconds from `now`; None if absent, unclear or not ahead."""
    if value is None:
        return None
    value = value.strip()
    if _SECONDS.fullmatch(value):
        seconds = float(value)
    else:
        try:
            moment = parsedate_to_datetime(value)
            if moment.tzinfo is None:  # "-0000", which means UTC of an unknown place
                moment = moment.replace(tzinfo=UTC)
            seconds = (moment - now).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return seconds if seconds > 0 else None


def vendor_words(body: bytes) -> str | None:
    """The vendor's own words on an error, from a JSON body: printable, on one line, without addresses.

    Not cut yet, since what must be hidden in it is found whole only: see `shorten`.
    """
    try:
        document = orjson.loads(body)
    except ValueError:
        return None
    return text_or_none(_find_words(document, _WORDS_DEPTH))


def text_or_none(value: object) -> str | None:
    """A vendor's text as it may be shown: printable, on one line, without addresses; None for no text."""
    if not isinstance(value, str):
        return None
    printable = "".join(char if char.isprintable() else " " for char in value)
    return " ".join(_ADDRESS.sub("…", printable).split()) or None


def shorten(words: str) -> str:
    return words if len(words) <= _MAX_WORDS else words[: _MAX_WORDS - 1] + "…"


def redact(text: str, secrets: tuple[str, ...]) -> str:
    """`text` with every secret, in upper or lower case, broken over lines or not, as asterisks."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = re.sub(r"\s*".join(map(re.escape, secret)), "***", text, flags=re.IGNORECASE)
    return text


def _find_words(document: Any, depth: int) -> str | None:
    if not isinstance(document, dict) or depth == 0:
        return None
    for key in _WORDS_KEYS:
        if isinstance(document.get(key), str) and document[key].strip():
            return document[key]
    for value in document.values():
        if (words := _find_words(value, depth - 1)) is not None:
            return words
    return None
