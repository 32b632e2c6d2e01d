"""An ingest that is killed, or whose disk is full, at any moment keeps its work, and a rerun gives the same store."""

import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mammo.geometry import Box
from mammo.ingestion.run import IngestResult, ingest_cohort
from mammo.ingestion.sources import Mode
from mammo.ingestion.worker import Recipe
from mammo.intake.adapters.table import read
from mammo.io import file_lock
from mammo.records import MammoError
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.pseudonyms import Pseudonyms
from mammo.store.record_files import ENTRY
from mammo.store.store_header import DataSet
from tests.intake.dicom_variants import BREAST, FRAME, Variant, jpeg_ls

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def make_source(folder: Path, n: int) -> Path:
    """n files, every sixth rejected for its pixels, every seventh a duplicate, every eighth flagged."""
    folder.mkdir()
    for number in range(n):
        codes = (BREAST[::2, ::2] + number % 100).astype(np.uint16) * (BREAST[::2, ::2] > 0)
        tags: dict[str, Any] = {"ImagerPixelSpacing": [0, 0]} if number % 8 == 7 else {}
        variant = Variant("", tags=tags, codes=codes)
        if number % 6 == 5:
            variant = Variant("", syntax="1.2.840.10008.1.2.4.80", codes=codes, frame=lambda c: jpeg_ls(c)[:-9])
        content = variant.content(number - 1 if number % 7 == 6 and number % 6 and number % 8 else number)
        (folder / f"{number:03d}.dcm").write_bytes(content)
    (folder / "lesions.csv").write_text("image,label,mask\n")
    return folder


def new_store(folder: Path, key: bytes) -> Path:
    """An empty store with this key, so that pseudonyms are the same in all stores."""
    folder.mkdir()
    (folder / ".key").write_bytes(key)
    (folder / ".key").chmod(0o600)
    return folder


def tree(store: Path) -> dict[str, bytes]:
    return {str(path.relative_to(store)): path.read_bytes() for path in sorted(store.rglob("*")) if path.is_file()}


def finished(store: Path) -> int:
    """Number of files that an interrupted ingest has finished: stored, or remembered as rejected."""
    entries = sum(path.stat().st_size // ENTRY.itemsize for path in store.glob("images/*.index"))
    log = store / ".rejections"
    lines = log.read_text(errors="replace").split("\n")[:-1] if log.exists() else []
    return entries + sum(line.endswith("]") for line in lines)


def forked(work: Callable[[], None]) -> tuple[int, Callable[[], int]]:
    """Start work in a fork of this process; returns its id, and a function that waits and returns its status."""
    pid = os.fork()
    if pid:
        return pid, lambda: os.waitpid(pid, 0)[1]
    status = 1
    try:
        waitpid = os.waitpid
        # The fork server is this process's sibling, which the system does not let it wait for.
        os.waitpid = lambda p, o: (0, 0) if o == os.WNOHANG and p != -1 and not _is_child(waitpid, p) else waitpid(p, o)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        work()
        status = 0
    finally:
        os._exit(status)


def _is_child(waitpid: Callable[[int, int], tuple[int, int]], pid: int) -> bool:
    try:
        waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


class SplitWrites:
    """A file whose writes are two boundaries each: half of the bytes, and all."""

    def __init__(self, file: Any, passed: Callable[[], None]) -> None:
        self.file, self.passed = file, passed

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def __enter__(self) -> "SplitWrites":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, content: Any) -> int:
        half = len(content) // 2
        self.file.write(content[:half])
        self.file.flush()
        self.passed()
        self.file.write(content[half:])
        self.file.flush()
        self.passed()
        return len(content)


