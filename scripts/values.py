"""Values on the command line that several sub-commands take: dates, and risk-free rates."""

from __future__ import annotations

from datetime import date
from typing import Any

import click

from app.datasets.risk_free import HIGHEST_RATE, LOWEST_RATE, RiskFreeRequest
from app.datasets.service import DatasetRef, check_dataset_name
from app.errors import InvalidInput


class Day(click.ParamType):
    """A date such as 2024-01-31."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date such as 2024-01-31", param, ctx)


class RiskFree(click.ParamType):
    """The name of a dataset of bill yields; or a constant rate: a fraction a year, or with % in per cent."""

    name = "risk-free rate"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> RiskFreeRequest:
        if isinstance(value, RiskFreeRequest):
            return value
        text = value.strip()
        try:
            rate = float(text[:-1]) / 100.0 if text.endswith("%") else float(text)
        except ValueError:
            try:
                check_dataset_name(text)
            except InvalidInput as error:
                self.fail(error.message, param, ctx)
            return RiskFreeRequest(dataset=DatasetRef(name=text))
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:  # NaN is neither
            span = f"from {LOWEST_RATE:g} to {HIGHEST_RATE:g} ({LOWEST_RATE:.0%} to {HIGHEST_RATE:.0%})"
            self.fail(f"a rate a year is {span}, not {text}", param, ctx)
        return RiskFreeRequest(annual_rate=rate)


risk_free_option = click.option(
    "--risk-free",
    type=RiskFree(),
    metavar="DATASET|RATE",
    help="What to be in excess of: a dataset of bill yields, or a rate a year (0.05 or 5%).",
)
