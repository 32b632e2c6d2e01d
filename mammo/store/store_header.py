"""The header of a store, store.json: format, sources, frame and checksums."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from mammo.geometry import Frame
from mammo.io import atomic_write
from mammo.records import MammoError

FORMAT = 4
"""1 had no density, and at first one file for each image; 2 had no data set; 3 had a single source."""

AGAIN = "run python -m mammo.ingest again"


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
    """

    name: str
    adapter: str
    preset: str
    scale: float | str = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)
    folder: str = ""


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


def read_store_header(store: Path) -> StoreHeader:
    """Read the frame and the sources of a store.

    Raises:
        MammoError: there is no store, it is of another format, or its header is damaged.
    """
    path = store / "store.json"
    if not path.is_file():
        raise MammoError(f"no store at {store}: make one with make demo or python -m mammo.ingest")
    check_format(store)
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
        sources = tuple(DataSet(**source) for source in header["sources"])
        return StoreHeader(Frame(**header["frame"]), (sources[0], *sources[1:]))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise MammoError(f"{path} is damaged ({type(error).__name__}): {AGAIN}") from None


def write_store_header(store: Path, header: StoreHeader, files: Mapping[str, object]) -> None:
    """Write store.json.

    Args:
        store: the folder.
        header: its frame and its sources.
        files: size and SHA-256 of each file, by path relative to the store.
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
        found = json.loads((store / "store.json").read_text(encoding="utf-8"))["format"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if found != FORMAT:
        raise MammoError(
            f"{store} is a store of format {found}, which this version, of format {FORMAT}, cannot read: "
            "delete it and ingest the images again with python -m mammo.ingest"
        )
