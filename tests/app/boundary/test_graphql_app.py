import json
import logging

import httpx
import pytest
from graphql import parse
from pydantic import SecretStr

from app.boundary import guarded_schema
from app.boundary.cost_rules import CostLimits
from app.boundary.error_masking import public_error
from app.boundary.graphql_app import FactorQLApp
from app.errors import InvalidFile, StorageFailure, UnknownAsset, UnknownAssets
from tests.app.boundary.live_server import application, page, settings_of
from tests.app.boundary.sample_schema import JOURNAL, build_sample_schema


def client_of(app=None):
    transport = httpx.ASGITransport(app or application())
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


async def ask(query, app=None, headers=None, accept="application/json", **parameters):
    async with client_of(app) as client:
        return await client.post(
            "/graphql", json={"query": query} | parameters, headers={"accept": accept} | (headers or {})
        )


def bare_app(**options):
    settings = options.pop("settings", settings_of())
    factory = options.pop("context_factory", lambda connection: object())
    return FactorQLApp(build_sample_schema(), settings, factory, **options)


class TestErrors:
    @pytest.mark.parametrize(
        ("field", "code", "message"),
        [
            ("missing", "NOT_FOUND", "There is no run 7."),
            ("invalid", "BAD_USER_INPUT", "The breakpoint is out of range."),
            ("full", "LIMIT_EXCEEDED", "Too many runs wait."),
        ],
    )
    async def test_expected_errors_keep_their_message_and_get_a_code(self, field, code, message, caplog):
        (error,) = (await ask(f"{{ {field} }}")).json()["errors"]
        assert (error["message"], error["extensions"]["code"], error["path"]) == (message, code, [field])
        assert caplog.records == []

    async def test_a_hint_goes_along(self):
        (error,) = (await ask("{ missing }")).json()["errors"]
        assert error["extensions"]["hint"] == "List them with factorRuns."

    async def test_unexpected_errors_are_an_id_that_the_log_has_with_the_cause(self, caplog):
        response = await ask("{ hello broken }")
        (error,) = response.json()["errors"]
        assert error["message"] == "Internal error"
        assert error["extensions"] == {"code": "INTERNAL", "errorId": error["extensions"]["errorId"]}
        assert "shadow" not in response.text
        (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
        assert error["extensions"]["errorId"] in record.getMessage()
        assert isinstance(record.exc_info[1], ValueError)

    async def test_a_failure_of_the_machine_is_told_and_logged(self, caplog):
        (error,) = (await ask("{ diskFull }")).json()["errors"]
        assert (error["message"], error["extensions"]) == ("The disk is full.", {"code": "INTERNAL"})
        assert "The disk is full." in caplog.text

    async def test_one_fault_in_every_row_is_one_id_and_one_record(self, caplog):
        fields = " ".join(f"b{i}: broken" for i in range(20))
        errors = (await ask(f"{{ {fields} }}")).json()["errors"]
        assert len(errors) == 20
        assert len({e["extensions"]["errorId"] for e in errors}) == 1
        assert len(caplog.records) == 1

    async def test_an_argument_of_the_wrong_kind_met_while_executing_is_the_clients(self):
        query = "query ($n: Int) { factorRuns(first: $n) { edges { node { id } } } }"
        (error,) = (await ask(query, variables={"n": None})).json()["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"

    async def test_a_fault_before_execution_is_500(self, caplog):
        def broken_factory(connection):
            raise ValueError("secret path /etc/shadow")

        for accept in ("application/json", "application/graphql-response+json"):
            app = bare_app(context_factory=broken_factory)
            response = await ask("{ hello }", app, accept=accept)
            assert response.status_code == 500
            assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
            assert "shadow" not in response.text

    def test_an_error_of_a_feature_has_the_public_code_of_its_base(self):
        class Unlisted(InvalidFile):
            code = "UNLISTED"

        assert public_error(Unlisted(""))["extensions"]["code"] == "BAD_USER_INPUT"
        assert public_error(StorageFailure("The disk is full."))["extensions"]["code"] == "INTERNAL"

    def test_unknown_assets_are_told_with_what_is_near(self):
        error = UnknownAssets("unknown asset: 'btcc'", unknown=(UnknownAsset("btcc", ("btc",)),))
        assert public_error(error) == {
            "message": "unknown asset: 'btcc'",
            "extensions": {
                "code": "BAD_USER_INPUT",
                "unknownAssets": [{"asset": "btcc", "near": ["btc"]}],
            },
        }


class TestEncoding:
    async def test_a_float_that_is_not_finite_is_an_error_of_its_field_alone(self, caplog):
        response = await ask("{ hello notFinite }")
        assert response.json()["data"] == {"hello": "hello world", "notFinite": None}
        assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"

    async def test_one_inside_a_custom_scalar_is_null(self):
        assert (await ask('{ opaque(kind: "nan") }')).json() == {"data": {"opaque": None}}

    @pytest.mark.parametrize("kind", ["huge", "object"])
    async def test_what_json_cannot_hold_is_a_500_with_an_id(self, kind, caplog):
        response = await ask(f'{{ opaque(kind: "{kind}") }}')
        assert response.status_code == 500
        assert response.json()["errors"][0]["extensions"]["errorId"] in caplog.text


class TestLimits:
    @pytest.mark.parametrize(
        "query",
        [
            "{ factorRuns(first: 101) { edges { node { id } } } }",
            "{" + " ".join(f"a{i}: hello" for i in range(2_000)) + "}",
            "{ hello " + "# " * 60_000 + "\n}",
            "{ hello(name: " + "[" * 5_000 + "]" * 5_000 + ") }",
            "{a" * 3_000,
        ],
    )
    async def test_a_request_above_a_limit_is_not_executed(self, query):
        newer = await ask(query, accept="application/graphql-response+json")
        assert newer.status_code == 400
        assert newer.json()["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
        assert "data" not in newer.json()
        assert (await ask(query)).status_code == 200

    async def test_variables_are_looked_at_every_time_also_for_a_document_that_is_kept(self):
        app = application()
        query = "query ($n: Int!) { factorRuns(first: $n) { edges { node { id } } } }"
        assert "data" in (await ask(query, app, variables={"n": 1})).json()
        refused = (await ask(query, app, variables={"n": 101})).json()
        assert refused["errors"][0]["message"].endswith("101 was asked for.")
        assert "data" in (await ask(query, app, variables={"n": 1})).json()

    async def test_introspection_as_graphiql_does_it_passes(self):
        from graphql import get_introspection_query

        response = await ask(get_introspection_query(one_of=True, schema_description=True))
        assert response.json()["data"]["__schema"]["queryType"]["name"] == "Query"


class TestKeptDocuments:
    async def test_a_document_is_parsed_validated_and_measured_once(self, monkeypatch):
        calls = {"parse": 0, "validate": 0, "measure": 0}

        def counting(name, function):
            def call(*args, **kwargs):
                calls[name] += 1
                return function(*args, **kwargs)

            return call

        import strawberry.schema.schema as strawberry_schema

        app = bare_app()
        monkeypatch.setattr(guarded_schema, "parse", counting("parse", parse))
        monkeypatch.setattr(
            strawberry_schema, "validate_document", counting("validate", strawberry_schema.validate_document)
        )
        guard = app.schema.extensions[0].__self__
        monkeypatch.setattr(guard.meter, "check", counting("measure", guard.meter.check))
        for _ in range(3):
            assert (await ask("{ hello }", app)).json() == {"data": {"hello": "hello world"}}
            assert "errors" in (await ask("{ nothing }", app)).json()
        assert calls == {"parse": 2, "validate": 2, "measure": 2}

    async def test_they_are_bounded_in_number_and_size(self):
        app = bare_app()
        guard = app.schema.extensions[0].__self__
        for i in range(guarded_schema._KEPT_DOCUMENTS + 20):
            guard.prepare(f"{{ a{i}: hello }}")
        guard.prepare("{ hello " + " " * guarded_schema._KEPT_CHARACTERS + "}")
        assert len(guard.kept) == guarded_schema._KEPT_DOCUMENTS
        assert max(map(len, guard.kept)) < 100

    def test_the_schema_that_was_given_stays_as_it_was(self):
        schema = build_sample_schema()
        bare_app(cost_limits=CostLimits(depth=1))
        assert schema.extensions == ()
        assert schema.execute_sync("{ factors { name } }").data == {"factors": [{"name": "SMB"}]}


class TestOperations:
    async def test_every_operation_has_a_context_of_its_own(self):
        app = bare_app(context_factory=lambda connection: [connection.headers["x-mark"]])
        JOURNAL.contexts.clear()
        for mark in "ab":
            await ask("{ context }", app, {"x-mark": mark})
        assert JOURNAL.contexts == [["a"], ["b"]]

    @pytest.mark.parametrize("method", ["GET", "POST"])
    async def test_without_the_token_mutations_never_run_even_where_reads_are_open(self, method):
        settings = settings_of(api_token=SecretStr("s3cret"), allow_anonymous_reads=True)
        JOURNAL.mutations = 0
        document = "query Q { hello } mutation M { touch }"
        async with client_of(application(settings)) as client:
            for name, expected in (("Q", 200), ("M", 401)):
                if method == "GET":
                    response = await client.get("/graphql", params={"query": document, "operationName": name})
                else:
                    body = {"query": document, "operationName": name}
                    response = await client.post("/graphql", json=body)
                assert response.status_code == expected
        assert response.headers["www-authenticate"].startswith("Bearer")
        assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert JOURNAL.mutations == 0

    async def test_with_the_token_they_run(self):
        settings = settings_of(api_token=SecretStr("s3cret"), allow_anonymous_reads=True)
        response = await ask("mutation { touch }", application(settings), {"authorization": "Bearer s3cret"})
        assert "errors" not in response.json()

    async def test_the_app_refuses_by_itself_what_the_middleware_would(self):
        app = bare_app(settings=settings_of(api_token=SecretStr("s3cret")), render_page=page)
        assert (await ask("{ hello }", app)).status_code == 401
        assert (await ask("{ hello }", app, {"authorization": "Bearer wrong"})).status_code == 401
        assert (await ask("{ hello }", app, {"authorization": "Bearer s3cret"})).status_code == 200
        async with client_of(app) as client:
            assert (await client.get("/graphql", headers={"accept": "text/html"})).status_code == 200


def form(operations, places, **files):
    parts = {name: (f"{name}.csv", content, "text/csv") for name, content in files.items()}
    data = {"operations": json.dumps(operations), "map": json.dumps(places)}
    return {"data": data, "files": parts}


INGEST = 'mutation ($file: Upload!) { ingest(file: $file, name: "d") }'
IMPORT = "mutation ($files: [Upload!]!) { importLogs(files: $files) }"


class TestUploads:
    async def upload(self, app=None, **request):
        async with client_of(app) as client:
            return await client.post("/graphql", headers={"x-factorql-request": "1"}, **request)

    async def test_one_file(self):
        operations = {"query": INGEST, "variables": {"file": None}}
        response = await self.upload(**form(operations, {"0": ["variables.file"]}, **{"0": b"a,b"}))
        assert response.json() == {"data": {"ingest": "d:0.csv:3"}}

    async def test_a_list_of_files(self):
        operations = {"query": IMPORT, "variables": {"files": [None, None]}}
        places = {"x": ["variables.files.1"], "y": ["variables.files.0"]}
        response = await self.upload(**form(operations, places, x=b"1", y=b"22"))
        assert response.json() == {"data": {"importLogs": ["y.csv:2", "x.csv:1"]}}

    async def test_a_large_file_comes_whole_and_its_temporary_file_is_closed(self, monkeypatch):
        closed = []
        from starlette.datastructures import UploadFile

        original = UploadFile.close

        async def close(self):
            await original(self)
            closed.append(self.filename)

        monkeypatch.setattr(UploadFile, "close", close)
        operations = {"query": INGEST, "variables": {"file": None}}
        content = b"x" * 3_000_000
        response = await self.upload(**form(operations, {"0": ["variables.file"]}, **{"0": content}))
        assert response.json() == {"data": {"ingest": "d:0.csv:3000000"}}
        assert closed == ["0.csv"]

    @pytest.mark.parametrize(
        ("operations", "places"),
        [
            ({"query": INGEST, "variables": {"file": None}}, {"1": ["variables.file"]}),
            ({"query": INGEST, "variables": {"file": None}}, {"0": ["variables.other"]}),
            ({"query": INGEST, "variables": {"file": "x"}}, {"0": ["variables.file"]}),
            ({"query": INGEST, "variables": {"file": None}}, {"0": ["query"]}),
            ({"query": INGEST, "variables": {"file": None}}, {"0": ["variables"]}),
            ({"query": INGEST, "variables": {"file": None}}, {"0": ["variables.file.name"]}),
            ({"query": INGEST, "variables": {"file": None}}, {"0": "variables.file"}),
            ({"query": INGEST, "variables": {"file": None}}, {"0": [7]}),
            ({"query": INGEST, "variables": {"file": None}}, ["variables.file"]),
            ({"query": INGEST, "variables": {"file": None}}, {"operations": ["variables.file"]}),
            ({"query": IMPORT, "variables": {"files": [None]}}, {"0": ["variables.files.1"]}),
            ({"query": IMPORT, "variables": {"files": [None]}}, {"0": ["variables.files.-1"]}),
            ({"query": IMPORT, "variables": {"files": [None]}}, {"0": ["variables.files.x"]}),
            ([{"query": INGEST, "variables": {"file": None}}], {"0": ["0.variables.file"]}),
            ("{ hello }", {}),
        ],
    )
    async def test_a_map_that_does_not_fit_is_400(self, operations, places):
        response = await self.upload(**form(operations, places, **{"0": b"a"}))
        assert response.status_code == 400

    async def test_too_many_files_are_413(self):
        settings = settings_of(max_upload_files=2)
        operations = {"query": IMPORT, "variables": {"files": [None] * 3}}
        places = {f"f{i}": [f"variables.files.{i}"] for i in range(3)}
        files = {f"f{i}": b"x" for i in range(3)}
        response = await self.upload(application(settings), **form(operations, places, **files))
        assert response.status_code == 413
        assert response.json()["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"

    @pytest.mark.parametrize(("length", "status"), [(1_000, 200), (1_001, 413)])
    async def test_a_body_of_unknown_length_is_cut_at_the_byte(self, length, status):
        async def parts():
            yield b'{"query": "{ __typename }"'
            yield b"}".rjust(length - 26)

        async with client_of(application(settings_of(max_json_bytes=1_000))) as client:
            headers = {"content-type": "application/json"}
            response = await client.post("/graphql", headers=headers, content=parts())
        assert response.status_code == status, response.text

    async def test_a_form_field_above_the_json_cap_is_413(self):
        settings = settings_of(max_json_bytes=1_000)
        operations = {"query": INGEST + " " * 1_000, "variables": {"file": None}}
        request = form(operations, {"0": ["variables.file"]}, **{"0": b"x"})
        assert (await self.upload(application(settings), **request)).status_code == 413

    @pytest.mark.parametrize(
        ("content_type", "content"),
        [
            ("multipart/form-data", b"x"),
            ("multipart/form-data; boundary=b", b"no boundary at all"),
            ("multipart/form-data; boundary=b", b"--b\r\nnonsense\r\n\r\nx\r\n--b--\r\n"),
            (
                "multipart/form-data; boundary=b",
                b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
            ),
            ("multipart/form-data; boundary=b", b"--b--\r\n"),
        ],
    )
    async def test_a_body_that_is_no_form_is_400(self, content_type, content):
        async with client_of() as client:
            headers = {"content-type": content_type, "x-factorql-request": "1"}
            assert (await client.post("/graphql", headers=headers, content=content)).status_code == 400
