"""What the engine refuses: each error is short, typed and carries its facts.

EngineError
├── InvalidConfig        options out of range or unknown; one ConfigFault an option
├── MissingField         the panel lacks a field that the factor or a filter needs
├── NoPeriods            no period had enough assets
├── InfeasibleMaxWeight  a leg is too short for its weight cap
├── ReturnsOverflow      a point of a sweep earned more than double precision holds
└── AllPointsFailed      a sweep has no point that could be computed
"""

from __future__ import annotations

from dataclasses import dataclass


class EngineError(Exception):
    """Base of the errors that a caller can cause. `code` is stable."""

    code = "ENGINE_ERROR"


@dataclass(frozen=True, slots=True)
class ConfigFault:
    """What is wrong with one option of a config, in the config's spelling (snake_case)."""

    option: str
    code: str
    message: str


class InvalidConfig(EngineError):
    code = "INVALID_CONFIG"

    def __init__(self, faults: tuple[ConfigFault, ...]) -> None:
        super().__init__("; ".join(fault.message for fault in faults))
        self.faults = faults


class MissingField(EngineError):
    code = "MISSING_FIELD"

    def __init__(self, field: str, needed_for: str) -> None:
        super().__init__(f"the dataset has no field {field!r}, which {needed_for} needs")
        self.field = field
        self.needed_for = needed_for


class NoPeriods(EngineError):
    code = "NO_PERIODS"

    def __init__(self, max_eligible: int, needed: int, candidate_periods: int) -> None:
        if candidate_periods == 0:
            message = "the dataset has no complete period within the requested dates"
        else:
            message = (
                f"none of {candidate_periods} periods could be formed: at most {max_eligible} assets were "
                f"eligible, {needed} are needed"
            )
        super().__init__(message)
        self.max_eligible = max_eligible
        self.needed = needed
        self.candidate_periods = candidate_periods


class InfeasibleMaxWeight(EngineError):
    code = "INFEASIBLE_MAX_WEIGHT"

    def __init__(self, max_weight: float, leg_size: int, period_end: str) -> None:
        super().__init__(
            f"max_weight {max_weight:g} cannot hold in the period ending {period_end}: a leg of {leg_size} "
            f"assets needs at least {1 / leg_size:.6g}"
        )
        self.max_weight = max_weight
        self.leg_size = leg_size
        self.period_end = period_end


class ReturnsOverflow(EngineError):
    code = "RETURNS_OVERFLOW"

    def __init__(self) -> None:
        super().__init__("the returns exceed double precision: look for faults in the data")


class AllPointsFailed(EngineError):
    code = "ALL_POINTS_FAILED"

    def __init__(self, count: int, most_common: str, times: int) -> None:
        super().__init__(f"none of {count:,} points could be computed; {times:,} of them: {most_common}")
        self.count = count
        self.most_common = most_common
