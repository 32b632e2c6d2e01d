"""Saved representations come back for exactly the windows they were made of."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mammo.records import MammoError
from mammo.store.embeddings import Embeddings

H = np.random.default_rng(0).normal(size=(7, 32)).astype(np.float32)


@dataclass
class Named:
    """A plan that is nothing but its digest."""

    name: str

    def digest(self) -> str:
        return self.name


def test_what_was_written_is_read(tmp_path: Path) -> None:
    saved = Embeddings(tmp_path / "embeddings")
    assert not saved.has("val", Named("a"))
    saved.write("val", Named("a"), H)
    assert saved.has("val", Named("a"))
    assert np.array_equal(Embeddings(tmp_path / "embeddings").read("val", Named("a")), H)
    assert [path.name for path in saved.folder.iterdir()] == ["val.npz"]


def test_a_rewrite_replaces(tmp_path: Path) -> None:
    saved = Embeddings(tmp_path)
    saved.write("val", Named("a"), H)
    saved.write("val", Named("b"), H + 1)
    assert not saved.has("val", Named("a"))
    assert np.array_equal(saved.read("val", Named("b")), H + 1)


def test_other_windows_are_refused(tmp_path: Path) -> None:
    saved = Embeddings(tmp_path)
    saved.write("train-0", Named("a"), H)
    with pytest.raises(MammoError, match=r"train-0\.npz belongs to other windows: run .*precompute"):
        saved.read("train-0", Named("b"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MammoError, match=r"test\.npz does not exist: run .*precompute"):
        Embeddings(tmp_path).read("test", Named("a"))


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 half an archive"])
def test_a_damaged_file_counts_as_missing(tmp_path: Path, content: bytes) -> None:
    saved = Embeddings(tmp_path)
    saved.write("val", Named("a"), H)
    (tmp_path / "val.npz").write_bytes(content)
    assert not saved.has("val", Named("a"))
    saved.write("val", Named("a"), H)
    assert saved.has("val", Named("a"))
