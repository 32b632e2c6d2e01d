"""Seals: what the files of a store held when its tables were written, so that a byte that changes later is noticed.

Pixels carry checksums of their own (store.tiles).
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

PRIVATE = (".key", ".refusals", "quarantine.csv")
"""Files that stay behind where a store is handed on."""

TABLES = ("images.parquet", "lesions.parquet")

GROWING = (".index", ".refusals")
"""Ends of the names of files that an ingest appends to before it seals the store again."""

CHUNK = 1 << 20

Seal = tuple[int, str]
"""How many bytes a file had, and their SHA-256."""


def seals(store: Path) -> dict[str, Seal]:
    """The seal of every file of a store but store.json and the pixels, by path relative to the store."""
    indices = [f"images/{file.name}" for file in sorted((store / "images").glob("*.index"))]
    sizes = {name: size for name in (*PRIVATE, *TABLES, *indices) if (size := _size(store / name)) >= 0}
    return {name: (size, _digest(store / name, size)) for name, size in sizes.items()}


def broken(store: Path, sealed: Mapping[str, Seal]) -> Iterator[tuple[str, str]]:
    """(path, what is wrong) of every file that is not as it was sealed."""
    for name, (size, digest) in sealed.items():
        found = _size(store / name)
        if found < 0:
            if name not in PRIVATE:
                yield name, "missing"
        elif found < size or (found > size and not name.endswith(GROWING)):
            yield name, f"{found} bytes instead of {size}"
        elif _digest(store / name, size) != digest:
            yield name, "another SHA-256"


def _size(file: Path) -> int:
    """Bytes of a file, -1 where there is none."""
    return file.stat().st_size if file.exists() else -1


def _digest(file: Path, size: int) -> str:
    """SHA-256 of the first bytes of a file."""
    digest = sha256()
    with file.open("rb") as stream:
        while size > 0 and (chunk := stream.read(min(CHUNK, size))):
            digest.update(chunk)
            size -= len(chunk)
    return digest.hexdigest()
