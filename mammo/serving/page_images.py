"""The mammograms that are open in the page: read as `mammo predict` reads them, and kept in memory only."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple

from pydicom.dataset import Dataset

from mammo.dicom_out.origin import READ
from mammo.inference.case_image import CaseImage, Placing
from mammo.inference.case_reading import PRELOAD, OtherImages, Request, read_others, read_viewed
from mammo.inference.cases import Case
from mammo.inference.exams import ExamImage, other_images
from mammo.inference.prediction import LesionPrediction
from mammo.intake.rejections import Code
from mammo.intake.sandbox import Workers, isolated
from mammo.maps.view_sources import Kind
from mammo.records import MammoError
from mammo.serving.page_words import NAME, in_page

UPLOADED = "image"
"""The name of an upload in results."""

WORKERS = Workers(processes=1, preload=(*PRELOAD, "mammo.inference.outline_files"))

KEPT_BYTES = 1 << 30
"""Most bytes of all open images."""

KEPT_EACH = 5
"""Most open images of one reader: four on the screen, and one that takes the place of another."""


@dataclass(eq=False)
class OpenImage:
    """One open image.

    Attributes:
        image: decoded and placed.
        known: the lesions that files outline on it: tables, COCO files and segmentations of the folder or the reader.
        problems: why outlines of the folder cannot be used, a sentence each.
        pixels: presentation values uint16 [rows, cols], 0 to 4095, little endian, compressed by gzip.
        header: the attributes that DICOM results depend on; None where the file is not DICOM.
        name: path below the folder that the page lists, or "image" for an upload.
        patient: as its header states it, or the tables of the folder; empty if unknown.
        exam: likewise.
        beside: the other images of its exam in that folder.
        key: unguessable name in addresses.
        opened: when.
        last: what was scored last; None where nothing was.
    """

    image: CaseImage
    known: tuple[Request, ...]
    problems: tuple[str, ...]
    pixels: bytes
    header: Dataset | None
    name: str
    patient: str = ""
    exam: str = ""
    beside: tuple[Case, ...] = ()
    key: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    opened: datetime = field(default_factory=lambda: datetime.now(UTC))
    last: "ScoredOutline | None" = None
    _beside: OtherImages | None = None

    def among(self, reader: str) -> dict[str, str]:
        """Its patient and exam, as its header or the tables of the folder state them, for comparison only.

        Returns:
            Of patient and exam, a digest that is another one for each reader; empty where unknown.
        """
        states = {"patient": (self.patient,), "exam": (self.patient, self.exam)}
        return {name: _digest(reader, *keys) if keys[-1] else "" for name, keys in states.items()}

    @property
    def is_upload(self) -> bool:
        """Whether it is no image of the folder."""
        return self.name == UPLOADED

    @property
    def n_bytes(self) -> int:
        """Bytes of memory that its pixels and outlines take."""
        masks = sum(one.outline.mask.nbytes for one in self.known)
        kept = (self.image, *(self._beside.images if self._beside else ()))
        return len(self.pixels) + sum(image.admitted.pixels.nbytes for image in kept) + masks

    def read_beside(self, placing: Placing) -> OtherImages:
        """The other images of its exam in the folder, read once, in child processes; sentences name no folder."""
        if self._beside is None:
            self._beside = _read_beside(self.beside, placing) if self.beside else OtherImages()
        return self._beside


class ScoredOutline(NamedTuple):
    """An outline that was scored on an image."""

    number: int
    """Of the score, from 1 for the first outline of the image."""
    outline: Mapping[str, Any]
    """As the page sent it."""
    prediction: LesionPrediction
    others: tuple[CaseImage, ...]
    """Other images of the exam that it was scored with."""


def start_workers() -> None:
    """Start what child processes are forked from, with all that they need, before the first reader waits for it."""
    list(isolated(str, [""], WORKERS))


def _digest(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()[:16]


def open_image(case: Case, placing: Placing, known: ExamImage | None = None) -> OpenImage:
    """Read a file and its outlines, in child processes with limits of memory and time.

    Args:
        case: the file, what is said about it, and its outlines.
        placing: how images are brought into the frame of the networks.
        known: what the folder states about the image's exam.

    Raises:
        MammoError: `mammo predict` would reject the image; the sentence names no folder.
    """
    (found,) = isolated(partial(read_viewed, placing, READ), [replace(case, error="", others=())], WORKERS)
    if isinstance(found, Code):  # also where the child did not survive it
        raise MammoError(in_page(f"{NAME}: {found.reason}: {found.remedy}"))
    read, pixels, header = found
    if read.image is None:
        raise MammoError(_about(" ".join(read.errors), case))
    problems = tuple(_about(error, case) for error in read.errors)
    name = UPLOADED if case.name == NAME else case.path
    stated = known or ExamImage.of(read.image)
    return OpenImage(
        read.image, read.requests, problems, pixels, header, name, stated.patient, stated.exam, case.others
    )


def _read_beside(cases: Sequence[Case], placing: Placing) -> OtherImages:
    (found,) = isolated(partial(read_others, placing), [cases], WORKERS)
    if isinstance(found, Code):  # the child did not survive it
        return OtherImages(warnings=(in_page(f"The other images of the exam are not used: {found.reason}"),))
    warnings = found.warnings
    for case in cases:
        warnings = tuple(warning.replace(case.name, "the file") for warning in warnings)
    return found._replace(warnings=tuple(map(in_page, warnings)))


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

    def beside(self, reader: str, image: OpenImage, kinds: Collection[Kind]) -> OtherImages:
        """The other images of the exam of an upload that this reader has open, by their headers.

        Args:
            reader: who has opened the image.
            image: an open image.
            kinds: other images of an exam that scores depend on.
        """
        own = [one for (name, _), one in self._images.items() if name == reader]
        others = other_images([ExamImage.of(one.image) for one in own], kinds)[own.index(image)] if image in own else ()
        return OtherImages(tuple(own[number].image for number in others))

    def close(self, reader: str, key: str) -> None:
        """Forget an image of this reader; nothing where it is not open."""
        self._images.pop((reader, key), None)

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
