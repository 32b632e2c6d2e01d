"""Embedding cache: h of every window of a plan, so that no window passes f_loc twice (paper, Model training).

A stored h is a column of the window plan: each file holds one plan's h in the plan's order, under a digest of the plan
and of the precision that h was computed in.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from zipfile import BadZipFile, ZipFile
from zlib import error as ZlibError  # noqa: N812

import numpy as np
from numpy.typing import NDArray

from mammo.io import atomic_write, make_folder, runtime_errors_as
from mammo.limits import check_archive
from mammo.records import MammoError

UNREADABLE = (OSError, ValueError, EOFError, KeyError, NotImplementedError, BadZipFile, ZlibError, MemoryError)
"""Errors that a damaged archive raises."""


class Digestible(Protocol):
    """Anything whose content has a digest, such as a plan."""

    def digest(self) -> str:
        """Hex digest of the content."""
        ...


@dataclass(frozen=True)
class Embeddings:
    """A folder of cached representations h.

    Attributes:
        folder: holds one .npz for each plan and precision.
        precision: that h is computed in (models.precision.resolve_precision).
    """

    folder: Path
    precision: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder))

    def digest(self, plan: Digestible) -> str:
        """Hex digest of the plan's content and the precision: equal digests mean the same h."""
        return hashlib.sha256(f"{plan.digest()} {self.precision}".encode()).hexdigest()

    def has(self, plan: Digestible) -> bool:
        """Whether h of this very plan, in this precision, is stored, and undamaged by the file's own checksums."""
        path = self.path(plan)
        if not path.is_file():
            return False
        try:
            check_archive(path)
            with runtime_errors_as(BadZipFile), ZipFile(path) as archive:
                if archive.testzip() is not None:
                    return False
            with runtime_errors_as(BadZipFile), np.load(path, allow_pickle=False) as stored:
                return str(stored["digest"]) == self.digest(plan)
        except UNREADABLE:  # a damaged file counts as missing
            return False

    def write(self, plan: Digestible, h: NDArray[np.float32]) -> None:
        """Store h [N, 32] of the plan's windows atomically."""
        make_folder(self.folder)
        with atomic_write(self.path(plan)) as written, written.open("wb") as file:
            np.savez(file, h=h.astype(np.float32), digest=np.array(self.digest(plan)))

    def read(self, plan: Digestible) -> NDArray[np.float32]:
        """The representations h [N, 32] float32 of the plan's windows, in its order.

        Raises:
            MammoError: h of the plan is missing or damaged.
        """
        if not self.has(plan):
            state = "is damaged" if self.path(plan).is_file() else "does not exist"
            raise MammoError(f"{self.path(plan)} {state}: run python -m mammo.precompute what=embeddings again")
        again = "run python -m mammo.precompute what=embeddings again"
        try:
            with runtime_errors_as(BadZipFile), np.load(self.path(plan), allow_pickle=False) as stored:
                h: NDArray[np.float32] = stored["h"]
        except UNREADABLE as error:
            raise MammoError(f"{self.path(plan)} is damaged ({error}): delete it, then {again}") from None
        if h.dtype != np.float32 or h.ndim != 2 or not np.isfinite(h).all():
            what = f"{h.dtype} {list(h.shape)}" if h.dtype != np.float32 or h.ndim != 2 else "NaN or infinite values"
            raise MammoError(f"{self.path(plan)} holds {what}, not finite float32 [N, K]: delete it, then {again}")
        return h

    def path(self, plan: Digestible) -> Path:
        """The file of a plan, which need not exist."""
        return self.folder / f"{self.digest(plan)[:16]}.npz"
