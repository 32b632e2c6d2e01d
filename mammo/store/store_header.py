"""The header of a store, store.json: format, sources, frame, and the checksums of the store's files.

The checksums are size and SHA-256 of each file when the tables were written, so that later changes are detected. Pixels
have checksums of their own (store.tiles).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from mammo.geometry import Frame
from mammo.io import atomic_write, did_you_mean_path
from mammo.limits import read_json
from mammo.records import MammoError

FORMAT = 8
"""1 had no density, and at first one file for each image; 2 had no data set; 3 had a single source; 6 no spacing; 7 no
finding_id."""

AGAIN = "run python -m mammo.ingest again"

PRIVATE = (".key", ".rejections", "quarantine.csv", "ids.csv", ".quarantine.csv.sha256", ".ids.csv.sha256")
"""Files that stay behind where a store is shared."""

TABLES = ("images.parquet", "lesions.parquet")
"""The tables that every store has."""

GROWING = (".index", ".rejections")
"""Suffixes of files that an ingest appends to before it writes the checksums again."""

MISSING = "missing"
"""What is wrong with a file that does not exist."""

CHUNK = 1 << 20
"""Bytes that are read at once."""

Checksum = tuple[int, str]
"""Size of a file in bytes, and its SHA-256."""


@dataclass(frozen=True)
class DataSet:
    """A data set that a store was made from, and the choices of that ingest.

    Attributes:
        name: the data set's name (data.name), for example phantom; unique in a store.
        adapter: the module of mammo.intake.adapters that read it.
        preset: the preset of conf/frame that the frame was chosen by; single numbers of it may be changed.
        scale: as configured (data.scale).
        options: the adapter's options (data.options), JSON values.
        folder: pseudonym of the source folder's path, empty if unknown.
        knows_patients: whether the source distinguishes patients; if not, every exam counts as one patient.
    """

    name: str
    adapter: str
    preset: str
    scale: float | str = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)
    folder: str = ""
    knows_patients: bool = True


TABLE = DataSet("table", "table", "full")
"""The default: a user's own images with a table of lesions."""


@dataclass(frozen=True)
class StoreHeader:
    """The frame of a store and its sources, in the order in which they were added; at least one."""

    frame: Frame
    sources: tuple[DataSet, ...]

    @property
    def name(self) -> str:
        """The names of the sources, joined by +."""
        return "+".join(source.name for source in self.sources)

    @property
    def preset(self) -> str:
        """The preset of the frame, which all sources share."""
        return self.sources[0].preset

    @property
    def scale(self) -> float | str | None:
        """The scale of all sources; None if they have several."""
        scales = {source.scale for source in self.sources}
        return scales.pop() if len(scales) == 1 else None


def patient_warning(sources: Iterable[DataSet]) -> str:
    """A sentence on the sources that cannot distinguish patients; empty if all can."""
    names = [source.name for source in sources if not source.knows_patients]
    if not names:
        return ""
    return (
        f"{' and '.join(names)} cannot distinguish patients: every exam counts as one patient, so exams of one woman "
        "can be in different splits, and one can be called negative although another led to a biopsy; ingest with "
        "data.patients=FILE, a table of exam and patient."
    )


def read_store_header(store: Path, checked: bool = True) -> StoreHeader:
    """Read the frame and the sources of a store.

    Args:
        store: the folder.
        checked: whether a header that differs from its checksum is rejected; an audit reads any.

    Raises:
        MammoError: there is no store, it is of another format, or its header is damaged.
    """
    path = store / "store.json"
    if not path.is_file():
        raise MammoError(
            f"no store at {store}{did_you_mean_path(path.parent)}: make one with make demo or python -m mammo.ingest"
        )
    check_format(store)
    try:
        header = dict(read_json(path))
        if checked and header.get("seal", seal := header_checksum(header)) != seal:
            raise MammoError(f"{path} is damaged (another SHA-256 than was written): {AGAIN}")
        sources = tuple(DataSet(**source) for source in header["sources"])
        return StoreHeader(Frame(**header["frame"]), (sources[0], *sources[1:]))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise MammoError(f"{path} is damaged ({type(error).__name__}): {AGAIN}") from None


def write_store_header(store: Path, header: StoreHeader, files: Mapping[str, Checksum]) -> None:
    """Write store.json.

    Args:
        store: the folder.
        header: its frame and its sources.
        files: checksum of each file, by path relative to the store.
    """
    sources = [asdict(source) for source in header.sources]
    content = {"format": FORMAT, "sources": sources, "frame": asdict(header.frame), "files": files}
    with atomic_write(store / "store.json") as written:
        written.write_text(json.dumps(content | {"seal": header_checksum(content)}, indent=1) + "\n", encoding="utf-8")


