import httpx
import pytest
from pydantic import SecretStr

from app.boundary.headers import parse_host, parse_origin
from app.boundary.middleware import REQUEST_HEADER, allowed_origins, boundary_middleware
from app.errors import InvalidInput
from tests.app.boundary.live_server import application, settings_of

OWN = "http://127.0.0.1:8000"
FRIEND = "http://localhost:3000"
JSON = "application/json"
FORM = "multipart/form-data; boundary=b"
QUERY = b'{"query": "{ hello }"}'

CONFIGURED = settings_of(cors_origins=(FRIEND,), allowed_hosts=("research.example.org", "*.lan", "exact:81"))
TOKEN = settings_of(api_token=SecretStr("s3cret"))
READS_OPEN = settings_of(api_token=SecretStr("s3cret"), allow_anonymous_reads=True)
RIGHT = {"authorization": "Bearer s3cret"}


async def send(method, path="/graphql", headers=None, settings=CONFIGURED, content=b"", base=OWN):
    transport = httpx.ASGITransport(application(settings))
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        return await client.request(method, path, headers=headers or {}, content=content)


async def handshake(headers, settings=CONFIGURED, path="/graphql", extensions=True):
    """What the application sends first to a WebSocket handshake."""
    sent = []
    scope = {
        "type": "websocket",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "scheme": "ws",
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        "subprotocols": [],
        "server": ("127.0.0.1", 8000),
        "extensions": {"websocket.http.response": {}} if extensions else {},
    }
    messages = iter([{"type": "websocket.connect"}])

    async def receive():
        return next(messages, {"type": "websocket.disconnect", "code": 1000})

    async def collect(message):
        sent.append(message)

    await application(settings)(scope, receive, collect)
    return sent[0]


class TestTrustedHost:
    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1",
            "127.0.0.1:9",
            "localhost:5173",
            "LOCALHOST",
            "[::1]:8000",
            "research.example.org",
            "research.example.org:443",
            "a.b.lan:8000",
            "exact:81",
        ],
    )
    async def test_its_own_names_and_configured_ones_are_answered(self, host):
        assert (await send("GET", "/health", {"host": host})).status_code == 200

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "research.example.org.evil.example",
            "lan",
            "evillan",
            "exact:82",
            "0.0.0.0:8000",
            "169.254.169.254",
            "localhost@evil.example",
            "localhost evil",
            "",
            "localhost:999999",
        ],
    )
    async def test_other_names_are_refused_before_anything_else(self, host):
        response = await send("GET", "/health", {"host": host, "origin": "http://evil.example"})
        assert response.status_code == 400
        assert "FACTORQL_ALLOWED_HOSTS" in response.json()["errors"][0]["extensions"]["hint"]

    async def test_a_repeated_host_is_refused(self):
        response = await send("GET", "/health", [("host", "localhost"), ("host", "evil.example")])
        assert response.status_code == 400

    async def test_websockets_are_refused_too(self):
        refused = await handshake({"host": "evil.example"})
        assert (refused["type"], refused["status"]) == ("websocket.http.response.start", 400)
        assert (await handshake({"host": "evil.example"}, extensions=False))["type"] == "websocket.close"
        assert (await handshake({"host": "localhost:8000"}))["type"] == "websocket.accept"

    @pytest.mark.parametrize("host", ["*", "http://a", "a b", "*.", "a/b"])
    def test_what_is_no_host_is_refused_when_the_guard_is_built(self, host):
        application_middleware = boundary_middleware(settings_of(allowed_hosts=(host,)))[0]
        with pytest.raises(InvalidInput, match="FACTORQL_ALLOWED_HOSTS"):
            application_middleware.cls(None, **application_middleware.kwargs)


