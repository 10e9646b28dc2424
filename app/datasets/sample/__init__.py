"""The bundled sample: invented assets with invented prices, made by scripts/make_sample.py."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent


def sample_panel_path() -> Path:
    """Long-form gzipped CSV: 60 assets, 2021 to 2023."""
    return _FOLDER / "sample.csv.gz"


def sample_attributes_path() -> Path:
    """CSV of the assets' attributes; `synthetic` is true for all, which the quality report repeats."""
    return _FOLDER / "attributes.csv"
