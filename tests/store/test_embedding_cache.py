"""Saved representations come back for exactly the windows they were made of."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mammo.records import MammoError
from mammo.store.embedding_cache import Embeddings

H = np.random.default_rng(0).normal(size=(7, 32)).astype(np.float32)


@dataclass
class Named:
    """A plan that is nothing but its digest."""

    name: str

    def digest(self) -> str:
        return self.name


def test_what_was_written_is_read(tmp_path: Path) -> None:
    saved = Embeddings(tmp_path / "embeddings")
    assert not saved.has(Named("a"))
    saved.write(Named("a"), H)
    assert saved.has(Named("a"))
    assert np.array_equal(Embeddings(tmp_path / "embeddings").read(Named("a")), H)
    assert [path.name for path in saved.folder.iterdir()] == ["a.npz"]


def test_plans_keep_their_own(tmp_path: Path) -> None:
    saved = Embeddings(tmp_path)
    saved.write(Named("a"), H)
    saved.write(Named("b"), H + 1)
    assert np.array_equal(saved.read(Named("a")), H)
    assert np.array_equal(saved.read(Named("b")), H + 1)


def test_a_rewrite_replaces(tmp_path: Path) -> None:
    saved = Embeddings(tmp_path)
    saved.write(Named("a"), H)
    saved.write(Named("a"), H + 1)
    assert np.array_equal(saved.read(Named("a")), H + 1)


def test_a_file_of_other_windows_is_refused(tmp_path: Path) -> None:
    saved = Embeddings(tmp_path)
    saved.write(Named("a"), H)
    (tmp_path / "a.npz").rename(tmp_path / "b.npz")
    with pytest.raises(MammoError, match=r"b\.npz is damaged: run .*precompute"):
        saved.read(Named("b"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MammoError, match=r"a\.npz does not exist: run .*precompute"):
        Embeddings(tmp_path).read(Named("a"))


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 half an archive"])
def test_a_damaged_file_counts_as_missing(tmp_path: Path, content: bytes) -> None:
    saved = Embeddings(tmp_path)
    saved.write(Named("a"), H)
    (tmp_path / "a.npz").write_bytes(content)
    assert not saved.has(Named("a"))
    saved.write(Named("a"), H)
    assert saved.has(Named("a"))
