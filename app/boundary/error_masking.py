"""What a client is told of an error: expected ones as they are, all others as an id alone."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from graphql import GraphQLError
from strawberry.schema.exceptions import CannotGetOperationTypeError

from app.errors import BAD_USER_INPUT, INTERNAL, FactorQLError
from app.storage.places import told_error

logger = logging.getLogger(__name__)


def public_error(error: FactorQLError) -> dict[str, Any]:
    """An expected error in the shape of the GraphQL specification, without place or path."""
    extensions: dict[str, Any] = {"code": error.public_code}
    if error.hint is not None:
        extensions["hint"] = error.hint
    return {"message": str(error), "extensions": extensions | error.details()}


def internal_error(error: BaseException, *, doing: str) -> dict[str, Any]:
    """Log an unexpected error under a new id and return what a client may know of it: that id."""
    error_id = secrets.token_hex(8)
    logger.error("Internal error %s while %s: %s", error_id, doing, error, exc_info=error)
    return {"message": "Internal error", "extensions": {"code": INTERNAL, "errorId": error_id}}


def public_errors(errors: Iterable[GraphQLError]) -> list[dict[str, Any]]:
    """The `errors` of a response.

    Equal unexpected errors of one response (one fault met in every row of a list) share one id and one
    entry in the log.
    """
    seen: dict[tuple[type, str], dict[str, Any]] = {}
    return [_placed(error, _public(error, seen)) for error in errors]


def is_request_error(errors: Iterable[GraphQLError]) -> bool:
    """Whether nothing was executed: only errors met while executing a field have a path."""
    return all(error.path is None for error in errors)


def _public(error: GraphQLError, seen: dict[tuple[type, str], dict[str, Any]]) -> dict[str, Any]:
    innermost, cause = _unwrap(error)
    told = None if cause is None else told_error(cause)
    if told is not None:
        return public_error(told)
    if isinstance(cause, CannotGetOperationTypeError) or _is_by_the_client(error, innermost, cause):
        return {"message": error.message, "extensions": {"code": BAD_USER_INPUT}}
    fault = cause or error
    identity = (type(fault), str(fault))
    if identity not in seen:
        where = ".".join(map(str, error.path)) if error.path else "a request"
        seen[identity] = internal_error(fault, doing=f"resolving {where}")
    return seen[identity]


def _is_by_the_client(error: GraphQLError, innermost: GraphQLError, cause: BaseException | None) -> bool:
    """Syntax, validation, and the coercion of variables and arguments.

    Such errors point at the document. Before execution nothing else does; while a field is executed,
    an argument's error points at it by itself, whereas a value that cannot be serialised gets its place
    only from the executor.
    """
    if error.path is None:
        return cause is None or bool(error.nodes)
    return cause is None and innermost is not error and bool(innermost.nodes)


def _unwrap(error: GraphQLError) -> tuple[GraphQLError, BaseException | None]:
    """The innermost GraphQL error and what caused it, if that was none."""
    innermost: GraphQLError = error
    while isinstance(innermost.original_error, GraphQLError):
        innermost = innermost.original_error
    return innermost, innermost.original_error


def _placed(error: GraphQLError, public: Mapping[str, Any]) -> dict[str, Any]:
    placed: dict[str, Any] = {"message": public["message"]}
    if error.locations:
        placed["locations"] = [location.formatted for location in error.locations]
    if error.path is not None:
        placed["path"] = list(error.path)
    placed["extensions"] = public["extensions"]
    return placed
