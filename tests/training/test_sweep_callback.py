"""The progress of a sweep goes on after its folder was away for a moment."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mammo.training import sweep_callback
from mammo.training.sweep_callback import SweepProgress
from mammo.training.sweep_state import Sweep, _digest


def test_a_folder_that_is_away_for_a_moment_is_said_once_and_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sweep_callback, "POLL_S", 0.01)
    folder = tmp_path / "sweeps" / "first-1"
    (folder / "0").mkdir(parents=True)
    (folder / "jobs.json").write_text(json.dumps({"jobs": ["seed=0"], "sha256": _digest(["seed=0"])}))
    progress, printed = SweepProgress(Sweep.at(folder)), ""

    def is_printed(text: str) -> Callable[[], bool]:
        def look() -> bool:
            nonlocal printed
            printed += capsys.readouterr().err
            return text in printed

        return look

    progress.start()
    wait_for(is_printed("0 of 1 jobs done"))
    folder.rename(tmp_path / "away")
    wait_for(is_printed("trying again"))
    time.sleep(0.1)
    (tmp_path / "away").rename(folder)
    (folder / "0" / "done").touch()
    wait_for(is_printed("1 of 1 jobs done"))
    progress.stop()
    assert printed.count(f"sweep: {folder} is away (No such file or directory): trying again") == 1


def wait_for(is_so: Callable[[], bool]) -> None:
    """Wait for at most ten seconds."""
    end = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)
