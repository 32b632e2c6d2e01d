"""The benchmark command: it prints one JSON object per benchmark and rejects wrong arguments."""

import json
import sys
from pathlib import Path
from pkgutil import resolve_name

import pytest

from mammo import benchmark
from mammo.records import MammoError

PATCHES = "mammo.benchmarks.patch_speed"


def test_the_last_line_is_a_json_object(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(f"{PATCHES}.measure_store", lambda rounds: {"benchmark": "store", "rounds": rounds})
    benchmark.main(["store", "--rounds", "3"])
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"benchmark": "store", "rounds": 3}


def test_all_runs_each_benchmark_in_its_own_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benchmark, "BENCHMARKS", {"evaluate": "only.in.this.process"})
    benchmark.main(["all", "--rounds", "1"])
    result = json.loads(capsys.readouterr().out)
    assert (result["benchmark"], result["rounds"]) == ("evaluate", 1)


def test_a_process_that_dies_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "false")
    expected = {"benchmark": "evaluate", "error": "its process ended with status 1"}
    assert benchmark.run_in_subprocess("evaluate", 1) == expected


@pytest.mark.parametrize("arguments", [[], ["nope"], ["store", "--rounds", "0"], ["store", "--rounds", "x"]])
def test_wrong_arguments_exit_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        benchmark.main(arguments)
    assert stop.value.code == 2
    assert "error: " in capsys.readouterr().err


def failing(_: int) -> dict[str, object]:
    raise MammoError("no baseline is installed")


def test_a_failed_benchmark_is_one_line_of_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(f"{PATCHES}.measure_store", failing)
    with pytest.raises(SystemExit) as stop:
        benchmark.main(["store"])
    assert (stop.value.code, capsys.readouterr().err) == (2, "error: store: no baseline is installed\n")


def test_the_other_benchmarks_still_run_and_are_in_the_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    measured = {"benchmark": "lesion", "ours": 2.0, "limit_ratio": 1.5, "ratios": {}}
    results = {"store": {"benchmark": "store", "error": "no baseline is installed"}, "lesion": measured}
    monkeypatch.setattr(benchmark, "BENCHMARKS", results)
    monkeypatch.setattr(benchmark, "run_in_subprocess", lambda name, _: results[name])
    with pytest.raises(SystemExit) as stop:
        benchmark.main(["all", "--table", str(tmp_path / "runs" / "bench.md")])
    assert stop.value.code == 2
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == measured
    table = (tmp_path / "runs" / "bench.md").read_text(encoding="utf-8")
    assert "| store | not measured |  |  | no baseline is installed |" in table
    assert "| lesion | 2 s | 1.5 |" in table


def test_every_benchmark_can_be_called() -> None:
    for name in benchmark.BENCHMARKS.values():
        assert callable(resolve_name(name))
