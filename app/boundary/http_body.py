"""Reading a request's body no further than its cap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from app.boundary.refusals import malformed, not_kept, too_large

_LINGER_SECONDS = 0.5
_LINGER_BYTES = 1_000_000


def require_declared_length_within(request: Request, cap: int, what: str) -> None:
    """413 before anything is read, where the client says that its body is too large."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > cap:
        raise too_large(f"{what} is limited to {cap:,} bytes; this one has {declared[:20]}.")


async def stream_body(request: Request, cap: int, what: str) -> AsyncGenerator[bytes]:
    """The body in the pieces it arrives in; 413 as soon as they exceed the cap, whatever was declared."""
    require_declared_length_within(request, cap, what)
    received = 0
    async with aclosing(request.stream()) as stream:
        async for piece in stream:
            received += len(piece)
            if received > cap:
                raise too_large(f"{what} is limited to {cap:,} bytes; this one is longer.")
            yield piece


async def read_body(request: Request, cap: int, what: str) -> bytes:
    """The whole body."""
    pieces = bytearray()
    async with aclosing(stream_body(request, cap, what)) as stream:
        async for piece in stream:
            pieces += piece
    return bytes(pieces)


async def read_multipart(
    request: Request, cap: int, *, max_files: int, max_fields: int, max_field_bytes: int
) -> FormData:
    """The form; files beyond a megabyte are on disk. Close it when done.

    Refused are bodies above `cap` and too many or too large parts (413), what is no form (400), and files
    for which the disk has no room (507); nothing stays open or on disk then.
    """
    async with aclosing(stream_body(request, cap, "An upload")) as stream:
        parser = MultiPartParser(
            request.headers, stream, max_files=max_files, max_fields=max_fields, max_part_size=max_field_bytes
        )
        try:
            return await parser.parse()
        except MultiPartException as error:
            if error.message.startswith(("Too many", "Part exceeded")):
                raise too_large(error.message) from None
            raise malformed(f"The multipart body cannot be read: {error.message}") from None
        except OSError as error:
            raise not_kept(error) from None


async def discard_rest(request: Request) -> None:
    """Read on for a moment after an early answer.

    A connection closed on unread data is reset, and a client still sending would lose the answer.
    """
    with suppress(TimeoutError, ClientDisconnect, RuntimeError):
        async with asyncio.timeout(_LINGER_SECONDS), aclosing(request.stream()) as stream:
            discarded = 0
            async for piece in stream:
                discarded += len(piece)
                if discarded > _LINGER_BYTES:
                    return


async def close_files(form: FormData) -> None:
    for _, value in form.multi_items():
        if isinstance(value, UploadFile):
            await value.close()
