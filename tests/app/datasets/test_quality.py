"""The quality report as it is stored."""

import json
from pathlib import Path

import pytest

from app.datasets.quality import QualityCode, QualityReport
from tests.app.datasets.files import read_text


def report(tmp_path: Path) -> QualityReport:
    return read_text(
        tmp_path,
        "date,asset,price,mc\n2021-01-01,a,1,5\n2021-01-02,a,0,\n2021-01-02,a,0,\n2021-01-01,b,1,-1\n2021-01-01,c,,\n",
    ).quality


def test_the_stored_form_has_the_documented_shape(tmp_path: Path) -> None:
    assert json.loads(json.dumps(report(tmp_path).to_json())) == {
        "format": 1,
        "rows_read": 5,
        "rows_kept": 2,
        "rows_refused": 1,
        "rows_merged": 1,
        "rows_skipped": 1,
        "counts": [
            {
                "code": "NEGATIVE",
                "label": "rows with a negative market cap, volume, fees, number of users or shares",
                "action": "REFUSED",
                "count": 1,
                "example": None,
            },
            {
                "code": "DUPLICATE",
                "label": "rows that repeat another row exactly",
                "action": "MERGED",
                "count": 1,
                "example": None,
            },
            {
                "code": "EMPTY",
                "label": "rows without any value",
                "action": "SKIPPED",
                "count": 1,
                "example": None,
            },
            {
                "code": "NON_POSITIVE_PRICE",
                "label": "prices <= 0, which count as missing",
                "action": "KEPT",
                "count": 1,
                "example": "first: a on 2021-01-02; 1 asset",
            },
        ],
        "refused": [{"line": 5, "code": "NEGATIVE", "reason": "market_cap is negative: -1"}],
        "coverage": [
            {
                "field": "market_cap",
                "observations": 1,
                "share": 0.5,
                "assets": 1,
                "first_date": "2021-01-01",
                "last_date": "2021-01-01",
            },
            {
                "field": "price",
                "observations": 2,
                "share": 1.0,
                "assets": 1,
                "first_date": "2021-01-01",
                "last_date": "2021-01-02",
            },
        ],
        "lost": [],
        "notes": ["there is only one asset, so no portfolio can be formed across assets"],
    }


def test_the_stored_form_gives_the_report_back(tmp_path: Path) -> None:
    original = report(tmp_path)

    assert QualityReport.from_json(json.loads(json.dumps(original.to_json()))) == original


def test_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="format 2 is not understood"):
        QualityReport.from_json({**report(tmp_path).to_json(), "format": 2})


def test_rows_add_up(tmp_path: Path) -> None:
    quality = report(tmp_path)

    parts = quality.rows_kept + quality.rows_refused + quality.rows_merged + quality.rows_skipped
    assert quality.rows_read == parts


def test_every_kind_of_finding_has_a_label() -> None:
    assert len({code.label for code in QualityCode}) == len(QualityCode)
