"""Writes an invented stock market to try risk models on: `python -m scripts.make_equities DIR`.

The panel goes into synthetic-equities.csv or .parquet, the assets' sectors with the days on which they
changed into attributes.csv. What the returns were made of is in `scripts.equity_market`.
"""

from __future__ import annotations

import csv
import shlex
from pathlib import Path
from typing import Final

import click
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from engine.panel import SINCE_EVER, Panel
from scripts.equity_market import MIN_ASSETS, MIN_DAYS, simulate_equities

NAME: Final = "synthetic-equities"
ATTRIBUTES: Final = "attributes.csv"
NOTE: Final = "SYNTHETIC: invented companies and prices from a seeded generator, for trying things out."
FORMATS: Final = ("csv", "parquet")
MAX_ASSETS: Final = 3_000
MAX_DAYS: Final = 2_520
_COLUMN_OF_FIELD: Final = {"market_cap": "mc", "volume": "24h_volume"}


def write_panel(panel: Panel, path: Path) -> None:
    """Long form with a row for each date and asset that has any value; Parquet or CSV by the name's ending.
    Raises OSError."""
    known = np.logical_or.reduce([np.isfinite(values) for values in panel.fields.values()])
    rows, columns = np.nonzero(known)
    table = {
        "date": pa.array(panel.dates[rows].astype("datetime64[D]")),
        "asset": pa.array(np.array(panel.assets)[columns].tolist()),
    }
    for name, values in panel.fields.items():
        cells = values[rows, columns]
        table[_COLUMN_OF_FIELD.get(name, name)] = pa.array(cells, mask=np.isnan(cells))
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pa.table(table), path)
        return
    options = pyarrow.csv.WriteOptions(quoting_style="none")
    pyarrow.csv.write_csv(pa.table(table), path, write_options=options)


def write_attributes(panel: Panel, path: Path) -> None:
    """asset,sector,synthetic,from: a row for each sector that an asset has had. Raises OSError."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["asset", "sector", "synthetic", "from"])
        for asset, history in zip(panel.assets, panel.attribute_changes["sector"], strict=True):
            for since, sector in history:
                writer.writerow([asset, sector, "true", "" if since == SINCE_EVER else since.isoformat()])


@click.command(help="Write an invented stock market, and say how to take it in as a dataset.")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--assets", type=click.IntRange(MIN_ASSETS, MAX_ASSETS), default=300, show_default=True)
@click.option("--days", type=click.IntRange(MIN_DAYS, MAX_DAYS), default=1260, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True)
@click.option("--format", "ending", type=click.Choice(FORMATS), default="csv", show_default=True)
def command(folder: Path, assets: int, days: int, seed: int, ending: str) -> None:
    panel = simulate_equities(assets, days, seed).panel
    data, attributes = folder / f"{NAME}.{ending}", folder / ATTRIBUTES
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_panel(panel, data)
        write_attributes(panel, attributes)
    except OSError as error:
        raise click.ClickException(f"{folder} cannot be written: {error.strerror or error}") from error
    words = ["factorql", "ingest", str(data), "--attributes", str(attributes), "--name", NAME, "--note", NOTE]
    click.echo(
        f"{NOTE}\n{assets:,} assets, {days:,} sessions from {panel.dates[0]} to {panel.dates[-1]}. "
        f"To take them in:\n\n{shlex.join(words)}"
    )


if __name__ == "__main__":
    command()
