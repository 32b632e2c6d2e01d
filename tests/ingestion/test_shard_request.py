"""A shard counts as ingested as long as it is asked for the same, of the same files."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from mammo.ingestion.shard import FOLDER, Shard
from mammo.ingestion.shard_request import is_ingested, keep_request, shard_digest, stamps

OWN = next(f"{number}.png" for number in range(99) if Shard(1, 3).holds(f"{number}.png"))
OTHER = next(f"{number}.png" for number in range(99) if Shard(0, 3).holds(f"{number}.png"))
NEW = next(f"new{number}.png" for number in range(99) if Shard(1, 3).holds(f"new{number}.png"))


@pytest.fixture
def cfg(tmp_path: Path) -> DictConfig:
    """A finished shard."""
    source = tmp_path / "source"
    source.mkdir()
    for name in (OWN, OTHER, "lesions.csv"):
        (source / name).write_text(name)
    (tmp_path / "images.csv").write_text("beside the source")
    data = {"name": "mine", "source": str(source), "images": str(tmp_path / "images.csv"), "scale": 1}
    made = OmegaConf.create({"store": str(tmp_path / "store"), "data": data, "shard": 1, "shards": 3, "processes": 1})
    (tmp_path / "store" / FOLDER / "mine" / "0001").mkdir(parents=True)
    keep_request(made, shard_digest(made))
    return made


def changed(name: str) -> Callable[[DictConfig], None]:
    def change(cfg: DictConfig) -> None:
        path = Path(cfg.data.source) / name
        path.write_text("other")
        os.utime(path, ns=(1, 1))

    return change


def given(key: str, value: object) -> Callable[[DictConfig], None]:
    return lambda cfg: OmegaConf.update(cfg, key, value)


@pytest.mark.parametrize("change", [lambda _: None, changed(OTHER), given("processes", 2)])
def test_what_a_shard_does_not_depend_on_leaves_it_ingested(cfg: DictConfig, change: Callable[..., None]) -> None:
    change(cfg)
    stamps.cache_clear()
    assert is_ingested(cfg)


@pytest.mark.parametrize(
    "change",
    [
        *map(changed, (OWN, NEW, "lesions.csv", "../images.csv")),
        *(given("data.scale", 2), given("shards", 4), given("shard", 2), given("shard", None), given("store", "other")),
    ],
)
def test_what_a_shard_depends_on_asks_for_another_one(cfg: DictConfig, change: Callable[..., None]) -> None:
    change(cfg)
    stamps.cache_clear()
    assert not is_ingested(cfg)
