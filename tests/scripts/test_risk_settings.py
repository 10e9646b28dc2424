"""What `factorql risk build` makes of its options."""

from __future__ import annotations

import json

import pytest

from app.errors import InvalidFile, InvalidInput
from engine.config import parse, to_json
from engine.risk.config import RiskModelConfig
from engine.risk.scores.config import StyleName
from scripts.risk_settings import risk_options


def test_without_anything_nothing_is_set():
    assert risk_options(None, None, []) == {}


def test_options_of_the_model_its_stages_and_its_styles():
    options = risk_options(
        None,
        "momentum, size",
        [
            "winsor=0.02",
            "maxAbsReturn=off",
            "covariance.volatilityHalfLife=42",
            "universe.topN=500",
            "momentum.lag=5",
        ],
    )
    assert options == {
        "styles": [{"style": "MOMENTUM", "lag": 5}, {"style": "SIZE"}],
        "winsor": 0.02,
        "max_abs_return": None,
        "covariance": {"volatility_half_life": 42},
        "universe": {"top_n": 500},
    }
    config = parse(RiskModelConfig, options)
    assert [style.style for style in config.styles] == [StyleName.MOMENTUM, StyleName.SIZE]
    assert config.covariance.volatility_half_life == 42


def test_a_file_comes_first_in_either_spelling(tmp_path):
    file = tmp_path / "model.json"
    file.write_text(
        json.dumps(
            {"maxAbsReturn": 3, "styles": [{"style": "size", "tailShare": 0.1}], "specific": {"lags": 2}}
        )
    )
    options = risk_options(file, None, ["size.winsor=0.05", "specific.halfLife=30", "maxAbsReturn=4"])
    assert options == {
        "max_abs_return": 4,
        "styles": [{"style": "size", "tail_share": 0.1, "winsor": 0.05}],
        "specific": {"lags": 2, "half_life": 30},
    }


def test_what_a_model_is_stored_as_makes_the_same_model(tmp_path):
    config = parse(RiskModelConfig, {"styles": [{"style": "REVERSAL"}], "mode": "TORANIKO_RAW"})
    file = tmp_path / "model.json"
    file.write_text(json.dumps(to_json(config)))
    assert parse(RiskModelConfig, risk_options(file, None, [])) == config


@pytest.mark.parametrize(
    ("styles", "settings", "message"),
    [
        (None, ["winsor"], "--set takes key=value, not 'winsor'"),
        (None, ["universe.=3"], "--set takes key=value"),
        (None, ["winsor=1", "winsor=2"], "winsor is set twice"),
        (None, ["maxAbsReturn=1", "max_abs_return=2"], "is set twice"),
        (None, ["momentum.lag=5"], "no style is named momentum; name the model's styles with --styles"),
        ("size,size", ["size.winsor=0.1"], "several styles are named size"),
        (None, ["covarianc.lags=5"], "there is no group of options 'covarianc'"),
        (None, ["covariance.a.b=5"], "there is no group of options 'covariance.a'"),
        ("momentum,quality", [], "there is no style 'quality'; there are momentum, size"),
    ],
)
def test_what_is_not_understood_is_said_in_one_line(styles, settings, message):
    with pytest.raises(InvalidInput) as caught:
        risk_options(None, styles, settings)
    assert message in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[1]", "must hold an object"),
        ("[" * 100_000, "is not JSON"),
        (" " * 1_000_001, "more than 1,000,000 bytes"),
        ("\udcff", "is not JSON"),
    ],
    ids=["cut off", "a list", "too deep", "too long", "no text"],
)
def test_a_file_that_holds_no_options_is_refused(tmp_path, content, message):
    file = tmp_path / "model.json"
    file.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(InvalidFile, match=message):
        risk_options(file, None, [])
