"""The program's errors as types of the graph."""

from __future__ import annotations

import inspect

import pytest
import strawberry
from graphql import GraphQLObjectType, GraphQLUnionType

from app import errors as program
from app.execution.adhoc import AdHocFailed
from app.execution.launcher import NoChildProcess
from app.schema.errors import EXCEPTION_HANDLERS, field_errors_at
from app.sources.errors import SourceNotConfigured
from db.errors import StoreUnavailable

SHOWN_IN_QUERIES_ONLY = {
    program.FactorQLError,
    program.NotFound,
    program.Unauthenticated,
    program.ResultDamaged,
}
SHOWN_AS_ITS_BASE = {program.NoSpace, program.DatasetDamaged}
FROM_ELSEWHERE = {StoreUnavailable, SourceNotConfigured, AdHocFailed, NoChildProcess}
OF_ANOTHER_NAME = {
    StoreUnavailable: "StorageFailure",
    AdHocFailed: "ComputationFailed",
    NoChildProcess: "ComputationFailed",
}


def test_every_expected_error_has_a_type() -> None:
    kinds = {
        kind
        for _, kind in inspect.getmembers(program, inspect.isclass)
        if issubclass(kind, program.FactorQLError)
    }
    handled = {handler.exception_type for handler in EXCEPTION_HANDLERS}
    assert handled - FROM_ELSEWHERE == kinds - SHOWN_IN_QUERIES_ONLY - SHOWN_AS_ITS_BASE


def test_types_are_named_like_the_errors() -> None:
    for handler in EXCEPTION_HANDLERS:
        expected = OF_ANOTHER_NAME.get(handler.exception_type, handler.exception_type.__name__)
        assert handler.error_type.__name__ == expected


def test_a_store_that_cannot_be_used_is_a_storage_failure_without_its_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    (handler,) = (one for one in EXCEPTION_HANDLERS if one.exception_type is StoreUnavailable)
    error = StoreUnavailable("the SQLite database /secret/store: database or disk is full", "free some space")
    shown = handler.handle(error)
    assert (shown.code, shown.hint) == ("STORAGE_FAILURE", "free some space")
    assert "/secret" not in shown.message
    assert "/secret" in caplog.text


def test_special_errors_come_before_general_ones() -> None:
    kinds = [handler.exception_type for handler in EXCEPTION_HANDLERS]
    for position, kind in enumerate(kinds):
        assert not any(issubclass(later, kind) for later in kinds[position + 1 :])


def test_every_member_of_a_result_but_the_success_is_an_error(schema: strawberry.Schema) -> None:
    mutation = schema._schema.mutation_type
    assert mutation is not None
    for field in mutation.fields.values():
        union = field.type.of_type
        assert isinstance(union, GraphQLUnionType)
        success, *errors = union.types
        assert success.name.endswith("Success")
        for error in errors:
            assert isinstance(error, GraphQLObjectType)
            assert [interface.name for interface in error.interfaces] == ["Error"]


def test_faults_of_options_are_told_in_the_spelling_of_the_graph() -> None:
    faults = (
        program.FieldError(("lookback_periods",), "OUT_OF_RANGE", "lookback_periods must be from 1 to 12"),
    )
    with (
        pytest.raises(program.InvalidInput) as caught,
        field_errors_at(lambda name: ("input", "spec", name)),
    ):
        raise program.InvalidInput("lookback_periods must be from 1 to 12", faults)
    assert str(caught.value) == caught.value.message == "lookbackPeriods must be from 1 to 12"
    (fault,) = caught.value.field_errors
    assert fault.message == "lookbackPeriods must be from 1 to 12"
    assert fault.path == ("input", "spec", "lookback_periods")


def test_other_names_with_underscores_are_left_alone() -> None:
    with pytest.raises(program.MissingField) as caught, field_errors_at(lambda name: (name,)):
        raise program.MissingField("market_cap, for market_cap_threshold", field="market_cap")
    assert caught.value.message == "market_cap, for marketCapThreshold"
    assert caught.value.field == "market_cap"
