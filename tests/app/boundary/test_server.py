"""Over real sockets: what is read of a request, and what is not."""

import json
import socket
import time

import pytest

from app.boundary.server import MAX_HEADER_BYTES, uvicorn_options
from app.boundary.transport_ws import SocketLimits
from tests.app.boundary.live_server import live_server, settings_of

HEAD = b"POST /graphql HTTP/1.1\r\nhost: localhost\r\nx-factorql-request: 1\r\n"
JSON = b"content-type: application/json\r\n"
FORM = b"content-type: multipart/form-data; boundary=b\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"
FAR_LESS = 20_000_000
"""Of 100 MB: room for what both ends' kernels take in before a busy server looks at it."""
PART = b'--b\r\nContent-Disposition: form-data; name="0"; filename="a.csv"\r\n\r\n'


@pytest.fixture(scope="module")
def server():
    with live_server(settings_of(max_json_bytes=10_000, max_upload_bytes=1_000_000)) as running:
        yield running


class Client:
    """A raw connection that stops sending when it is answered."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        self.sent = 0

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.socket.close()

    def send(self, data: bytes) -> bool:
        """Whether the server may still want more."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        self.sent += len(data)
        self.socket.setblocking(False)
        try:
            return len(self.socket.recv(1, socket.MSG_PEEK)) == 0
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False
        finally:
            self.socket.settimeout(10)

    def send_endlessly(self, first: bytes, total: int, *, chunked: bool) -> None:
        piece = b"x" * 50_000
        data = first
        while self.sent < total and self.send(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data):
            data = piece

    def answer(self) -> tuple[int, dict, dict]:
        received = b""
        while b"\r\n\r\n" not in received:
            data = self.socket.recv(65_536)
            assert data, "closed without an answer"
            received += data
        head, _, body = received.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        while len(body) < int(headers["content-length"]):
            body += self.socket.recv(65_536)
        is_json = headers["content-type"].startswith("application/json")
        return int(status.split()[1]), headers, json.loads(body) if is_json else {}


@pytest.mark.parametrize(
    ("content_type", "cap"), [(JSON, "10,000"), (FORM, "1,000,000")], ids=["json", "multipart"]
)
def test_a_body_declared_too_large_is_refused_before_any_of_it_is_sent(server, content_type, cap):
    with Client(server) as client:
        client.send(HEAD + content_type + b"content-length: 100000000\r\nexpect: 100-continue\r\n\r\n")
        status, headers, body = client.answer()
    assert (status, headers["connection"]) == (413, "close")
    assert body["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert f"limited to {cap} bytes; this one has 100000000" in body["errors"][0]["message"]


@pytest.mark.parametrize(
    ("content_type", "first"), [(JSON, b'{"query": "'), (FORM, PART)], ids=["json", "multipart"]
)
def test_a_body_of_unknown_length_is_cut_at_the_cap(server, content_type, first):
    with Client(server) as client:
        client.send(HEAD + content_type + CHUNKED + b"\r\n")
        client.send_endlessly(first, 100_000_000, chunked=True)
        status, headers, _ = client.answer()
    assert (status, headers["connection"]) == (413, "close")
    assert client.sent < FAR_LESS


def test_a_hundred_megabytes_are_refused_quickly_without_being_read(server):
    with Client(server) as client:
        client.send(HEAD + FORM + b"content-length: 100000000\r\n\r\n")
        client.send_endlessly(PART, 100_000_000, chunked=False)
        status, _, _ = client.answer()
    assert status == 413
    assert client.sent < FAR_LESS


def test_a_client_that_sends_on_before_it_reads_still_gets_its_answer(server):
    with Client(server) as client:
        client.socket.sendall(HEAD + JSON + b"content-length: 400000\r\n\r\n")
        for _ in range(8):
            client.socket.sendall(b"x" * 50_000)
            time.sleep(0.01)
        assert client.answer()[0] == 413


def test_a_body_longer_than_declared_is_read_as_far_as_declared(server):
    with Client(server) as client:
        client.send(HEAD + JSON + b'content-length: 20\r\n\r\n{"query": "{ hello }"' + b" " * 100_000)
        assert client.answer()[0] == 400


def test_a_body_shorter_than_declared_leaves_nothing_behind(server):
    with Client(server) as client:
        client.send(HEAD + FORM + b"content-length: 900000\r\n\r\n" + PART + b"x" * 1_000)
    with Client(server) as client:
        client.send(HEAD + JSON + b'content-length: 22\r\n\r\n{"query": "{ hello }"}')
        assert client.answer()[2] == {"data": {"hello": "hello world"}}


def test_an_ordinary_upload_arrives(server):
    operations = {"query": 'mutation ($f: Upload!) { ingest(file: $f, name: "d") }', "variables": {"f": None}}
    fields = {"operations": json.dumps(operations), "map": '{"0": ["variables.f"]}'}
    body = b"".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    )
    body += PART + b"x" * 900_000 + b"\r\n--b--\r\n"
    with Client(server) as client:
        client.send(HEAD + FORM + b"content-length: %d\r\n\r\n" % len(body) + body)
        assert client.answer()[2] == {"data": {"ingest": "d:a.csv:900000"}}


@pytest.mark.parametrize("unit", [b"x-a: " + b"y" * 1_000 + b"\r\n", b"y" * 1_000], ids=["many", "one"])
def test_endless_headers_are_cut(server, unit):
    with Client(server) as client:
        client.send(b"GET /graphql HTTP/1.1\r\nhost: localhost\r\nx-long: ")
        client.send(b"\r\n" if unit.endswith(b"\n") else b"y")
        while client.sent < 10 * MAX_HEADER_BYTES and client.send(unit):
            time.sleep(0.0005)
        status, _, _ = client.answer()
    assert status == 400
    assert client.sent < 5 * MAX_HEADER_BYTES


def test_requests_on_one_connection_each_have_their_own_header_allowance(server):
    with Client(server) as client:
        for _ in range(3):
            client.send(b"GET /health HTTP/1.1\r\nhost: localhost\r\nx-a: " + b"y" * 30_000 + b"\r\n\r\n")
            assert client.answer()[0] == 200


def test_the_options_carry_the_settings_and_limits():
    options = uvicorn_options(settings_of(host="::1", port=81), SocketLimits(message_bytes=1_000))
    assert (options["host"], options["port"], options["ws_max_size"]) == ("::1", 81, 1_000)
    assert options["proxy_headers"] is False
