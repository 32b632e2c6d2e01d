"""Data quality audit: every check over every row, tile and outline of a store."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mammo.quality.checks import Issue
from mammo.quality.file_checks import check_files, check_unlisted_records
from mammo.quality.image_checks import check_brightness, check_images
from mammo.quality.image_stats import all_image_stats, image_rows
from mammo.quality.outline_checks import check_outlines
from mammo.quality.table_checks import check_leakage, check_rows, valid_rows
from mammo.records import MammoError
from mammo.store.manifest import Manifest


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
