"""What lending without risk earned: the rate of a dataset of bill yields, or a constant one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from app.context import Services
from app.datasets.service import DatasetRef, resolve_dataset
from app.datasets.snapshot import open_snapshot
from app.errors import FieldError, InvalidInput, MissingField
from db.records import DatasetRecord
from engine.exposures.risk_free import bill_returns, constant_returns
from engine.panel import DateArray, FloatArray

DISCOUNT_RATE: Final = "discount_rate"
"""The field of a dataset of yields: bank discount of 13-week bills, per cent a year."""
LOWEST_RATE, HIGHEST_RATE = -0.5, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskFreeRequest:
    """A dataset of bill yields, or a constant annual rate (0.05 = 5 %); exactly one is set."""

    dataset: DatasetRef | None = None
    annual_rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskFree:
    """A rate that is ready for use. label: what it is, in words.

    dates: (M,) increasing, discounts: (M,) bank discount in per cent a year, NaN = none; None of both where
    annual_rate applies.
    """

    label: str
    annual_rate: float | None = None
    dates: DateArray | None = None
    discounts: FloatArray | None = None

    def returns(self, starts: DateArray, ends: DateArray) -> FloatArray:
        """(n,) simple returns over each (start, end]; NaN where no rate is known at the start."""
        if self.dates is not None and self.discounts is not None:
            return bill_returns(self.dates, self.discounts, starts, ends)
        return constant_returns(self.annual_rate or 0.0, starts, ends)


async def risk_free_returns(
    services: Services, request: RiskFreeRequest, starts: DateArray, ends: DateArray
) -> FloatArray:
    """(n,) simple returns over each (start, end], starts and ends (n,); NaN where no rate is known.

    Raises InvalidInput, MissingField, DatasetNotFound, DatasetUnavailable.
    """
    return (await resolve_risk_free(services, request)).returns(starts, ends)


async def resolve_risk_free(services: Services, request: RiskFreeRequest) -> RiskFree:
    """Find and read the rate. Faults are at `risk_free`.

    Raises InvalidInput, MissingField, DatasetNotFound, DatasetUnavailable.
    """
    rate = request.annual_rate
    if (rate is None) == (request.dataset is None):
        raise _invalid((), "EXACTLY_ONE", "a risk-free rate is either a dataset's or a constant one")
    if rate is not None:
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:  # NaN is neither
            message = f"annual_rate must be a fraction from {LOWEST_RATE:g} to {HIGHEST_RATE:g}, not {rate:g}"
            raise _invalid(("annual_rate",), "OUT_OF_RANGE", message)
        return RiskFree(label=f"{100 * rate:g} % a year", annual_rate=rate)
    record = await resolve_dataset(services, request.dataset)
    return await asyncio.to_thread(_read, services.settings.datasets_dir, record)


def _read(datasets_dir: Path, record: DatasetRecord) -> RiskFree:
    panel = open_snapshot(datasets_dir, record.fingerprint)
    rates = panel.fields.get(DISCOUNT_RATE)
    columns = [] if rates is None else np.flatnonzero(np.isfinite(rates).any(axis=0)).tolist()
    if rates is None or not columns:
        raise MissingField(
            f"dataset {record.name!r} has no field {DISCOUNT_RATE!r}, which a risk-free rate needs",
            field=DISCOUNT_RATE,
            hint=f"it has {', '.join(record.fields)}",
        )
    if len(columns) > 1:
        names = ", ".join(panel.assets[column] for column in columns[:5])
        message = f"dataset {record.name!r} has more than one {DISCOUNT_RATE}: of {names}"
        raise _invalid(("dataset",), "AMBIGUOUS", message)
    (column,) = columns
    return RiskFree(
        label=f"{panel.assets[column]} of {record.name} v{record.version}",
        dates=panel.dates,
        discounts=np.array(rates[:, column]),
    )


def _invalid(path: tuple[str, ...], code: str, message: str) -> InvalidInput:
    return InvalidInput(message, (FieldError(("risk_free", *path), code, message),))
