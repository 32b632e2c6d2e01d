"""The examination of a whole store: every check over every row, every tile and every outline."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mammo.quality.checks import Doubt
from mammo.quality.file_checks import damage_doubts, record_doubts
from mammo.quality.image_checks import brightness_doubts, picture_doubts
from mammo.quality.image_stats import image_rows, portraits
from mammo.quality.leakage_checks import leakage_doubts
from mammo.quality.outline_checks import outline_doubts
from mammo.quality.table_checks import sound_rows, table_doubts
from mammo.records import MammoError
from mammo.store.manifest import Manifest


@dataclass(frozen=True, eq=False)
class Examination:
    """What an examination found.

    Attributes:
        manifest: the store's sound rows.
        doubts: in the order of the checks, then of the rows.
    """

    manifest: Manifest
    doubts: tuple[Doubt, ...]

    def counts(self) -> "pd.Series[int]":
        """How many doubts each check raised, of the checks that raised any."""
        return pd.Series([doubt.check for doubt in self.doubts], dtype=object).value_counts(sort=False)


def examine(store: Path, processes: int = 1) -> Examination:
    """Examine a store.

    Args:
        store: its folder.
        processes: how many read pixels.

    Raises:
        MammoError: there is no store, or its tables cannot be read.
    """
    doubts = list(damage_doubts(store))
    try:
        manifest, found = _content(store, Manifest.load(store, checked=False), processes)
    except Exception:
        if not doubts:
            raise
        file, told = store / doubts[0].subject, doubts[0].told  # what a damaged file says may fail anywhere
        raise MammoError(f"{file} is damaged ({told}): run python -m mammo.ingest again") from None
    doubts += found
    key = store / ".key"
    if key.exists() and key.stat().st_mode & 0o077:
        doubts.append(Doubt("key_readable", ".key", f"mode {key.stat().st_mode & 0o777:o}: chmod 600 {key}"))
    return Examination(manifest, tuple(doubts))


def _content(store: Path, manifest: Manifest, processes: int) -> tuple[Manifest, list[Doubt]]:
    """The sound rows of the tables, and the doubts that tables and pixels raise."""
    manifest, doubts = sound_rows(manifest)
    rows = image_rows(manifest)
    seen = dict(zip(rows, portraits(store, manifest.frame, list(rows.items()), processes), strict=True))
    doubts += record_doubts(store, rows)
    doubts += table_doubts(manifest)
    doubts += picture_doubts(manifest, seen)
    doubts += outline_doubts(manifest)
    doubts += leakage_doubts(manifest.images, seen)
    doubts += brightness_doubts(manifest, seen)
    return manifest, doubts
