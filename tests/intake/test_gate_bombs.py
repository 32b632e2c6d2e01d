"""Decompression bombs: small files that would become gigabytes are rejected within limits of memory and time."""

import os
import zlib
from contextlib import suppress
from functools import partial
from pathlib import Path
from struct import pack
from threading import Event, Thread

import numpy as np
import pytest
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate

from mammo.ingestion.worker import IngestItem, Recipe, Rejected, ingest_file
from mammo.intake.adapters.table import read
from mammo.intake.rejections import Code
from mammo.intake.sandbox import Workers, isolated
from tests.intake.dicom_variants import FRAME, Codes, Variant, jpeg_2000, jpeg_lossless, jpeg_ls, run_lengths

DEFLATED, SV1, LS, J2K, RLE = (f"1.2.840.10008.1.2.{n}" for n in ("1.99", "4.70", "4.80", "4.90", "5"))
SMALL = np.ones((8, 8), np.uint16)


def inflating(size: int) -> bytes:
    """Return a deflated stream of `size` zeros, a thousand times smaller."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    chunk = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return chunk * (size >> 20)


def deflated(content: bytes) -> bytes:
    """Return the file with a private value of 1.5 GB of zeros before its own elements."""
    start = 144 + int.from_bytes(content[140:144], "little")
    return content[:start] + inflating(1_500 << 20)


def with_frame(frame: bytes, rows: int, cols: int, syntax: str) -> Variant:
    def edit(dataset: FileDataset) -> None:
        dataset.PixelData = encapsulate([frame])

    return Variant("", tags={"Rows": rows, "Columns": cols}, syntax=syntax, frame=lambda _: frame, edit=edit)


def resized(frame: bytes, marker: bytes, rows: int, cols: int) -> bytes:
    """Return a JPEG or JPEG-LS frame whose header states another size."""
    start = frame.index(marker) + 5
    return frame[:start] + pack(">HH", rows, cols) + frame[start + 4 :]


def resized_j2k(rows: int, cols: int) -> bytes:
    frame = jpeg_2000(SMALL)
    size = pack(">4I", cols, rows, 0, 0)
    return frame[:8] + size + pack(">2I", cols, rows) + frame[32:]


def black(encode: object, n: int = 8000) -> bytes:
    codes: Codes = np.zeros((n, n), np.uint16)
    return bytes(encode(codes))  # type: ignore[operator]


def nested(depth: int) -> bytes:
    """Return nested sequences of undefined length, as raw bytes."""
    return b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * depth


def with_false_length(content: bytes) -> bytes:
    """Return the file with a private value that claims 2 GB, before its own elements."""
    start = 144 + int.from_bytes(content[140:144], "little")
    return content[:start] + b"\x05\x00\x10\x10OB\0\0" + pack("<I", 0x7FFFFFF0) + content[start:]


def png(rows: int, cols: int) -> bytes:
    head = pack(">IIBBBBB", cols, rows, 16, 0, 0, 0, 0)
    data = zlib.compress(bytes(1 << 16))
    parts = [(b"IHDR", head), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        pack(">I", len(body)) + name + body + pack(">I", zlib.crc32(name + body)) for name, body in parts
    )


BOMBS = {
    "deflated": Variant("", syntax=DEFLATED, damage=deflated).content(0),
    "rle_30000": with_frame(run_lengths(SMALL), 30000, 30000, RLE).content(0),
    "rle_8000": with_frame(run_lengths(SMALL), 8000, 8000, RLE).content(0),
    "j2k_30000": with_frame(resized_j2k(30000, 30000), 30000, 30000, J2K).content(0),
    "j2k_hidden": with_frame(resized_j2k(30000, 30000), 8, 8, J2K).content(0),
    "j2k_8000": with_frame(resized_j2k(8000, 8000), 8000, 8000, J2K).content(0),
    "j2k_black": with_frame(black(lambda c: jpeg_2000(c, 16), 5000), 5000, 5000, J2K).content(0),
    "ls_65535": with_frame(resized(jpeg_ls(SMALL), b"\xff\xf7", 65535, 65535), 65535, 65535, LS).content(0),
    "ls_hidden": with_frame(resized(jpeg_ls(SMALL), b"\xff\xf7", 65535, 65535), 8, 8, LS).content(0),
    "ls_black": with_frame(black(jpeg_ls), 8000, 8000, LS).content(0),
    "lossless_hidden": with_frame(resized(jpeg_lossless(SMALL), b"\xff\xc3", 65500, 65500), 8, 8, SV1).content(0),
    "lossless_8000": with_frame(resized(jpeg_lossless(SMALL), b"\xff\xc3", 8000, 8000), 8000, 8000, SV1).content(0),
    "native_65535": Variant("", tags={"Rows": 65535, "Columns": 65535}).content(0),
    "frames": Variant("", tags={"NumberOfFrames": 2_000_000_000}).content(0),
    "deep": Variant("", damage=lambda c: c[: 144 + int.from_bytes(c[140:144], "little")] + nested(3000)).content(0),
    "false_length": Variant("", damage=with_false_length).content(0),
    "gzip": b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + inflating(1_500 << 20),
    "zip": b"PK\x03\x04" + inflating(1_500 << 20),
}

BUDGET = 1_500_000_000
"""Memory limit of all processes together for any file, bytes."""

LONGEST_S = 20
"""Limit of processor time of all processes together for any file, s."""


class Watch(Thread):
    """Measures the memory that this process gains and its descendants use, and their processor time."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.over, self.peak, self.start_rss = Event(), 0, _rss(os.getpid())
        self.times: dict[int, float] = {}

    def run(self) -> None:
        while not self.over.wait(0.02):
            pids = _descendants(os.getpid())
            self.times |= {pid: _cpu_s(pid) for pid in pids}
            self.peak = max(self.peak, sum(map(_rss, pids)) + max(_rss(os.getpid()) - self.start_rss, 0))

    def __enter__(self) -> "Watch":
        self.before = {pid: _cpu_s(pid) for pid in _descendants(os.getpid())}
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.join()
        self.cpu_s = sum(time - self.before.get(pid, 0) for pid, time in self.times.items())


