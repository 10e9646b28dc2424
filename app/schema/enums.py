"""The enums of the graph: the program's own, with a description of each value.

Every enum may grow; clients keep a default branch.
"""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import TypeVar

from app.datasets.quality import QualityAction
from app.runs.series import SeriesName, SeriesTransform
from app.schema.options import described_enum, metric_text
from app.sources.names import SourceName
from db.records import RunOrigin, RunStatus
from db.runs.read import RunSortField, SortDirection
from engine.factors.config import ExtremeReturns, LongSide, WeightingMethod
from engine.factors.models.growth import GrowthMetric
from engine.factors.models.value import Fundamental
from engine.factors.performance import METRICS
from engine.factors.portfolio import Leg
from engine.factors.registry import FACTORS, FactorName
from engine.factors.research.subperiods import SubperiodKind
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
    OTHER = "OTHER"

    @classmethod
    def of(cls, stored: str) -> RunEventKind:
        """Return the kind of a stored event; OTHER for a word that only a newer version knows."""
        return cls.__members__.get(stored, cls.OTHER)


class HealthStatus(StrEnum):
    """Whether the server can do its work."""

    OK = "OK"
    DEGRADED = "DEGRADED"


def _described(enum: EnumClass, description: str, /, **values: str) -> EnumClass:
    return described_enum(enum, description, values)


described_enum(
    FactorName,
    "A factor model.",
    {name: f"{factor.description}" for name, factor in FACTORS.items()},
)
_described(
    RunStatus,
    "Where a run stands: QUEUED, then RUNNING, then one of SUCCEEDED, FAILED and CANCELED for good.",
    QUEUED="Waits to be computed or fetched.",
    RUNNING="Is being computed or fetched.",
    SUCCEEDED="Has ended with results.",
    FAILED="Has ended without results; `failure` says why.",
    CANCELED="Was ended on request.",
)
_described(
    RunOrigin,
    "Where a run's results come from.",
    COMPUTED="Computed from a dataset, or fetched from a vendor, by a server of this graph.",
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
    Fundamental,
    "What the value factor compares market caps with.",
    FEES="Fees paid by users, summed over the period; sums <= 0 count as missing.",
    BOOK_VALUE="Total book equity, the last figure published by the period's end and at most 400 days old; "
    "values <= 0 count as missing.",
)
_described(
    ExtremeReturns,
    "What happens to the returns of held assets beyond `maxAbsReturn`, either way. It looks at what was "
    "realised: it is for faults in the data, not for trading.",
    FLAG="They are counted, and earned.",
    EXCLUDE="They are counted, and `missingReturn` is earned in their place.",
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
_QUANTILES = {
    name: f"Return of quantile {name.rpartition('_')[2]} of the signal, 1 being the lowest: the eligible "
    "assets in it, equally weighted, held long. Missing in periods with fewer assets than quantiles."
    for name in SeriesName
    if name.rpartition("_")[2].isdigit()
}
_described(
    SeriesName,
    "A series of a run. What a run does not have is missing throughout: imported runs and those of earlier "
    "engines have the first three at most.",
    FACTOR="Return of the factor: long minus short, or the long leg alone where there is no short one. Gross "
    "of costs.",
    LONG="Return of the long leg.",
    SHORT="Return of the short leg, as that of holding it long; missing throughout for a long-only factor.",
    NET="Return of the factor after costs; missing throughout where the config has none.",
    TURNOVER="What was bought or sold, one-way and both legs added, as a fraction of a leg's capital: 1 "
    "replaces one leg entirely. A portfolio bought from nothing is 0.5 a leg.",
    BREADTH="Number of assets held, both legs together.",
    IC="Information coefficient: Spearman rank correlation of the signal and the return of the eligible "
    "assets, above 0 where the long leg won.",
    MARKET="Return of the MARKET factor of the same dataset, periods and filters; missing where it held "
    "nothing, and without market caps.",
    SIGNAL_AUTOCORRELATION="Spearman rank correlation of the signals with those of the period before; "
    "missing in the first period and after a skipped one.",
    QUANTILE_SPREAD="Return of the quantile at the long leg's end minus that at the other end.",
    **_QUANTILES,
)
_described(
    SeriesTransform,
    "What is made of a series. The whole history enters, whatever range is shown. All but RETURN, VALUE and "
    "ROLLING_MEAN are for series of returns alone. A missing return is null, and wealth goes on as if 0 had "
    "been earned; a rolling window that holds a missing value is null.",
    RETURN="The value of each period: of a series of returns the return as a fraction.",
    VALUE="The value of each period as recorded; the same as RETURN.",
    CUMULATIVE="The return compounded since the start, as a fraction.",
    GROWTH_OF_100="The value of 100 invested before the first period.",
    DRAWDOWN="The distance to the running peak as a fraction, 0 or below; the starting value counts as a "
    "peak.",
    ROLLING_SHARPE="The annualised Sharpe ratio of the last `windowPeriods` returns; null before that many.",
    ROLLING_VOLATILITY="The annualised volatility of the last `windowPeriods` returns; null before that "
    "many.",
    ROLLING_MEAN="The mean of the last `windowPeriods` values; null before that many.",
)
_described(
    Leg,
    "A side of the portfolio.",
    LONG="Bought.",
    SHORT="Sold.",
)
_described(
    SourceName,
    "Where a dataset can be fetched from.",
    COINMETRICS="Coin Metrics' community data: prices, market caps and active addresses of crypto assets; no "
    "key needed.",
    COINBASE="Coinbase: prices and traded volumes of crypto assets; no key needed.",
    ARTEMIS="Artemis: prices, market caps, volumes and fundamentals of crypto assets; a key is needed.",
    YAHOO="Yahoo: prices and volumes of equities, and the yield of treasury bills; no key needed.",
    CRYPTO="Fundamentals from Artemis with prices and volumes from Coinbase; a key of Artemis is needed.",
)
_described(
    SubperiodKind,
    "What the periods of a subperiod have in common.",
    YEAR="The calendar year in which they end.",
    REGIME="The market's trend when their portfolios were formed: UP where the wealth of the MARKET factor "
    "lay above its mean over the half year before, else DOWN.",
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
    OTHER="Something that only a newer version knows.",
)
_described(
    RunSortField,
    "What runs can be sorted by. Undefined values come last in either direction.",
    ID="The order in which runs were added.",
    CREATED_AT="When the run was added.",
    FINISHED_AT="When the run ended; for imported runs the time of their legacy id.",
    FACTOR="The factor's name.",
    STATUS="The status's name.",
    **{one.name: metric_text(METRICS[one.lower()]) for one in RunSortField if one.lower() in METRICS},
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
    OK="It can.",
    DEGRADED="Something is wrong, and `problems` say what: mostly that the store cannot be read or written.",
)
