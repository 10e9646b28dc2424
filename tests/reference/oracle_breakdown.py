"""Where a run's returns came from and what it holds next, in plain pandas."""

from collections.abc import Mapping

import pandas as pd

from tests.reference import oracle_costs, oracle_metrics
from tests.reference.oracle_config import OracleInfeasibleMaxWeight
from tests.reference.pandas_oracle import OracleRun, form

NUM_EXTREMES = 5


def market_regimes(run: OracleRun, market: pd.Series | None) -> dict[pd.Timestamp, str | None]:
    """Each held period's regime: the market's wealth on its formation date against the mean of the half year
    that ends there. None where one of those grid periods has no market return."""
    ends = run.model.periods.ends
    window = run.model.periods_per_year // 2
    wealth = pd.Series(dtype=float) if market is None else (1 + market).cumprod()
    wealth = wealth.reindex(ends)
    regimes: dict[pd.Timestamp, str | None] = {}
    for t in run.held:
        behind = wealth.iloc[max(0, t - window) : t]
        regime = None
        if len(behind) == window and behind.notna().all():
            regime = "UP" if behind.iloc[-1] > behind.mean() else "DOWN"
        regimes[ends[t]] = regime
    return regimes


def subperiod_table(
    run: OracleRun, net: pd.Series | None, regimes: Mapping[pd.Timestamp, str | None]
) -> pd.DataFrame:
    """Years in order, then UP and DOWN, those that have periods."""
    dates = run.returns.index
    groups = [("YEAR", str(year), dates[dates.year == year]) for year in sorted(set(dates.year))]
    groups += [("REGIME", label, dates[[regimes[d] == label for d in dates]]) for label in ("UP", "DOWN")]
    rows = []
    for kind, label, some in groups:
        if len(some) == 0:
            continue
        ppy = run.model.periods_per_year
        gross_metrics = oracle_metrics.metrics_of(run.returns["factor"][some], ppy)
        net_metrics = {} if net is None else oracle_metrics.metrics_of(net[some], ppy)
        rows.append(
            {
                "kind": kind,
                "label": label,
                "first_date": some[0],
                "last_date": some[-1],
                "num_periods": len(some),
                "cumulative_return": gross_metrics["cumulative_return"],
                "mean_annual_return": gross_metrics["mean_annual_return"],
                "annualized_volatility": gross_metrics["annualized_volatility"],
                "sharpe_ratio": gross_metrics["sharpe_ratio"],
                "max_drawdown": gross_metrics["max_drawdown"],
                "hit_rate": gross_metrics["hit_rate"],
                "net_cumulative_return": net_metrics.get("cumulative_return"),
                "net_sharpe_ratio": net_metrics.get("sharpe_ratio"),
            }
        )
    return pd.DataFrame(rows)


def extreme_positions(run: OracleRun) -> pd.DataFrame:
    """The five held positions whose prices moved most; equal moves by date, long leg first, then asset."""
    moved = run.holdings[run.holdings["period_return"].notna()].copy()
    moved["size"] = -moved["period_return"].abs()
    top = moved.sort_values(["size", "period", "leg", "asset"], kind="stable").head(NUM_EXTREMES)
    sign = top["leg"].map({"long": 1.0, "short": -1.0}).astype(float)
    return pd.DataFrame(
        {
            "date": top["period"],
            "asset": top["asset"],
            "leg": top["leg"],
            "weight": top["weight"],
            "return": top["period_return"],
            "earned": top["earned"],
            "contribution": sign * top["weight"] * top["earned"],
        }
    ).reset_index(drop=True)


def extremes_summary(run: OracleRun, extremes: pd.DataFrame) -> dict[str, float | None]:
    """Sum of contributions, its share of the sum of returns, and the compounded return without them."""
    total = float(extremes["contribution"].sum())
    all_returns = float(run.returns["factor"].sum())
    without = run.returns["factor"].copy()
    for row in extremes.itertuples(index=False):
        without[row.date] -= row.contribution
    return {
        "total_contribution": total,
        "share": total / all_returns if abs(all_returns) > 1e-12 else None,
        "cumulative_return_without": float(
            oracle_metrics.metrics_of(without, run.model.periods_per_year)["cumulative_return"]
        ),
    }


def target_of(run: OracleRun) -> tuple[pd.DataFrame | None, dict[str, object]]:
    """The portfolio that the last grid row up to `end_date` asks for, with the trades to get there."""
    model = run.model
    formation = max(run.signals)
    period_end = model.periods.next_ends[formation]
    summary = {"formation_date": model.periods.ends[formation], "period_end": period_end}
    try:
        signal, holdings = form(model, formation + 1, period_end)
    except OracleInfeasibleMaxWeight:
        return None, summary | {"num_eligible": None, "reason": "INFEASIBLE_MAX_WEIGHT"}
    summary["num_eligible"] = len(signal)
    if holdings is None:
        return None, summary | {"reason": "TOO_FEW_ASSETS"}
    return oracle_costs.target_portfolio(run, holdings, formation), summary | {"reason": None}
