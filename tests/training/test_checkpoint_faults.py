"""A checkpoint that is being written when its process is killed, or the disk is full, never costs the one before."""

import os
import random
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from mammo.io import remove_partials
from mammo.records import MammoError
from mammo.training.checkpoints import DurableCheckpoints, last_checkpoint

N_KILLS = 200 if os.environ.get("FULL") else 40
WEIGHTS = 2_000_000
"""float32 weights of a checkpoint, 8 MB: writing it takes most of the time of a save."""


def forked(work: Callable[[], None]) -> int:
    """Run work in a forked process; the process id."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child


def content(number: int) -> dict[str, object]:
    training = {"epoch": 0, "loops": {}, "optimizer_states": [], "callbacks": {}}
    return {"state_dict": {"weight": torch.full((WEIGHTS,), float(number))}, "number": number, **training}


def saving(folder: Path) -> None:
    """Save one checkpoint after the other, for ever."""
    number = 0
    while True:
        number += 1
        DurableCheckpoints().save_checkpoint(content(number), folder / "last.ckpt")
        (folder / "saved").write_text(str(number))


@pytest.mark.faults
def test_a_kill_during_a_save_leaves_a_whole_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/dev/shm")  # another file system, where Lightning's own saves were cut
    random.seed(0)
    interrupted = 0
    for kill in range(N_KILLS):
        child = forked(lambda: saving(tmp_path))
        while not (tmp_path / "saved").exists():
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.1))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        interrupted += bool(list(tmp_path.glob(".last.ckpt*")))
        found, note = last_checkpoint(tmp_path)
        assert (found, note) == (tmp_path / "last.ckpt", ""), f"kill {kill}"
        state = torch.load(found, weights_only=True)
        assert state["number"] >= int((tmp_path / "saved").read_text() or 1)
        assert (state["state_dict"]["weight"] == state["number"]).all()
        remove_partials(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {"last.ckpt", "saved"}
        (tmp_path / "saved").unlink()
    print(f"{N_KILLS} kills, {interrupted} of them while a file was being written")
    assert interrupted > N_KILLS // 4, "the kills hit saves"


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99, 1.0])
def test_a_full_disk_keeps_the_checkpoint_before(tmp_path: Path, share: float) -> None:
    path, io = tmp_path / "last.ckpt", DurableCheckpoints()
    io.save_checkpoint(content(1), path)
    before, size = path.read_bytes(), path.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(share * size) - (share == 1.0), hard))
    try:
        with pytest.raises(MammoError, match=r"last\.ckpt cannot be written \(File too large\); the last\.ckpt before"):
            io.save_checkpoint(content(2), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]
    io.save_checkpoint(content(2), path)
    assert torch.load(path, weights_only=True)["number"] == 2


def test_a_folder_without_permission_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", denied)  # the tests may run as root, whom no mode stops
    with pytest.raises(MammoError, match=r"last\.ckpt cannot be written \(Permission denied\): make room or give"):
        DurableCheckpoints().save_checkpoint(content(1), tmp_path / "last.ckpt")
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    path = tmp_path / "run" / "last.ckpt"
    DurableCheckpoints().save_checkpoint(content(1), path)
    with pytest.raises(
        MammoError, match=r"run: the weight weight is NaN or infinite, so that last\.ckpt is not written"
    ):
        DurableCheckpoints().save_checkpoint({"state_dict": {"weight": torch.tensor([1.0, float("nan")])}}, path)
    assert torch.load(path, weights_only=True)["number"] == 1
