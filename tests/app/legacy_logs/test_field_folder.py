"""The folder of logs as it lies beside the repository, where there is one."""

from collections import Counter
from pathlib import Path

import pytest

from app.features.legacy.logs.batch import read_batch
from app.features.legacy.logs.refusals import QuarantineCode
from app.features.legacy.logs.write import (
    factor_file_name,
    monthly_metrics_file_name,
    returns_file_name,
    write_factor_csv,
    write_monthly_metrics_csv,
    write_returns_csv,
)

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "legacy_logs"

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the folder shared/legacy_logs does not lie beside this repository"
)


@pytest.fixture(scope="module")
def batch():
    return read_batch({path.name: path.read_bytes() for path in FOLDER.iterdir() if path.is_file()})


def test_the_folder_comes_to_the_runs_it_holds(batch):
    assert Counter(run.factor for run in batch.runs) == {
        "smb": 4,
        "market": 2,
        "value": 1,
        "momentum_v2": 2,
        "momentum": 2,
        "growth": 1,
    }
    assert batch.suspect_count == 0


def test_only_the_last_smb_row_is_repaired(batch):
    (repaired,) = [run for run in batch.runs if run.repaired]
    assert (repaired.factor, repaired.legacy_run_id, repaired.column_order) == ("smb", "20260118_080301", 3)
    assert repaired.years == 0.6904109589041096
    assert repaired.sharpe_ratio == 1.597333501046259


def test_one_duplicate_is_merged_and_the_series_and_the_sheet_are_attached(batch):
    (merged,) = batch.merged
    assert (merged.source.file, merged.source.line, merged.kept.line) == ("value.csv", 4, 2)
    assert sorted((series.factor, series.legacy_run_id, len(series.dates)) for series in batch.series) == [
        ("momentum", "20260117_181629", 121),
        ("momentum", "20260118_080412", 37),
        ("smb", "20260118_080301", 37),
    ]
    assert batch.orphan_series == ()
    (sheet,) = batch.monthly_metrics
    assert (sheet.factor, sheet.as_of_date.isoformat(), len(sheet.rows)) == ("smb", "2026-01-26", 13)


def test_five_lines_are_quarantined_and_the_documentation_is_ignored(batch):
    assert [(entry.file, entry.line, entry.code) for entry in batch.quarantined] == [
        ("carry.csv", 2, QuarantineCode.UNKNOWN_FACTOR),
        ("momentum.csv", 4, QuarantineCode.YEARS_NOT_POSITIVE),
        ("momentum.csv", 5, QuarantineCode.NOT_A_NUMBER),
        ("momentum_v2.csv", 4, QuarantineCode.CUT_OFF),
        ("notes.txt", 0, QuarantineCode.NOT_A_LOG),
    ]
    assert "zero point two five" in batch.quarantined[2].raw
    assert batch.quarantined[3].raw == "20251027_1100"
    assert batch.ignored_files == ("README.md",)


def test_written_and_read_again_the_folder_is_the_same(batch):
    files = {
        factor_file_name(factor): write_factor_csv([run for run in batch.runs if run.factor == factor])
        for factor in {run.factor for run in batch.runs}
    }
    for series in batch.series:
        files[returns_file_name(series.factor, series.legacy_run_id)] = write_returns_csv(series)
    files[monthly_metrics_file_name("smb")] = write_monthly_metrics_csv(batch.monthly_metrics)
    again = read_batch(files)
    assert again.quarantined == again.merged == ()
    assert set(again.runs) == set(batch.runs)
    assert set(again.series) == set(batch.series)
    assert again.monthly_metrics == batch.monthly_metrics
