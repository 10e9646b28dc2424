"""All runs that the real panels allow, together."""

from __future__ import annotations

import tempfile
from pathlib import Path

from app.datasets.read import read_long_form
from app.datasets.snapshot import open_snapshot, write_snapshot
from engine.errors import MissingField
from engine.factors.compute import FactorResult, compute_factor
from engine.factors.config import FactorConfig
from engine.factors.registry import FactorName, needed_fields, parse_config
from engine.factors.research.analyse import analyse
from scripts.benchmarks.measure import Table, best_of, milliseconds

FOLDER = Path(__file__).parents[2].parent / "shared" / "data"
CRYPTO_OPTIONS: dict[str, object] = {
    "market_cap_threshold": 1e7,
    "liquidity_threshold": 7e5,
    "min_assets": 10,
}
OPTIONS: dict[str, dict[str, object]] = {"crypto_panel": CRYPTO_OPTIONS, "wide2021_panel": {}}


def measure_real_panels(quick: bool) -> Table:
    """Each run from the stored snapshot; the last row is their sum."""
    rows: list[tuple[str, ...]] = []
    total, with_research, count = 0.0, 0.0, 0
    repetitions = 3 if quick else 15
    with tempfile.TemporaryDirectory(prefix="factorql-bench-") as folder:
        datasets = Path(folder)
        for name, options in OPTIONS.items():
            path = FOLDER / f"{name}.parquet"
            if not path.exists():
                rows.append((name, "skipped: ../shared/data is absent", "", ""))
                continue
            panel = read_long_form(path, filename=path.name).panel
            fingerprint = write_snapshot(panel, datasets)
            for config in _possible_configs(options, panel.fields):

                def run(config=config, fingerprint=fingerprint) -> FactorResult:
                    return compute_factor(open_snapshot(datasets, fingerprint), config)

                seconds, _ = best_of(run, repetitions)
                researched, _ = best_of(lambda run=run: analyse(run()), repetitions)
                rows.append((name, config.factor.lower(), milliseconds(seconds), milliseconds(researched)))
                total, with_research, count = total + seconds, with_research + researched, count + 1
    rows.append(("together", f"{count} runs", milliseconds(total), milliseconds(with_research)))
    return Table(
        "All possible runs on the real panels, from their snapshots",
        ("panel", "factor", "with metrics", "with research"),
        tuple(rows),
    )


def _possible_configs(options: dict[str, object], fields) -> list[FactorConfig]:
    configs = []
    for name in FactorName:
        # the market's min_assets is its top_n, 10
        own = {
            key: value
            for key, value in options.items()
            if name is not FactorName.MARKET or key != "min_assets"
        }
        config = parse_config(name, own)
        try:
            needed_fields(config, fields)
        except MissingField:
            continue
        configs.append(config)
    return configs
