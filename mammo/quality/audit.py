"""Data quality audit: every check over every row, tile and outline of a store."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mammo.limits import read_json
from mammo.quality.checks import Issue
from mammo.quality.image_checks import all_image_stats, check_brightness, check_images, image_rows
from mammo.quality.outline_checks import check_outlines
from mammo.quality.table_checks import check_leakage, check_rows, valid_rows
from mammo.records import MammoError
from mammo.store.manifest import Manifest
from mammo.store.record_files import RecordFiles
from mammo.store.store_header import changed_files, header_checksum
from mammo.store.tiles import DamagedError, TiledImage


@dataclass(frozen=True, eq=False)
class Audit:
    """The result of an audit.

    Attributes:
        manifest: the store's valid rows.
        issues: in the order of the checks, then of the rows.
    """

    manifest: Manifest
    issues: tuple[Issue, ...]

    def counts(self) -> "pd.Series[int]":
        """Number of issues by check, without the checks that found none."""
        return pd.Series([issue.check for issue in self.issues], dtype=object).value_counts(sort=False)


def audit(store: Path, processes: int = 1) -> Audit:
    """Run all checks on a store.

    Args:
        store: its folder.
        processes: number of processes that read pixels.

    Raises:
        MammoError: there is no store, or its tables cannot be read.
    """
    issues = list(check_files(store))
    try:
        manifest, found = _check_content(store, Manifest.load(store, checked=False), processes)
    except Exception:
        if not issues:
            raise
        damaged, change = store / issues[0].subject, issues[0].detail  # a damaged file can make any check fail
        raise MammoError(f"{damaged} is damaged ({change}): run python -m mammo.ingest again") from None
    issues += found
    key = store / ".key"
    if key.exists() and key.stat().st_mode & 0o077:
        issues.append(Issue("key_readable", ".key", f"mode {key.stat().st_mode & 0o777:o}: chmod 600 {key}"))
    return Audit(manifest, tuple(issues))


def _check_content(store: Path, manifest: Manifest, processes: int) -> tuple[Manifest, list[Issue]]:
    """The valid rows of the tables, and the issues of tables and pixels."""
    manifest, issues = valid_rows(manifest)
    rows = image_rows(manifest)
    stats = dict(zip(rows, all_image_stats(store, manifest.frame, list(rows.items()), processes), strict=True))
    issues += check_unlisted_records(store, rows)
    issues += check_rows(manifest)
    issues += check_images(manifest, stats)
    issues += check_outlines(manifest)
    issues += check_leakage(manifest.images, stats)
    issues += check_brightness(manifest, stats)
    return manifest, issues


def check_files(store: Path) -> Iterator[Issue]:
    """Find files that changed since the tables were written; a store without checksums yields none."""
    try:
        header = read_json(store / "store.json")
    except (OSError, ValueError):
        return  # loading the tables reports it
    if isinstance(header, dict) and {"files", "seal"} & header.keys():
        if header.get("seal") != header_checksum(header):
            yield Issue("file_damaged", "store.json", "another SHA-256")
            return
        for name, change in changed_files(store, header["files"]):
            yield Issue("file_damaged", name, change)


def check_unlisted_records(store: Path, listed: Container[str]) -> Iterator[Issue]:
    """Find damaged pixels of images that are in no table, such as duplicates.

    Args:
        store: the folder.
        listed: ids of the images in the tables, whose pixels other checks read.
    """
    for image_id, record in RecordFiles(store / "images").records():
        if image_id in listed:
            continue
        try:
            image = TiledImage(record.read(0, record.head), record)
            image.read_into((0, 0), np.empty(image.shape, np.uint16))
        except (DamagedError, ValueError, OverflowError, OSError):
            yield Issue("file_damaged", f"images/{record.path.name}", f"image {image_id}, which is in no table")
