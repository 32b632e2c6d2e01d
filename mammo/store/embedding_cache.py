"""Saved representations: h of every window of a plan, so that f_agg never runs f_loc (paper, Model training).

A stored h is a column of the window plan: each file holds one plan's h in the plan's order, under the plan's digest.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from mammo.io import atomic_write
from mammo.records import MammoError


class Digestible(Protocol):
    """Anything whose content has a digest, such as a plan."""

    def digest(self) -> str:
        """Hex digest of the content."""
        ...


@dataclass(frozen=True)
class Embeddings:
    """A folder of saved representations.

    Attributes:
        folder: holds one .npz a plan.
    """

    folder: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder))

    def has(self, plan: Digestible) -> bool:
        """Whether h of exactly this plan is stored."""
        path = self._path(plan)
        if not path.is_file():
            return False
        try:
            with np.load(path, allow_pickle=False) as stored:
                return str(stored["plan"]) == plan.digest()
        except (OSError, ValueError, EOFError, KeyError, BadZipFile):  # damaged: as good as missing
            return False

    def write(self, plan: Digestible, h: NDArray[np.float32]) -> None:
        """Store h [N, 32] of the plan, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(self._path(plan)) as written, written.open("wb") as file:
            np.savez(file, h=h.astype(np.float32), plan=np.array(plan.digest()))

    def read(self, plan: Digestible) -> NDArray[np.float32]:
        """H [N, 32] of the plan, in its order.

        Raises:
            MammoError: nothing is stored for it.
        """
        if not self.has(plan):
            state = "is damaged" if self._path(plan).is_file() else "does not exist"
            raise MammoError(f"{self._path(plan)} {state}: run python -m mammo.precompute what=embeddings again")
        with np.load(self._path(plan), allow_pickle=False) as stored:
            h: NDArray[np.float32] = stored["h"]
        return h

    def _path(self, plan: Digestible) -> Path:
        return self.folder / f"{plan.digest()[:16]}.npz"
