"""What a finished risk model says, as far as the store holds it: all but the arrays of an asset a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.features.risk.documents import (
    DOCUMENT_ARRAYS,
    RISK_COVARIANCE,
    RISK_COVERAGE,
    RISK_FACTOR_RETURNS,
    RISK_MODEL,
    RISK_VALIDATION,
    VALIDATION_ARRAYS,
    VALIDATION_GROUPS,
    ArraySpec,
)
from db.errors import CorruptBlob
from db.records import DocumentRecord
from db.runs import results as result_store
from db.store import Store
from engine.panel import DateArray, FloatArray
from engine.risk.config import SkippedStyle
from engine.risk.covariance import FactorCovariance
from engine.risk.explained import Coverage
from engine.risk.model import FactorKind
from engine.risk.outcomes import Outcomes, TooFewPeriods, Validation
from engine.risk.outlook import covariance_at
from engine.risk.validation import BiasStatistics

_REQUIRED = (RISK_FACTOR_RETURNS, RISK_COVERAGE, RISK_COVARIANCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskModelResults:
    """A risk model of N assets by F factors over T dates, with forecasts at M of them.

    factors: (F,) names: the market, the sectors, the styles; kinds (F,) theirs. dates: (T,). factor_returns,
    t_statistics: (T, F), r_squared, assets, condition_number: (T,), NaN as in engine.risk.factor_returns.
    coverage, extreme_returns (T,), covariance, validation: as in engine.risk.model. covariance.rows: (M,)
    positions among the dates. specific_regime_multipliers: (M,) of specific volatility.
    """

    asset_count: int
    days_per_year: int
    factors: tuple[str, ...]
    kinds: tuple[FactorKind, ...]
    sectors: tuple[str, ...]
    styles: tuple[str, ...]
    skipped_styles: tuple[SkippedStyle, ...]
    dates: DateArray
    factor_returns: FloatArray
    t_statistics: FloatArray
    r_squared: FloatArray
    assets: NDArray[np.int64]
    condition_number: FloatArray
    coverage: Coverage
    extreme_returns: NDArray[np.int64]
    covariance: FactorCovariance
    specific_regime_multipliers: FloatArray
    validation: Validation | TooFewPeriods

    @property
    def forecast_rows(self) -> NDArray[np.int64]:
        """(M,) positions of the forecast dates among the dates, ascending."""
        return self.covariance.rows

    @property
    def forecast_dates(self) -> DateArray:
        """(M,)"""
        return self.covariance.dates

    @property
    def volatilities(self) -> FloatArray:
        """(M, F) of the factors, annualized."""
        return self.covariance.volatilities

    def correlations(self, at: int) -> FloatArray:
        """(F, F) of the factors at forecast date `at` (from 0, negative = from the last)."""
        row = range(len(self.forecast_rows))[at]
        (found,) = covariance_at(self.covariance, self.forecast_rows[row : row + 1]).correlations()
        return np.asarray(found)

    @classmethod
    def from_documents(cls, documents: Mapping[str, DocumentRecord]) -> RiskModelResults:
        """By name. Raises CorruptBlob for documents that are not those of one risk model."""
        try:
            return _results(documents)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise CorruptBlob(f"the risk model's documents do not fit each other: {error}") from error


async def get_risk_results(store: Store, run_ids: Sequence[int]) -> dict[int, RiskModelResults]:
    """By run id; runs without a risk model are left out. Errors: CorruptBlob."""
    models = await result_store.get_documents(store, run_ids, RISK_MODEL)
    found: dict[int, dict[str, DocumentRecord]] = {
        run_id: {RISK_MODEL: document} for run_id, document in models.items()
    }
    for name in (*_REQUIRED, RISK_VALIDATION):
        for run_id, document in (await result_store.get_documents(store, list(found), name)).items():
            found[run_id][name] = document
    partial = [run_id for run_id, documents in found.items() if not documents.keys() >= set(_REQUIRED)]
    if partial:
        # They may have been deleted meanwhile.
        left = await result_store.get_documents(store, partial, RISK_MODEL)
        found = {run_id: one for run_id, one in found.items() if run_id not in partial or run_id in left}
    return {run_id: RiskModelResults.from_documents(documents) for run_id, documents in found.items()}


# -- decoding ----------------------------------------------------------------------------------------------


def _results(documents: Mapping[str, DocumentRecord]) -> RiskModelResults:
    model = documents[RISK_MODEL]
    facts = model.facts
    factors = tuple(str(one["name"]) for one in facts["factors"])
    kinds = tuple(FactorKind(one["kind"]) for one in facts["factors"])
    sectors, styles = tuple(facts["sectors"]), tuple(facts["styles"])
    if factors[1:] != sectors + styles or kinds != (
        FactorKind.MARKET,
        *(FactorKind.SECTOR for _ in sectors),
        *(FactorKind.STYLE for _ in styles),
    ):
        raise ValueError("its factors are not the market, its sectors and its styles")
    sizes = {
        "T": len(model.arrays["dates"]),
        "M": len(model.arrays["forecast_rows"]),
        "F": len(factors),
        "K": len(styles),
    }
    own = _arrays(model, DOCUMENT_ARRAYS[RISK_MODEL], sizes)
    returns, coverage, covariance = (
        _arrays(documents[name], DOCUMENT_ARRAYS[name], sizes) for name in _REQUIRED
    )
    dates, rows = own["dates"].view("datetime64[D]"), own["forecast_rows"]
    _require_rows(rows, sizes["T"])
    matrices = covariance["matrices"]
    return RiskModelResults(
        asset_count=_count(facts["assets"]),
        days_per_year=_count(facts["days_per_year"]),
        factors=factors,
        kinds=kinds,
        sectors=sectors,
        styles=styles,
        skipped_styles=tuple(
            SkippedStyle(name=one["name"], fields=tuple(one["fields"])) for one in facts["skipped_styles"]
        ),
        dates=dates,
        factor_returns=returns["returns"],
        t_statistics=returns["t_statistics"],
        r_squared=returns["r_squared"],
        assets=returns["assets"],
        condition_number=returns["condition_number"],
        coverage=Coverage(
            priced=coverage["priced"],
            universe=coverage["universe"],
            missing=coverage["missing"],
            flagged=coverage["flagged"] != 0,
        ),
        extreme_returns=coverage["extreme_returns"],
        covariance=FactorCovariance(
            names=factors,
            rows=rows,
            dates=dates[rows],
            matrices=matrices,
            volatilities=np.sqrt(np.diagonal(matrices, axis1=1, axis2=2)),
            regime_multipliers=covariance["regime_multipliers"],
            eigenfactor_biases=covariance["eigenfactor_biases"],
            observations=covariance["observations"],
        ),
        specific_regime_multipliers=covariance["specific_regime_multipliers"],
        validation=_validation(facts["validation"], documents.get(RISK_VALIDATION), sizes),
    )


def _validation(
    too_few: Mapping[str, Any] | None, document: DocumentRecord | None, sizes: Mapping[str, int]
) -> Validation | TooFewPeriods:
    if too_few is not None:
        return TooFewPeriods(periods=too_few["periods"], needed=too_few["needed"])
    if document is None:
        raise ValueError("its validation is missing")
    periods = _arrays(document, {"starts": ("<i8", "V"), "ends": ("<i8", "V")}, {"V": sizes["M"] - 1})
    random, styles, sectors = (_outcomes(document, group, sizes["M"] - 1) for group in VALIDATION_GROUPS)
    if random is None:
        raise ValueError("its validation has no random portfolios")
    for row in periods.values():
        _require_rows(row, sizes["T"])
    return Validation(
        starts=periods["starts"], ends=periods["ends"], random=random, styles=styles, sectors=sectors
    )


def _outcomes(document: DocumentRecord, group: str, periods: int) -> Outcomes | None:
    facts = document.facts[group]
    if facts is None:
        return None
    names = tuple(str(name) for name in facts["names"])
    specs = {f"{group}.{name}": spec for name, spec in VALIDATION_ARRAYS.items()}
    arrays = _arrays(document, specs, {"G": len(names), "V": periods})
    return Outcomes(
        names=names,
        returns=arrays[f"{group}.returns"],
        forecasts=arrays[f"{group}.forecasts"],
        statistics=BiasStatistics(
            bias=arrays[f"{group}.bias"],
            q=arrays[f"{group}.q"],
            observations=arrays[f"{group}.observations"],
            mean_bias=_number(facts["mean_bias"]),
            mean_q=_number(facts["mean_q"]),
        ),
    )


def _arrays(
    document: DocumentRecord, specs: Mapping[str, ArraySpec], sizes: Mapping[str, int]
) -> dict[str, NDArray[Any]]:
    """The document's arrays in their shapes. Raises ValueError, KeyError."""
    found = {}
    for name, (dtype, axes) in specs.items():
        values, shape = document.arrays[name], tuple(sizes[axis] for axis in axes)
        if values.dtype.str != dtype or len(values) != np.prod(shape, dtype=np.int64):
            raise ValueError(f"{name} of {document.name} has {len(values)} {values.dtype}, not {shape}")
        found[name] = values.reshape(shape)
    return found


def _require_rows(rows: NDArray[np.int64], count: int) -> None:
    if not len(rows) or rows[0] < 0 or rows[-1] >= count or (np.diff(rows) <= 0).any():
        raise ValueError("its forecast dates are not among its dates, in their order")


def _count(value: object) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"{value!r} is no count")
    return value


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