def count_boundaries(store: Path, at: int) -> Callable[[], int]:
    """Count the boundaries of this process's writes below store from now on, and kill it at one of them."""
    seen, opened = 0, Path.open

    def passed() -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and (not isinstance(arguments[2], int) or not arguments[2] & WRITING):
            return
        if event in ("open", "os.rename", "os.truncate", "os.remove", "os.mkdir") and str(store) in str(arguments[0]):
            passed()

    def opening(path: Path, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        file = opened(path, mode, *arguments, **named)
        return SplitWrites(file, passed) if path.is_relative_to(store) and mode != "r" and "r" not in mode else file

    Path.open = opening  # type: ignore[method-assign,assignment]
    sys.addaudithook(hook)
    return lambda: seen


def check_rerun(recipe: Recipe, expected: dict[str, bytes], n: int) -> IngestResult:
    before = finished(recipe.store)
    result = ingest_cohort(recipe, read(recipe.source), 1)
    assert tree(recipe.store) == expected
    assert result.decoded == n - before
    return result


@pytest.fixture
def twelve(tmp_path: Path) -> tuple[Path, dict[str, bytes], bytes]:
    """Twelve files, the store of an uninterrupted ingest, and its key."""
    source, store = make_source(tmp_path / "source", 12), tmp_path / "uninterrupted"
    Pseudonyms.of_store(store)
    ingest_cohort(Recipe(source, store, FRAME, 1), read(source), 1)
    return source, tree(store), (store / ".key").read_bytes()


def test_a_rerun_decodes_only_new_files(tmp_path: Path) -> None:
    source, recipe = make_source(tmp_path / "source", 20), Recipe(tmp_path / "source", tmp_path / "store", FRAME, 1)
    assert ingest_cohort(recipe, read(source), 1).decoded == 20
    for number in (20, 21, 22):
        (source / f"{number:03d}.dcm").write_bytes(Variant("").content(number))
    assert ingest_cohort(recipe, read(source), 1).decoded == 3
    assert ingest_cohort(recipe, read(source), 1).decoded == 0


def test_a_second_ingest_into_the_same_store_is_an_error(twelve: Any, tmp_path: Path) -> None:
    store = tmp_path / "uninterrupted"
    message = r"ingest into .*uninterrupted: another process holds .*\.lock: wait"
    with file_lock(store / ".lock", "a test"), pytest.raises(MammoError, match=message):
        ingest_cohort(Recipe(twelve[0], store, FRAME, 1), read(twelve[0]), 1)


def test_a_full_disk_is_an_error_and_loses_nothing(twelve: Any, tmp_path: Path) -> None:
    source, expected, key = twelve
    cohort, largest = read(source), max(len(content) for content in expected.values())
    errors = 0
    for number, limit in enumerate(np.linspace(1, largest - 1, 25).astype(int).tolist()):
        recipe = Recipe(source, new_store(tmp_path / f"full{number}", key), FRAME, 1)

        def work(recipe: Recipe = recipe, limit: int = limit) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            try:
                ingest_cohort(recipe, cohort, 1)
            except MammoError as error:
                os._exit(7 if f"{recipe.store} cannot be written" in str(error) else 8)

        status = forked(work)[1]()
        errors += os.waitstatus_to_exitcode(status) == 7
        check_rerun(recipe, expected, 12)
    assert errors == 25


@pytest.mark.faults
def test_killed_at_every_boundary_of_twelve_files(twelve: Any, tmp_path: Path) -> None:
    source, expected, key = twelve
    at, status = 0, -signal.SIGKILL
    while status == -signal.SIGKILL:
        at += 1
        recipe = Recipe(source, new_store(tmp_path / f"killed{at}", key), FRAME, 1)

        def work(recipe: Recipe = recipe, at: int = at) -> None:
            count_boundaries(recipe.store, at)
            ingest_cohort(recipe, read(source), 1)

        status = os.waitstatus_to_exitcode(forked(work)[1]())
        check_rerun(recipe, expected, 12 if status else finished(recipe.store))
    assert status == 0
    assert at > 60
    print(f"{at - 1} boundaries")


@pytest.mark.faults
def test_killed_at_a_hundred_random_moments_of_three_hundred_files(tmp_path: Path) -> None:
    source, store = make_source(tmp_path / "source", 300), tmp_path / "uninterrupted"
    Pseudonyms.of_store(store)
    cohort, started = read(source), time.monotonic()
    ingest_cohort(Recipe(source, store, FRAME, 1), cohort, 2)
    took, expected = time.monotonic() - started, tree(store)
    rng, kills = np.random.default_rng(0), 0
    for number in range(100):
        recipe = Recipe(source, new_store(tmp_path / f"killed{number}", (store / ".key").read_bytes()), FRAME, 1)
        pid, wait = forked(lambda recipe=recipe: ingest_cohort(recipe, cohort, 2) and None)  # type: ignore[misc]
        time.sleep(rng.uniform(0, took))
        os.kill(pid, signal.SIGKILL)
        kills += os.waitstatus_to_exitcode(wait()) == -signal.SIGKILL
        before = finished(recipe.store)
        result = ingest_cohort(recipe, cohort, 2)
        assert tree(recipe.store) == expected
        assert result.decoded == 300 - before
    print(f"{kills} of 100 were killed before they had finished")


def readable(store: Path) -> int:
    """The number of images in the tables of a store, after reading the pixels of all."""
    images = ImageStore(store)
    images.refresh()
    manifest = Manifest.load(store)
    for image_id in manifest.images.index:
        rows, cols = images.shape(image_id)
        images.read(image_id, Box(0, rows, 0, cols))
    return len(manifest.images)


@pytest.mark.faults
@pytest.mark.parametrize("mode", [Mode.APPEND, Mode.OVERWRITE])
def test_killed_at_every_boundary_while_a_second_source_joins_or_replaces_the_first(mode: Mode, tmp_path: Path) -> None:
    """The store stays readable; the same command ends in what an uninterrupted one makes."""
    first, second = make_source(tmp_path / "first", 5), make_source(tmp_path / "second", 9)
    for path in second.glob("00[0-4].dcm"):
        path.unlink()
    ingest_cohort(Recipe(first, tmp_path / "before", FRAME, 1, data_set=DataSet("a", "table", "full")), read(first), 1)
    n_before, at, status = readable(tmp_path / "before"), 0, -signal.SIGKILL

    def ingest(store: Path) -> IngestResult:
        recipe = Recipe(second, store, FRAME, 1, data_set=DataSet("b", "table", "full"))
        return ingest_cohort(recipe, read(second), 1, mode=mode)

    whole = shutil.copytree(tmp_path / "before", tmp_path / "uninterrupted" / "store")
    ingest(whole)
    n_after, expected = readable(whole), tree(whole)
    lost = 0
    while status == -signal.SIGKILL:
        at += 1
        store = shutil.copytree(tmp_path / "before", tmp_path / f"killed{at}" / "store")

        def work(at: int = at, store: Path = store) -> None:
            count_boundaries(store, at)
            ingest(store)

        status = os.waitstatus_to_exitcode(forked(work)[1]())
        lost += not store.exists()
        if store.exists():
            assert readable(store) in (n_before, n_after)
        if status:
            ingest(store)
        assert readable(store) == n_after
        assert tree(store) == expected
        assert [path.name for path in store.parent.iterdir()] == ["store"]
        shutil.rmtree(store.parent)
    assert status == 0
    assert at > 30
    assert lost <= 1  # between two renames, where only the next ingest finds it
    print(f"{at - 1} boundaries")
