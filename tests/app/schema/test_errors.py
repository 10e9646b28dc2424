"""The program's errors as types of the graph."""

import inspect
from dataclasses import dataclass
from typing import Annotated

import pytest
import strawberry
from graphql import GraphQLObjectType, GraphQLUnionType
from strawberry.utils.str_converters import to_camel_case

from app import errors as program
from app.boundary.error_masking import public_errors
from app.execution.adhoc import AdHocFailed
from app.execution.worker.launcher import NoChildProcess
from app.rest.answers import error_answer
from app.schema.errors import Error, exception_handlers, field_errors_at
from db.errors import StoreUnavailable
from engine.config import Config, option

OF_ANOTHER_NAME = {
    StoreUnavailable: "StorageFailure",
    AdHocFailed: "ComputationFailed",
    NoChildProcess: "ComputationFailed",
}
SHOWN_IN_QUERIES_ONLY = {"Unauthenticated", "ResultDamaged", "ResultUnreadable"}


def test_every_expected_error_has_a_type() -> None:
    untold = {
        kind.__name__
        for _, kind in inspect.getmembers(program, inspect.isclass)
        if issubclass(kind, program.FactorQLError)
        and not kind.__subclasses__()
        and not any(issubclass(kind, handler.exception_type) for handler in exception_handlers())
    }
    assert untold == SHOWN_IN_QUERIES_ONLY


def test_types_are_named_like_the_errors() -> None:
    for handler in exception_handlers():
        expected = OF_ANOTHER_NAME.get(handler.exception_type, handler.exception_type.__name__)
        assert handler.error_type.__name__ == expected


def test_a_store_that_cannot_be_used_is_a_storage_failure_without_its_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    (handler,) = (one for one in exception_handlers() if one.exception_type is StoreUnavailable)
    error = StoreUnavailable("the SQLite database /secret/store: database or disk is full", "free some space")
    shown = handler.handle(error)
    assert (shown.code, shown.hint) == ("STORAGE_FAILURE", "free some space")
    assert "/secret" not in shown.message
    assert "/secret" in caplog.text


def test_special_errors_come_before_general_ones() -> None:
    kinds = [handler.exception_type for handler in exception_handlers()]
    assert kinds.index(program.InvalidFile) < kinds.index(program.InvalidInput)
    for position, kind in enumerate(kinds):
        assert not any(issubclass(later, kind) for later in kinds[position + 1 :])


def test_a_feature_declares_an_error_and_its_type_and_nothing_else() -> None:
    class MarketClosed(program.FactorQLError):
        code = "MARKET_CLOSED"
        public_code = program.NotFound.public_code
        http_status = 409

        def __init__(self, message: str, *, opens: int) -> None:
            super().__init__(message, hint="come back later")
            self.opens = opens

    class HolidayToday(MarketClosed):
        code = "HOLIDAY_TODAY"

    @strawberry.type
    class ShownMarketClosed(Error):
        shows = (MarketClosed,)

        opens: int

    @strawberry.type
    class Order:
        number: int

    Result = Annotated[Order | ShownMarketClosed, strawberry.union("OrderResult")]

    @strawberry.type
    class Query:
        @strawberry.field
        def order(self) -> Result:  # type: ignore[valid-type]
            raise HolidayToday("the market is closed", opens=9)

        @strawberry.field
        def price(self) -> int:
            raise HolidayToday("the market is closed", opens=9)

    schema = strawberry.Schema(Query, exception_handlers=exception_handlers())
    members = "{ order { ... on ShownMarketClosed { code message hint opens } } }"
    assert schema.execute_sync(members).data == {
        "order": {
            "code": "HOLIDAY_TODAY",
            "message": "the market is closed",
            "hint": "come back later",
            "opens": 9,
        }
    }
    (told,) = public_errors(schema.execute_sync("{ price }").errors)
    assert told["extensions"] == {"code": "NOT_FOUND", "hint": "come back later"}
    answer = error_answer(HolidayToday("the market is closed", opens=9))
    assert (answer.status_code, answer.body) == (409, b'{"detail":"the market is closed (come back later)"}')


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


def test_options_of_a_request_and_of_any_config_are_respelled() -> None:
    @dataclass(frozen=True, slots=True)
    class StrategyConfig(Config):
        stop_loss: float = option(0.1, 0.0, 1.0, "Where it is left")

    fault = program.FieldError(("paper_money",), "TOO_LITTLE", "paper_money is below stop_loss * max_loss")
    with pytest.raises(program.InvalidInput) as caught, field_errors_at(lambda name: (to_camel_case(name),)):
        raise program.InvalidInput(fault.message, (fault,))
    assert caught.value.message == "paperMoney is below stopLoss * max_loss"
    assert caught.value.field_errors[0].path == ("paperMoney",)


def test_other_names_with_underscores_are_left_alone() -> None:
    with pytest.raises(program.MissingField) as caught, field_errors_at(lambda name: (name,)):
        raise program.MissingField("market_cap, for market_cap_threshold", field="market_cap")
    assert caught.value.message == "market_cap, for marketCapThreshold"
    assert caught.value.field == "market_cap"
