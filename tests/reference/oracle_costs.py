"""Trading, turnover and net returns of the pandas reference implementation: one dict of weights at a time."""

import pandas as pd

from tests.reference.pandas_oracle import OracleRun


def drifted(weights: dict[str, float], earned: dict[str, float]) -> dict[str, float]:
    """A leg's weights after its assets earned; nothing is left of a leg that lost everything."""
    grown = {asset: weight * (1 + earned[asset]) for asset, weight in weights.items()}
    total = sum(grown.values())
    if total <= 0:
        return dict.fromkeys(weights, 0.0)
    return {asset: value / total for asset, value in grown.items()}


def traded_between(before: dict[str, float], after: dict[str, float]) -> float:
    """Sum of absolute weight changes over all assets of either side."""
    assets = set(before) | set(after)
    return sum(abs(after.get(asset, 0.0) - before.get(asset, 0.0)) for asset in assets)


def by_position(run: OracleRun, leg: str, column: str) -> dict[int, dict[str, float]]:
    """Grid position -> asset -> value, for one leg."""
    position = {run.model.periods.ends[t]: t for t in run.held}
    held = run.holdings[run.holdings["leg"] == leg]
    return {
        position[end]: dict(zip(group["asset"], group[column], strict=True))
        for end, group in held.groupby("period")
    }


def traded(run: OracleRun, leg: str) -> pd.Series:
    """What one leg trades in each period: from its drifted weights, from nothing after a skipped period, and
    back to nothing before one. A leg that does not exist trades nothing."""
    weights = by_position(run, leg, "weight")
    earned = by_position(run, leg, "earned")
    amounts = []
    for t in run.held:
        if t not in weights:
            amounts.append(0.0)
            continue
        before = drifted(weights[t - 1], earned[t - 1]) if t - 1 in weights else {}
        amount = traded_between(before, weights[t])
        is_followed_by_a_gap = t + 1 in run.signals and t + 1 not in weights
        if is_followed_by_a_gap:
            amount += traded_between(drifted(weights[t], earned[t]), {})
        amounts.append(amount)
    return pd.Series(amounts, index=run.returns.index, dtype=float)


def trading_table(run: OracleRun) -> pd.DataFrame:
    """Period end x (traded_long, traded_short, turnover, is_entry, carry, net)."""
    settings, ends = run.model.settings, run.model.periods.ends
    table = pd.DataFrame({"traded_long": traded(run, "long"), "traded_short": traded(run, "short")})
    table["turnover"] = (table["traded_long"] + table["traded_short"]) / 2
    table["is_entry"] = [t - 1 not in run.held for t in run.held]
    days = pd.Series([(ends[t] - ends[t - 1]).days for t in run.held], index=table.index)
    has_short = run.returns["short"].notna()
    table["carry"] = (settings["short_carry_bps"] / 1e4 * days / 365).where(has_short, 0.0)
    costs = settings["cost_bps"] / 1e4 * (table["traded_long"] + table["traded_short"])
    table["net"] = run.returns["factor"] - costs - table["carry"]
    return table


def has_costs(run: OracleRun) -> bool:
    return run.model.settings["cost_bps"] > 0 or run.model.settings["short_carry_bps"] > 0


def trading_metrics(run: OracleRun, table: pd.DataFrame) -> dict[str, float | None]:
    """Mean turnover without entries, and the cost at which nothing is left."""
    rebalanced = table.loc[~table["is_entry"], "turnover"]
    profit = run.returns["factor"].mean() - table["carry"].mean()
    mean_traded = (table["traded_long"] + table["traded_short"]).mean()
    return {
        "mean_turnover": rebalanced.mean() if len(rebalanced) else None,
        "break_even_cost_bps": profit / mean_traded * 1e4 if profit > 0 else None,
    }


def target_portfolio(run: OracleRun, target: pd.DataFrame, formation: int) -> pd.DataFrame:
    """Leg, asset, weight, previous_weight and trade of a portfolio formed at grid position `formation`.

    The previous weights are those last reported, drifted from the prices at which they were taken to those
    known at this formation. What is no longer wanted is there with weight 0. Rows by leg and asset.
    """
    last, settings = run.held[-1], run.model.settings
    known, executed = run.model.periods.tables["price"], run.model.periods.execution_prices
    moved = known.iloc[formation] / executed.iloc[last - 1] - 1
    if settings["extreme_returns"] == "EXCLUDE" and settings["max_abs_return"] is not None:
        moved = moved.where(moved.abs() <= settings["max_abs_return"])
    moved = moved.fillna(settings["missing_return"])
    rows = []
    for leg in ("long", "short"):
        wanted = target[target["leg"] == leg]
        weights = dict(zip(wanted["asset"], wanted["weight"], strict=True))
        held = by_position(run, leg, "weight").get(last, {})
        previous = drifted(held, {asset: moved[asset] for asset in held})
        for asset in sorted(set(weights) | set(previous)):
            weight, before = weights.get(asset, 0.0), previous.get(asset, 0.0)
            rows.append((leg, asset, weight, before, weight - before))
    return pd.DataFrame(rows, columns=["leg", "asset", "weight", "previous_weight", "trade"])
