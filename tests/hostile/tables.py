"""Tables, arrays and lists that were made to harm: repeated values, wrong sizes, deep nesting, endless lines."""

import gzip
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from mammo.limits import LINE_CHARACTERS

Maker = Callable[[Path], None]
"""Writes a file to the path."""

XML = "xl/worksheets/sheet1.xml"


def tables() -> dict[str, Maker]:
    """Tables by name, with their suffix at its end."""
    return {
        "text .xlsx": lambda path: _bytes(path, b"path,label\n"),
        "zip bomb .xlsx": lambda path: _sheet(path, b"<row>" + b" " * (400 << 20)),
        "shared strings .xlsx": lambda path: _sheet(path, b"", {"xl/sharedStrings.xml": bytes(400 << 20)}),
        "entities .xlsx": lambda path: _sheet(path, ENTITIES, replaced=True),
        "no workbook .xlsx": lambda path: _zip(path, {"x": b"y"}),
        "empty .xlsx": lambda path: _bytes(path, b""),
        "repeated text .parquet": lambda path: _repeated(path, "x" * 200_000),
        "repeated bytes .parquet": lambda path: _repeated(path, b"x" * 200_000),
        "repeated number .parquet": lambda path: _write_parquet(path, pa.array(np.zeros(80_000_000, np.int8))),
        "nulls .parquet": lambda path: _write_parquet(path, pa.nulls(80_000_000, pa.int64())),
        "cut .parquet": _cut_parquet,
        "footer .parquet": lambda path: _bytes(path, b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1"),
        "empty .parquet": lambda path: _bytes(path, b""),
        "endless line .csv": lambda path: _bytes(path, b"path,label\n" + b"x" * (LINE_CHARACTERS + 10)),
        "endless header .csv": lambda path: _bytes(path, b"x" * (LINE_CHARACTERS + 10)),
        "endless cell .csv": lambda path: _bytes(path, b'path,label\n"' + b"x\n" * (LINE_CHARACTERS // 2 + 10)),
        "gzip .csv": lambda path: _bytes(path, gzip.compress(b"path,label\n" * 100)),
        "utf-16 .csv": lambda path: _bytes(path, "path,label\na,b\n".encode("utf-16")),
        "binary .csv": lambda path: _bytes(path, bytes(range(256)) * 100),
    }


def lists() -> dict[str, bytes]:
    """Content of JSON files that is too deep, too large or of another kind."""
    return {
        "deep lists": b"[" * 200_000,
        "deep objects": b'{"a":' * 100_000,
        "closed lists": b"[" * 100_000 + b"]" * 100_000,
        "a number of many digits": b"[" + b"9" * 10_000 + b"]",
        "annotations are deep": b'{"images": [], "annotations": ' + b"[" * 100_000,
        "annotations are a number": b'{"images": [], "annotations": 7}',
        "images are text": b'{"images": "x", "annotations": []}',
        "an image that is not there": json.dumps(
            {"images": [], "annotations": [{"id": "\x1b[2J", "image_id": "\u202e"}]}
        ).encode(),
        "binary": bytes(range(256)),
        "utf-16": "{}".encode("utf-16"),
        "empty": b"",
        "infinite": b'{"seed": 1e999, "images": Infinity}',
    }


def arrays() -> dict[str, Maker]:
    """NumPy files that stand for larger ones, or that hold code."""
    return {
        "zeros .npz": lambda path: np.savez_compressed(path.open("wb"), h=np.zeros(100_000_000, np.float32)),
        "objects .npz": lambda path: np.savez(path.open("wb"), digest=np.array([{"a": 1}], dtype=object)),
        "shape .npz": lambda path: _zip(path, {"digest.npy": _npy("(1000000000000,)"), "h.npy": _npy("(10,)")}),
        "dtype .npz": lambda path: _zip(path, {"digest.npy": _npy("(10,)", "|O")}),
        "text .npz": lambda path: _bytes(path, b"no arrays"),
        "objects .npy": lambda path: np.save(path.open("wb"), np.array([{"a": 1}], dtype=object)),
        "shape .npy": lambda path: _bytes(path, _npy("(1000000000000,)")),
        "expression .npy": lambda path: _bytes(path, _npy("__import__('os').system('x')")),
        "negative .npy": lambda path: _bytes(path, _npy("(-1, 2)")),
        "large .npy": lambda path: np.save(path.open("wb"), np.zeros(10_000_000, np.float64)),
        "pickle .npy": lambda path: _bytes(path, pickle.dumps([1, 2])),
    }


ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(12))
    + b"]><worksheet><sheetData><row><c t='inlineStr'><is><t>&m;</t></is></c></row></sheetData></worksheet>"
)
"""XML whose entities refer to one another."""


def _bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _zip(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def _sheet(path: Path, sheet: bytes, more: dict[str, bytes] | None = None, replaced: bool = False) -> None:
    """A workbook with other members, and with more XML before the rows of its sheet."""
    book = openpyxl.Workbook()
    book.active.append(["path", "label"])
    book.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[XML] = sheet if replaced else members[XML].replace(b"<sheetData>", b"<sheetData>" + sheet)
    _zip(path, members | (more or {}))


def _write_parquet(path: Path, column: pa.Array) -> None:
    pq.write_table(pa.table({"path": column, "label": column}), path, compression="zstd", store_schema=False)


def _repeated(path: Path, value: str | bytes) -> None:
    _write_parquet(path, pa.DictionaryArray.from_arrays(pa.array(np.zeros(20_000, np.int32)), pa.array([value])))


def _cut_parquet(path: Path) -> None:
    _write_parquet(path, pa.array(["a", "b"]))
    path.write_bytes(path.read_bytes()[:-20])


def _npy(shape: str, dtype: str = "<f8") -> bytes:
    """A NumPy file whose header claims a shape."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(80)