def _cpu_s(pid: int) -> float:
    """Return seconds of processor time, 0 once the process has ended."""
    try:
        used = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
        return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0


def _rss(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    except (OSError, IndexError):
        return 0


def _descendants(root: int) -> set[int]:
    found, waiting = set[int](), [root]
    while waiting:
        for path in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            with suppress(OSError):  # it has ended
                new = set(map(int, path.read_text().split())) - found
                found |= new
                waiting += new
    return found


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is measured on Linux only")
def test_every_bomb_is_rejected_within_the_limits(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "good.dcm").write_bytes(Variant("").content(1))
    for name, content in BOMBS.items():
        (source / f"{name}.dcm").write_bytes(content)
        assert len(content) < 4_000_000
    (source / "huge.png").write_bytes(png(30000, 30000))
    (source / "huge.tif").write_bytes(b"II*\0" + bytes(64))
    rows = "".join(f"{name},p,e,L,CC\n" for name in ("huge.png", "huge.tif"))
    (source / "images.csv").write_text("image,patient,exam,laterality,view\n" + rows)
    (source / "lesions.csv").write_text("image,label,mask\n")
    with Watch() as headers:
        images = read(source).images
    assert headers.peak < BUDGET
    assert len(images) == len(BOMBS) + 3
    recipe = Recipe(source, tmp_path / "store", FRAME, 1)
    for image in images:
        with Watch() as watch:
            (result,) = isolated(partial(ingest_file, recipe), [IngestItem(image, "a")], Workers(1))
        rejected = isinstance(result, (Code, Rejected))
        assert rejected == (image.path != "good.dcm"), image.path
        assert watch.peak < BUDGET, image.path
        assert watch.cpu_s + headers.cpu_s < LONGEST_S, image.path
