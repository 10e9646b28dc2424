"""Framed bytes on a stream socket: what child and server say to each other, whole or not at all.

A frame is a header (magic, kind, CRC-32, payload length) and a payload. A frame that is cut off, damaged or
longer than allowed raises an error, so that half a result can never be taken for a result.
"""

from __future__ import annotations

import socket
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

Buffer = bytes | bytearray | memoryview

_HEADER = struct.Struct("<4sBIQ")
_CHECKED = struct.Struct("<BQ")
_MAGIC = b"FQL1"

MAX_REQUEST_BYTES = 1 << 26
"""Exposures of 10,000 assets to 80 factors are 6 MB."""
MAX_RESULT_BYTES = 1 << 29
"""A daily factor on 1,000 assets over 11 years with all its holdings is about 150 MB."""


class FrameKind(IntEnum):
    REQUEST = 1
    PROGRESS = 2
    RESULT = 3
    FAILURE = 4
    FINDINGS = 5


@dataclass(frozen=True, slots=True)
class Frame:
    kind: FrameKind
    payload: memoryview


class CutOffFrame(Exception):
    """The other side ended inside a frame."""


class DamagedFrame(Exception):
    """The bytes received are no frame, or not the one that was sent."""


class FrameTooLong(Exception):
    """A payload is larger than its receiver would take; nothing was sent."""


def send_frame(
    channel: socket.socket, kind: FrameKind, parts: Sequence[Buffer], max_bytes: int = MAX_RESULT_BYTES
) -> None:
    """Send the concatenation of `parts`, uncopied, as one frame. Blocks. Errors: FrameTooLong, OSError."""
    views = [memoryview(part).cast("B") for part in parts if len(part)]
    length = sum(view.nbytes for view in views)
    if length > max_bytes:
        raise FrameTooLong(f"{length:,} bytes, at most {max_bytes:,} can be sent")
    checksum = zlib.crc32(_CHECKED.pack(kind, length))
    for view in views:
        checksum = zlib.crc32(view, checksum)
    channel.sendall(_HEADER.pack(_MAGIC, kind, checksum, length))
    for view in views:
        channel.sendall(view)


def receive_frame(channel: socket.socket, max_bytes: int) -> Frame | None:
    """The next frame, or None when the other side has closed between frames. Blocks.

    Errors: CutOffFrame, DamagedFrame; a reset connection counts as closed."""
    header = _receive(channel, _HEADER.size)
    if not header:
        return None
    if len(header) < _HEADER.size:
        raise CutOffFrame("cut off inside a header")
    magic, kind, checksum, length = _HEADER.unpack(header)
    if magic != _MAGIC or kind not in FrameKind.__members__.values():
        raise DamagedFrame("not a frame")
    if length > max_bytes:
        raise DamagedFrame(f"a frame of {length:,} bytes, at most {max_bytes:,} are taken")
    payload = _receive(channel, length)
    if len(payload) < length:
        raise CutOffFrame(f"cut off after {len(payload):,} of {length:,} bytes")
    if zlib.crc32(payload, zlib.crc32(_CHECKED.pack(kind, length))) != checksum:
        raise DamagedFrame("the checksum does not match")
    return Frame(FrameKind(kind), payload.toreadonly())


def _receive(channel: socket.socket, length: int) -> memoryview:
    """`length` bytes, or fewer when the other side closed before."""
    buffer = memoryview(bytearray(length))
    received = 0
    while received < length:
        try:
            count = channel.recv_into(buffer[received:])
        except ConnectionResetError:
            break
        if count == 0:
            break
        received += count
    return buffer[:received]
