"""The embedding cache: representations are read for the very windows they were computed from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mammo.records import MammoError
from mammo.store.embedding_cache import Embeddings

H = np.random.default_rng(0).normal(size=(7, 32)).astype(np.float32)


@dataclass
class Named:
    """A plan with only a digest."""

    name: str

    def digest(self) -> str:
        return self.name


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    cache = Embeddings(tmp_path / "embeddings")
    assert not cache.has(Named("a"))
    cache.write(Named("a"), H)
    assert cache.has(Named("a"))
    assert np.array_equal(Embeddings(tmp_path / "embeddings").read(Named("a")), H)
    assert [path.name for path in cache.folder.iterdir()] == ["a.npz"]


def test_each_plan_has_its_own_representations(tmp_path: Path) -> None:
    cache = Embeddings(tmp_path)
    cache.write(Named("a"), H)
    cache.write(Named("b"), H + 1)
    assert np.array_equal(cache.read(Named("a")), H)
    assert np.array_equal(cache.read(Named("b")), H + 1)


def test_a_rewrite_replaces(tmp_path: Path) -> None:
    cache = Embeddings(tmp_path)
    cache.write(Named("a"), H)
    cache.write(Named("a"), H + 1)
    assert np.array_equal(cache.read(Named("a")), H + 1)


def test_a_file_of_another_plan_is_rejected(tmp_path: Path) -> None:
    cache = Embeddings(tmp_path)
    cache.write(Named("a"), H)
    (tmp_path / "a.npz").rename(tmp_path / "b.npz")
    with pytest.raises(MammoError, match=r"b\.npz is damaged: run .*precompute"):
        cache.read(Named("b"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MammoError, match=r"a\.npz does not exist: run .*precompute"):
        Embeddings(tmp_path).read(Named("a"))


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 half an archive"])
def test_a_damaged_file_counts_as_missing(tmp_path: Path, content: bytes) -> None:
    cache = Embeddings(tmp_path)
    cache.write(Named("a"), H)
    (tmp_path / "a.npz").write_bytes(content)
    assert not cache.has(Named("a"))
    cache.write(Named("a"), H)
    assert cache.has(Named("a"))
