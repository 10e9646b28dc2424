"""Frames arrive whole or not at all."""

from __future__ import annotations

import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.execution.worker.frames import (
    CutOffFrame,
    DamagedFrame,
    FrameKind,
    FrameTooLong,
    receive_frame,
    send_frame,
)

LIMIT = 1 << 24


def as_bytes(*parts: bytes, kind: FrameKind = FrameKind.RESULT) -> bytes:
    sender, receiver = socket.socketpair()
    with sender, receiver:
        send_frame(sender, kind, parts)
        sender.close()
        return receiver.makefile("rb").read()


def received(data: bytes, max_bytes: int = LIMIT):
    sender, receiver = socket.socketpair()
    with sender, receiver:
        sender.sendall(data)
        sender.close()
        return receive_frame(receiver, max_bytes)


@given(st.lists(st.binary(max_size=200), max_size=4), st.sampled_from(FrameKind))
def test_parts_arrive_joined_with_their_kind(parts, kind):
    frame = received(as_bytes(*parts, kind=kind))
    assert frame is not None
    assert (frame.kind, bytes(frame.payload)) == (kind, b"".join(parts))


def test_a_payload_far_larger_than_the_socket_buffer_arrives():
    payload = bytes(range(256)) * 40_000
    sender, receiver = socket.socketpair()
    with sender, receiver:
        sending = threading.Thread(target=send_frame, args=(sender, FrameKind.RESULT, [payload]))
        sending.start()
        frame = receive_frame(receiver, LIMIT)
        sending.join()
    assert frame is not None
    assert frame.payload == payload


def test_frames_follow_each_other_and_a_close_between_them_is_the_end():
    sender, receiver = socket.socketpair()
    with sender, receiver:
        send_frame(sender, FrameKind.PROGRESS, [b"a"])
        send_frame(sender, FrameKind.RESULT, [b"bc"])
        sender.close()
        kinds = [frame.kind for frame in iter(lambda: receive_frame(receiver, LIMIT), None)]
    assert kinds == [FrameKind.PROGRESS, FrameKind.RESULT]


def test_every_cut_is_noticed():
    whole = as_bytes(b"forty-two")
    for length in range(1, len(whole)):
        with pytest.raises(CutOffFrame):
            received(whole[:length])


def test_every_changed_byte_is_noticed():
    whole = as_bytes(b"forty-two")
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 0x01
        with pytest.raises((DamagedFrame, CutOffFrame)):
            received(bytes(damaged))


def test_a_frame_longer_than_the_receiver_takes_is_refused_before_its_payload():
    with pytest.raises(DamagedFrame, match="at most 8"):
        received(as_bytes(b"nine char"), max_bytes=8)


def test_a_frame_longer_than_may_be_sent_is_not_begun():
    sender, receiver = socket.socketpair()
    with sender, receiver:
        with pytest.raises(FrameTooLong, match="at most 8"):
            send_frame(sender, FrameKind.RESULT, [b"12345", b"6789"], max_bytes=8)
        sender.close()
        assert receive_frame(receiver, LIMIT) is None
