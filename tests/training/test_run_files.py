"""Whoever reads a file of a finished run notices a changed byte, though size and time are as they were."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import mammo
from mammo.inference.scorer import Scorer
from mammo.records import MammoError
from mammo.training.results import finished_run, read_run
from mammo.training.run_dir import chosen_run
from mammo.training.run_files import FILES, read_result, write_result
from mammo.training.run_list import list_runs, run_table

READERS: dict[str, Callable[[Path], object]] = {
    "config.yaml": Scorer.load,
    "best.ckpt": Scorer.load,
    "lesions.parquet": lambda folder: read_run(folder).lesions(),
    "lesions-val.parquet": lambda folder: read_run(folder).validation(),
    "windows.parquet": lambda folder: read_run(folder).test_windows(),
    "windows-val.parquet": lambda folder: read_run(folder).windows(),
    "result.json": read_run,
}


def flip(path: Path, place: int) -> None:
    """Change one bit of a file, its size and time kept."""
    times, content = path.stat(), bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("name", list(READERS))
def test_a_flipped_bit_is_noticed_by_the_first_reader(finished: Path, tmp_path: Path, name: str, place: float) -> None:
    folder = shutil.copytree(finished, tmp_path / "runs" / "copy")
    READERS[name](folder)
    shutil.rmtree(folder)
    shutil.copytree(finished, folder)
    flip(folder / name, int(place * (folder / name).stat().st_size))
    with pytest.raises(MammoError, match=rf"{name}"):
        READERS[name](folder)


def test_every_file_of_the_list_has_a_reader() -> None:
    assert {*FILES, "result.json"} - READERS.keys() == {"images.parquet"}, "of context networks alone"


def test_a_result_that_was_changed_by_hand_is_no_finished_run(finished: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(finished, tmp_path / "copy")
    content = read_result(folder)
    (folder / "result.json").write_text(json.dumps(content | {"test_auc": 0.99}))
    assert finished_run(folder) is None
    seal = (
        r"copy/result\.json was changed after the run \(its seal does not fit its content\): restore it from a copy, or"
    )
    for reader in (
        mammo.load,
        Scorer.load,
        lambda folder: chosen_run("model.floc", str(folder), folder.parent, "floc"),
    ):
        with pytest.raises(MammoError, match=seal):
            reader(folder)
    write_result(folder, content | {"test_auc": 0.99})
    assert read_run(folder).test_auc == 0.99


def test_a_damaged_run_is_listed_and_rejected_with_its_file(finished: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(finished, tmp_path / "runs" / "copy")
    (folder / "windows.parquet").unlink()
    missing = r"copy/windows\.parquet is missing: restore it from a copy, or delete result\.json and train"
    with pytest.raises(MammoError, match=missing):
        mammo.load(folder)
    (listed,) = list_runs(tmp_path)
    assert (listed.state, listed.result) == ("damaged", None)
    assert re.search(missing, listed.error)
    assert "windows.parquet is missing" in run_table([listed])[1]


def test_a_copy_of_some_files_is_a_finished_run_once_its_result_is_written_for_them(
    finished: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("config.yaml", "best.ckpt"):
        shutil.copy2(finished / name, copy / name)
    write_result(copy, read_result(finished) | {"command": ""})
    run = finished_run(copy, trusting=False)
    assert run is not None
    assert (set(run.files), run.command) == ({"config.yaml", "best.ckpt"}, "")
    assert mammo.load(copy).placing == mammo.load(finished).placing


@pytest.fixture(scope="module")
def finished(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished f_agg run that reads no other."""
    from mammo.cli import hydra_app
    from mammo.training.fit import train
    from mammo.training.train_config import store_defaults
    from tests.quick_training import QUICK

    root = tmp_path_factory.mktemp("files")
    shutil.copytree(small_root / "store", root / "store")
    words = ("maps=[loc]", "batch_size=10", "windows_per_lesion={val: 3, test: 4}")
    train(hydra_app.composed("train", [f"root={root}", *QUICK, *words], store_defaults))
    (folder,) = root.glob("runs/*")
    return folder
