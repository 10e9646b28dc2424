"""A risk model of a dataset: the computation of a risk model's run.

What has a number an asset and date goes to files as it comes about; the rest is sent back as documents.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.datasets.snapshot import open_snapshot
from app.execution.worker.child import ReportProgress
from app.execution.worker.frames import Buffer
from app.execution.worker.payload import Document, encode_payload, plain
from app.execution.worker.protocol import ComputeRequest
from app.features.risk.documents import (
    ARTIFACT_ARRAYS,
    RISK_COVARIANCE,
    RISK_COVERAGE,
    RISK_FACTOR_RETURNS,
    RISK_MODEL,
    RISK_VALIDATION,
    VALIDATION_GROUPS,
)
from app.features.risk.optimize_job import OPTIMIZE, compute_optimum
from app.storage.artifacts.writer import ArtifactWriter
from engine.config import parse
from engine.panel import FloatArray, Panel
from engine.risk.config import RiskModelConfig, chosen_styles
from engine.risk.cross_section import BoolArray
from engine.risk.model import FactorKind, RiskModel, build_risk_model, explained_rows
from engine.risk.outcomes import Outcomes, TooFewPeriods, Validation
from engine.risk.sectors import Sectors, sectors_of

_SCORED = 0.6
"""Share of the whole work, when all rows are scored."""


def build_model(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    """Errors: EngineError, DatasetUnavailable, StorageFailure, NoSpace."""
    report(0.01, "Reading data")
    panel = open_snapshot(Path(request.datasets_dir), request.fingerprint)
    config = parse(RiskModelConfig, request.config)
    sectors = sectors_of(panel)
    with ArtifactWriter(Path(request.artifacts_dir)) as writer:
        model = _estimated(panel, config, sectors, writer, report)
        report(0.9, "Storing")
        for name, array in _whole_arrays(model, _codes(panel, config, sectors)):
            writer.add(name, np.asarray(array, dtype=ARTIFACT_ARRAYS[name][0]))
        documents = risk_documents(model)
        return encode_payload(documents=documents, artifacts=writer.finish())


def _estimated(
    panel: Panel, config: RiskModelConfig, sectors: Sectors, writer: ArtifactWriter, report: ReportProgress
) -> RiskModel:
    """The model, whose scores are written as they come about."""
    first, stop = explained_rows(panel.dates, config)
    styles, _ = chosen_styles(config, panel.fields)
    shape = (stop - first, len(panel.assets), len(styles))
    scores = writer.rows("scores", ARTIFACT_ARRAYS["scores"][0], shape)
    missing = writer.rows("missing_scores", ARTIFACT_ARRAYS["missing_scores"][0], shape)

    def keep(row: int, some_scores: FloatArray, some_missing: BoolArray) -> None:
        scores.write(row, some_scores)
        missing.write(row, some_missing)

    def tell(done: int, total: int) -> None:
        if done < total:
            report(0.02 + (_SCORED - 0.02) * done / total, f"Scoring: {done:,} of {total:,} dates")
        else:
            report(_SCORED, f"{total:,} dates are scored; forecasting")

    report(0.02, f"Scoring: 0 of {stop - first + 1:,} dates")
    return build_risk_model(panel, config, sectors=sectors, progress=tell, keep_scores=keep)


def _codes(panel: Panel, config: RiskModelConfig, sectors: Sectors) -> NDArray[np.integer]:
    """(T, N) sectors at the end of the model's dates, or (1, N) where they do not change."""
    if len(sectors.names) < 2:
        return np.full((1, len(panel.assets)), -1, dtype=np.int32)
    if sectors.codes.ndim == 1:
        return sectors.codes[None]
    codes = sectors.codes[slice(*explained_rows(panel.dates, config))]
    return codes[:1] if (codes == codes[0]).all() else codes


