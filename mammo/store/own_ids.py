"""The way back: ids.csv leads from a store's pseudonyms to the user's own file names and lesion ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mammo.records import MammoError
from mammo.store.local_table import LocalTable

OWN_IDS = LocalTable("ids.csv", ("kind", "id", "source", "source_path", "source_id"))
"""kind: image or lesion; id: the pseudonym; source: the data set's name; source_path: the file, relative to the source
folder; source_id: the own id of a lesion, empty for an image."""


@dataclass(frozen=True)
class OwnId:
    """The user's own name of an image or a lesion.

    Attributes:
        source: the data set's name.
        path: the image's file, relative to the source folder.
        id: the lesion's own id, empty for an image.
    """

    source: str
    path: str
    id: str

    def __str__(self) -> str:
        """Return path and id as one text."""
        return f"{self.path} ({self.id})" if self.id else self.path


def read_own_ids(store: Path) -> dict[str, OwnId]:
    """The own names by pseudonym, of images and lesions.

    Raises:
        MammoError: the store has no ids.csv: it stays behind where a store is shared.
    """
    if not (store / OWN_IDS.name).is_file():
        raise MammoError(
            f"{store / OWN_IDS.name} is missing, which holds your own names and ids: leave own ids out, or ingest the "
            "images again with python -m mammo.ingest"
        )
    return {row["id"]: OwnId(row["source"], row["source_path"], row["source_id"]) for row in OWN_IDS.read(store)}


def find_own_ids(files: Sequence[Path], store: Path | None = None) -> dict[str, OwnId]:
    """The own names for files that belong to a store, such as the score tables of its runs.

    Args:
        files: the files.
        store: the store folder, or the root above it; None to search for `store` beside or above each file.

    Raises:
        MammoError: no store is found, or it has no ids.csv.
    """
    if store is not None:
        return read_own_ids(store / "store" if (store / "store").is_dir() else store)
    folders = [parent / "store" for file in files for parent in file.resolve().parents]
    found = [folder for folder in dict.fromkeys(folders) if (folder / OWN_IDS.name).is_file()]
    if not found:
        raise MammoError(f"no store with {OWN_IDS.name} lies beside or above {files[0]}: name it with --store FOLDER")
    return {key: own for folder in reversed(found) for key, own in read_own_ids(folder).items()}


def shown_id(key: str, own: Mapping[str, OwnId]) -> str:
    """A pseudonym with the own name that it stands for, where that is known."""
    return f"{key} = {own[key]}" if key in own else key
