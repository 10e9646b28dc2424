"""What a run's signal says of later returns, in plain pandas: rank IC, decay, persistence, quantiles."""

import math

import pandas as pd

from tests.reference import oracle_inference, oracle_metrics
from tests.reference.oracle_inference import rank_correlation
from tests.reference.pandas_oracle import OracleRun, earned_returns, is_extreme, plain

DECAY_HORIZONS = range(1, 9)


def information_coefficients(run: OracleRun) -> pd.DataFrame:
    """Period end x horizon: Spearman of the signal and the return over the next periods, positive where the
    long leg wins. Excluded extremes are left out of horizon 1 only."""
    model = run.model
    executed = model.periods.execution_prices
    last_reported = max(run.signals)
    sign = -1 if run.buys_low else 1
    rows = {}
    for t in run.held:
        row = {}
        for horizon in DECAY_HORIZONS:
            if t - 1 + horizon > last_reported:
                row[horizon] = math.nan
                continue
            forward = executed.iloc[t - 1 + horizon] / executed.iloc[t - 1] - 1
            forward = forward[run.signals[t].index]
            if horizon == 1 and model.settings["extreme_returns"] == "EXCLUDE":
                forward = forward[~is_extreme(forward, model.settings)]
            row[horizon] = sign * rank_correlation(run.signals[t], forward)
        rows[model.periods.ends[t]] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def decay_table(ic_by_horizon: pd.DataFrame) -> pd.DataFrame:
    """Horizon x (mean, std, num_periods, t); t allows for the overlap of the horizons."""
    rows = {}
    for horizon, values in ic_by_horizon.items():
        defined = values.dropna()
        summary = oracle_inference.series_summary(values)
        lag = max(horizon - 1, oracle_inference.default_lag(len(defined)))
        t = oracle_inference.newey_west_t(defined, lag)
        rows[horizon] = {"mean": summary["mean"], "std": summary["std"], "num_periods": len(defined), "t": t}
    return pd.DataFrame.from_dict(rows, orient="index")


def signal_autocorrelation(run: OracleRun) -> pd.Series:
    """Spearman of each held period's signal with that of the period before, if that was held too."""
    values = []
    for t in run.held:
        before = run.signals[t - 1] if t - 1 in run.held else pd.Series(dtype=float)
        values.append(rank_correlation(run.signals[t], before))
    return pd.Series(values, index=run.returns.index)


def persistence_summary(autocorrelations: pd.Series) -> dict[str, float | int | None]:
    defined = autocorrelations.dropna()
    rho = float(defined.mean()) if len(defined) else None
    half_life = math.log(0.5) / math.log(rho) if rho is not None and 0 < rho < 1 else None
    return {"mean_autocorrelation": rho, "half_life_periods": half_life, "num_periods": len(defined)}


def quantile_returns(run: OracleRun) -> pd.DataFrame:
    """Period end x bucket: equally weighted earned returns of the eligible assets, lowest signal first."""
    model = run.model
    count = model.settings["quantiles"]
    rows = {}
    for t in run.held:
        signal = run.signals[t]
        ranked = sorted(signal.index, key=lambda asset: (signal[asset], asset))
        earned = earned_returns(model.realised.iloc[t][ranked], model.settings)
        members: dict[int, list[float]] = {bucket: [] for bucket in range(1, count + 1)}
        if len(ranked) >= count:
            for position, asset in enumerate(ranked):
                members[position * count // len(ranked) + 1].append(earned[asset])
        rows[model.periods.ends[t]] = {
            bucket: sum(values) / len(values) if values else math.nan for bucket, values in members.items()
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def quantile_table(buckets: pd.DataFrame, run: OracleRun) -> pd.DataFrame:
    """One row a bucket; empty where no period had as many assets as buckets."""
    names = ("num_periods", "annualized_return", "annualized_volatility", "sharpe_ratio", "cumulative_return")
    rows = {}
    for bucket, values in buckets.items():
        returns = values.dropna()
        if len(returns) == 0:
            continue
        metrics = oracle_metrics.metrics_of(returns, run.model.periods_per_year)
        rows[bucket] = {"mean_return": returns.mean(), **{name: metrics[name] for name in names}}
    return pd.DataFrame.from_dict(rows, orient="index", dtype=float)


def spread_summary(spread: pd.Series, periods_per_year: int) -> dict[str, float | int | None]:
    returns = spread.dropna()
    if len(returns) == 0:
        return {"mean_return": None, "newey_west_t": None, "sharpe_ratio": None, "num_periods": 0}
    return {
        "mean_return": float(returns.mean()),
        "newey_west_t": oracle_inference.newey_west_t(returns),
        "sharpe_ratio": plain(oracle_metrics.metrics_of(returns, periods_per_year)["sharpe_ratio"]),
        "num_periods": len(returns),
    }


def quantile_monotonicity(quantiles: pd.DataFrame) -> dict[str, float | None]:
    if len(quantiles) == 0:
        return {"rho": None, "p_value": None}
    return oracle_inference.monotonicity(quantiles["mean_return"].to_list())
