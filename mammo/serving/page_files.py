"""The images of a folder that the page lists, with the outlines that tables, COCO files and segmentations give them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from mammo.inference.case_list import read_cases
from mammo.inference.cases import Case
from mammo.inference.exams import ExamImage, other_cases, read_exam_images
from mammo.maps.view_sources import Kind
from mammo.records import MammoError
from mammo.serving.page_hanging import Hanging, hangings
from mammo.store.manifest import Manifest
from mammo.store.pseudonyms import read_own_ids

SIGNATURES: Mapping[bytes, str] = {
    b"\x89PNG": ".png",
    b"II*\0": ".tif",
    b"MM\0*": ".tif",
    b"II+\0": ".tif",
    b"MM\0+": ".tif",
    b"\xff\xd8\xff": ".jpg",
    b"P5": ".pgm",
}
"""First bytes of the files that are not DICOM, and the suffix that says so."""


@dataclass(frozen=True)
class ListedFiles:
    """The images of a folder, each with its outlines; those that have any come first.

    Attributes:
        cases: the images.
        exams: what tables and headers state about the exam of each; None where that is not known.
    """

    cases: Sequence[Case] = ()
    exams: Sequence[ExamImage | None] = ()

    @classmethod
    def of(cls, folder: Path, store: Path | None = None, kinds: Collection[Kind] = ()) -> "ListedFiles":
        """List a folder or a table of lesions, as `mammo predict` reads them.

        Args:
            folder: a folder of images, a table of lesions or a COCO file.
            store: made from the folder; only the images of its test split are listed. None for all.
            kinds: other images of an exam that scores depend on; each case has those of the folder.

        Raises:
            MammoError: the folder has no image or a table that cannot be read, or the store none of its images.
        """
        found = read_cases([folder])
        root = folder if folder.is_dir() else folder.parent
        bare = [Case(root, path, path) for path in found.without_outline()]
        cases = [replace(case, error="") for case in (*found.cases, *bare) if case.path]
        cases.sort(key=lambda case: not case.lesions)  # stable
        if store is not None:
            tested = _tested(store)
            cases = [case for case in cases if case.path in tested]
            if not cases:
                raise MammoError(f"{store} has no test image of {folder}: name the store that was made from it")
        images = {path: image for each in found.folders for path, image in read_exam_images(each).items()}
        others = other_cases(root, images, kinds)
        cases = [replace(case, others=others.get(case.path, ())) for case in cases]
        return cls(cases, [images.get(case.path) for case in cases])

    @cached_property
    def hangings(self) -> Sequence[Hanging]:
        """For each image those that hang together with it."""
        return hangings(self.exams)

    def case(self, number: int) -> tuple[Case, ExamImage | None]:
        """The image of a number, and what is known about its exam; MammoError where there is none."""
        if not 0 <= number < len(self.cases):
            raise MammoError(f"The folder has no image of number {number}: load the page again.")
        return self.cases[number], self.exams[number]

    def as_json(self) -> list[dict[str, object]]:
        """What the page lists: path below the folder, the number of outlines, and what hangs together (Hanging)."""
        return [
            {"name": case.path, "n_outlines": len(case.lesions), **hanging._asdict()}
            for case, hanging in zip(self.cases, self.hangings, strict=True)
        ]


def _tested(store: Path) -> set[str]:
    """The paths, below the source folder, of a store's test images."""
    images = Manifest.load(store).images
    own = read_own_ids(store)
    return {own[name].path for name in images.index[images["split"] == "test"] if name in own}


def upload_name(head: bytes) -> str:
    """The name under which an upload is read, by its first bytes: DICOM unless they say otherwise."""
    return "image" + next((suffix for start, suffix in SIGNATURES.items() if head.startswith(start)), ".dcm")
