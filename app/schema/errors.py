"""Expected errors as types of the graph, and the one place that turns the program's errors into them.

A mutation lets the program's errors pass; where its result type has the matching member, that is returned.
Any other error becomes a GraphQL error with a code.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import strawberry
from strawberry.utils.str_converters import to_camel_case

from app import errors as program
from app.execution.adhoc import AdHocFailed
from app.execution.launcher import NoChildProcess
from app.sources import errors as sources
from app.storage import storage_failure
from db.errors import StoreUnavailable
from engine.config import option_names
from engine.factors.registry import FACTORS
from engine.risk.config import RiskModelConfig

log = logging.getLogger(__name__)


@strawberry.interface(description="An expected error. Further kinds may be added: keep a default branch.")
class Error:
    message: str = strawberry.field(description="What went wrong, in one line fit for users.")
    code: str = strawberry.field(description="A stable name of the kind of error, such as `RUN_NOT_FOUND`.")
    hint: str | None = strawberry.field(description="What to do about it, where there is something to do.")


@strawberry.type(description="What is wrong with one value of the input.")
class FieldError:
    path: list[str] = strawberry.field(
        description="Where the value stands, from the arguments down: "
        '`["input", "spec", "momentum", "lookbackPeriods"]`.'
    )
    code: str = strawberry.field(description="A stable name of the fault, such as `OUT_OF_RANGE`.")
    message: str = strawberry.field(description="What is wrong, in one line fit for users.")


@strawberry.type(description="A value is out of range, unknown or of the wrong kind. Nothing was changed.")
class InvalidInput(Error):
    field_errors: list[FieldError] = strawberry.field(description="One entry a faulty value, where known.")


@strawberry.type(description="A file is not what it should be. Nothing of it was kept.")
class InvalidFile(Error):
    field_errors: list[FieldError] = strawberry.field(description="One entry a fault, where known.")


@strawberry.type(description="There is no such dataset.")
class DatasetNotFound(Error):
    pass


@strawberry.type(description="There is no such run.")
class RunNotFound(Error):
    pass


@strawberry.type(description="The dataset lacks a field that the factor or one of its filters needs.")
class MissingField(Error):
    field: str = strawberry.field(description="The field that is missing, such as `fees`.")


@strawberry.type(description="A word that names no asset.")
class UnknownAsset:
    asset: str = strawberry.field(description="The word.")
    near: list[str] = strawberry.field(description="Up to 3 ids or symbols of the dataset that are near it.")


@strawberry.type(description="Some words name no asset of the dataset, neither by id nor by symbol.")
class UnknownAssets(Error):
    unknown: list[UnknownAsset] = strawberry.field(description="One entry a word.")


@strawberry.type(description="Too few weeks have all the returns that are needed.")
class TooFewObservations(Error):
    observations: int = strawberry.field(description="How many weeks have them.")
    needed: int = strawberry.field(description="How many are needed.")


@strawberry.type(description="The returns have no betas: there are enough of them, but they do not allow it.")
class UndefinedExposures(Error):
    reason: str = strawberry.field(description="A stable name of the reason, such as `COLLINEAR_FACTORS`.")


@strawberry.type(description="The risk model has no forecast for assets that are held, or have to be.")
class MissingRisk(Error):
    assets: list[str] = strawberry.field(description="Their ids, in alphabetical order.")


@strawberry.type(description="No portfolio is the best one within the limits, or none was found.")
class NoOptimalPortfolio(Error):
    reason: str = strawberry.field(
        description="A stable name of the reason: `INFEASIBLE_PORTFOLIO`, `UNBOUNDED_PORTFOLIO` or "
        "`SOLVER_FAILURE`."
    )


@strawberry.type(
    description="A computation for this answer ended without one: `code` says why, such as `TIMED_OUT` or "
    "`MISSING_EXTRA`."
)
class ComputationFailed(Error):
    pass


@strawberry.type(description="The run has ended already.")
class RunNotCancelable(Error):
    pass


@strawberry.type(description="The run has not ended yet: cancel it first.")
class RunNotDeletable(Error):
    pass


@strawberry.type(description="As many runs wait as the server allows. Try again when some have finished.")
class QueueFull(Error):
    pass


@strawberry.type(description="The source needs a key that the server does not have.")
class SourceNotConfigured(Error):
    pass


@strawberry.type(description="The request or the file is larger than the server allows.")
class LimitExceeded(Error):
    pass


@strawberry.type(description="The files of the dataset are gone or damaged.")
class DatasetUnavailable(Error):
    pass


@strawberry.type(description="A file with a part of the run's results is gone or damaged.")
class ArtifactUnavailable(Error):
    pass


@strawberry.type(description="The server's disk or data directory cannot be written to.")
class StorageFailure(Error):
    pass


def _handler(expected: type[Exception], shown: type[Error]) -> strawberry.ExceptionHandler:
    class Handler(strawberry.ExceptionHandler):
        exception_type = expected
        error_type = shown

        def handle(self, exception: program.FactorQLError | StoreUnavailable, **_context: object) -> Error:
            if shown is StorageFailure or isinstance(exception, program.DatasetDamaged):
                # The client learns what failed; only the operator can mend it.
                log.error("%s", exception)
            if isinstance(exception, StoreUnavailable):
                exception = storage_failure(exception)
            return _as_type(exception, shown)

    return Handler()


def _as_type(error: program.FactorQLError, shown: type[Error]) -> Error:
    further: dict[str, object] = {}
    if isinstance(error, program.InvalidInput):
        further["field_errors"] = [
            FieldError(path=list(fault.path), code=fault.code, message=fault.message)
            for fault in error.field_errors
        ]
    if isinstance(error, program.MissingField):
        further["field"] = error.field
    if isinstance(error, program.UnknownAssets):
        further["unknown"] = [UnknownAsset(asset=word, near=list(near)) for word, near in error.unknown]
    if isinstance(error, program.TooFewObservations):
        further |= {"observations": error.observations, "needed": error.needed}
    if isinstance(error, program.UndefinedExposures | program.NoOptimalPortfolio):
        further["reason"] = error.reason
    if isinstance(error, program.MissingRisk):
        further["assets"] = list(error.assets)
    return shown(message=error.message, code=error.code, hint=error.hint, **further)


EXCEPTION_HANDLERS = tuple(
    _handler(expected, shown)
    for expected, shown in (
        # The most special first: where a result has no InvalidFile, the file is an InvalidInput.
        (program.InvalidFile, InvalidFile),
        (program.InvalidInput, InvalidInput),
        (program.DatasetNotFound, DatasetNotFound),
        (program.RunNotFound, RunNotFound),
        (program.MissingField, MissingField),
        (program.UnknownAssets, UnknownAssets),
        (program.TooFewObservations, TooFewObservations),
        (program.UndefinedExposures, UndefinedExposures),
        (program.MissingRisk, MissingRisk),
        (program.NoOptimalPortfolio, NoOptimalPortfolio),
        (AdHocFailed, ComputationFailed),
        (NoChildProcess, ComputationFailed),
        (program.RunNotCancelable, RunNotCancelable),
        (program.RunNotDeletable, RunNotDeletable),
        (program.QueueFull, QueueFull),
        (sources.SourceNotConfigured, SourceNotConfigured),
        (program.LimitExceeded, LimitExceeded),
        (program.DatasetUnavailable, DatasetUnavailable),
        (program.ArtifactUnavailable, ArtifactUnavailable),
        (program.StorageFailure, StorageFailure),
        (StoreUnavailable, StorageFailure),
    )
)

Path = tuple[str, ...]

_FURTHER_OPTIONS = {
    "sample_size",
    "min_observations",
    "annual_rate",
    "horizon_days",
    "expected_returns",
    "exposure_limits",
    "max_turnover",
}
_OPTION_NAMES = sorted(
    option_names(RiskModelConfig).union(
        _FURTHER_OPTIONS, *(option_names(factor.config_type) for factor in FACTORS.values())
    )
)
_SNAKE_OPTION = re.compile(rf"\b({'|'.join(name for name in _OPTION_NAMES if '_' in name)})\b")


@contextmanager
def field_errors_at(locate: Callable[[str], Path]) -> Iterator[None]:
    """Inside, faults of the program's options are told in the graph's spelling, at the place in the arguments
    that `locate` gives for an option's (snake_case) name."""
    try:
        yield
    except program.InvalidInput as error:
        error.field_errors = tuple(
            program.FieldError(
                (*locate(fault.path[0]), *map(to_camel_case, fault.path[1:])) if fault.path else (),
                fault.code,
                in_graph_spelling(fault.message),
            )
            for fault in error.field_errors
        )
        _respell(error)
        raise
    except program.MissingField as error:
        _respell(error)
        raise


def invalid_argument(path: Path, code: str, message: str) -> program.InvalidInput:
    """A fault of one argument. `path` is in the graph's spelling."""
    return program.InvalidInput(message, (program.FieldError(path, code, message),))


def _respell(error: program.FactorQLError) -> None:
    error.message = in_graph_spelling(error.message)
    error.args = (error.message,)


def in_graph_spelling(message: str) -> str:
    """A message of the program with its options named as the graph names them."""
    return _SNAKE_OPTION.sub(lambda match: to_camel_case(match[0]), message)
