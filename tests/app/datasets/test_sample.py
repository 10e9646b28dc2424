"""The bundled sample: reproducible, labelled, and good for all six factors."""

import csv
import gzip
import math
from pathlib import Path

import numpy as np
import pytest

from app.datasets.quality import QualityAction, QualityCode
from app.datasets.read import ReadPanel, read_long_form
from app.datasets.sample import sample_attributes_path, sample_panel_path
from engine.factors.compute import compute_factor
from engine.factors.registry import FactorName, parse_config
from engine.risk.model import FactorKind, build_risk_model
from engine.risk.outcomes import Validation
from scripts.make_sample import write_sample

MAX_BYTES = 2_500_000


@pytest.fixture(scope="module")
def sample() -> ReadPanel:
    return read_long_form(
        sample_panel_path(), filename=sample_panel_path().name, attributes=sample_attributes_path()
    )


def rows_of(path: Path) -> list[list[str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_the_generator_makes_the_bundled_files(tmp_path: Path) -> None:
    """To a unit in the last digit: another processor's exp and log may round differently."""
    panel_path, attributes_path = tmp_path / "sample.csv.gz", tmp_path / "attributes.csv"
    write_sample(panel_path, attributes_path)
    made, bundled = rows_of(panel_path), rows_of(sample_panel_path())

    assert attributes_path.read_bytes() == sample_attributes_path().read_bytes()
    assert len(made) == len(bundled)
    assert [row[:2] for row in made] == [row[:2] for row in bundled]
    assert made[0] == bundled[0]
    for made_row, bundled_row in zip(made[1:], bundled[1:], strict=True):
        if made_row != bundled_row:
            for left, right in zip(made_row[2:], bundled_row[2:], strict=True):
                assert left == right or math.isclose(float(left), float(right), rel_tol=1.1e-5, abs_tol=1)


def test_the_gzip_header_holds_no_time_and_no_name() -> None:
    header = sample_panel_path().read_bytes()[:10]

    assert header[3] == 0
    assert header[4:8] == bytes(4)


def test_it_is_small_and_labelled(sample: ReadPanel) -> None:
    assert sample_panel_path().stat().st_size <= MAX_BYTES
    assert sample.quality.notes[0].startswith("SYNTHETIC")
    assert all(asset.startswith("syn-") for asset in sample.panel.assets)


def test_it_has_sixty_assets_over_three_years_with_their_attributes(sample: ReadPanel) -> None:
    panel = sample.panel

    assert len(panel.assets) == 60
    assert (str(panel.dates[0]), str(panel.dates[-1])) == ("2021-01-01", "2023-12-31")
    assert set(panel.fields) == {"price", "market_cap", "volume", "fees", "dau", "revenue"}
    assert panel.attributes["stable"].count("true") == 3
    assert panel.attributes["wrapped"].count("true") == 2
    assert None not in panel.attributes["sector"]


def test_it_shows_the_defects_of_real_data_but_no_faulty_row(sample: ReadPanel) -> None:
    codes = {count.code for count in sample.quality.counts}

    assert codes == {code for code in QualityCode if code.action is QualityAction.KEPT} - {
        QualityCode.NON_POSITIVE_PRICE
    }
    assert sample.quality.rows_kept == sample.quality.rows_read
    prices = sample.panel.fields["price"]
    assert np.isnan(prices[0]).any()
    assert np.isnan(prices[-1]).any()


@pytest.mark.parametrize("factor", list(FactorName))
def test_every_factor_succeeds_with_its_defaults_in_every_year(sample: ReadPanel, factor: FactorName) -> None:
    result = compute_factor(sample.panel, parse_config(factor, {}))

    years, counts = np.unique(result.dates.astype("datetime64[Y]").astype(str), return_counts=True)
    assert years.tolist() == ["2021", "2022", "2023"]
    assert counts.min() >= 48
    assert result.performance.num_periods == 153
    assert abs(result.performance.annualized_return or math.nan) < 0.6
    assert abs(result.performance.sharpe_ratio or math.nan) < 2.5
    assert result.performance.wiped_out_on is None


def test_it_has_sectors_and_is_enough_for_a_risk_model_of_default_options(sample: ReadPanel) -> None:
    model = build_risk_model(sample.panel)
    estimated = model.factor_returns.assets

    sectors = [
        name for name, kind in zip(model.factors, model.kinds, strict=True) if kind is FactorKind.SECTOR
    ]
    assert sectors == [
        *("defi", "gaming", "infrastructure", "layer-1", "layer-2", "meme", "stablecoin"),
    ]
    assert [style.name for style in model.skipped_styles] == ["VALUE"]
    assert (estimated[100:] >= 45).all()
    assert str(model.outlook.dates[0]) == "2021-05-31"
    assert len(model.outlook.dates) == 32
    assert isinstance(model.validation, Validation)
    market = model.outlook.covariance.volatilities[-1][0]
    assert 0.2 < market < 1.0, "of a year in which the market's daily volatility is 2 to 3%"
