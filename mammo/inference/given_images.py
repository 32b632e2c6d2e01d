"""The images that a caller gives one by one: the one with the lesion, and the others of its exam."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mammo.inference.case_image import CaseImage, Image, Placing, as_file, read_image
from mammo.maps.view_sources import KINDS, Kind
from mammo.records import MammoError
from mammo.store.other_images import OTHER_BREAST, OTHER_VIEW

ARGUMENTS: Mapping[Kind, str] = {"ipsi": "other_view", "contra": "other_breast"}
"""The arguments that give the other images."""


def check_read(given: Collection[Kind], read: Collection[Kind]) -> None:
    """Check that networks read the other images that a command line gives; MammoError for one that they do not."""
    for kind in given:
        if kind not in read:
            option = f"--{ARGUMENTS[kind].replace('_', '-')}"
            raise MammoError(f"{option}: these networks have no maps {kind}, and do not read it: leave it out")


@dataclass(frozen=True, eq=False)
class GivenImages:
    """What the caller gives.

    Attributes:
        image: the image with the lesion.
        laterality: of it, L or R; None to take it from its header.
        view: CC or MLO; likewise.
        pixel_spacing: mm between pixels of images that state none; None if unknown.
        others: its breast in the other view (ipsi), and the other breast in its view (contra); None where not given.
    """

    image: Image
    laterality: str | None
    view: str | None
    pixel_spacing: float | None
    others: Mapping[Kind, Image | None]

    @contextmanager
    def files(self, kinds: Collection[Kind]) -> "Iterator[GivenFiles]":
        """Yield the files of the images, with the other images of these kinds; MammoError as as_file."""
        with ExitStack() as opened:
            own, others = opened.enter_context(as_file(self.image)), dict[Kind, Path]()
            for kind in KINDS:
                given = self.others[kind]
                if given is not None and kind in kinds:
                    with _about(ARGUMENTS[kind]):
                        others[kind] = opened.enter_context(as_file(given))
            yield GivenFiles(self, own, others)


@dataclass(frozen=True, eq=False)
class GivenFiles:
    """The files of given images; those of arrays and data sets are temporary.

    Attributes:
        given: the images.
        own: file of the image with the lesion.
        others: files of the others.
    """

    given: GivenImages
    own: Path
    others: Mapping[Kind, Path]

    def key(self) -> str:
        """Digest of the files' bytes and of what is said about them; empty where one cannot be read."""
        said = self.given.laterality, self.given.view, self.given.pixel_spacing
        digests = [_digest(file) for file in (self.own, *self.others.values())]
        return f"{digests} {list(self.others)} {said}" if all(digests) else ""

    def read(self, placing: Placing) -> tuple[CaseImage, tuple[CaseImage, ...], tuple[str, ...]]:
        """The image, the others, and sentences on what is doubtful about them.

        Raises:
            MammoError: as read_image, or another image does not show what its argument says.
        """
        given = self.given
        own = read_image(self.own, given.laterality, given.view, placing, given.image, given.pixel_spacing)
        others, warnings = [], []
        for kind, file in self.others.items():
            other = self._other(kind, file, own, placing)
            others.append(other)
            if own.exam and other.exam and (own.patient, own.exam) != (other.patient, other.exam):
                warnings.append(f"{ARGUMENTS[kind]} is of another patient or study than the image by their headers.")
        return own, tuple(others), tuple(warnings)

    def _other(self, kind: Kind, file: Path, own: CaseImage, placing: Placing) -> CaseImage:
        side = OTHER_BREAST[own.laterality] if kind == "contra" else own.laterality
        view = OTHER_VIEW[own.view] if kind == "ipsi" else own.view
        image = self.given.others[kind]
        assert image is not None  # or it would have no file
        with _about(f"{ARGUMENTS[kind]} must show breast {side} in {view}"):
            return read_image(file, side, view, placing, image, self.given.pixel_spacing)


@contextmanager
def _about(argument: str) -> Iterator[None]:
    """Let errors of the block begin with the argument that they are about."""
    try:
        yield
    except MammoError as error:
        raise MammoError(f"{argument}: {error}") from None


def _digest(file: Path) -> str:
    """Digest of a file's bytes and its suffix; empty where it cannot be read."""
    if not file.is_file():  # a pipe would wait
        return ""
    try:
        with file.open("rb") as stream:
            return f"{hashlib.file_digest(stream, 'sha256').hexdigest()} {file.suffix}"
    except OSError:
        return ""
