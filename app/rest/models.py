"""What REST takes and gives, in the names of the older system.

Returns are plain numbers (0.12 = 12 %), null where they are unknown or undefined.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

from app.features.legacy.equity_factors import MAX_TICKERS
from engine.config import options_of
from engine.factors.config import LongShortConfig, WeightingMethod
from engine.factors.models.momentum import MomentumConfig
from engine.factors.registry import FACTORS

MAX_LOOKBACK = int(options_of(MomentumConfig)["lookback_periods"].high)
MAX_LOGS = 100
_BEGINS_AS_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


Factor = StrEnum("Factor", {name: name.lower() for name in FACTORS})
Weighting = StrEnum("Weighting", {name: name.lower() for name in WeightingMethod})
_OPTIONS = options_of(LongShortConfig)


def _option(name: str, description: str) -> Any:
    """Return the field of an option, with the engine's default and range."""
    one = _OPTIONS[name]
    return Field(one.default, ge=one.low, le=one.high, description=description)


def _as_a_day(value: object) -> object:
    # numbers would be taken for seconds since 1970, which nobody means
    if isinstance(value, str) and _BEGINS_AS_DAY.match(value):
        return value
    raise PydanticCustomError("date_parsing", "Input should be a valid date in the format YYYY-MM-DD")


def _as_a_day_if_any(value: object) -> object:
    return None if value is None or value == "" else _as_a_day(value)


Day = Annotated[date, BeforeValidator(_as_a_day)]
OptionalDay = Annotated[
    date | None, BeforeValidator(_as_a_day_if_any), WithJsonSchema({"type": "string", "format": "date"})
]


class _Span(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)

    start_date: Day = Field(description="First period end that is reported, such as 2021-01-03.")
    end_date: Day = Field(description="Last period end that is reported.")

    @field_validator("end_date")
    @classmethod
    def _not_before_start(cls, value: date, info: ValidationInfo) -> date:
        return _checked_end(value, info.data.get("start_date"))


def _checked_end(end: date, start: date | None) -> date:
    if start is not None and end < start:
        raise PydanticCustomError("date_order", "Input should not be before start_date")
    return end


class ComputeRequest(_Span):
    """`market` holds the 10 largest assets: it has no use for breakpoint and min_assets, and is weighted by
    market cap unless a weighting method is given. Unknown members are ignored."""

    factor: str = Field(description="The factor of the path again.", max_length=100)
    breakpoint: float = _option("breakpoint", "Share of the eligible assets in each leg.")
    min_assets: int = _option("min_assets", "Eligible assets without which a period is skipped.")
    weighting_method: Weighting = Field(Weighting.EQUAL, description="How a leg is weighted.")
    market_cap_threshold: float | None = _option(
        "market_cap_threshold", "USD, exceeded strictly; null switches the filter off."
    )
    liquidity_threshold: float | None = _option(
        "liquidity_threshold", "USD of volume in 7 days, exceeded strictly; null switches it off."
    )
    min_lifetime_days: int | None = _option(
        "min_lifetime_days", "Days since the first price; null switches the filter off."
    )


class EquityFactorsRequest(_Span):
    """Every factor whose fields the data have, among these tickers alone."""

    tickers: list[
        Annotated[str, Field(min_length=1, max_length=31, pattern=r"^\s*\^?[A-Za-z0-9][A-Za-z0-9.=&-]*\s*$")]
    ] = Field(min_length=1, max_length=MAX_TICKERS, description="Symbols such as AAPL, in any case.")


class LogsQuery(BaseModel):
    limit: int = Field(10, ge=1, le=MAX_LOGS, description="How many runs at most.")


class LookbackQuery(BaseModel):
    lookback_periods: int = Field(3, ge=1, le=MAX_LOOKBACK, description="Weeks of the momentum signal.")


class TimeSeriesQuery(BaseModel):
    factors: str = Field(
        "", max_length=200, description="Names separated by commas; absent or empty for all that have a run."
    )
    start_date: OptionalDay = Field(None, description="First day; absent or empty is open.")
    end_date: OptionalDay = Field(None, description="Last day; absent or empty is open.")
    normalize_to_100: bool = Field(True, description="Whether cumulative_returns is (1 + cumulative) * 100.")

    @field_validator("end_date")
    @classmethod
    def _not_before_start(cls, value: date | None, info: ValidationInfo) -> date | None:
        return None if value is None else _checked_end(value, info.data.get("start_date"))


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Root(_Answer):
    name: str
    version: str
    available_factors: list[Factor]
    endpoints: dict[str, str] = Field(description="What each path does.")


class Health(_Answer):
    """Beside the three first members it has what today's probes read."""

    model_config = ConfigDict(extra="allow")

    status: Literal["healthy", "degraded", "unhealthy"] = Field(
        description="Degraded: it serves, but `problems` say what is wrong."
    )
    timestamp: datetime
    api_key_configured: bool = Field(description="Whether ARTEMIS_API_KEY is set.")


class FactorInfo(_Answer):
    name: Factor
    description: str
    signal: str


class Factors(_Answer):
    factors: list[FactorInfo]


class Log(_Answer):
    """One run as the older system logged it."""

    run_id: str = Field(pattern=r"^\d{8}_\d{6}$", description="When it finished, in UTC.")
    factor: Factor
    breakpoint: float | None
    min_assets: int | None
    weighting_method: str | None
    cumulative_returns: float | None
    annualized_return: float | None
    years: float | None
    sharpe_ratio: float | None
    sortino_ratio: float | None
    long_only_returns: float | None
    short_only_returns: float | None
    start_date: date | None
    end_date: date | None


class ComparedFactor(_Answer):
    factor: Factor
    annualized_return: float | None
    cumulative_returns: float | None
    sharpe_ratio: float | None
    sortino_ratio: float | None
    years: float | None


class Comparison(_Answer):
    comparison: list[ComparedFactor] = Field(description="Best annualised return first.")


class FactorSeries(_Answer):
    factor: Factor
    dates: list[date]
    returns: list[float | None]
    cumulative_returns: list[float | None]


class Performance(_Answer):
    cumulative_returns: float | None
    annualized_return: float | None
    sharpe_ratio: float | None
    sortino_ratio: float | None
    years: float | None
    num_periods: int | None
    long_only_returns: float | None
    short_only_returns: float | None


class Config(_Answer):
    """What was computed; breakpoint is null for `market`, lookback_periods for all but momentum."""

    factor: Factor
    breakpoint: float | None
    min_assets: int
    weighting_method: Weighting
    start_date: date
    end_date: date
    market_cap_threshold: float | None
    liquidity_threshold: float | None
    min_lifetime_days: int | None
    lookback_periods: int | None


class Computed(_Answer):
    factor: Factor
    config: Config
    performance: Performance
    returns: dict[str, float | None] = Field(description="Of the last 10 periods, by date.")


class EquityFactorsComputed(_Answer):
    tickers: list[str] = Field(description="Those that the data have.")
    dataset: str
    factors: dict[str, Computed]
    left_out: dict[str, str] = Field(description="Why the other factors have no result.")


class Problem(BaseModel):
    detail: str


class Fault(BaseModel):
    loc: list[str | int]
    msg: str
    type: str
    input: Any = None
    ctx: dict[str, Any] | None = None


class ValidationProblem(BaseModel):
    """`loc` begins with body, query or path."""

    detail: list[Fault]
