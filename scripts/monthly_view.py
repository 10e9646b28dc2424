"""A monthly sheet as the command shows it."""

from __future__ import annotations

import click

from app.features.factors.monthly_metrics import MonthlyMetrics
from db.records import RunRecord
from scripts.console import day, number, percent, plain

_LINES = (
    ("month_to_date_return", "month to date", percent, 2),
    ("year_to_date_return", "year to date", percent, 2),
    ("last_period_return", "last period", percent, 2),
    ("annualized_return", "annualised return", percent, 2),
    ("annualized_volatility", "annualised volatility", percent, 2),
    ("excess_annualized_return", "annualised excess return", percent, 2),
    ("sharpe_ratio", "Sharpe ratio", number, 4),
    ("sortino_ratio", "Sortino ratio", number, 4),
    ("current_drawdown", "current drawdown", percent, 2),
    ("concentration", "concentration (HHI)", number, 4),
    ("contribution_to_return", "contribution to return", percent, 2),
    ("top_contribution", "top contribution", percent, 2),
    ("average_daily_volume_usd", "average daily volume, USD", number, 0),
    ("average_market_cap_usd", "average market cap, USD", number, 0),
)


def print_monthly_sheet(run: RunRecord, sheet: MonthlyMetrics) -> None:
    click.echo(f"run {run.id}: {str(run.subject).lower()} as of {day(sheet.as_of)}")
    click.echo(f"{sheet.num_periods} periods, the last ended {day(sheet.last_period_end)}\n")
    for name, label, shown, digits in _LINES:
        by = f"  {sheet.top_contributor}" if name == "top_contribution" and sheet.top_contributor else ""
        click.echo(f"  {label:<28}{shown(getattr(sheet, name), digits):>20}{by}")
    # One line a reason: what rests on the holdings is often missing for the same one.
    missing: dict[str, list[str]] = {}
    for one in sheet.undefined:
        missing.setdefault(one.detail, []).append(one.metric)
    if missing:
        click.echo()
    for detail, names in missing.items():
        click.echo(f"  not defined: {', '.join(names)}: {detail}")


def monthly_sheet_json(run: RunRecord, sheet: MonthlyMetrics) -> dict[str, object]:
    return {"run": run.id, "factor": str(run.subject).lower(), **plain(sheet)}
