"""`factorql exposures` and `show --monthly` as their users meet them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from app.datasets.positions import Basis
from app.errors import InvalidFile
from scripts.cli import main
from scripts.portfolio_file import Portfolio, read_portfolio

HELD = "asset,value\nsyn-obsidian,1000\nSYN-krypton,3000\nsyn-zephyr,-500\n"
FACTORS = ["smb", "market", "value", "momentum", "momentum_v2", "growth"]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> Path:
    """A data directory with the bundled sample, the six runs of the demo and a dataset of bill yields."""
    path = tmp_path_factory.mktemp("data")
    assert run(path, "demo", "--no-serve").exit_code == 0
    bills = path / "bills.csv"
    rates = [f"{day},^IRX,4.5,5" for day in np.arange("2021-01-01", "2024-01-01", dtype="datetime64[D]")]
    bills.write_text("date,asset,discount_rate,price\n" + "\n".join(rates) + "\n")
    done = run(path, "ingest", str(bills), "--name", "bills")
    assert done.exit_code == 0, done.output
    return path


@pytest.fixture
def held(tmp_path) -> Path:
    return written(tmp_path, HELD)


def written(folder: Path, text: str) -> Path:
    path = folder / "held.csv"
    path.write_text(text)
    return path


def run(data_dir: Path, *arguments: object) -> Result:
    variables = {"FACTORQL_DATA_DIR": str(data_dir), "FACTORQL_DATABASE_URL": ""}
    return CliRunner(env=variables).invoke(main, [str(one) for one in arguments])


def measured(data_dir: Path, file: Path, *arguments: object):
    result = run(
        data_dir, "exposures", "--portfolio", file, "--dataset", "sample-synthetic", *arguments, "--json"
    )
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def fails(result: Result, code: int, *words: str) -> None:
    assert result.exit_code == code, result.output
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.strip().splitlines()) == 1
    for word in words:
        assert word in result.stderr


# -- the file ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "basis"),
    [
        ("asset,amount\nbtc,0.5\neth,-10\n", Basis.AMOUNTS),
        ("asset,amounts\nbtc,0.5\neth,-10", Basis.AMOUNTS),
        ("\ufeffAsset, Value \r\n\r\n btc , 0.5\r\n,\r\neth,-1e1\r\n", Basis.VALUES),
        ('asset,weight\n"btc","0.5"\neth,-10\n\n', Basis.WEIGHTS),
    ],
)
def test_the_header_says_what_the_numbers_are(tmp_path, text, basis):
    found = read_portfolio(written(tmp_path, text))
    assert found == Portfolio((("btc", 0.5), ("eth", -10.0)), basis)


def test_what_is_said_beside_the_header_counts(tmp_path):
    path = written(tmp_path, "asset,how much\nbtc,1\n")
    assert read_portfolio(path, Basis.WEIGHTS).basis is Basis.WEIGHTS
    assert read_portfolio(written(tmp_path, "asset,value\nbtc,1\n"), Basis.AMOUNTS).basis is Basis.AMOUNTS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("asset,amount\n", "no position"),
        ("btc,0.5\neth,10\n", "must begin with the line asset,amount"),
        ("asset,amount,note\nbtc,1,x\n", "must begin with"),
        ("asset,price\nbtc,1\n", "'price'"),
        ("asset,amount\nbtc,1\neth,lots\n", "line 3: 'lots' is no number of 'eth'"),
        ("asset,amount\nbtc,nan\n", "line 2: 'nan'"),
        ("asset,amount\nbtc,inf\n", "line 2: 'inf'"),
        ("asset,amount\nbtc\n", "line 2 must have an asset and a number"),
        ("asset,amount\n,1\n", "line 2 must have"),
        ("asset,amount\nbtc,1,000\n", "line 2 must have"),
        ('asset,amount\n"btc,1\n', "not CSV"),
    ],
)
def test_a_file_that_is_no_portfolio_is_refused_by_line(tmp_path, text, message):
    with pytest.raises(InvalidFile, match=message):
        read_portfolio(written(tmp_path, text))


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "held.csv"
    path.write_bytes(b"asset,amount\n\xff\xfe,1\n")
    with pytest.raises(InvalidFile, match="UTF-8"):
        read_portfolio(path)
    with pytest.raises(InvalidFile, match="cannot be read"):
        read_portfolio(tmp_path)


# -- measuring ---------------------------------------------------------------------------------------------


def test_the_latest_run_of_each_factor_explains_the_portfolio(data_dir, held):
    found = measured(data_dir, held)
    (regression,) = found["regressions"]
    assert [one["name"] for one in regression["factors"]] == FACTORS
    assert [one["run"] for one in regression["factors"]] == [1, 2, 3, 4, 5, 6]
    for one in regression["factors"]:
        assert one["lower"] < one["beta"] < one["upper"]
    weights = {one["asset"]: one["weight"] for one in found["positions"]}
    assert weights == pytest.approx(
        {"syn-obsidian": 1 / 4.5, "syn-krypton": 3 / 4.5, "syn-zephyr": -0.5 / 4.5}
    )
    assert 0.5 < regression["r_squared"] < 1
    assert (found["method"], found["returns"], found["risk_free"]) == ("joint", "simple", None)


def test_what_the_return_is_made_of_adds_up(data_dir, held):
    attribution = measured(data_dir, held, "--risk-free", "5%")["attribution"]
    parts = {one["name"]: one for one in attribution["parts"]}
    assert list(parts) == [*FACTORS, "alpha", "risk-free", "residual"]
    assert [one["kind"] for one in attribution["parts"][-4:]] == ["FACTOR", "ALPHA", "RISK_FREE", "RESIDUAL"]
    assert sum(one["linked"] for one in parts.values()) == pytest.approx(attribution["total"], abs=1e-12)
    weekly = np.sum([one["contributions"] for one in parts.values()], axis=0)
    assert len(weekly) == len(attribution["weeks"])
    assert np.prod(1 + weekly) - 1 == pytest.approx(attribution["total"])
    # the portfolio's net weight, 7 / 9, is financed at the rate
    assert parts["risk-free"]["contributions"][0] == pytest.approx(7 / 9 * (1.05 ** (7 / 365) - 1))


def test_the_tables_say_what_json_says(data_dir, held):
    found = measured(data_dir, held, "--run", 2, "--run", 1, "--rolling", 100)
    result = run(data_dir, "exposures", "--portfolio", held, "--run", 2, "--run", 1, "--rolling", 100)
    assert result.exit_code == 0, result.output
    (regression,) = found["regressions"]
    market, smb = regression["factors"]
    assert (market["name"], smb["name"]) == ("market", "smb")
    lines = result.stdout.splitlines()
    assert lines[0] == "portfolio: syn-krypton 66.7 %, syn-obsidian 22.2 %, syn-zephyr -11.1 %"
    assert "sample-synthetic (synthetic)" in lines[1]
    row = next(line.split() for line in lines if line.startswith("market"))
    assert row[:3] == ["market", "2", f"{market['beta']:,.3f}"]
    assert f"{100 * regression['alpha']:.1f} % a year" in result.stdout
    assert f"{regression['observations']} weeks from {regression['start_week']}" in result.stdout
    betas = found["rolling"]["betas"]["market"]
    assert len(betas) == len(found["rolling"]["weeks"]) == regression["observations"] - 99
    rolled = [line.split() for line in lines if line.startswith("market")][1]
    assert rolled[1:] == [f"{one:,.3f}" for one in (betas[0], min(betas), max(betas), betas[-1])]
    assert lines[-1].split() == ["total", f"{100 * found['attribution']['total']:,.2f}", "%"]
    assert not any(line.startswith("risk-free") for line in lines), "none was given"


@pytest.mark.parametrize("method", ["joint", "univariate"])
def test_a_window_over_all_weeks_has_the_betas_of_the_regression(data_dir, held, method):
    found = measured(data_dir, held, "--rolling", 153, "--method", method)
    betas = {one["name"]: one["beta"] for each in found["regressions"] for one in each["factors"]}
    assert found["rolling"]["weeks"] == [found["regressions"][0]["end_week"]]
    for name, values in found["rolling"]["betas"].items():
        assert values == [pytest.approx(betas[name])]


def test_each_factor_alone_has_a_regression_of_its_own(data_dir, held):
    found = measured(data_dir, held, "--method", "univariate", "--returns", "log", "--confidence", "0.9")
    assert [[one["name"] for one in each["factors"]] for each in found["regressions"]] == [
        [one] for one in FACTORS
    ]
    assert (found["attribution"], found["returns"], found["confidence"]) == (None, "log", 0.9)
    simple = measured(data_dir, held, "--method", "univariate")
    for one, other in zip(found["regressions"], simple["regressions"], strict=True):
        assert one["factors"][0]["beta"] != other["factors"][0]["beta"]
    result = run(data_dir, "exposures", "--portfolio", held, "--run", 1, "--method", "UNIVARIATE")
    assert "alpha a year" in result.stdout
    assert "VIF" not in result.stdout


def test_amounts_are_valued_at_the_last_common_prices(data_dir, tmp_path):
    path = written(tmp_path, "asset,amount\nsyn-zephyr,2\nsyn-zephyr,1\n")
    (position,) = measured(data_dir, path)["positions"]
    assert (position["amount"], position["weight"]) == (3.0, 1.0)
    assert position["value"] == pytest.approx(3 * position["price"])
    result = run(data_dir, "exposures", "--portfolio", path, "--dataset", "sample-synthetic")
    assert f"worth {position['value']:,.2f} USD at the prices of 2023-12-31" in result.stdout
    assert measured(data_dir, path, "--basis", "weights")["positions"][0]["weight"] == 3.0


def test_the_span_can_be_narrowed(data_dir, held):
    found = measured(
        data_dir, held, "--start", "2022-01-02", "--end", "2022-12-25", "--min-observations", 20, "--lag", 2
    )
    (regression,) = found["regressions"]
    assert (regression["start_week"], regression["end_week"]) == ("2022-01-02", "2022-12-25")
    assert (regression["observations"], regression["lag"]) == (52, 2)


def test_a_constant_rate_and_one_of_bills_are_taken_off(data_dir, held):
    alphas = [
        measured(data_dir, held, *rate)["regressions"][0]["alpha"]
        for rate in ((), ("--risk-free", "0.05"), ("--risk-free", "5%"), ("--risk-free", "bills"))
    ]
    assert alphas[1] == alphas[2]
    assert len({round(alpha, 9) for alpha in alphas}) == 3
    assert measured(data_dir, held, "--risk-free", "bills")["risk_free"] == "^IRX of bills v1"


@pytest.mark.parametrize(
    ("options", "suffix"),
    [
        ((), "png"),
        (("--rolling", "60", "--risk-free", "2%"), "svg"),
        (("--rolling", "400", "--method", "univariate"), "png"),
    ],
)
def test_a_picture_is_drawn(data_dir, held, tmp_path, options, suffix):
    held = held.rename(tmp_path / "$held^{_$.csv")
    picture = tmp_path / f"exposures.{suffix}"
    arguments = ("exposures", "--portfolio", held, "--dataset", "sample-synthetic", *options)
    result = run(data_dir, *arguments, "--plot", picture)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == f"drawn to {picture}"
    head = picture.read_bytes()
    assert head.startswith(b"\x89PNG") if suffix == "png" else b"<svg" in head


@pytest.mark.parametrize(
    ("text", "options", "code", "words"),
    [
        ("asset,amount\nsyn-obsidan,1\n", (), 1, ("syn-obsidan", "syn-obsidian")),
        ("asset,amount\nsyn-zephyr,0\n", (), 2, ("nothing",)),
        ("asset,amount\nsyn-zephyr,x\n", (), 1, ("line 2",)),
        (HELD, ("--run", "4711"), 1, ("4711",)),
        (HELD, ("--dataset", "nowhere"), 1, ("nowhere",)),
        (HELD, ("--dataset", "bills", "--run", "1"), 1, ("syn-obsidian",)),
        (HELD, ("--risk-free", "nowhere"), 1, ("nowhere",)),
        (HELD, ("--risk-free", "sample-synthetic"), 1, ("discount_rate",)),
        (HELD, ("--min-observations", "200"), 1, ("153 complete weeks, 200",)),
        (HELD, ("--confidence", "1"), 2, ("confidence",)),
        (HELD, ("--rolling", "3"), 2, ("window",)),
        (HELD, ("--start", "2022-01-02", "--end", "2021-01-02"), 2, ("before",)),
        (HELD, ("--plot", "picture.gif"), 2, (".png",)),
    ],
)
def test_mistakes_are_answered_in_one_line(data_dir, tmp_path, text, options, code, words):
    dataset = () if "--dataset" in options else ("--dataset", "sample-synthetic")
    path = written(tmp_path, text)
    fails(run(data_dir, "exposures", "--portfolio", path, *dataset, *options), code, *words)


@pytest.mark.parametrize(
    "arguments",
    [
        ("exposures",),
        ("exposures", "--portfolio", "absent.csv"),
        ("exposures", "--portfolio", __file__, "--start", "soon"),
        ("exposures", "--portfolio", __file__, "--risk-free", "a b"),
        ("exposures", "--portfolio", __file__, "--method", "all"),
        ("show", "1", "--as-of", "2022-01-01"),
        ("show", "1", "--risk-free", "5%"),
    ],
)
def test_wrong_usage_exits_with_2(data_dir, arguments):
    assert run(data_dir, *arguments).exit_code == 2


@pytest.mark.parametrize("rate", ["7", "500%", "-51%", "nan", "inf"])
@pytest.mark.parametrize("command", [("exposures", "--portfolio", __file__), ("show", "1", "--monthly")])
def test_a_rate_that_no_bill_pays_is_refused_as_it_was_written(data_dir, command, rate):
    result = run(data_dir, *command, "--risk-free", rate)
    assert result.exit_code == 2
    assert f"a rate a year is from -0.5 to 1 (-50% to 100%), not {rate}" in " ".join(result.stderr.split())


# -- the monthly sheet -------------------------------------------------------------------------------------


def test_the_monthly_sheet_is_printed(data_dir):
    result = run(data_dir, "show", 1, "--monthly", "--as-of", "2022-07-01", "--risk-free", "bills")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[:2] == ["run 1: smb as of 2022-07-01", "74 periods, the last ended 2022-06-26"]
    told = run(data_dir, "show", 1, "--monthly", "--as-of", "2022-07-01", "--risk-free", "bills", "--json")
    sheet = json.loads(told.stdout)
    assert (sheet["run"], sheet["factor"], sheet["num_periods"]) == (1, "smb", 74)
    row = next(line for line in lines if "Sharpe ratio" in line)
    assert row.split()[-1] == f"{sheet['sharpe_ratio']:.4f}"
    row = next(line for line in lines if "top contribution" in line)
    assert row.endswith(sheet["top_contributor"])
    assert sheet["average_daily_volume_usd"] > 0
    assert [one["metric"] for one in sheet["undefined"]] == ["month_to_date_return"]
    assert lines[-1] == "  not defined: month_to_date_return: no period ended in 2022-07"


def test_a_sheet_before_the_first_period_is_one_line(data_dir):
    fails(run(data_dir, "show", 1, "--monthly", "--as-of", "1999-01-01"), 2, "1999-01-01", "2021-01-31")


def test_only_factor_runs_have_a_sheet(data_dir):
    arguments = ("sweep", "momentum", "--set", "breakpoint=0.2,0.3", "--dataset", "sample-synthetic")
    made = run(data_dir, *arguments, "--json")
    assert made.exit_code == 0, made.output
    fails(run(data_dir, "show", json.loads(made.stdout)["id"], "--monthly"), 2, "sweep")
