"""Expected errors as types of the graph.

A resolver lets the program's errors pass; where its result has the type that `shows` them, that is returned.
Any other error becomes a GraphQL error with a code. A feature declares the types of its own errors beside its
results.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import ClassVar

import strawberry
from strawberry.utils.str_converters import to_camel_case

from app import errors as program
from app.storage.places import told_error
from db.errors import StoreUnavailable
from engine.config import Config, options_of


@strawberry.interface(description="An expected error. Further kinds may be added: keep a default branch.")
class Error:
    shows: ClassVar[tuple[type[Exception], ...]] = ()
    """The program's errors of which a type tells; its fields are theirs."""

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
    shows: ClassVar = (program.InvalidInput,)

    field_errors: list[FieldError] = strawberry.field(description="One entry a faulty value, where known.")


@strawberry.type(description="A file is not what it should be. Nothing of it was kept.")
class InvalidFile(Error):
    shows: ClassVar = (program.InvalidFile,)

    field_errors: list[FieldError] = strawberry.field(description="One entry a fault, where known.")


@strawberry.type(description="There is no such dataset.")
class DatasetNotFound(Error):
    shows: ClassVar = (program.DatasetNotFound,)


@strawberry.type(description="There is no such run.")
class RunNotFound(Error):
    shows: ClassVar = (program.RunNotFound,)


@strawberry.type(description="The dataset lacks a field that the factor or one of its filters needs.")
class MissingField(Error):
    shows: ClassVar = (program.MissingField,)

    field: str = strawberry.field(description="The field that is missing, such as `fees`.")


@strawberry.type(description="A word that names no asset.")
class UnknownAsset:
    asset: str = strawberry.field(description="The word.")
    near: list[str] = strawberry.field(description="Up to 3 ids or symbols of the dataset that are near it.")


@strawberry.type(description="Some words name no asset of the dataset, neither by id nor by symbol.")
class UnknownAssets(Error):
    shows: ClassVar = (program.UnknownAssets,)

    unknown: list[UnknownAsset] = strawberry.field(description="One entry a word.")


@strawberry.type(description="The run has ended already.")
class RunNotCancelable(Error):
    shows: ClassVar = (program.RunNotCancelable,)


@strawberry.type(description="The run has not ended yet: cancel it first.")
class RunNotDeletable(Error):
    shows: ClassVar = (program.RunNotDeletable,)


@strawberry.type(description="As many runs wait as the server allows. Try again when some have finished.")
class QueueFull(Error):
    shows: ClassVar = (program.QueueFull,)


@strawberry.type(description="The request or the file is larger than the server allows.")
class LimitExceeded(Error):
    shows: ClassVar = (program.LimitExceeded,)


@strawberry.type(description="The files of the dataset are gone or damaged.")
class DatasetUnavailable(Error):
    shows: ClassVar = (program.DatasetUnavailable,)


@strawberry.type(description="A file with a part of the run's results is gone or damaged.")
class ArtifactUnavailable(Error):
    shows: ClassVar = (program.ArtifactUnavailable,)


@strawberry.type(description="The server's disk or data directory cannot be written to.")
class StorageFailure(Error):
    shows: ClassVar = (program.StorageFailure, StoreUnavailable)


def exception_handlers() -> tuple[strawberry.ExceptionHandler, ...]:
    """Return what turns errors into the types that show them.

    The most special come first: where a result has no InvalidFile, the file is an InvalidInput."""
    pairs = [(expected, shown) for shown in Error.__subclasses__() for expected in shown.shows]
    return tuple(_handler(*pair) for pair in sorted(pairs, key=lambda pair: -len(pair[0].__mro__)))


def _handler(expected: type[Exception], shown: type[Error]) -> strawberry.ExceptionHandler:
    class Handler(strawberry.ExceptionHandler):
        exception_type = expected
        error_type = shown

        def handle(self, exception: Exception, **_context: object) -> Error:
            told = told_error(exception)
            return shown(**{field.name: getattr(told, field.name) for field in fields(shown)})

    return Handler()


Path = tuple[str, ...]

_SNAKE_WORD = re.compile(r"\b[a-z0-9]+(?:_[a-z0-9]+)+\b")


@contextmanager
def field_errors_at(locate: Callable[[str], Path]) -> Iterator[None]:
    """Inside, faults of the program's options are told in the graph's spelling, at the place in the arguments
    that `locate` gives for an option's (snake_case) name."""
    try:
        yield
    except program.InvalidInput as error:
        # A request may have options beside its config's: their names are where its faults are.
        named = {name for fault in error.field_errors for name in fault.path}
        error.field_errors = tuple(
            program.FieldError(
                (*locate(fault.path[0]), *map(to_camel_case, fault.path[1:])) if fault.path else (),
                fault.code,
                in_graph_spelling(fault.message, named),
            )
            for fault in error.field_errors
        )
        _respell(error, named)
        raise
    except program.MissingField as error:
        _respell(error)
        raise


def invalid_argument(path: Path, code: str, message: str) -> program.InvalidInput:
    """A fault of one argument. `path` is in the graph's spelling."""
    return program.InvalidInput(message, (program.FieldError(path, code, message),))


def _respell(error: program.FactorQLError, named: Collection[str] = ()) -> None:
    error.message = in_graph_spelling(error.message, named)
    error.args = (error.message,)


def in_graph_spelling(message: str, named: Collection[str] = ()) -> str:
    """Return a message of the program with its options, and what else is `named`, as the graph names them."""
    configs: list[type[Config]] = [Config]
    for one in configs:
        configs += one.__subclasses__()
    names = {*named}.union(*map(options_of, configs[1:]))
    return _SNAKE_WORD.sub(lambda word: to_camel_case(word[0]) if word[0] in names else word[0], message)
