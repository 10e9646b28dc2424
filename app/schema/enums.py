"""The enums of the graph: the program's own, with a description of each value.

Every enum may grow; clients keep a default branch.
"""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import TypeVar

import strawberry

from app.datasets.quality import QualityAction
from app.services.series import SeriesName, SeriesTransform
from db.records import RunOrigin, RunStatus
from db.run_queries import RunSortField, SortDirection
from engine.factors.config import FactorName, LongSide, WeightingMethod
from engine.panel import Calendar
from engine.periods import Rebalance

EnumClass = TypeVar("EnumClass", bound=type[Enum])


class RunEventKind(StrEnum):
    """What a run event tells: a snapshot at the beginning, or something that happened."""

    SNAPSHOT = "SNAPSHOT"
    QUEUED = "QUEUED"
    STARTED = "STARTED"
    PROGRESS = "PROGRESS"
    RETRIED = "RETRIED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    IMPORTED = "IMPORTED"


class HealthStatus(StrEnum):
    """Whether the server can do its work."""

    OK = "OK"
    DEGRADED = "DEGRADED"


class GrowthMetric(StrEnum):
    """The measures of growth that the growth factor can combine; values are names of dataset fields."""

    FEES = "fees"
    DAU = "dau"
    REVENUE = "revenue"


def _described(enum: EnumClass, description: str, /, **values: str) -> EnumClass:
    """Make `enum` an enum of the graph. Every member needs a description."""
    strawberry.enum(enum, description=f"{description} Values may be added: keep a default branch.")
    for value in enum.__strawberry_definition__.values:
        value.description = values.pop(value.name)
    if values:
        raise ValueError(f"{enum.__name__} has no {', '.join(values)}")
    return enum


_described(
    FactorName,
    "A factor model.",
    SMB="Size: small minus big by market capitalisation.",
    MARKET="The largest assets, held long only.",
    VALUE="Market cap to fees. By default it holds the HIGH ratios long, that is the expensive assets: the "
    "historical direction.",
    MOMENTUM="Price return over rebalancing periods.",
    MOMENTUM_V2="Price return over days, scaled by the steadiness of the daily returns.",
    GROWTH="Growth of fees, daily active users and revenue.",
)
_described(
    RunStatus,
    "Where a run stands: QUEUED, then RUNNING, then one of SUCCEEDED, FAILED and CANCELED for good.",
    QUEUED="Waits to be computed.",
    RUNNING="Is being computed.",
    SUCCEEDED="Has ended with results.",
    FAILED="Has ended without results; `failure` says why.",
    CANCELED="Was ended on request.",
)
_described(
    RunOrigin,
    "Where a run's results come from.",
    COMPUTED="Computed by this server from a dataset.",
    IMPORTED="Taken in from the logs of the older system. It has no dataset, and only what was logged.",
)
_described(
    WeightingMethod,
    "How the weights inside a leg are set, from what is known at the end of the previous period.",
    EQUAL="The same weight for every asset.",
    MARKET_CAP="In proportion to market capitalisation.",
    INVERSE_VARIANCE="In proportion to 1 / variance of the period returns in the lookback.",
)
_described(
    Rebalance,
    "How often portfolios are formed; a period is one such interval, named by its end date.",
    DAILY="Every row of the dataset's calendar.",
    WEEKLY="Weeks that end on Sunday, or at their last session.",
    MONTHLY="Calendar months, or up to their last session.",
)
_described(
    LongSide,
    "Which end of the signal is held long; the other end is sold.",
    HIGH="The assets with the highest signal.",
    LOW="The assets with the lowest signal.",
)
_described(
    GrowthMetric,
    "A measure of growth.",
    FEES="Fees paid by users, summed over the period.",
    DAU="Daily active users, averaged over the period.",
    REVENUE="Revenue of the protocol, summed over the period.",
)
_described(
    Calendar,
    "Which dates a dataset has as rows.",
    EVERY_DAY="Every calendar day, as for crypto: 365 days a year.",
    OBSERVED="The sessions that were observed, as for equities: 252 days a year.",
)
_described(
    SeriesName,
    "A return series of a run.",
    FACTOR="The factor: long minus short, or the long leg alone where there is no short one.",
    LONG="The long leg.",
    SHORT="The short leg, as the return of holding it long; missing throughout for a long-only factor.",
)
_described(
    SeriesTransform,
    "What is made of the period returns. The whole history enters, whatever range is shown.",
    RETURN="The return of each period, as a fraction.",
    CUMULATIVE="The return compounded since the start, as a fraction.",
    GROWTH_OF_100="The value of 100 invested before the first period.",
    DRAWDOWN="The distance to the running peak as a fraction, 0 or below; the starting value counts as a "
    "peak.",
    ROLLING_SHARPE="The annualised Sharpe ratio of the last `windowPeriods` returns; null before that many.",
    ROLLING_VOLATILITY="The annualised volatility of the last `windowPeriods` returns; null before that "
    "many.",
)
_described(
    RunEventKind,
    "What a run event tells.",
    SNAPSHOT="The state when the subscription began; nothing happened.",
    QUEUED="The run was launched.",
    STARTED="Its computation began.",
    PROGRESS="Its computation advanced.",
    RETRIED="Its server was lost, and it waits again.",
    SUCCEEDED="It ended with results.",
    FAILED="It ended without results.",
    CANCELED="It was canceled.",
    IMPORTED="It was taken in from older logs.",
)
_described(
    RunSortField,
    "What runs can be sorted by. Undefined values come last in either direction.",
    ID="The order in which runs were added.",
    CREATED_AT="When the run was added.",
    FINISHED_AT="When the run ended; for imported runs the time of their legacy id.",
    FACTOR="The factor's name.",
    STATUS="The status's name.",
    ANNUALIZED_RETURN="Annualised compound return.",
    CUMULATIVE_RETURN="Compounded return.",
    ANNUALIZED_VOLATILITY="Annualised volatility.",
    SHARPE_RATIO="Annualised Sharpe ratio.",
    SORTINO_RATIO="Annualised Sortino ratio.",
    MAX_DRAWDOWN="Deepest drawdown: 0 or below, so that ascending order has the deepest first.",
    CALMAR_RATIO="Annualised return over the deepest drawdown.",
    NUM_PERIODS="Number of reported periods.",
)
_described(
    SortDirection,
    "The direction of an order. Undefined values come last in both.",
    ASC="Smallest, oldest or first in the alphabet first.",
    DESC="Greatest, newest or last in the alphabet first.",
)
_described(
    QualityAction,
    "What was done about a finding in a file. Nothing is ever repaired silently.",
    REFUSED="The rows were left out.",
    MERGED="The rows repeated others exactly and count once.",
    SKIPPED="The rows held no value.",
    KEPT="The values are suspicious but possible, and were kept.",
)
_described(
    HealthStatus,
    "Whether the server can do its work.",
    OK="The store answers.",
    DEGRADED="The store does not answer: reads and launches fail.",
)
