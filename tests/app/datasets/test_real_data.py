"""The real files, where they are at hand: what is known of them, and that formats agree."""

import subprocess
import sys
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest

from app.datasets.fingerprint import fingerprint
from app.datasets.quality import QualityCode
from app.datasets.read import read_long_form
from engine.panel import Calendar

REPOSITORY = Path(__file__).parents[3]
DATA = REPOSITORY.parent / "shared" / "data"
MAX_PEAK_MEGABYTES = 1000

needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="the real market data (../shared/data beside the repository) is absent"
)


@needs_data
def test_the_crypto_panel_is_read_with_its_known_defects() -> None:
    result = read_long_form(DATA / "crypto_panel.parquet", filename="crypto_panel.parquet")

    panel, quality = result.panel, result.quality
    assert (len(panel.assets), str(panel.dates[0]), str(panel.dates[-1])) == (58, "2014-01-01", "2019-04-07")
    assert panel.calendar is Calendar.EVERY_DAY
    assert (quality.rows_read, quality.rows_kept, quality.rows_refused) == (46_303, 46_303, 0)
    assert "revenue" not in panel.fields
    assert quality.count_of(QualityCode.ZERO_FEES) == 19
    assert quality.count_of(QualityCode.CAP_ENDS_EARLY) == 2
    assert quality.count_of(QualityCode.STALE_QUOTE) > 0


@needs_data
def test_the_wide_panel_is_the_same_from_all_formats(tmp_path: Path) -> None:
    table = pyarrow.parquet.read_table(DATA / "wide2021_panel.parquet")
    pyarrow.csv.write_csv(table, tmp_path / "wide.csv")

    read = read_long_form(DATA / "wide2021_panel.parquet", filename="wide2021_panel.parquet")
    from_csv = read_long_form(tmp_path / "wide.csv", filename="wide.csv")

    assert (len(read.panel.assets), len(read.panel.dates)) == (2_183, 297)
    assert list(read.panel.fields) == ["market_cap", "price", "volume"]
    assert read.quality.rows_kept == 490_604
    assert fingerprint(read.panel) == fingerprint(from_csv.panel)
    assert read.quality == from_csv.quality


@needs_data
def test_reading_the_wide_panel_takes_little_memory() -> None:
    program = (
        "import re, sys; from pathlib import Path; from app.datasets.read import read_long_form\n"
        "read_long_form(Path(sys.argv[1]), filename='wide')\n"
        # getrusage would count what the process of the tests held when it started this one
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) // 1024)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(DATA / "wide2021_panel.parquet")],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
    )

    assert int(done.stdout) < MAX_PEAK_MEGABYTES
