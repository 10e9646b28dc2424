"""Configs as they are shown."""

from __future__ import annotations

from dataclasses import fields

import pytest

from app.features.factors.graph.factor_config import CONFIG_TYPES, to_factor_config
from app.schema.enums import Fundamental
from engine.config import to_json
from engine.factors.registry import FACTORS, FactorName


@pytest.mark.parametrize("factor", FactorName)
def test_a_computed_config_shows_every_option_and_nothing_is_unrecorded(factor: FactorName) -> None:
    config = FACTORS[factor].config_type()
    shown = to_factor_config(factor, to_json(config))
    for item in fields(config):
        value = getattr(config, item.name)
        assert getattr(shown, item.name) == (list(value) if isinstance(value, tuple) else value)
    assert shown.unrecorded_fields == []


@pytest.mark.parametrize("factor", FactorName)
def test_options_that_were_not_recorded_are_listed(factor: FactorName) -> None:
    names = [item.name for item in fields(FACTORS[factor].config_type)]
    shown = to_factor_config(factor, dict.fromkeys(names) | {"min_assets": 20}, names)
    assert shown.min_assets == 20
    assert "minAssets" not in shown.unrecorded_fields
    assert "marketCapThreshold" in shown.unrecorded_fields
    assert len(shown.unrecorded_fields) == len(names) - 1


def test_an_option_that_is_not_stored_counts_as_unrecorded() -> None:
    shown = to_factor_config(FactorName.MARKET, {"top_n": 10, "max_weight": None})
    assert "minAssets" in shown.unrecorded_fields
    assert "maxWeight" not in shown.unrecorded_fields
    assert "breakpoint" not in shown.unrecorded_fields, "the market factor has no such option"


def test_value_runs_from_before_there_was_a_choice_were_measured_by_fees() -> None:
    stored = to_json(FACTORS[FactorName.VALUE].config_type())
    assert stored.pop("fundamental") == "FEES"
    for options in (stored, stored | {"fundamental": None}):
        shown = to_factor_config(FactorName.VALUE, options)
        assert shown.fundamental is Fundamental.FEES
        assert shown.unrecorded_fields == []
    chosen = to_factor_config(FactorName.VALUE, stored | {"fundamental": "BOOK_VALUE"})
    assert chosen.fundamental is Fundamental.BOOK_VALUE


def test_every_option_of_the_engine_has_a_field() -> None:
    for factor, definition in FACTORS.items():
        options = {item.name for item in fields(definition.config_type)}
        assert options <= {item.name for item in fields(CONFIG_TYPES[factor])}
