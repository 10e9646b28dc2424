"""Packing of documents into checked blobs: a JSON object of facts, with arrays beside it.

Version 1 is a zlib stream, of which the checksum is that of the packed bytes. Unpacked, all little-endian:
uint32 length of the header; the header, JSON: {"facts": object, "arrays": [[name, dtype, count], ...]}; then
the arrays in that order, each from the next multiple of 8, the gaps zero. Numbers keep their bits: a NaN or
an infinity in an array comes back as it was."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from db.codec import Blob, checked_payload
from db.columns import to_json
from db.errors import CorruptBlob
from db.records import DocumentRecord

DOCUMENT_CODEC_VERSION = 1

MAX_DOCUMENT_BYTES = 512 * 2**20
"""What a document may have unpacked: a damaged row must not exhaust memory."""

_HEADER_LENGTH = struct.Struct("<I")
_ALIGNMENT = 8
_DTYPES = {name: np.dtype(name) for name in ("<f8", "<i8", "<i4")}
# Beyond the first level it costs more time than it saves space: most of it are random digits.
_COMPRESSION_LEVEL = 1


def pack_document(document: DocumentRecord) -> Blob:
    """ValueError unless the facts are JSON with finite numbers, the arrays (n,) float64, int64 or int32, and
    all of it within MAX_DOCUMENT_BYTES."""
    arrays = {name: _little_endian(document.name, name, one) for name, one in document.arrays.items()}
    header = _header(document, arrays)
    total = _HEADER_LENGTH.size + len(header)
    for one in arrays.values():
        total = _aligned(total) + one.nbytes
    if total > MAX_DOCUMENT_BYTES:
        raise ValueError(f"document {document.name} has {total} bytes, more than {MAX_DOCUMENT_BYTES}")
    payload = _compressed([_HEADER_LENGTH.pack(len(header)), header], arrays)
    return Blob(DOCUMENT_CODEC_VERSION, zlib.crc32(payload), payload)


def unpack_document(name: str, blob: Blob) -> DocumentRecord:
    """The arrays are read-only views of one buffer. Errors: CorruptBlob."""
    subject = f"document {name}"
    content = _decompressed(checked_payload(blob, subject, DOCUMENT_CODEC_VERSION), subject)
    try:
        (header_length,) = _HEADER_LENGTH.unpack_from(content)
        position = _HEADER_LENGTH.size + header_length
        if position > len(content):
            raise ValueError("the header is cut off")
        facts, listed = _parsed_header(content[_HEADER_LENGTH.size : position])
        arrays = {}
        for array_name, dtype, count in listed:
            position = _aligned(position)
            arrays[array_name] = np.frombuffer(content, dtype, count, position)
            position += count * dtype.itemsize
        if len(arrays) != len(listed) or position != len(content):
            raise ValueError("its arrays are not those that its header lists")
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError, struct.error) as error:
        raise CorruptBlob(f"{subject} cannot be read: {error}") from None
    return DocumentRecord(name=name, facts=facts, arrays=arrays)


def _little_endian(document: str, name: str, array: NDArray[Any]) -> NDArray[Any]:
    dtype = array.dtype.newbyteorder("<")
    if array.ndim != 1 or dtype.str not in _DTYPES:
        raise ValueError(f"document {document}: {name} is {array.dtype} {array.shape}, not numbers (n,)")
    return np.ascontiguousarray(array, dtype)


def _header(document: DocumentRecord, arrays: Mapping[str, NDArray[Any]]) -> bytes:
    listed = [[name, one.dtype.str, len(one)] for name, one in arrays.items()]
    try:
        return to_json({"facts": dict(document.facts), "arrays": listed}).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"document {document.name}: its facts are not JSON: {error}") from None


def _compressed(head: list[bytes], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    # Piece by piece, without a copy of the whole.
    stream = zlib.compressobj(_COMPRESSION_LEVEL)
    packed = [stream.compress(piece) for piece in head]
    position = sum(map(len, head))
    for one in arrays.values():
        packed += [stream.compress(bytes(_aligned(position) - position)), stream.compress(one.data)]
        position = _aligned(position) + one.nbytes
    return b"".join([*packed, stream.flush()])


def _decompressed(payload: bytes, subject: str) -> bytes:
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(payload, MAX_DOCUMENT_BYTES + 1)
    except zlib.error as error:
        raise CorruptBlob(f"{subject} cannot be unpacked: {error}") from None
    if len(content) > MAX_DOCUMENT_BYTES:
        raise CorruptBlob(f"{subject} has more than {MAX_DOCUMENT_BYTES} bytes unpacked")
    if not stream.eof or stream.unused_data:
        raise CorruptBlob(f"{subject} does not end where its packed bytes do")
    return content


def _parsed_header(header: bytes) -> tuple[dict[str, Any], list[tuple[str, np.dtype[Any], int]]]:
    parsed = json.loads(header, parse_constant=_refuse_constant)
    facts = parsed["facts"]
    if not isinstance(facts, dict):
        raise TypeError("its facts are no object")
    return facts, list(_listed_arrays(parsed["arrays"]))


def _listed_arrays(listed: list[Any]) -> Iterator[tuple[str, np.dtype[Any], int]]:
    for name, dtype, count in listed:
        if not isinstance(name, str) or type(count) is not int or count < 0:
            raise ValueError("an array has no name or no length")
        yield name, _DTYPES[dtype], count


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _aligned(position: int) -> int:
    return -(-position // _ALIGNMENT) * _ALIGNMENT
