"""What the engine refuses: each error is short, typed and carries its facts.

EngineError
├── InvalidConfig        options out of range or unknown; one ConfigFault an option
├── MissingField         the panel lacks a field that the factor or a filter needs
├── NoPeriods            no period had enough assets
├── InfeasibleMaxWeight  a leg is too short for its weight cap
├── ReturnsOverflow      returns are more than double precision holds
├── TooFewObservations   too few weeks have all the returns that a regression needs
├── CollinearFactors     a factor is constant, or a combination of the other factors
├── TotalLoss            a return of -100 % or less has no logarithm
├── NoPeriodsAsOf        a result has no period that ended by a date
├── AllPointsFailed      a sweep has no point that could be computed
├── TooFewReturns        a risk model has too few factor returns for a forecast
├── MissingRisk          assets are held whose risk the model does not forecast
├── InfeasiblePortfolio  no portfolio is within the limits
├── UnboundedPortfolio   a portfolio could always be better: the limits do not hold it
├── SolverFailure        the solver found neither an optimum nor that there is none
└── MissingExtra         an optional library is not installed
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


class TooFewObservations(EngineError):
    """`limited_by`: whose returns are the fewest, in words; None where that is not known."""

    code = "TOO_FEW_OBSERVATIONS"

    def __init__(self, observations: int, needed: int, limited_by: str | None = None) -> None:
        reason = "" if limited_by is None else f"; fewest: {limited_by}"
        super().__init__(f"{observations} complete weeks, {needed} are needed{reason}")
        self.observations = observations
        self.needed = needed
        self.limited_by = limited_by


class CollinearFactors(EngineError):
    code = "COLLINEAR_FACTORS"

    def __init__(self, factor: str, detail: str) -> None:
        super().__init__(f"factor {factor!r} has no beta of its own: {detail}")
        self.factor = factor


class TotalLoss(EngineError):
    code = "TOTAL_LOSS"

    def __init__(self, name: str, week: str) -> None:
        super().__init__(f"{name} lost 100 % or more in the week ending {week}: no log return exists")
        self.name = name
        self.week = week


class NoPeriodsAsOf(EngineError):
    code = "NO_PERIODS_AS_OF"

    def __init__(self, as_of: str, first: str | None) -> None:
        began = "there is no period at all" if first is None else f"the first ended {first}"
        super().__init__(f"no period ended by {as_of}: {began}")
        self.as_of = as_of
        self.first = first


class AllPointsFailed(EngineError):
    code = "ALL_POINTS_FAILED"

    def __init__(self, count: int, most_common: str, times: int) -> None:
        super().__init__(f"none of {count:,} points could be computed; {times:,} of them: {most_common}")
        self.count = count
        self.most_common = most_common


class TooFewReturns(EngineError):
    code = "TOO_FEW_RETURNS"

    def __init__(self, observations: int, needed: int) -> None:
        super().__init__(
            f"no date has a risk forecast: {observations:,} dates have factor returns, and these or the "
            f"returns of any asset are fewer than the {needed:,} that are needed"
        )
        self.observations = observations
        self.needed = needed


class MissingRisk(EngineError):
    code = "MISSING_RISK"

    def __init__(self, assets: tuple[str, ...]) -> None:
        shown = ", ".join(assets[:5]) + (f" and {len(assets) - 5:,} more" if len(assets) > 5 else "")
        super().__init__(f"the risk model has no forecast for {shown}")
        self.assets = assets


class InfeasiblePortfolio(EngineError):
    code = "INFEASIBLE_PORTFOLIO"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class UnboundedPortfolio(EngineError):
    code = "UNBOUNDED_PORTFOLIO"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class SolverFailure(EngineError):
    code = "SOLVER_FAILURE"

    def __init__(self, status: str) -> None:
        super().__init__(f"the solver stopped without an answer: {status}")
        self.status = status


class MissingExtra(EngineError):
    code = "MISSING_EXTRA"

    def __init__(self, extra: str, library: str) -> None:
        super().__init__(f"{library} is not installed: it comes with the extra {extra!r} of factorql")
        self.extra = extra
        self.library = library
