"""Checksums: size and SHA-256 of a store's files when its tables were written, so that later changes are detected.

Pixels have checksums of their own (store.tiles).
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

PRIVATE = (".key", ".rejections", "quarantine.csv", "ids.csv")
"""Files that stay behind where a store is shared."""

TABLES = ("images.parquet", "lesions.parquet")

GROWING = (".index", ".rejections")
"""Suffixes of files that an ingest appends to before it writes the checksums again."""

CHUNK = 1 << 20

Checksum = tuple[int, str]
"""Size of a file in bytes, and its SHA-256."""


def file_checksums(store: Path) -> dict[str, Checksum]:
    """The checksum of every file of a store but store.json and the pixels, by path relative to the store."""
    indices = [f"images/{file.name}" for file in sorted((store / "images").glob("*.index"))]
    sizes = {name: size for name in (*PRIVATE, *TABLES, *indices) if (size := _size(store / name)) >= 0}
    return {name: (size, _digest(store / name, size)) for name, size in sizes.items()}


def changed_files(store: Path, checksums: Mapping[str, Checksum]) -> Iterator[tuple[str, str]]:
    """Yield (path, what is wrong) of every file that differs from its checksum."""
    for name, (size, digest) in checksums.items():
        actual = _size(store / name)
        if actual < 0:
            if name not in PRIVATE:
                yield name, "missing"
        elif actual < size or (actual > size and not name.endswith(GROWING)):
            yield name, f"{actual} bytes instead of {size}"
        elif _digest(store / name, size) != digest:
            yield name, "another SHA-256"


def _size(file: Path) -> int:
    """Size of a file in bytes, -1 if it does not exist."""
    return file.stat().st_size if file.exists() else -1


def _digest(file: Path, size: int) -> str:
    """SHA-256 of the first size bytes of a file."""
    digest = sha256()
    with file.open("rb") as stream:
        while size > 0 and (chunk := stream.read(min(CHUNK, size))):
            digest.update(chunk)
            size -= len(chunk)
    return digest.hexdigest()
