"""The benchmark door: its last line is one JSON object; wrong use ends with a sentence."""

import json

import pytest

from mammo import benchmark
from mammo.records import MammoError


def test_last_line_is_the_object(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(benchmark.BENCHMARKS, "store", lambda rounds: {"benchmark": "store", "rounds": rounds})
    benchmark.main(["store", "--rounds", "3"])
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"benchmark": "store", "rounds": 3}


def test_all_runs_every_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(benchmark, "BENCHMARKS", {name: lambda rounds: {"rounds": rounds} for name in "ab"})
    benchmark.main(["all"])
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [{"rounds": 5}] * 2


@pytest.mark.parametrize("arguments", [[], ["nope"], ["store", "--rounds", "0"], ["store", "--rounds", "x"]])
def test_wrong_use_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        benchmark.main(arguments)
    assert stop.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_what_cannot_be_measured_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: int) -> dict[str, object]:
        raise MammoError("no rival is installed")

    monkeypatch.setitem(benchmark.BENCHMARKS, "store", fail)
    with pytest.raises(SystemExit) as stop:
        benchmark.main(["store"])
    assert (stop.value.code, capsys.readouterr().err) == (2, "error: no rival is installed\n")
