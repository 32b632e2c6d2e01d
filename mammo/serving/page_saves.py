"""Scores of the page that are kept on disk, where --save asks for it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from mammo.inference.result_files import check_out
from mammo.io import atomic_write, make_folder
from mammo.records import MammoError
from mammo.serving.page_images import OpenImage


@dataclass(frozen=True)
class Saves:
    """A folder with a folder for each image that was opened, and in that a file for each score.

    Attributes:
        folder: it exists.
    """

    folder: Path

    @classmethod
    def into(cls, folder: Path, data: Path | None) -> "Saves":
        """Save into a folder, which is made where it is missing.

        Args:
            folder: what it holds already stays.
            data: the folder that the page lists images of; None for none.

        Raises:
            MammoError: it is in that folder, or cannot be made or written to.
        """
        check_out(folder, [] if data is None else [data], overwrite=True)
        try:
            make_folder(folder)
            TemporaryFile(dir=folder).close()
        except OSError as error:
            raise MammoError(f"--save {folder}: no file can be made there ({error.strerror}): name another") from None
        return cls(folder)

    def save(self, image: OpenImage, number: int, content: Mapping[str, Any]) -> str:
        """Write a score of an image, which only its owner can read.

        Args:
            image: the image.
            number: of the score.
            content: of the file, JSON values.

        Returns:
            A sentence on why it could not be written; empty if it was.
        """
        key = hashlib.sha256(image.key.encode()).hexdigest()[:8]
        folder = self.folder / f"{image.opened:%Y%m%dT%H%M%SZ}-{key}"
        try:
            folder.mkdir(exist_ok=True)
            with atomic_write(folder / f"score-{number:04}.json", mode=0o600) as path:
                path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        except OSError as error:
            return f"This score was not saved on the server ({error.strerror}): download it."
        return ""
