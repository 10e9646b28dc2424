"""The expected errors: each has a stable code, a one-line message and, where one exists, a hint.

FactorQLError
├── InvalidInput           a client's value is out of range or unknown; carries field errors
│   └── InvalidFile        a file cannot be understood as what it is said to be; carries line faults
├── NotFound
│   ├── DatasetNotFound
│   └── RunNotFound
├── MissingField           the dataset lacks a field that the factor or a filter needs
├── UnknownAssets          words that name no asset of the dataset; carries what is near
├── TooFewObservations     too few weeks have all the returns that a regression needs
├── UndefinedExposures     the returns have no betas, such as those of collinear factors
├── MissingRisk            a risk model has no forecast for assets that are held; carries them
├── NoOptimalPortfolio     no portfolio is best within the limits, or none was found
├── RunNotCancelable       the run has ended already
├── RunNotDeletable        the run has not ended yet
├── QueueFull              too many runs wait already
├── LimitExceeded          a request or file is larger than the server allows
├── Unauthenticated        a token is needed and absent or wrong
├── DatasetUnavailable     a dataset's files cannot be used: they are gone, or of another version
│   └── DatasetDamaged     they are not what was written
├── ResultDamaged          a stored series, composition or document of a run is not what was written
├── ArtifactUnavailable    an array that a run keeps as a file is gone or damaged
├── StorageFailure         the disk or data directory cannot be written
│   └── NoSpace            it is full
├── SourceError            what a fetch fails with; has kinds of its own (app.sources.errors)
├── AdHocFailed          a computation for a reader ended without an answer (app.execution.adhoc)
├── RunNotOver             a run goes on beyond the time that a caller waits (app.services.awaited)
├── RunFailed              a run whose result is waited for has none (app.services.awaited)
├── UnsafeBind             a server would listen beyond this machine without a token (app.boundary.access)
└── NoChildProcess         no process can be had for a computation (app.execution.launcher)

Everything else is a fault of the program: logged with an id, shown as that id alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one value; `path` leads to it from the input's root, in the caller's spelling."""

    path: tuple[str, ...]
    code: str
    message: str


class FactorQLError(Exception):
    """Base of the expected errors. `str(error)` is fit for users."""

    code = "ERROR"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InvalidInput(FactorQLError):
    code = "INVALID_INPUT"

    def __init__(
        self, message: str, field_errors: tuple[FieldError, ...] = (), *, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.field_errors = field_errors


class InvalidFile(InvalidInput):
    code = "INVALID_FILE"


class NotFound(FactorQLError):
    code = "NOT_FOUND"


class DatasetNotFound(NotFound):
    code = "DATASET_NOT_FOUND"


class RunNotFound(NotFound):
    code = "RUN_NOT_FOUND"


class MissingField(FactorQLError):
    code = "MISSING_FIELD"

    def __init__(self, message: str, *, field: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.field = field


class UnknownAssets(FactorQLError):
    """`unknown`: (word, ids and symbols near it) in the order asked for."""

    code = "UNKNOWN_ASSETS"

    def __init__(
        self, message: str, *, unknown: tuple[tuple[str, tuple[str, ...]], ...], hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.unknown = unknown


class TooFewObservations(FactorQLError):
    code = "TOO_FEW_OBSERVATIONS"

    def __init__(self, message: str, *, observations: int, needed: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.observations = observations
        self.needed = needed


class UndefinedExposures(FactorQLError):
    """`reason`: a stable name, such as `COLLINEAR_FACTORS`."""

    code = "UNDEFINED_EXPOSURES"

    def __init__(self, message: str, *, reason: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class MissingRisk(FactorQLError):
    """`assets`: their ids, in the dataset's order."""

    code = "MISSING_RISK"

    def __init__(self, message: str, *, assets: tuple[str, ...], hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.assets = assets


class NoOptimalPortfolio(FactorQLError):
    """`reason`: a stable name: `INFEASIBLE_PORTFOLIO`, `UNBOUNDED_PORTFOLIO` or `SOLVER_FAILURE`."""

    code = "NO_OPTIMAL_PORTFOLIO"

    def __init__(self, message: str, *, reason: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class RunNotCancelable(FactorQLError):
    code = "RUN_NOT_CANCELABLE"


class RunNotDeletable(FactorQLError):
    code = "RUN_NOT_DELETABLE"


class QueueFull(FactorQLError):
    code = "QUEUE_FULL"


class LimitExceeded(FactorQLError):
    code = "LIMIT_EXCEEDED"


class Unauthenticated(FactorQLError):
    code = "UNAUTHENTICATED"


class DatasetUnavailable(FactorQLError):
    code = "DATASET_UNAVAILABLE"


class DatasetDamaged(DatasetUnavailable):
    code = "DATASET_DAMAGED"


class ResultDamaged(FactorQLError):
    code = "RESULT_DAMAGED"


class ArtifactUnavailable(FactorQLError):
    code = "ARTIFACT_UNAVAILABLE"


class StorageFailure(FactorQLError):
    code = "STORAGE_FAILURE"


class NoSpace(StorageFailure):
    code = "NO_SPACE"
