"""The record of a training's speed, by hooks that are called by hand with a pretended clock, and nvidia-smi's words."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from mammo.benchmarks import speed_record
from mammo.benchmarks.speed_record import SpeedRecord, utilization_of
from mammo.benchmarks.stage_process import read_facts

NETWORK: Any = SimpleNamespace(device=torch.device("cpu"))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    found = SimpleNamespace(now=0.0)
    monkeypatch.setattr(speed_record.time, "perf_counter", lambda: found.now)
    return found


def trainer(folder: Path, n_steps: int) -> Any:
    metrics = {"train_loss": torch.tensor(0.5)}
    return SimpleNamespace(
        num_training_batches=n_steps, callback_metrics=metrics, precision="bf16-mixed", default_root_dir=str(folder)
    )


def batch(n: int) -> dict[str, torch.Tensor]:
    return {"target": torch.zeros(n)}


def test_rows_waiting_and_steps_after_the_warm_up(clock: SimpleNamespace, tmp_path: Path) -> None:
    record, fit = SpeedRecord(warm_up=1), trainer(tmp_path, 3)
    record.on_train_start(fit, NETWORK)
    record.on_train_epoch_start(fit, NETWORK)
    for number, (wait, work) in enumerate([(5.0, 20.0), (1.0, 3.0), (2.0, 4.0)]):
        clock.now += wait
        record.on_train_batch_start(fit, NETWORK, batch(10), number)
        clock.now += work
        record.on_train_batch_end(fit, NETWORK, None, batch(10), number)
    record.on_validation_start(fit, NETWORK)
    for number, seconds in enumerate([9.0, 2.0, 2.0]):  # the first warms up
        clock.now += seconds
        record.on_validation_batch_end(fit, NETWORK, None, batch(8), number)
    record.on_train_epoch_end(fit, NETWORK)
    facts = read_facts(tmp_path / "speed.json")
    assert facts.pop("memory_mb") > 0  # type: ignore[operator]
    assert facts == {
        "precision": "bf16-mixed",
        "steps": 2,
        "first_step_s": 25.0,
        "step_ms": 5000.0,
        "rows_per_s": 2.0,
        "data_wait": 0.3,
        "validation_rows_per_s": 4.0,
        "gpu_utilization": None,
        "train_loss": 0.5,
    }


def test_a_training_that_is_cut_within_its_first_epoch_has_figures(clock: SimpleNamespace, tmp_path: Path) -> None:
    record, fit = SpeedRecord(warm_up=1, every=2), trainer(tmp_path, 100)
    record.on_train_epoch_start(fit, NETWORK)
    for number in range(2):
        record.on_train_batch_start(fit, NETWORK, batch(10), number)
        clock.now += 5.0
        record.on_train_batch_end(fit, NETWORK, None, batch(10), number)
    assert read_facts(tmp_path / "speed.json")["rows_per_s"] == 2.0


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("GPU-a, 97", 97.0),
        ("GPU-b, 3\nGPU-a, 97", 97.0),
        ("GPU-other, 50", 50.0),  # the only one, under another name
        ("GPU-b, 3\nGPU-c, 97", None),
        ("GPU-a, [N/A]", None),
        ("No devices were found", None),
        ("", None),
    ],
)
def test_utilization(said: str, expected: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\ncat <<END\n{said}\nEND\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert utilization_of("a") == expected


def test_without_nvidia_smi_utilization_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert utilization_of("a") is None
