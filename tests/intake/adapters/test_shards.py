"""A shard of an ingest run opens only the images of its own share, and the merged store equals that of one run."""

import ctypes
import json
import os
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from mammo import ingest
from mammo.ingestion.shard import Shard
from mammo.store.pseudonyms import Pseudonyms

SHARDS = 3
N = 8
"""Patients, of two images each."""

IN_OPEN, IN_NONBLOCK, EVENT = 0x20, os.O_NONBLOCK, struct.Struct("iIII")
"""inotify(7) reports every file that is opened, by any process."""

POINTS = [(20, 4), (20, 20), (40, 20), (40, 4)]

Write = Callable[..., None]


@contextmanager
def opened(root: Path) -> Iterator[set[str]]:
    """Collect the names of the files below root that any process opens in the meantime."""
    libc, names = ctypes.CDLL(None, use_errno=True), set[str]()
    stream = libc.inotify_init1(IN_NONBLOCK)
    if stream < 0:
        pytest.skip("no inotify instance is left")
    folders = {libc.inotify_add_watch(stream, os.fsencode(folder), IN_OPEN): folder for folder, *_ in os.walk(root)}
    assert -1 not in folders
    try:
        yield names
        while True:
            try:
                events = os.read(stream, 1 << 16)
            except BlockingIOError:
                return
            while events:
                watch, _, _, size = EVENT.unpack_from(events)
                name = events[EVENT.size : EVENT.size + size].rstrip(b"\0")
                events = events[EVENT.size + size :]
                path = Path(folders[watch], os.fsdecode(name))
                if path.is_file():
                    names.add(path.relative_to(root).as_posix())
    finally:
        os.close(stream)


def table(root: Path, write: Write, breasts: list[NDArray[np.uint16]]) -> None:
    outline = ";".join(f"{row},{col}" for row, col in POINTS)
    lesions = ["image,label,outline"]
    for number, breast in enumerate(breasts):
        for view in ("CC", "MLO"):
            tags = {"PatientID": f"p{number}", "StudyInstanceUID": f"1.{number}", "ViewPosition": view}
            write(root / f"p{number}" / f"{view}.dcm", breast, **tags)
            lesions.append(f'p{number}/{view}.dcm,malignant,"{outline}"')
    (root / "lesions.csv").write_text("\n".join(lesions))


def cmmd(root: Path, write: Write, breasts: list[NDArray[np.uint16]]) -> None:
    polygon = [{"label": "mass", "cgPoints": [{"x": col, "y": row} for row, col in POINTS]}]
    for number, breast in enumerate(breasts):
        patient, rows = f"D1-{number + 1:04d}", root / "CMMD_clinicaldata_revision.csv"
        for index, code in enumerate(("399162004", "399368009"), 1):
            view = Dataset()
            view.CodeValue = code
            tags = {"PatientID": patient, "StudyInstanceUID": f"1.{number}", "ViewPosition": None}
            write(root / "CMMD" / patient / "s-00001" / f"1-{index}.dcm", breast, ViewCodeSequence=[view], **tags)
        header = "" if rows.exists() else "ID1,LeftRight,classification\n"
        with rows.open("a") as stream:
            stream.write(f"{header}{patient},L,Malignant\n")
        (root / f"{patient}_MLO_L_AnnotationFile.json").write_text(json.dumps(polygon))


def embed(root: Path, write: Write, breasts: list[NDArray[np.uint16]]) -> None:
    columns = "empi_anon,acc_anon,anon_dicom_path,FinalImageType,ImageLateralityFinal,ViewPosition,ROI_coords"
    images, findings = [columns], ["empi_anon,acc_anon,side,path_severity,total_L_find,numfind"]
    for number, breast in enumerate(breasts):
        for view in ("CC", "MLO"):
            path = f"cohort_1/{number}/{view}{number}.dcm"
            write(root / "images" / path, breast, PatientOrientation=["A", "R"])
            images.append(f'{number},1{number},{path},2D,L,{view},"((20, 4, 40, 20),)"')
        findings.append(f"{number},1{number},L,1,1,1")
    (root / "EMBED_OpenData_metadata.csv").write_text("\n".join(images))
    (root / "EMBED_OpenData_clinical.csv").write_text("\n".join(findings))


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["mammo", *arguments])
    ingest.main()


def contents(store: Path) -> dict[str, bytes]:
    files = (path for path in store.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(store).as_posix(): path.read_bytes() for path in files}


@pytest.mark.skipif(sys.platform != "linux", reason="inotify exists only on Linux")
@pytest.mark.parametrize("make", [table, cmmd, embed])
def test_a_shard_opens_only_its_own_images(
    make: Callable[..., None],
    tmp_path: Path,
    write: Write,
    breast: NDArray[np.uint16],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, single, sharded = tmp_path / "source", tmp_path / "single", tmp_path / "sharded"
    source.mkdir()
    rng = np.random.default_rng(0)
    make(source, write, [np.where(breast, breast + rng.integers(0, 900, breast.shape, np.uint16), 0) for _ in range(N)])
    images = {path.relative_to(source).as_posix() for path in source.rglob("*.dcm")}
    own = [f"data={make.__name__}", f"data.source={source}", "frame=eighth", "data.scale=1", "processes=1"]
    for root in (single, sharded):
        Pseudonyms(bytes(32)).write_key(root / "store")
    run(monkeypatch, f"root={single}", *own)
    for shard in range(SHARDS):
        with opened(source) as names:
            run(monkeypatch, f"root={sharded}", f"shard={shard}", f"shards={SHARDS}", *own)
        assert names & images == {path for path in images if Shard(shard, SHARDS).holds(path)}
    run(monkeypatch, f"root={sharded}", *own)
    assert contents(sharded / "store") == contents(single / "store")
    assert len(images) == 2 * N