def _whole_arrays(model: RiskModel, codes: NDArray[np.integer]) -> Iterator[tuple[str, NDArray[Any]]]:
    specific = model.outlook.specific
    yield "specific_returns", model.factor_returns.specific
    yield "sectors", codes
    yield "specific_risk", specific.volatilities
    yield "own_specific_risk", specific.own
    yield "peer_specific_risk", specific.peer
    yield "peer_shares", specific.peer_shares
    yield "specific_observations", specific.observations
    yield "market_caps", model.outlook.caps
    yield "estimation_universe", model.outlook.universe


# -- documents ---------------------------------------------------------------------------------------------


def risk_documents(model: RiskModel) -> list[Document]:
    """All of a model but what goes to files, as `risk_documents` lists it."""
    validation = model.validation
    documents = [
        _model_document(model),
        _factor_returns_document(model),
        _coverage_document(model),
        _covariance_document(model),
    ]
    if not isinstance(validation, TooFewPeriods):
        documents.append(_validation_document(validation))
    return documents


def _model_document(model: RiskModel) -> Document:
    named = list(zip(model.factors, model.kinds, strict=True))
    validation = model.validation
    facts = {
        "factors": [{"name": name, "kind": kind.value} for name, kind in named],
        "sectors": [name for name, kind in named if kind is FactorKind.SECTOR],
        "styles": [name for name, kind in named if kind is FactorKind.STYLE],
        "days_per_year": model.days_per_year,
        "skipped_styles": [plain(one) for one in model.skipped_styles],
        "assets": len(model.assets),
        "validation": plain(validation) if isinstance(validation, TooFewPeriods) else None,
    }
    return Document(
        RISK_MODEL, facts, {"dates": model.dates.astype(np.int64), "forecast_rows": model.outlook.rows}
    )


def _factor_returns_document(model: RiskModel) -> Document:
    found = model.factor_returns
    arrays: dict[str, NDArray[Any]] = {
        "returns": found.returns.ravel(),
        "t_statistics": found.t_statistics.ravel(),
        "r_squared": found.r_squared,
        "assets": found.assets,
        "condition_number": found.condition_number,
    }
    return Document(RISK_FACTOR_RETURNS, {}, arrays)


def _coverage_document(model: RiskModel) -> Document:
    coverage = model.coverage
    arrays: dict[str, NDArray[Any]] = {
        "priced": coverage.priced,
        "universe": coverage.universe,
        "extreme_returns": model.extreme_returns,
        "missing": coverage.missing.ravel(),
        "flagged": coverage.flagged.ravel().astype(np.int32),
    }
    return Document(RISK_COVERAGE, {}, arrays)


def _covariance_document(model: RiskModel) -> Document:
    covariance = model.outlook.covariance
    arrays: dict[str, NDArray[Any]] = {
        "matrices": covariance.matrices.ravel(),
        "regime_multipliers": covariance.regime_multipliers,
        "eigenfactor_biases": covariance.eigenfactor_biases.ravel(),
        "observations": covariance.observations.ravel(),
        "specific_regime_multipliers": model.outlook.specific.regime_multipliers,
    }
    return Document(RISK_COVARIANCE, {}, arrays)


def _validation_document(validation: Validation) -> Document:
    facts: dict[str, Any] = {}
    arrays: dict[str, NDArray[Any]] = {"starts": validation.starts, "ends": validation.ends}
    for group in VALIDATION_GROUPS:
        outcomes: Outcomes | None = getattr(validation, group)
        facts[group] = None
        if outcomes is not None:
            statistics = outcomes.statistics
            facts[group] = {
                "names": list(outcomes.names),
                "mean_bias": plain(statistics.mean_bias),
                "mean_q": plain(statistics.mean_q),
            }
            arrays |= {
                f"{group}.returns": outcomes.returns.ravel(),
                f"{group}.forecasts": outcomes.forecasts.ravel(),
                f"{group}.bias": statistics.bias,
                f"{group}.q": statistics.q,
                f"{group}.observations": statistics.observations,
            }
    return Document(RISK_VALIDATION, facts, arrays)


JOBS: Final = {"RISK_MODEL": build_model, OPTIMIZE: compute_optimum}
