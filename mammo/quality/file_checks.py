"""Checks of a store's files: bytes that differ from those that were written."""

import json
from collections.abc import Container, Iterator
from pathlib import Path

import numpy as np

from mammo.quality.checks import Issue
from mammo.store.checksums import changed_files
from mammo.store.head import head_checksum
from mammo.store.record_files import RecordFiles
from mammo.store.tiles import DamagedError, TiledImage


def check_files(store: Path) -> Iterator[Issue]:
    """Find files that changed since the tables were written; a store without checksums yields none."""
    try:
        head = json.loads((store / "store.json").read_text())
    except (OSError, ValueError):
        return  # loading the tables reports it
    if isinstance(head, dict) and {"files", "seal"} & head.keys():
        if head.get("seal") != head_checksum(head):
            yield Issue("file_damaged", "store.json", "another SHA-256")
            return
        for name, change in changed_files(store, head["files"]):
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
        except (DamagedError, RuntimeError, ValueError, OverflowError, OSError):
            yield Issue("file_damaged", f"images/{record.path.name}", f"image {image_id}, which is in no table")
