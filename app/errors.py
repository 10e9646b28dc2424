"""The expected errors, each declared once: a stable code, a one-line message and often a hint.

Answers of the graph, of REST and of the command are derived from the classes. What only one feature fails
with is declared in that feature's module. Everything else is a fault of the program: logged with an id, shown
as that id alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

BAD_USER_INPUT = "BAD_USER_INPUT"
INTERNAL = "INTERNAL"


class FactorQLError(Exception):
    """Base of the expected errors. `str(error)` is fit for users.

    code: what members of result types show. public_code: the `extensions.code` of a GraphQL error.
    http_status: that of REST. for_operator: logged too, because only the operator can mend it. What a class
    does not say is as its base has it.
    """

    code = "ERROR"
    public_code = BAD_USER_INPUT
    http_status = 400
    for_operator = False

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def details(self) -> Mapping[str, object]:
        """Return the further `extensions` of a GraphQL error."""
        return {}


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one value; `path` leads to it from the input's root, in the caller's spelling."""

    path: tuple[str, ...]
    code: str
    message: str


class InvalidInput(FactorQLError):
    """A value of a client that is out of range or unknown."""

    code = "INVALID_INPUT"

    def __init__(
        self, message: str, field_errors: tuple[FieldError, ...] = (), *, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.field_errors = field_errors

    def details(self) -> Mapping[str, object]:
        told = [{"path": list(e.path), "code": e.code, "message": e.message} for e in self.field_errors]
        return {"fieldErrors": told} if told else {}


class InvalidFile(InvalidInput):
    """A file that cannot be understood as what it is said to be; its field errors are those of lines."""

    code = "INVALID_FILE"


class BadCursor(InvalidInput):
    """A cursor that does not belong to this list, filter and order."""

    code = public_code = "BAD_CURSOR"


class NotFound(FactorQLError):
    code = public_code = "NOT_FOUND"


class DatasetNotFound(NotFound):
    code = "DATASET_NOT_FOUND"


class RunNotFound(NotFound):
    code = "RUN_NOT_FOUND"


class MissingField(FactorQLError):
    """A field of the dataset that is absent and that the factor or a filter needs."""

    code = "MISSING_FIELD"

    def __init__(self, message: str, *, field: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.field = field


class UnknownAsset(NamedTuple):
    """A word that names no asset, and ids and symbols near it."""

    asset: str
    near: tuple[str, ...]


class UnknownAssets(FactorQLError):
    """Words that name no asset of the dataset, in the order asked for."""

    code = "UNKNOWN_ASSETS"

    def __init__(self, message: str, *, unknown: tuple[UnknownAsset, ...], hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.unknown = unknown

    def details(self) -> Mapping[str, object]:
        return {"unknownAssets": [{"asset": one.asset, "near": list(one.near)} for one in self.unknown]}


class RunNotCancelable(FactorQLError):
    """A run that has ended already."""

    code = "RUN_NOT_CANCELABLE"


class RunNotDeletable(FactorQLError):
    """A run that has not ended yet."""

    code = "RUN_NOT_DELETABLE"


class LimitExceeded(FactorQLError):
    """A request or file that is larger than the server allows."""

    code = public_code = "LIMIT_EXCEEDED"


class QueueFull(FactorQLError):
    code = "QUEUE_FULL"
    public_code = LimitExceeded.public_code
    http_status = 503


class Unauthenticated(FactorQLError):
    """A token that is needed and absent or wrong."""

    code = public_code = "UNAUTHENTICATED"


class DatasetUnavailable(FactorQLError):
    """Files of a dataset that cannot be used: they are gone, or of another version."""

    code = "DATASET_UNAVAILABLE"
    public_code = NotFound.public_code


class DatasetDamaged(DatasetUnavailable):
    """Files of a dataset that are not what was written."""

    code = public_code = "DATASET_DAMAGED"
    http_status = 500
    for_operator = True


class ResultDamaged(FactorQLError):
    """A stored series, composition or document of a run that is not what was written."""

    code = public_code = "RESULT_DAMAGED"
    http_status = 500
    for_operator = True


class ResultUnreadable(FactorQLError):
    """A stored series, composition or document of a run that only a newer version can unpack."""

    code = public_code = "RESULT_UNREADABLE"
    http_status = 500
    for_operator = True


class ArtifactUnavailable(FactorQLError):
    """An array that a run keeps as a file and that is gone or damaged."""

    code = "ARTIFACT_UNAVAILABLE"
    public_code = NotFound.public_code


class StorageFailure(FactorQLError):
    """A disk or data directory that cannot be written."""

    code = "STORAGE_FAILURE"
    public_code = INTERNAL
    http_status = 500
    for_operator = True


class NoSpace(StorageFailure):
    """A disk that is full."""

    code = "NO_SPACE"
