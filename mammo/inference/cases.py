"""The cases that a caller asks to score, as values: an image, its outlines, and what is said about them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from mammo.inference.outlines import Drawn, Outline, draw
from mammo.intake.dicom_seg import outline_of_segment, sop_instance_uid
from mammo.intake.masks import outline_of_mask_file
from mammo.intake.rasters import is_raster
from mammo.intake.stored_shape import Shape
from mammo.records import Laterality, View

Draw = Callable[[Shape], Drawn]
"""Draws an outline on an image of (rows, cols), stored px; a partial of a function of this module, for other
processes."""

HOW = (
    "give one in lesions.csv or a COCO file beside the images, as a DICOM SEG object, or with --box, --circle, "
    "--polygon or --mask"
)


@dataclass(frozen=True)
class LesionRequest:
    """A lesion to score.

    Attributes:
        lesion_id: the user's own id.
        draw: draws its outline.
        where: where that is given, for messages.
        mask: path of its mask file below the folder of the image; empty for other outlines.
    """

    lesion_id: str
    draw: Draw
    where: str
    mask: str = ""


@dataclass(frozen=True)
class Case:
    """One image to score.

    Attributes:
        root: the folder that the path is relative to.
        path: of the file.
        name: the file as the user named it.
        laterality: as the user gives it; None to take it from the header.
        view: likewise.
        spacing_mm: mm between pixels, for a file that states none; None if unknown.
        lesions: its outlines.
        others: the other images of its exam that are known, without lesions; of one view there can be several.
        error: why it cannot be scored; empty if it can.
    """

    root: Path
    path: str
    name: str
    laterality: Laterality | None = None
    view: View | None = None
    spacing_mm: float | None = None
    lesions: tuple[LesionRequest, ...] = ()
    others: "tuple[Case, ...]" = ()
    error: str = ""


@dataclass(frozen=True)
class CaseFolder:
    """A folder of images that the user named, by itself or by a table in it, and what describes its images.

    Attributes:
        root: the folder.
        tables: tables of lesions.
        annotated: COCO files.
        columns: columns of tables by field, where the usual names do not decide.
        bare: paths below it of images without an outline, beside a table of lesions or a COCO file.
    """

    root: Path
    tables: tuple[Path, ...] = ()
    annotated: tuple[Path, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    bare: tuple[str, ...] = ()


class CaseList(NamedTuple):
    """The cases that a caller asks to score, in order."""

    cases: list[Case]
    not_used: list[str]
    """Columns of tables and keys of COCO files that no prediction depends on, as in "label (lesions.csv)"; also those
    that name an exam, which networks that read one image do not use."""
    folders: list[CaseFolder]
    """Where the other images of the exams can be; none for a single image."""
    of_exams: list[str]
    """Those of not_used that name an exam."""

    def without_outline(self, used: Collection[str] = ()) -> list[str]:
        """Images, by their paths below their folder, that have no outline, but for those that are used otherwise.

        Args:
            used: names of files (Case.name).
        """
        return [path for each in self.folders for path in each.bare if str(each.root / path) not in used]


def no_outline(name: str) -> str:
    """The sentence on an image, by the name that the user gave it, without an outline."""
    return f"{name}: it has no outline of a lesion: {HOW}"


def outlined(case: Case, outlines: Sequence[Outline | Path]) -> Case:
    """A case with outlines from the command line, such as polygons [N, 2] (row, col), or files of masks or segments."""
    image = case.root / case.path
    draws = [partial(_draw_file, one, image) if isinstance(one, Path) else partial(draw, one) for one in outlines]
    where = [str(one) if isinstance(one, Path) else f"outline {n}" for n, one in enumerate(outlines, start=1)]
    requests = [LesionRequest(f"lesion-{n}", *one) for n, one in enumerate(zip(draws, where, strict=True), start=1)]
    return replace(case, lesions=tuple(requests), error="" if requests else no_outline(case.name))


def _draw_file(file: Path, image: Path, shape: Shape) -> Drawn:
    """Draw a file of the command line: a mask of the image's size, or a segmentation object with one segment on it."""
    if is_raster(file.name):
        return Drawn(*outline_of_mask_file(file, shape), clipped=False)
    return Drawn(*outline_of_segment(file, None, sop_instance_uid(image.parent, image.name), shape), clipped=False)