def header_checksum(header: Mapping[str, Any]) -> str:
    """SHA-256 of the content of store.json without its own checksum."""
    return sha256(json.dumps({name: header[name] for name in header if name != "seal"}).encode()).hexdigest()


def check_format(store: Path) -> None:
    """Check that a folder holds no store of another format; it may hold none, or one with a damaged header.

    Raises:
        MammoError: the store has another format, so that its tables or pixels cannot be read.
    """
    try:
        found = read_json(store / "store.json")["format"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if found != FORMAT:
        raise MammoError(
            f"{store} is a store of format {found}, which this version, of format {FORMAT}, cannot read: "
            "delete it and ingest the images again with python -m mammo.ingest"
        )


def new_table(store: Path, name: str) -> Path:
    """Where a new table waits until the header has its checksum; then it takes the place of the old one."""
    return store / f".{name}.new"


def intact_table(store: Path, name: str, checked: bool = True) -> Path:
    """The file that holds a table with the checksum in the header, which must be intact.

    Both tables change with the header at once: where the writer was killed between the header and a table, the new
    table still waits beside the old one.

    Args:
        store: the folder.
        name: of the table.
        checked: whether a table that differs from what was written is rejected.

    Raises:
        MammoError: no file has the checksum.
    """
    files = read_json(store / "store.json").get("files", {})
    if name not in files or not (change := _change(store / name, *files[name])):
        return store / name
    if not _change(new_table(store, name), *files[name]):
        return new_table(store, name)
    if checked:
        raise MammoError(f"{store / name} is damaged ({change}): {AGAIN}")
    return store / name


def damage_of(store: Path, name: str) -> str:
    """What is wrong with a file of a store by its checksum in the header; empty if nothing is, or it is not listed."""
    try:
        files = read_json(store / "store.json").get("files", {})
    except (OSError, ValueError, AttributeError):  # without a header, or with a damaged one
        return ""
    change = _change(store / name, *files[name]) if name in files else ""
    return f"{store / name} is damaged ({change})" if change else ""


def damaged_index(store: Path) -> str:
    """What is wrong with the first index file of the pixels that differs from its checksum; empty if none does."""
    names = [f"images/{path.name}" for path in sorted((store / "images").glob("*.index"))]
    return next(filter(None, (damage_of(store, name) for name in names)), "")


def file_checksums(store: Path) -> dict[str, Checksum]:
    """The checksum of every file of a store but store.json and the pixels, by path relative to the store.

    Of a table that waits to take the place of the old one, that of the new one.
    """
    indices = [f"images/{file.name}" for file in sorted((store / "images").glob("*.index"))]
    paths = {name: store / name for name in (*PRIVATE, *TABLES, *indices)}
    paths |= {name: waiting for name in TABLES if (waiting := new_table(store, name)).exists()}
    sizes = {name: size for name, path in paths.items() if (size := _file_size(path)) >= 0}
    return {name: (size, _file_digest(paths[name], size)) for name, size in sizes.items()}


def changed_files(store: Path, checksums: Mapping[str, Checksum]) -> Iterator[tuple[str, str]]:
    """Yield (path, what is wrong) of every file that differs from its checksum."""
    for name, checksum in checksums.items():
        change = _change(store / name, *checksum)
        if change and not (change == MISSING and name in PRIVATE):
            yield name, change


def _change(file: Path, size: int, digest: str) -> str:
    """What is wrong with a file that should have this checksum; empty if nothing is."""
    actual = _file_size(file)
    if actual < 0:
        return MISSING
    if actual < size or (actual > size and not file.name.endswith(GROWING)):
        return f"{actual} bytes instead of {size}"
    return "" if _file_digest(file, size) == digest else "another SHA-256"


def _file_size(file: Path) -> int:
    """Size of a file in bytes, -1 if it does not exist or is not a regular file."""
    return file.stat().st_size if file.is_file() else -1


def _file_digest(file: Path, size: int) -> str:
    """SHA-256 of the first size bytes of a file."""
    digest = sha256()
    with file.open("rb") as stream:
        while size > 0 and (chunk := stream.read(min(CHUNK, size))):
            digest.update(chunk)
            size -= len(chunk)
    return digest.hexdigest()
