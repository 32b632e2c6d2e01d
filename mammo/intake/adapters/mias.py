"""mini-MIAS (Suckling et al. 1994): films digitized at 200 um, MLO only, with circles around abnormalities.

    mdb001.pgm ... mdb322.pgm     8 bits, 1024 x 1024; two successive films, odd and even, are one patient's
    Info.txt                      file, tissue, class, severity B or M, x, y, radius; one row for each abnormality

Three facts differ from the wording of Info.txt or are missing there (checked on the films): y counts from the bottom;
the films are stored mirrored; and odd numbers show left breasts, as their lead markers say, read backwards. A circle
encloses the abnormality, so that it is larger than an outline. Which lesions were biopsied is not stated.
"""

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mammo.intake.outlines import outline_of_circle
from mammo.intake.rejections import Code, RejectedError, left_out, rejected
from mammo.intake.sandbox import DEFAULT_WORKERS, Workers
from mammo.intake.source_folder import Folder, stem_of
from mammo.intake.stored_shape import Shape, stored_shapes
from mammo.limits import read_text
from mammo.records import (
    Cohort,
    Count,
    Finding,
    ImageRecord,
    LabelSource,
    Laterality,
    LeftOut,
    LesionRecord,
    MammoError,
    Pathology,
    View,
)

NAME = re.compile(r"mdb(\d{3})", re.IGNORECASE)
FINDINGS = {
    "CALC": "calcification",
    "CIRC": "mass",
    "SPIC": "mass",
    "MISC": "mass",
    "ARCH": "distortion",
    "ASYM": "asymmetry",
}
NORMAL = "NORM"
LABELS = {"B": Pathology.BENIGN, "M": Pathology.MALIGNANT}

KINDS = "|".join([*FINDINGS, NORMAL])
ROW = re.compile(
    rf"mdb(\d{{3}})\s+[FGD]\s+({KINDS})(?:\s+([BM]))?(?:\s+(\d+)\s+(\d+)\s+(\d+))?(?:\s+\*NOTE.*)?", re.ASCII
)

NOTE = "labels are MIAS's severity, B or M; the data set does not say which lesions were biopsied"


@dataclass(frozen=True)
class _Row:
    """One row of Info.txt: an abnormality of a film, or a normal film.

    Attributes:
        film: number of the film.
        kind: class of the abnormality, as in FINDINGS, or NORMAL.
        label: malignant or benign; none where no severity is stated.
        circle: (x, y, radius), px, y from the bottom; None without a place.
    """

    film: int
    kind: str
    label: Pathology
    circle: tuple[int, int, int] | None


def read(root: Path, workers: Workers = DEFAULT_WORKERS) -> Cohort:
    """Read the folder.

    Args:
        root: the data set's folder.
        workers: how files are read in child processes.

    Raises:
        MammoError: Info.txt is missing or a row of it is wrong, or the folder contains none of its films.
    """
    folder = Folder(root)
    rows = list(_rows(folder.find("Info.txt")))
    films = {int(match[1]): path for path in folder.images if (match := NAME.fullmatch(stem_of(path)))}
    described = {row.film for row in rows}
    if not described & films.keys():
        raise MammoError(
            f"{root} contains no film mdb001.pgm to mdb322.pgm: set data.source to the folder of mini-MIAS"
        )
    images = [_image(path, number, rows) for number, path in films.items()]
    missing = [rejected(_image(_name(number), number, rows), Code.MISSING) for number in described - films.keys()]
    shapes = stored_shapes(root, [films[row.film] for row in rows if row.circle and row.film in films], workers)
    outlines = [_outline(films[row.film], number, row, shapes) for number, row in _abnormalities(rows, films)]
    return Cohort.ordered([*images, *missing], outlines, _counts(films, rows), (NOTE,))


def _rows(file: Path) -> Iterator[_Row]:
    """Yield the rows of Info.txt, whose head and notes have another form."""
    try:
        lines = read_text(file, encoding="latin-1").splitlines()
    except (OSError, ValueError) as error:
        raise MammoError(f"{file} cannot be read ({error}): download mini-MIAS again") from None
    for line in lines:
        if match := ROW.fullmatch(line.strip()):
            film, kind, severity, *numbers = match.groups()
            x, y, radius = (int(number or 0) for number in numbers)
            label = LABELS.get(severity, Pathology.NONE)
            yield _Row(int(film), kind, label, (x, y, radius) if numbers[0] else None)
        elif NAME.match(line.strip()):
            raise MammoError(f"{file}: {line.strip()!r} is not a row as in mdb001 G CIRC B 535 425 197: correct it")


def _name(number: int) -> str:
    return f"mdb{number:03d}.pgm"


def _image(path: str, number: int, rows: Sequence[_Row]) -> ImageRecord:
    """Return the record of a film; a breast is negative only if its film is called normal."""
    kinds = {row.kind for row in rows if row.film == number}
    patient, side = f"{(number + 1) // 2:03d}", Laterality.LEFT if number % 2 else Laterality.RIGHT
    mirrored = side is Laterality.LEFT  # as the films are stored
    negative = kinds == {NORMAL}
    image = ImageRecord(path, patient, patient, side, View.MLO, by_table=True, faces_left=mirrored, negative=negative)
    return image if kinds else rejected(image, Code.NOT_DESCRIBED)


def _abnormalities(rows: Iterable[_Row], films: Container[int]) -> Iterator[tuple[int, _Row]]:
    """Yield the abnormalities of the films that exist, numbered from 1 on each film."""
    counted: Counter[int] = Counter()
    for row in rows:
        if row.kind != NORMAL and row.film in films:
            counted[row.film] += 1
            yield counted[row.film], row


def _outline(path: str, number: int, row: _Row, shapes: Mapping[str, Shape | Code]) -> LesionRecord | LeftOut | Finding:
    """Return an abnormality with its circle, or what is known of one without."""
    if row.circle is None:
        return Finding(path, row.label, LabelSource.UNKNOWN)
    shape, (x, y, radius) = shapes[path], row.circle
    if isinstance(shape, Code):
        return left_out(path, Code.OUTLINE_UNLINKED, path, row.label)
    try:
        mask, box = outline_of_circle((shape[0] - y - 0.5, x + 0.5), radius, shape)
    except RejectedError as error:
        return left_out(path, error.code, path, row.label)
    key = f"mdb{row.film:03d}_{number}"
    return LesionRecord(key, path, row.label, LabelSource.UNKNOWN, box, mask, finding=FINDINGS[row.kind])


def _counts(films: Container[int], rows: Sequence[_Row]) -> list[Count]:
    found = [row for row in rows if row.film in films]
    circles = [row for row in found if row.circle]
    return [
        Count("films", len({row.film for row in found}), 322),
        Count("patients", len({(row.film + 1) // 2 for row in found}), 161),
        Count("benign circles", sum(row.label is Pathology.BENIGN for row in circles), 68),
        Count("malignant circles", sum(row.label is Pathology.MALIGNANT for row in circles), 51),
        Count("normal films", sum(row.kind == NORMAL for row in found), 207),
    ]
