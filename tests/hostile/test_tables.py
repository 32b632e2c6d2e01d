"""Hostile tables, lists and arrays: each reader rejects them with one sentence and little memory."""

from pathlib import Path
from typing import Any

import pytest

from mammo.intake.coco import read_coco
from mammo.intake.source_tables import read_rows
from mammo.maps.saliency import ExternalMaps
from mammo.scoring.score_file import read_score_file
from mammo.scoring.score_tables import read_lesion_table
from mammo.store.embedding_cache import Embeddings
from mammo.store.manifest import Manifest
from mammo.store.store_header import read_store_header
from mammo.training.results import read_run
from mammo.training.run_files import read_run_config
from tests.hostile.effects import no_effects, rejection
from tests.hostile.tables import arrays, lists, tables

TABLES, LISTS, ARRAYS = tables(), lists(), arrays()


def sampled(cases: dict[str, Any], every: int) -> list[Any]:
    """The names of cases, of which one in so many is a fast test."""
    return [pytest.param(name, marks=[pytest.mark.faults] if n % every else []) for n, name in enumerate(cases)]


@pytest.mark.parametrize("name", sampled(TABLES, 4))
def test_a_hostile_table_is_rejected(name: str, tmp_path: Path, canary: Path) -> None:
    path = tmp_path / f"lesions{name.rpartition(' ')[2]}"
    TABLES[name](path)
    with no_effects(canary):
        assert str(path) in rejection(lambda: list(read_rows(path, needed=("path", "label"))))
        assert str(path) in rejection(lambda: read_score_file(path))
        if path.suffix == ".parquet":
            assert str(path) in rejection(lambda: read_lesion_table(path))


@pytest.mark.parametrize("name", sampled({name: 0 for name in TABLES if name.endswith(".parquet")}, 3))
def test_a_hostile_table_of_a_store_is_rejected(name: str, small_root: Path, tmp_path: Path, canary: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    (store / "store.json").write_bytes((small_root / "store" / "store.json").read_bytes())
    TABLES[name](store / "images.parquet")
    (store / "lesions.parquet").write_bytes((small_root / "store" / "lesions.parquet").read_bytes())
    with no_effects(canary):
        assert "images.parquet" in rejection(lambda: Manifest.load(store))


@pytest.mark.parametrize("name", sampled(LISTS, 3))
def test_a_hostile_list_is_rejected(name: str, tmp_path: Path, canary: Path) -> None:
    (tmp_path / "run").mkdir()
    for file in ("coco.json", "store.json", "result.json", "run/config.yaml"):
        (tmp_path / file).write_bytes(LISTS[name])
    with no_effects(canary):
        assert "coco.json" in rejection(lambda: list(read_coco(tmp_path / "coco.json")))
        assert "store.json" in rejection(lambda: read_store_header(tmp_path))
        assert "result.json" in rejection(lambda: read_run(tmp_path))
        if name not in ("annotations are a number", "images are text", "an image that is not there", "infinite"):
            assert "config.yaml" in rejection(lambda: read_run_config(tmp_path / "run" / "config.yaml"))


class Plan:
    """A plan with a digest."""

    def digest(self) -> str:
        return "0"


@pytest.mark.parametrize("name", sampled(ARRAYS, 3))
def test_a_hostile_array_is_rejected(name: str, tmp_path: Path, canary: Path) -> None:
    with no_effects(canary):
        if name.endswith(".npz"):
            cache = Embeddings(tmp_path, "32-true")
            ARRAYS[name](tmp_path / f"{cache.digest(Plan())[:16]}.npz")
            assert not cache.has(Plan())
            rejection(lambda: cache.read(Plan()))
        else:
            ARRAYS[name](tmp_path / "a.npy")
            assert "a.npy" in rejection(lambda: ExternalMaps(tmp_path, (46, 30))(["a"]))
