"""The benchmark door: its last line is one JSON object; wrong use ends with a sentence."""

import json
import sys
from pathlib import Path

import pytest

from mammo import benchmark
from mammo.records import MammoError


def test_last_line_is_the_object(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(benchmark.BENCHMARKS, "store", lambda rounds: {"benchmark": "store", "rounds": rounds})
    benchmark.main(["store", "--rounds", "3"])
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"benchmark": "store", "rounds": 3}


def test_all_runs_every_one_in_a_process_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benchmark, "BENCHMARKS", {"evaluate": unmeasured})  # here; there it is what it is
    benchmark.main(["all", "--rounds", "1"])
    told = json.loads(capsys.readouterr().out)
    assert (told["benchmark"], told["rounds"]) == ("evaluate", 1)


def test_a_process_that_dies_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "false")
    assert benchmark.apart("evaluate", 1) == {"benchmark": "evaluate", "error": "its process ended with status 1"}


@pytest.mark.parametrize("arguments", [[], ["nope"], ["store", "--rounds", "0"], ["store", "--rounds", "x"]])
def test_wrong_use_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        benchmark.main(arguments)
    assert stop.value.code == 2
    assert "error: " in capsys.readouterr().err


def unmeasured(_: int) -> dict[str, object]:
    raise MammoError("no rival is installed")


def test_what_cannot_be_measured_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(benchmark.BENCHMARKS, "store", unmeasured)
    with pytest.raises(SystemExit) as stop:
        benchmark.main(["store"])
    assert (stop.value.code, capsys.readouterr().err) == (2, "error: store: no rival is installed\n")


def test_the_others_go_on_and_stand_in_the_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    measured = {"benchmark": "lesion", "ours": 2.0, "limit_ratio": 1.5, "ratios": {}}
    told = {"store": {"benchmark": "store", "error": "no rival is installed"}, "lesion": measured}
    monkeypatch.setattr(benchmark, "BENCHMARKS", told)
    monkeypatch.setattr(benchmark, "apart", lambda name, _: told[name])
    with pytest.raises(SystemExit) as stop:
        benchmark.main(["all", "--table", str(tmp_path / "runs" / "bench.md")])
    assert stop.value.code == 2
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == measured
    table = (tmp_path / "runs" / "bench.md").read_text(encoding="utf-8")
    assert "| store | not measured |  |  | no rival is installed |" in table
    assert "| lesion | 2 s | 1.5 |" in table
