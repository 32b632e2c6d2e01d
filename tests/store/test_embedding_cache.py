"""The embedding cache: representations are read for the very windows they were computed from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mammo.records import MammoError
from mammo.store.embedding_cache import Embeddings

BF16 = "bf16-mixed"
H = np.random.default_rng(0).normal(size=(7, 32)).astype(np.float32)


@dataclass
class Named:
    """A plan with only a digest."""

    name: str

    def digest(self) -> str:
        return self.name


def file_of(cache: Embeddings, name: str) -> Path:
    return cache.folder / f"{cache.digest(Named(name))[:16]}.npz"


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    cache = Embeddings(tmp_path / "embeddings", BF16)
    assert not cache.has(Named("a"))
    cache.write(Named("a"), H)
    assert cache.has(Named("a"))
    assert np.array_equal(Embeddings(tmp_path / "embeddings", BF16).read(Named("a")), H)
    assert [path.name for path in cache.folder.iterdir()] == [file_of(cache, "a").name]


def test_each_plan_has_its_own_representations(tmp_path: Path) -> None:
    cache = Embeddings(tmp_path, BF16)
    cache.write(Named("a"), H)
    cache.write(Named("b"), H + 1)
    assert np.array_equal(cache.read(Named("a")), H)
    assert np.array_equal(cache.read(Named("b")), H + 1)


def test_a_rewrite_replaces(tmp_path: Path) -> None:
    cache = Embeddings(tmp_path, BF16)
    cache.write(Named("a"), H)
    cache.write(Named("a"), H + 1)
    assert np.array_equal(cache.read(Named("a")), H + 1)


def test_a_file_of_another_plan_is_rejected(tmp_path: Path) -> None:
    cache = Embeddings(tmp_path, BF16)
    cache.write(Named("a"), H)
    file_of(cache, "a").rename(file_of(cache, "b"))
    with pytest.raises(MammoError, match=rf"{file_of(cache, 'b').name} is damaged: run .*precompute"):
        cache.read(Named("b"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    cache = Embeddings(tmp_path, BF16)
    with pytest.raises(MammoError, match=rf"{file_of(cache, 'a').name} does not exist: run .*precompute"):
        cache.read(Named("a"))


def test_each_precision_has_its_own_representations(tmp_path: Path) -> None:
    in_bf16, in_fp16 = Embeddings(tmp_path, BF16), Embeddings(tmp_path, "16-mixed")
    in_bf16.write(Named("a"), H)
    assert not in_fp16.has(Named("a"))
    in_fp16.write(Named("a"), H + 1)
    assert np.array_equal(in_bf16.read(Named("a")), H)
    assert np.array_equal(in_fp16.read(Named("a")), H + 1)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 half an archive"])
def test_a_damaged_file_counts_as_missing(tmp_path: Path, content: bytes) -> None:
    cache = Embeddings(tmp_path, BF16)
    cache.write(Named("a"), H)
    file_of(cache, "a").write_bytes(content)
    assert not cache.has(Named("a"))
    cache.write(Named("a"), H)
    assert cache.has(Named("a"))
