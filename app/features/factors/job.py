"""One factor model on one dataset: the computation of a factor run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.datasets.period_cache import open_periods
from app.datasets.snapshot import open_snapshot
from app.execution.worker.child import ReportProgress
from app.execution.worker.frames import Buffer
from app.execution.worker.payload import Compositions, Document, NamedSeries, encode_payload, plain
from app.execution.worker.protocol import ComputeRequest
from app.execution.worker.warming import warming_up
from app.features.factors.toy import toy_options, toy_panel
from engine.errors import MissingField
from engine.factors.compute import FactorResult, compute_factor
from engine.factors.registry import FactorName, needed_fields, parse_config
from engine.factors.research.analyse import Research, analyse
from engine.factors.research.target import TargetPortfolio
from engine.factors.series import OTHER_UNITS
from engine.statistics.return_series import RETURN_UNIT

RESEARCH: Final = "RESEARCH"


def compute_run(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    """Errors: EngineError, DatasetUnavailable."""
    report(0.05, "Reading data")
    panel = open_snapshot(Path(request.datasets_dir), request.fingerprint)
    config = parse_config(FactorName(request.subject), request.config)
    report(0.1, "Forming periods")
    fields = needed_fields(config, panel.fields)
    periods = open_periods(panel, request.fingerprint, config.rebalance, Path(request.cache_dir), fields)
    report(0.4, "Computing")
    result = compute_factor(panel, config, periods=periods)
    report(0.7, "Analysing")
    research = analyse(result)
    report(0.9, "Storing")
    return encode_result(result, research)


def encode_result(result: FactorResult, research: Research) -> list[Buffer]:
    return encode_payload(
        performance=result.performance,
        net_performance=result.net_performance,
        series=_series(result, research),
        compositions=Compositions(
            formation_dates=result.formation_dates,
            dates=result.dates,
            long_leg=result.long_leg,
            short_leg=result.short_leg,
        ),
        documents=[_document(research)],
    )


def _series(result: FactorResult, research: Research) -> list[NamedSeries]:
    legs = [leg for leg in (result.long_leg, result.short_leg) if leg is not None]
    series = {
        "FACTOR": result.factor,
        "LONG": result.long,
        "SHORT": result.short,
        "NET": result.net,
        "TURNOVER": result.trading.turnover,
        "BREADTH": np.sum([np.diff(leg.offsets) for leg in legs], axis=0, dtype=np.float64),
        "IC": result.ics,
        "MARKET": result.market[result.rows + 1],
        "SIGNAL_AUTOCORRELATION": research.signal_autocorrelations,
        "QUANTILE_SPREAD": research.spread_returns,
    }
    for bucket in range(research.bucket_returns.shape[1]):
        series[f"QUANTILE_{bucket + 1}"] = research.bucket_returns[:, bucket]
    return [
        NamedSeries(
            name,
            result.dates,
            values,
            OTHER_UNITS.get(name, RETURN_UNIT),
            is_return=name not in OTHER_UNITS,
        )
        for name, values in series.items()
        if values is not None
    ]


def _document(research: Research) -> Document:
    facts = {
        name: plain(getattr(research, name))
        for name in (
            "confidence",
            "net_confidence",
            "quantiles",
            "persistence",
            "decay",
            "subperiods",
            "extremes",
        )
    }
    target = research.target
    facts["target"] = {
        name: plain(getattr(target, name)) for name in ("formation_date", "period_end", "eligible", "absence")
    }
    return Document(RESEARCH, facts, _target_arrays(target))


def _target_arrays(target: TargetPortfolio) -> dict[str, NDArray[Any]]:
    legs = {"long": target.long, "short": target.short}
    return {
        f"target.{name}.{column.name}": getattr(leg, column.name)
        for name, leg in legs.items()
        if leg is not None
        for column in fields(leg)
    }


def warm_up() -> None:
    """Compute each factor on a toy panel that has the fields for it.

    Children then inherit what numpy loads at first use; otherwise it costs each of them some 30 ms. What
    fails is told on standard error and stops nothing.
    """
    panel = toy_panel()
    for factor in FactorName:
        with warming_up(factor.lower()), suppress(MissingField):
            result = compute_factor(panel, parse_config(factor, toy_options(factor)))
            encode_result(result, analyse(result))


JOBS: Final = {"FACTOR": compute_run}
