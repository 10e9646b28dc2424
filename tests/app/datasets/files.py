"""Small input files for the tests of reading."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from app.datasets.limits import ReadLimits
from app.datasets.read import ReadPanel, read_long_form
from engine.panel import Calendar, Panel

ALIAS_OF_FIELD = {"market_cap": "mc", "volume": "24h_volume"}


def csv_file(folder: Path, text: str, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def read_text(folder: Path, text: str, **options: Any) -> ReadPanel:
    """Read CSV text."""
    return read_long_form(csv_file(folder, text), filename="data.csv", **options)


def read_table(folder: Path, columns: Mapping[str, Any], **options: Any) -> ReadPanel:
    """Read a Parquet file of these columns."""
    path = folder / "data.parquet"
    pyarrow.parquet.write_table(pa.table(dict(columns)), path)
    return read_long_form(path, filename="data.parquet", **options)


def limits(**changes: int) -> ReadLimits:
    return ReadLimits(**changes)


def long_form(panel: Panel) -> list[dict[str, Any]]:
    """One row a date and asset that has any value; missing values are None."""
    rows = []
    for row, date in enumerate(panel.dates):
        for column, asset in enumerate(panel.assets):
            values = {name: float(field[row, column]) for name, field in panel.fields.items()}
            if any(not np.isnan(value) for value in values.values()):
                present = {name: None if np.isnan(value) else value for name, value in values.items()}
                rows.append({"date": str(date), "asset": asset, **present})
    return rows


def write_long_form(rows: list[dict[str, Any]], path: Path) -> None:
    """CSV, gzipped CSV or Parquet by the name's ending, with the usual column names."""
    names = list(rows[0])
    header = [ALIAS_OF_FIELD.get(name, name) for name in names]
    if path.suffix == ".parquet":
        columns = {head: [row[name] for row in rows] for head, name in zip(header, names, strict=True)}
        arrays = [
            pa.array(values, None if head in ("date", "asset") else pa.float64())
            for head, values in columns.items()
        ]
        pyarrow.parquet.write_table(pa.table(arrays, names=header), path)
        return
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(
            [
                "" if row[name] is None else row[name] if isinstance(row[name], str) else repr(row[name])
                for name in names
            ]
            for row in rows
        )


def small_panel(date_count: int = 30, asset_count: int = 4, seed: int = 1) -> Panel:
    """Random prices, caps and volumes with some values missing."""
    random = np.random.default_rng(seed)
    shape = (date_count, asset_count)
    fields = {}
    for name in ("price", "market_cap", "volume"):
        values = np.exp(random.normal(size=shape))
        values[random.random(shape) < 0.1] = np.nan
        values[[0, -1], 0] = 1.0
        fields[name] = values
    start = np.datetime64("2021-01-01")
    return Panel(
        dates=np.arange(start, start + date_count),
        assets=tuple(f"asset-{number:02d}" for number in range(asset_count)),
        fields=fields,
        calendar=Calendar.EVERY_DAY,
        attributes={"sector": ("defi", None) * (asset_count // 2)},
    )


def damage(folder: Path, array: str) -> None:
    """Change bits of an array of an array folder where they stand; the file keeps its size."""
    file = json.loads((folder / "manifest.json").read_text())["arrays"][array]["file"]
    with (folder / file).open("r+b") as opened:
        opened.seek(-1, os.SEEK_END)
        last = opened.read(1)[0]
        opened.seek(-1, os.SEEK_END)
        opened.write(bytes([last ^ 1]))


def rewrite_manifest(
    folder: Path, change: Callable[[dict[str, Any]], object] = lambda _: None, *, sealed: bool
) -> None:
    """Write the manifest of an array folder anew, with its hash or, as older versions did, without."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest.pop("sha256", None)
    change(manifest)
    if sealed:
        text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
        manifest["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(manifest))


def flip_in_manifest(folder: Path, word: str) -> None:
    """Change one bit of the last letter of a word where it first stands."""
    path = folder / "manifest.json"
    content = path.read_bytes()
    assert word.encode() in content
    path.write_bytes(content.replace(word.encode(), word[:-1].encode() + bytes([ord(word[-1]) ^ 1]), 1))
