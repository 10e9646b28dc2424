"""A portfolio's risk as a picture: what each factor contributes to its volatility, and each position."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from app.features.risk.portfolios import PortfolioRiskAnswer
from app.features.risk.results import RiskModelResults
from engine.panel import FloatArray
from engine.risk.model import FactorKind
from engine.risk.portfolio_risk import PortfolioRisk, RiskDecomposition
from scripts.console import number, percent
from scripts.plot import save_figure
from scripts.risk_view import value_at_risk_words

SPECIFIC = "specific"
_COLOURS = {FactorKind.MARKET: "#1b4f9c", FactorKind.SECTOR: "#2a9d5c", FactorKind.STYLE: "#c8853d"}
_SPECIFIC_COLOUR, _ASSET_COLOUR, _ACTIVE = "#8a8f98", "#5b6b8c", "#111111"
_GREY, _FAINT = "#444444", "#777777"
_HEADING, _MARGIN, _ROW = 0.95, 0.95, 0.3  # heights in inches
_SHOWN_ASSETS = 12
_LONGEST_NAME = 40


def draw_portfolio_risk(
    results: RiskModelResults, answer: PortfolioRiskAnswer, name: str, source: str, path: Path
) -> None:
    """Write the picture to `path`; its suffix gives the format. name: of the portfolio, source: of the model,
    in words. Raises InvalidInput, StorageFailure."""
    save_figure(lambda: _figure(results, answer, name, source), path)


def _figure(results: RiskModelResults, answer: PortfolioRiskAnswer, name: str, source: str) -> Figure:
    bars = _factor_bars(results, answer.risk)
    assets = _largest(answer.risk.total.asset_contributions)
    heights = [_HEADING, _MARGIN + _ROW * len(bars), _MARGIN + _ROW * (len(assets) + 1)]
    figure = Figure(figsize=(10, sum(heights)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12)  # the columns of numbers end at the edge
    heading, factors, positions = figure.subplots(3, 1, height_ratios=heights)
    _write_heading(heading, answer, name, source)
    _draw_factors(factors, bars, active=answer.risk.active is not None)
    _draw_assets(positions, answer, assets)
    return figure


@dataclass(frozen=True, slots=True)
class _Bar:
    """Percentage points of volatility; exposure is NaN for specific risk, active without a benchmark."""

    label: str
    colour: str
    exposure: float
    share: float
    contribution: float
    active: float


def _factor_bars(results: RiskModelResults, risk: PortfolioRisk) -> list[_Bar]:
    """The factors in the order of the model, specific risk last. Factors that the portfolio is not exposed
    to are left out."""
    total, active = risk.total, risk.active
    bars = [
        _Bar(
            label=name,
            colour=_COLOURS[kind],
            exposure=float(total.exposures[at]),
            share=float(total.factor_shares[at]),
            contribution=100.0 * float(total.factor_contributions[at]),
            active=np.nan if active is None else 100.0 * float(active.factor_contributions[at]),
        )
        for at, (name, kind) in enumerate(zip(results.factors, results.kinds, strict=True))
        if total.exposures[at] != 0.0 or (active is not None and active.exposures[at] != 0.0)
    ]
    own = _Bar(
        label=SPECIFIC,
        colour=_SPECIFIC_COLOUR,
        exposure=np.nan,
        share=total.specific_share,
        contribution=100.0 * total.specific_contribution,
        active=np.nan if active is None else 100.0 * active.specific_contribution,
    )
    return [*bars, own]


def _largest(contributions: FloatArray) -> list[int]:
    """The assets that contribute most, either way, the largest first."""
    order = np.argsort(-np.abs(contributions), kind="stable")[:_SHOWN_ASSETS]
    return [int(at) for at in order if contributions[at] != 0.0]


def _write_heading(axes: Axes, answer: PortfolioRiskAnswer, name: str, source: str) -> None:
    axes.axis("off")
    risk = answer.risk
    shown = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..."
    # A dollar sign of a name is no formula.
    style: dict[str, Any] = {"fontsize": 15, "fontweight": "bold", "parse_math": False}
    axes.text(0, 0.72, f"Risk of {shown}", transform=axes.transAxes, **style)
    axes.text(1, 0.72, source, ha="right", color=_GREY, transform=axes.transAxes, parse_math=False)
    lines = [
        f"volatility {percent(risk.total.volatility)} a year    factors "
        f"{percent(risk.total.factor_volatility)}    specific {percent(risk.total.specific_volatility)}    "
        f"{value_at_risk_words(answer)}"
    ]
    if risk.active is not None:
        lines.append(
            f"against the benchmark: tracking error {percent(risk.active.volatility)}    "
            f"beta {number(risk.beta)}"
        )
    for place, line in enumerate(lines):
        axes.text(0, 0.36 - 0.3 * place, line, fontsize=11, color=_GREY, transform=axes.transAxes)


def _draw_factors(axes: Axes, bars: list[_Bar], *, active: bool) -> None:
    places = np.arange(len(bars))
    height = 0.62 if not active else 0.5
    axes.barh(places, [bar.contribution for bar in bars], height, color=[bar.colour for bar in bars])
    if active:
        axes.plot([bar.active for bar in bars], places, "D", color=_ACTIVE, markersize=4.5)
    _write_column(axes, 1.1, "exposure", [number(_finite(bar.exposure)) for bar in bars])
    _write_column(axes, 1.22, "of the risk", [percent(_finite(bar.share)) for bar in bars])
    axes.set_yticks(places, [bar.label for bar in bars], parse_math=False)
    axes.set_xlabel("contribution to volatility, percentage points a year")
    kinds = {"market": FactorKind.MARKET, "sectors": FactorKind.SECTOR, "styles": FactorKind.STYLE}
    used = {bar.colour for bar in bars}
    handles: list[Any] = [
        Patch(color=_COLOURS[kind], label=label) for label, kind in kinds.items() if _COLOURS[kind] in used
    ]
    handles.append(Patch(color=_SPECIFIC_COLOUR, label=SPECIFIC))
    if active:
        (marker,) = axes.plot([], [], "D", color=_ACTIVE, markersize=4.5, label="to the tracking error")
        handles.append(marker)
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=5, frameon=False)
    _finish(axes, len(bars))


def _draw_assets(axes: Axes, answer: PortfolioRiskAnswer, shown: list[int]) -> None:
    total = answer.risk.total
    contributions = 100.0 * total.asset_contributions[shown]
    labels = [answer.forecast.assets[at] for at in shown]
    shares = total.asset_shares[shown]
    held = int((total.asset_contributions != 0.0).sum())
    if held > len(shown):
        rest = 100.0 * float(np.delete(total.asset_contributions, shown).sum())
        contributions = np.append(contributions, rest)
        labels.append(f"{held - len(shown):,} others")
        shares = np.append(shares, _share(rest, total))
    places = np.arange(len(labels))
    axes.barh(places, contributions, 0.62, color=_ASSET_COLOUR)
    weights = [percent(float(answer.portfolio.weights[at])) for at in shown]
    _write_column(axes, 1.1, "weight", [*weights, *[""] * (len(labels) - len(shown))])
    _write_column(axes, 1.22, "of the risk", [percent(_finite(share)) for share in shares.tolist()])
    axes.set_yticks(places, labels, parse_math=False)
    axes.set_xlabel("contribution of the positions, percentage points a year")
    _finish(axes, len(labels))


def _share(points: float, total: RiskDecomposition) -> float:
    return points / (100.0 * total.volatility) if total.volatility > 0.0 else np.nan


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _write_column(axes: Axes, right: float, heading: str, cells: list[str]) -> None:
    """Numbers beside the bars, flush at `right`, in widths of the axes."""
    across = axes.get_yaxis_transform()
    style: dict[str, Any] = {"ha": "right", "va": "center", "fontsize": 9, "color": _GREY}
    axes.text(right, -0.85, heading, transform=across, **(style | {"color": _FAINT}))
    for place, cell in enumerate(cells):
        axes.text(right, place, cell, transform=across, **style)


def _finish(axes: Axes, count: int) -> None:
    axes.axvline(0.0, color=_FAINT, linewidth=0.8)
    axes.set_ylim(count - 0.4, -0.6)
    axes.margins(x=0.04)
    axes.set_axisbelow(True)
    axes.grid(alpha=0.25, axis="x")
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.1f}"))
