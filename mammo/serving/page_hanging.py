"""Which images of a folder the page shows together: those of one exam, and beside an image its prior."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mammo.inference.exams import ExamImage
from mammo.records import Laterality, View

Slot = tuple[Laterality, View]

SLOTS: tuple[Slot, ...] = (
    (Laterality.RIGHT, View.CC),
    (Laterality.LEFT, View.CC),
    (Laterality.RIGHT, View.MLO),
    (Laterality.LEFT, View.MLO),
)
"""The panes of an exam, row by row, as radiologists hang it: the right breast on the left, back to back."""


class Hanging(NamedTuple):
    """Images, by their place in a list, that hang together with one of them.

    Attributes:
        exam: of its exam, by SLOTS; None where it has no such image.
        prior: the image of the same view of the last earlier exam; None if there is none.
    """

    exam: tuple[int | None, ...] = (None,) * len(SLOTS)
    prior: int | None = None


def hangings(images: Sequence[ExamImage | None]) -> list[Hanging]:
    """The images that hang together with each; of several of one view those are taken that stand first."""
    exams: dict[tuple[str, str], dict[Slot, int]] = defaultdict(dict)
    dated: dict[tuple[str, Slot], list[tuple[str, int]]] = defaultdict(list)
    for number, image in enumerate(images):
        if image is None:
            continue
        slot = image.laterality, image.view
        if image.exam:
            exams[image.patient, image.exam].setdefault(slot, number)
        if image.patient and image.date:
            dated[image.patient, slot].append((image.date, number))
    return [_hanging(number, image, exams, dated) for number, image in enumerate(images)]


def _hanging(
    number: int,
    image: ExamImage | None,
    exams: Mapping[tuple[str, str], Mapping[Slot, int]],
    dated: Mapping[tuple[str, Slot], Sequence[tuple[str, int]]],
) -> Hanging:
    if image is None:
        return Hanging()
    own = image.laterality, image.view
    exam = dict(exams.get((image.patient, image.exam), {})) | {own: number}
    before = [each for each in dated.get((image.patient, own), ()) if each[0] < image.date]
    last = max((date for date, _ in before), default="")
    prior = next((other for date, other in before if date == last), None)
    return Hanging(tuple(exam.get(slot) for slot in SLOTS), prior)
