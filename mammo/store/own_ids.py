"""The way back: ids.csv leads from a store's pseudonyms to the user's own file names and lesion ids."""

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
