"""The mammograms that are open in the page: read as `mammo predict` reads them, and kept in memory only."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from mammo.inference.case_image import CaseImage, Placing
from mammo.inference.case_reading import PRELOAD, Request, packed_pixels, read_all
from mammo.inference.cases import Case
from mammo.inference.prediction import LesionPrediction
from mammo.intake.rejections import Code
from mammo.intake.sandbox import Workers, isolated
from mammo.records import MammoError
from mammo.serving.page_words import NAME, in_page

WORKERS = Workers(processes=1, preload=PRELOAD)

KEPT_BYTES = 1 << 30
"""Most bytes of all open images."""

KEPT_EACH = 4
"""Most open images of one reader."""


@dataclass(eq=False)
class OpenImage:
    """One open image.

    Attributes:
        image: decoded and placed.
        known: the lesions that a table, COCO file or segmentation of the folder outlines on it.
        problems: why outlines of the folder cannot be used, a sentence each.
        pixels: presentation values uint16 [rows, cols], 0 to 4095, little endian, compressed by gzip.
        key: unguessable name in addresses.
        prediction: the last one.
        outline: what was scored then, as the page sent it.
    """

    image: CaseImage
    known: tuple[Request, ...]
    problems: tuple[str, ...]
    pixels: bytes
    key: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    prediction: LesionPrediction | None = None
    outline: Mapping[str, Any] | None = None

    @property
    def n_bytes(self) -> int:
        """Bytes of memory that its pixels take."""
        return len(self.pixels) + self.image.admitted.pixels.nbytes


def start_workers() -> None:
    """Start what child processes are forked from, with all that they need, before the first reader waits for it."""
    list(isolated(str, [""], WORKERS))


def open_image(case: Case, placing: Placing) -> OpenImage:
    """Read a file and its outlines, in child processes with limits of memory and time.

    Args:
        case: the file, what is said about it, and its outlines.
        placing: how images are brought into the frame of the networks.

    Raises:
        MammoError: `mammo predict` would reject the image; the sentence names no folder.
    """
    (read,) = read_all([replace(case, error="")], placing, WORKERS)
    if read.image is None:
        raise MammoError(_about(" ".join(read.errors), case))
    (pixels,) = isolated(partial(packed_pixels, placing), [case], WORKERS)
    if isinstance(pixels, Code):
        raise MammoError(in_page(f"{NAME}: {pixels.reason}: {pixels.remedy}"))
    problems = tuple(_about(error, case) for error in read.errors)
    return OpenImage(read.image, read.requests, problems, pixels)


def _about(sentence: str, case: Case) -> str:
    """A sentence about a case in the words of the page, without the path of its file."""
    for path in (str(case.root / case.path), case.name):
        sentence = sentence.replace(path, NAME)
    return in_page(sentence)


class OpenImages:
    """The open images of all readers, the oldest of which are closed where there are too many.

    Args:
        most_bytes: of all images together.
    """

    def __init__(self, most_bytes: int = KEPT_BYTES) -> None:
        self.most_bytes = most_bytes
        self._images: dict[tuple[str, str], OpenImage] = {}

    def add(self, reader: str, image: OpenImage) -> None:
        """Keep an image for a reader."""
        own = [name for name in self._images if name[0] == reader]
        for name in own[: max(0, len(own) + 1 - KEPT_EACH)]:
            del self._images[name]
        while self._images and self.n_bytes + image.n_bytes > self.most_bytes:
            del self._images[next(iter(self._images))]
        self._images[reader, image.key] = image

    @property
    def n_bytes(self) -> int:
        """Bytes of memory that all images take."""
        return sum(image.n_bytes for image in self._images.values())

    def get(self, reader: str, key: str) -> OpenImage:
        """An image of this reader.

        Raises:
            MammoError: it is not open.
        """
        if (reader, key) not in self._images:
            raise MammoError("This image is no longer open, because newer ones have taken its place: open it again.")
        return self._images[reader, key]
