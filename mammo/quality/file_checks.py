"""Doubts that the files of a store raise: bytes that are not those that were written."""

import json
from collections.abc import Container, Iterator
from pathlib import Path

import numpy as np

from mammo.quality.checks import Doubt
from mammo.store.checksums import broken
from mammo.store.head import head_seal
from mammo.store.record_files import Shards
from mammo.store.tiles import DamagedError, TiledImage


def damage_doubts(store: Path) -> Iterator[Doubt]:
    """Files that are not as they were when the tables were written; a store that was never sealed raises none."""
    try:
        head = json.loads((store / "store.json").read_text())
    except (OSError, ValueError):
        return  # whoever loads the tables says so
    if isinstance(head, dict) and {"files", "seal"} & head.keys():
        if head.get("seal") != head_seal(head):
            yield Doubt("file_damaged", "store.json", "another SHA-256")
            return
        for name, told in broken(store, head["files"]):
            yield Doubt("file_damaged", name, told)


def record_doubts(store: Path, read: Container[str]) -> Iterator[Doubt]:
    """Files of pixels that are damaged in an image that the tables do not name, such as a duplicate.

    Args:
        store: the folder.
        read: ids of the images whose pixels are read elsewhere.
    """
    for key, place in Shards(store / "images").places():
        if key in read:
            continue
        try:
            image = TiledImage(place.read(0, place.head), place)
            image.read_into((0, 0), np.empty(image.shape, np.uint16))
        except (DamagedError, RuntimeError, ValueError, OverflowError, OSError):
            yield Doubt("file_damaged", f"images/{place.shard.name}", f"image {key}, which is in no table")
