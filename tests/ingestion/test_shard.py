import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammo.geometry import Frame
from mammo.ingestion.run import ingest_cohort, ingest_shard
from mammo.ingestion.shard import WHOLE, Shard, find_parts
from mammo.ingestion.worker import Recipe
from mammo.intake.adapters.table import read
from mammo.records import MammoError
from mammo.store.pseudonyms import Pseudonyms


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Twelve images with a texture of their own, one of them a copy of another, and a file that is not an image."""
    folder = tmp_path / "source"
    folder.mkdir()
    rows, cols = np.mgrid[:200, :120]
    inside = ((rows - 95.5) / 80) ** 2 + (cols / 90) ** 2 < 1
    lines = ["image,patient,exam,laterality,view"]
    for number in range(12):
        values = np.random.default_rng(min(number, 10)).integers(1000, 3000, inside.shape, dtype=np.uint16)
        cv2.imwrite(str(folder / f"{number}.png"), np.where(inside, values, 0))
        lines.append(f"{number}.png,p{min(number, 10)},e{min(number, 10)},L,CC")
    (folder / "images.csv").write_text("\n".join(lines))
    (folder / "lesions.csv").write_text('image,label,outline\n0.png,malignant,"90,30;90,50;110,50;110,30"\n')
    (folder / "broken.dcm").write_text("nothing")
    return folder


def files(store: Path) -> dict[str, bytes]:
    return {
        path.relative_to(store).as_posix(): path.read_bytes()
        for path in sorted(store.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def test_merged_shards_equal_the_store_of_a_single_run_byte_for_byte(source: Path, tmp_path: Path) -> None:
    cohort, frame = read(source), Frame(368, 240, 8)
    single, sharded = (Recipe(source, tmp_path / name, frame, 1) for name in ("single", "sharded"))
    Pseudonyms(bytes(32)).write_key(single.store)
    Pseudonyms(bytes(32)).write_key(sharded.store)
    ingest_cohort(single, cohort, 1)
    assert sum(ingest_shard(sharded, cohort, Shard(shard, 3), 1) for shard in (2, 0, 1)) == 13
    assert len(find_parts(sharded.store, "table")) == 3
    assert ingest_cohort(sharded, cohort, 1).decoded == 0
    assert files(sharded.store) == files(single.store)


def test_the_merge_ingests_what_no_shard_has(source: Path, tmp_path: Path) -> None:
    cohort = read(source)
    recipe = Recipe(source, tmp_path / "store", Frame(368, 240, 8), 1)
    Pseudonyms(bytes(32)).write_key(recipe.store)
    n = ingest_shard(recipe, cohort, Shard(1, 3), 1)
    assert ingest_cohort(recipe, cohort, 1).decoded == 13 - n
    other = replace(recipe, store=tmp_path / "other")
    Pseudonyms(bytes(32)).write_key(other.store)
    ingest_cohort(other, cohort, 1)
    assert files(recipe.store) == files(other.store)


def test_every_file_belongs_to_one_shard() -> None:
    paths = [f"{number}.dcm" for number in range(6400)]
    held = [[Shard(number, 64).holds(path) for path in paths] for number in range(64)]
    assert np.sum(held, axis=0).tolist() == [1] * 6400
    assert np.sum(held, axis=1).min() > 50


@pytest.mark.parametrize(
    ("number", "of", "message"),
    [
        (3, 3, r"shard must be a whole number in \[0, 3\), got 3"),
        (-1, 3, r"shard must be a whole number in \[0, 3\), got -1"),
        ("0", 3, r"shard must be a whole number in \[0, 3\), got '0'"),
        (1.0, 3, r"shard must be a whole number in \[0, 3\), got 1\.0"),
        (0, 0, "shards must be a whole number >= 1, got 0"),
        (0, 2.5, r"shards must be a whole number >= 1, got 2\.5"),
    ],
)
def test_a_shard_outside_the_range_is_an_error(number: int, of: int, message: str) -> None:
    with pytest.raises(MammoError, match=message):
        Shard(number, of)


def test_shards_divide_items_evenly() -> None:
    shares = [Shard(number, 3).share(range(10)) for number in range(3)]
    assert [list(share) for share in shares] == [[0, 3, 6, 9], [1, 4, 7], [2, 5, 8]]
    assert list(WHOLE.share(range(10))) == list(range(10))


@pytest.mark.slow
def test_submitits_local_executor_ingests_the_shards(source: Path, tmp_path: Path) -> None:
    Pseudonyms(bytes(32)).write_key(tmp_path / "sharded" / "store")
    Pseudonyms(bytes(32)).write_key(tmp_path / "single" / "store")
    command = [sys.executable, "-m", "mammo.ingest"]
    common = ["data=table", f"data.source={source}", "frame=eighth", "data.scale=1", "processes=1"]
    jobs = ["--multirun", "hydra/launcher=submitit_local", "shard=range(3)", "shards=3", f"root={tmp_path}/sharded"]
    for arguments in (jobs, [f"root={tmp_path}/sharded"], [f"root={tmp_path}/single"]):
        done = subprocess.run(
            [*command, *arguments, *common], env=dict(os.environ), capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, 3), done.stderr
        assert arguments is not jobs or len(find_parts(tmp_path / "sharded" / "store", "table")) == 3
    assert files(tmp_path / "sharded" / "store") == files(tmp_path / "single" / "store")
