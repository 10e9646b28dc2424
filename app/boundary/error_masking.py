"""What a client is told of an error: expected ones as they are, all others as an id alone."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from graphql import GraphQLError
from strawberry.schema.exceptions import CannotGetOperationTypeError

from app.errors import FactorQLError, InvalidInput, UnknownAssets
from app.storage import result_damaged, storage_failure
from db.errors import CorruptBlob, StoreUnavailable

logger = logging.getLogger(__name__)

INTERNAL = "INTERNAL"
BAD_USER_INPUT = "BAD_USER_INPUT"
LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
NOT_FOUND = "NOT_FOUND"
UNAUTHENTICATED = "UNAUTHENTICATED"
DATASET_DAMAGED = "DATASET_DAMAGED"
RESULT_DAMAGED = "RESULT_DAMAGED"
BAD_CURSOR = "BAD_CURSOR"

PUBLIC_CODES: Mapping[str, str] = MappingProxyType(
    {
        "ERROR": BAD_USER_INPUT,
        "INVALID_INPUT": BAD_USER_INPUT,
        "INVALID_FILE": BAD_USER_INPUT,
        "MISSING_FIELD": BAD_USER_INPUT,
        "UNKNOWN_ASSETS": BAD_USER_INPUT,
        "TOO_FEW_OBSERVATIONS": BAD_USER_INPUT,
        "UNDEFINED_EXPOSURES": BAD_USER_INPUT,
        "MISSING_RISK": BAD_USER_INPUT,
        "NO_OPTIMAL_PORTFOLIO": BAD_USER_INPUT,
        "CONSULT_FAILED": INTERNAL,
        "RUN_NOT_CANCELABLE": BAD_USER_INPUT,
        "RUN_NOT_DELETABLE": BAD_USER_INPUT,
        "NOT_FOUND": NOT_FOUND,
        "DATASET_NOT_FOUND": NOT_FOUND,
        "RUN_NOT_FOUND": NOT_FOUND,
        "DATASET_UNAVAILABLE": NOT_FOUND,
        "DATASET_DAMAGED": DATASET_DAMAGED,
        "RESULT_DAMAGED": RESULT_DAMAGED,
        "ARTIFACT_UNAVAILABLE": NOT_FOUND,
        "BAD_CURSOR": BAD_CURSOR,
        "QUEUE_FULL": LIMIT_EXCEEDED,
        "LIMIT_EXCEEDED": LIMIT_EXCEEDED,
        "UNAUTHENTICATED": UNAUTHENTICATED,
        "STORAGE_FAILURE": INTERNAL,
        "NO_SPACE": INTERNAL,
        "SERVER_STOPS": INTERNAL,
    }
)
"""The code of an expected error -> its `extensions.code`; a subclass with a code of its own that is not
listed here takes that of the nearest base class that is."""

_FOR_THE_OPERATOR = frozenset({INTERNAL, DATASET_DAMAGED, RESULT_DAMAGED})


def public_code(error: FactorQLError) -> str:
    """The `extensions.code` of an expected error."""
    for cls in type(error).__mro__:
        code = PUBLIC_CODES.get(vars(cls).get("code", ""))
        if code is not None:
            return code
    return INTERNAL


def public_error(error: FactorQLError) -> dict[str, Any]:
    """An expected error in the shape of the GraphQL specification, without place or path."""
    extensions: dict[str, Any] = {"code": public_code(error)}
    if error.hint is not None:
        extensions["hint"] = error.hint
    if isinstance(error, InvalidInput) and error.field_errors:
        extensions["fieldErrors"] = [
            {"path": list(e.path), "code": e.code, "message": e.message} for e in error.field_errors
        ]
    if isinstance(error, UnknownAssets):
        extensions["unknownAssets"] = [{"asset": word, "near": list(near)} for word, near in error.unknown]
    return {"message": str(error), "extensions": extensions}


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
    if isinstance(cause, StoreUnavailable):
        logger.error("%s", cause)
        return public_error(storage_failure(cause))
    if isinstance(cause, CorruptBlob):
        cause = result_damaged(cause)
    if isinstance(cause, FactorQLError):
        if public_code(cause) in _FOR_THE_OPERATOR:
            # The client learns what failed; only the operator can mend it.
            logger.error("%s", cause, exc_info=cause)
        return public_error(cause)
    if isinstance(cause, CannotGetOperationTypeError) or _is_by_the_client(error, innermost, cause):
        return {"message": error.message, "extensions": {"code": BAD_USER_INPUT}}
    code = (innermost.extensions or {}).get("code")
    if cause is None and code in PUBLIC_CODES.values() and code != INTERNAL:
        return {"message": error.message, "extensions": dict(innermost.extensions or {})}
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
