"""The metrics of an epoch stand once, however often its run was interrupted."""

from pathlib import Path

import pytest

from mammo.training.metric_files import drop_rows, logged_names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files of metrics, and a damaged one."""
    texts = ("epoch,step,val_auc,lr\r\n0,3,0.5,\r\n1,7,0.6,\r\n", "epoch,step,lr\r\n1,7,1e-3\r\n", "epoch,step\r\nhalf")
    for number, text in enumerate(texts):
        (tmp_path / f"version_{number}").mkdir()
        (tmp_path / f"version_{number}" / "metrics.csv").write_text(text, newline="")
    return tmp_path


def test_metrics_are_known_from_all_files_and_rows_together(folder: Path) -> None:
    assert logged_names(folder, {"epoch": 1, "step": 7}) == {"epoch", "step", "val_auc", "lr"}
    assert logged_names(folder, {"epoch": 0, "step": 3}) == {"epoch", "step", "val_auc"}
    assert logged_names(folder, {"epoch": 2, "step": 11}) == set()


@pytest.mark.parametrize(("step", "kept"), [(8, (2, 1)), (4, (1, 0)), (0, (0, 0))])
def test_steps_that_are_done_again_are_dropped(folder: Path, step: int, kept: tuple[int, int]) -> None:
    files = [folder / f"version_{number}" / "metrics.csv" for number in range(3)]
    before = [path.read_bytes().splitlines(keepends=True) for path in files]
    drop_rows(folder, step)
    for path, lines, n_kept in zip(files, before, kept, strict=False):  # not the damaged one
        assert path.exists() == (n_kept > 0)
        assert not n_kept or path.read_bytes().splitlines(keepends=True) == lines[: 1 + n_kept]
    assert files[2].read_bytes() == b"".join(before[2])