class TestCrossSite:
    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            # programs: no Origin
            ({"content-type": JSON}, 200),
            ({"content-type": "application/json; charset=utf-8"}, 200),
            # the server's own page, by any of its names
            ({"content-type": JSON, "origin": OWN}, 200),
            ({"content-type": JSON, "origin": "https://127.0.0.1:8000"}, 200),
            # a configured page
            ({"content-type": JSON, "origin": FRIEND}, 200),
            ({"content-type": JSON, "origin": FRIEND, "sec-fetch-site": "same-site"}, 200),
            # pages of others, whatever else they say
            ({"content-type": JSON, "origin": "http://evil.example"}, 403),
            ({"content-type": JSON, "origin": "http://evil.example", REQUEST_HEADER: "1"}, 403),
            ({"content-type": JSON, "origin": "http://127.0.0.1:8001"}, 403),
            ({"content-type": JSON, "origin": "http://localhost:8000"}, 403),
            ({"content-type": JSON, "origin": "https://localhost:3000"}, 403),
            ({"content-type": JSON, "origin": FRIEND + ".evil.example"}, 403),
            ({"content-type": JSON, "origin": "null"}, 403),
            ({"content-type": JSON, "origin": ""}, 403),
            ({"content-type": JSON, "sec-fetch-site": "cross-site"}, 403),
            ({"content-type": JSON, "sec-fetch-site": "same-site", REQUEST_HEADER: "1"}, 403),
            ({"content-type": JSON, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 403),
            ({"content-type": JSON, "sec-fetch-site": "same-origin"}, 200),
            # what a form could send, without Origin
            ({"content-type": "text/plain"}, 403),
            ({"content-type": "TEXT/PLAIN; a=b"}, 403),
            ({"content-type": "application/x-www-form-urlencoded"}, 403),
            ({"content-type": FORM}, 403),
            ({}, 403),
            # the same with the header, or from an accepted page, reaches the graph, which wants JSON
            ({"content-type": "text/plain", REQUEST_HEADER: "1"}, 415),
            ({"content-type": "text/plain", "origin": OWN}, 415),
            ({"content-type": FORM, REQUEST_HEADER: "1"}, 400),
            ({"content-type": FORM, "origin": FRIEND}, 400),
        ],
    )
    async def test_posts(self, headers, status):
        assert (await send("POST", headers=headers, content=QUERY)).status_code == status

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({}, 200),
            ({"origin": FRIEND}, 200),
            ({"origin": "http://evil.example"}, 403),
            ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
            ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 200),
            ({"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}, 200),
            ({"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}, 200),
        ],
    )
    async def test_gets(self, headers, status):
        assert (await send("GET", "/graphql?query={hello}", headers)).status_code == status

    @pytest.mark.parametrize(
        ("origin", "accepted"),
        [(None, True), (OWN, True), (FRIEND, True), ("http://evil.example", False), ("null", False)],
    )
    async def test_websockets(self, origin, accepted):
        headers = {"host": "127.0.0.1:8000"} | ({"origin": origin} if origin else {})
        first = await handshake(headers)
        assert first["type"] == ("websocket.accept" if accepted else "websocket.http.response.start")
        assert accepted or first["status"] == 403

    async def test_a_repeated_origin_is_refused(self):
        headers = [("origin", OWN), ("origin", "http://evil.example"), ("content-type", JSON)]
        assert (await send("POST", headers=headers, content=QUERY)).status_code == 400

    async def test_a_refusal_says_what_to_do(self):
        response = await send("POST", headers={"content-type": FORM})
        assert REQUEST_HEADER in response.json()["errors"][0]["extensions"]["hint"]

    async def test_a_configured_page_may_read_the_answer_and_ask_with_its_headers(self):
        answer = await send("POST", headers={"content-type": JSON, "origin": FRIEND}, content=QUERY)
        assert answer.headers["access-control-allow-origin"] == FRIEND
        preflight = {
            "origin": FRIEND,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type,authorization,x-factorql-request",
        }
        assert (await send("OPTIONS", headers=preflight)).status_code == 200
        foreign = await send("OPTIONS", headers=preflight | {"origin": "http://evil.example"})
        assert foreign.status_code == 400
        assert "access-control-allow-origin" not in foreign.headers

    @pytest.mark.parametrize(
        "origin", ["*", "null", "localhost:3000", "http://a/path", "ftp://a", "http://u@a"]
    )
    def test_what_is_no_origin_is_refused_at_the_start(self, origin):
        with pytest.raises(InvalidInput, match="FACTORQL_CORS_ORIGINS"):
            allowed_origins([origin])

    def test_origins_are_compared_in_one_spelling(self):
        assert allowed_origins(["HTTPS://Example.ORG:443/"]) == {parse_origin("https://example.org")}
        assert str(parse_origin("https://example.org:443")) == "https://example.org"
        assert parse_origin("http://[::1]:8000").is_at(parse_host("[::1]:8000"))


class TestToken:
    @pytest.mark.parametrize(
        ("method", "path", "headers", "locked", "reads_open"),
        [
            ("GET", "/graphql?query={hello}", {}, 401, 200),
            ("GET", "/graphql?query={hello}", RIGHT, 200, 200),
            ("GET", "/graphql?query={hello}", {"authorization": "Bearer wrong"}, 401, 401),
            ("POST", "/graphql", {"content-type": JSON}, 401, 200),
            ("POST", "/graphql", {"content-type": JSON} | RIGHT, 200, 200),
            ("POST", "/graphql", {"content-type": JSON, "authorization": "Basic s3cret"}, 401, 401),
            ("GET", "/graphql", {"accept": "text/html"}, 200, 200),
            ("GET", "/graphql?query={hello}", {"accept": "text/html"}, 200, 200),
            ("GET", "/graphql?query={hello}", {"accept": "*/*"}, 401, 200),
            ("GET", "/graphql", {"accept": "text/html", "authorization": "Bearer wrong"}, 401, 401),
            ("GET", "/health", {}, 200, 200),
            ("GET", "/private", {}, 401, 200),
            ("POST", "/private", {"content-type": JSON}, 401, 401),
            ("POST", "/health", {"content-type": JSON}, 401, 401),
            ("DELETE", "/private", {}, 401, 401),
        ],
    )
    async def test_who_gets_where(self, method, path, headers, locked, reads_open):
        for settings, status in ((TOKEN, locked), (READS_OPEN, reads_open)):
            response = await send(method, path, headers, settings, content=QUERY)
            assert response.status_code == status
            if status == 401:
                assert response.headers["www-authenticate"].startswith("Bearer")
                assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"

    async def test_a_body_is_not_read_before_the_token_is_checked(self):
        async def body():
            raise AssertionError("the body was read")
            yield b""

        response = await send("POST", headers={"content-type": JSON}, settings=TOKEN, content=body())
        assert response.status_code == 401

    async def test_a_handshake_may_bring_no_token_but_no_wrong_one(self):
        own = {"host": "localhost"}
        assert (await handshake(own, TOKEN))["type"] == "websocket.accept"
        assert (await handshake(own | {"authorization": "Bearer wrong"}, TOKEN))["status"] == 401
        assert (await handshake(own, TOKEN, path="/private"))["status"] == 401

    async def test_without_a_token_only_connections_to_loopback_are_answered(self):
        assert (await send("GET", "/private")).status_code == 200
        headers = {"host": "localhost"}
        refused = await send("GET", "/private", headers, base="http://192.168.1.2:8000")
        assert refused.status_code == 401
        allowed = await send("GET", "/private", headers | RIGHT, TOKEN, base="http://192.168.1.2:8000")
        assert allowed.status_code == 200

    async def test_the_answer_to_an_accepted_page_is_readable_when_it_is_refused(self):
        settings = settings_of(api_token=SecretStr("s3cret"), cors_origins=(FRIEND,))
        response = await send("POST", headers={"content-type": JSON, "origin": FRIEND}, settings=settings)
        assert response.status_code == 401
        assert response.headers["access-control-allow-origin"] == FRIEND
