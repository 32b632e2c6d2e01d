"""Replacing a store: the new one is made beside it and takes its place once it is complete.

STORE.new has the pixel files of the store as hard links, so that images of the same bytes and options are not decoded
again and nothing is copied; new images go to files of their own. Until the end the store is as it was. An interrupted
replacement is continued by the same command.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mammo.ingestion.quarantine import REJECTION_LOG
from mammo.io import remove_partials
from mammo.records import MammoError
from mammo.store.pseudonyms import KEY
from mammo.store.store_header import PRIVATE, TABLES, check_format


@contextmanager
def replacement(store: Path) -> Iterator[Path]:
    """Yield the folder of the new store, with the tables and images of the current one; at the end it takes its place.

    After an error the current store is as it was, and the new one is kept for the next attempt.
    """
    store = store.resolve()
    new, old = _beside(store)
    _copy_tables(store, new)
    _link_images(store / "images", new / "images")
    yield new
    if old.exists():
        shutil.rmtree(old)
    store.rename(old)
    new.rename(store)
    shutil.rmtree(old)


def restore_interrupted(store: Path) -> None:
    """Put a store back whose replacement was interrupted between its removal and the arrival of the new one."""
    store = store.resolve()
    _, old = _beside(store)
    if old.is_dir() and not store.exists():
        old.rename(store)


def _beside(store: Path) -> tuple[Path, Path]:
    return store.with_name(f"{store.name}.new"), store.with_name(f"{store.name}.old")


def _copy_tables(store: Path, new: Path) -> None:
    """Copy what an ingest reads; of a store of another format only the key. Remembered rejections are added to."""
    new.mkdir(exist_ok=True)
    remove_partials(new)
    try:
        check_format(store)
        names = [KEY, "store.json", *TABLES, *PRIVATE]
    except MammoError:
        names = [KEY]
    for name in dict.fromkeys(names):
        if (store / name).is_file() and not (name == REJECTION_LOG and (new / name).exists()):
            shutil.copy(store / name, new / name)


def _link_images(images: Path, new: Path) -> None:
    """Link the pixel files, and start a pair of files for what is written from now on."""
    new.mkdir(exist_ok=True)
    for suffix in ("tiles", "index"):  # an index without its pixels would be an error
        for file in images.glob(f"*.{suffix}"):
            if not (new / file.name).exists():
                (new / file.name).hardlink_to(file)
    linked = {file.stem for file in images.glob("*.index")}
    if not {file.stem for file in new.glob("*.index")} - linked:
        pair = new / f"{max(map(int, linked), default=-1) + 1:06d}.tiles"
        pair.touch()
        pair.with_suffix(".index").touch()
