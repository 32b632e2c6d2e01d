"""Lesions of a user's tables: rows and annotations as checked findings, and their outlines on the images."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mammo.intake.adapters._labels import parse_birads
from mammo.intake.adapters._table_columns import Entry
from mammo.intake.adapters._table_messages import Problems
from mammo.intake.adapters._table_outlines import (
    PLACES,
    Given,
    given_outline,
    reaches_beyond,
    read_outline,
)
from mammo.intake.adapters._table_words import MEANINGS, Meaning, plain, source_of, yes_or_no
from mammo.intake.coco import Annotation, CocoError
from mammo.intake.extents import OutlineError, are_beyond, check_inside
from mammo.intake.outlines import Outline, check_extent
from mammo.intake.rejections import Code, RejectedError, left_out
from mammo.intake.sandbox import Workers, isolated
from mammo.intake.stored_shape import Shape, stored_shape
from mammo.progress import track
from mammo.records import Birads, Finding, LabelSource, LeftOut, LesionRecord

WITHOUT = Given("")
ANNOTATION = Given("annotation")


@dataclass(frozen=True)
class TableLesion:
    """A row or annotation whose words are checked.

    Attributes:
        entry: the row.
        meaning: of its label.
        source: of its label.
        given: the outline that it gives.
        high_risk: as in LesionRecord.
        birads: as in LesionRecord.
        image: path of its image, empty as long as it is not found.
        mask: path of its mask, empty for other outlines.
        is_known: whether the meaning is that of its label; of a wrong label it stands in, for the other checks.
    """

    entry: Entry
    meaning: Meaning
    source: LabelSource
    given: Given
    high_risk: bool
    birads: Birads | None
    image: str = ""
    mask: str = ""
    is_known: bool = True

    def key(self) -> str:
        """Return the lesion's key (lesion_key)."""
        return lesion_key(self.entry, self.image)

    @property
    def lacks_source(self) -> bool:
        """Whether it has a malignant or benign label whose source it does not state."""
        return self.source is LabelSource.UNKNOWN and self.entry.get("label_source").lower() in ("", "none")

    def with_source(self, source: str) -> "TableLesion":
        """Return the row with this label source where it lacks one."""
        return replace(self, source=LabelSource(source)) if self.lacks_source else self

    def finding(self) -> Finding:
        """Return the finding of a lesion without an outline."""
        return Finding(self.image, self.meaning.pathology, self.source)

    def left_out(self, code: Code) -> LeftOut:
        """Return the record of a lesion that is left out."""
        return left_out(self.image, code, self.image, self.meaning.pathology)


@dataclass(frozen=True)
class Drawn:
    """An outline on its image, whether it was scaled to the size of the stored image, and whether it was clipped."""

    outline: Outline
    scaled: bool = False
    clipped: bool = False


def lesion_key(entry: Entry, image: str) -> str:
    """Return the key of a row's lesion: its own, the number of a lesion on its image, or the number of its row.

    COCO files in several folders can have one name, so that the number of an annotation is that on its image.
    """
    own, number = entry.get("lesion_id"), entry.get("lesion")
    if own or number:
        return own or f"{number} on {image}"
    return f"{entry.file.name} {entry.key} on {image}" if entry.annotation else entry.key


def check_lesion(entry: Entry, meanings: Mapping[str, Meaning], outlines: bool, problems: Problems) -> TableLesion:
    """Return a row whose words are checked; every word that is wrong is a problem, and has no value.

    Problems are unknown words, and that it is not clear where the lesion lies. Words of the label that have no meaning
    in any row are one problem of the table (_table_words.unknown_labels).

    Args:
        entry: the row.
        meanings: of the label words, in lower case without spaces and punctuation.
        outlines: whether the table has outlines; if not, every row is a finding without one.
        problems: found so far.
    """
    given, source, high_risk, birads = WITHOUT, LabelSource.NONE, False, None
    meaning, known = _stand_in(entry, outlines), meanings.get(plain(entry.get("label")))
    with problems.collected():
        meaning = _checked_meaning(entry, known, meanings, outlines) or meaning
    with problems.collected():
        given = _given(entry, meaning, outlines)
    with problems.collected():
        birads = _checked_birads(entry)
    with problems.collected():
        high_risk = meaning is Meaning.HIGH_RISK or yes_or_no(entry, "high_risk")
    with problems.collected():
        source = source_of(entry, meaning.pathology)
    return TableLesion(entry, meaning, source, given, high_risk, birads, is_known=meaning is known)


def _stand_in(entry: Entry, outlines: bool) -> Meaning:
    """Return what a row is checked as whose label is wrong: a finding where it has an outline, else none."""
    return Meaning.NONE if outlines and (entry.annotation or _names_a_place(entry)) else Meaning.NORMAL


def _checked_meaning(
    entry: Entry, meaning: Meaning | None, meanings: Mapping[str, Meaning], outlines: bool
) -> Meaning | None:
    """Return the meaning of a row's label, if it has a known one.

    Raises:
        MammoError: the row has no label, or it contradicts what else the row says.
    """
    if meaning is None and not entry.get("label"):
        raise entry.error("label", f"must be {MEANINGS}")
    if meaning is Meaning.NONE and not outlines and not entry.annotation:
        raise entry.error("label", "is not clear without an outline: write normal for an image without a finding")
    if meaning:
        _check_category(entry, meaning, meanings)
    return meaning


def _checked_birads(entry: Entry) -> Birads | None:
    """Return a row's BI-RADS category, None without one; MammoError where it is none."""
    birads = parse_birads(entry.get("birads"))
    if entry.get("birads").lower() not in ("", "none") and birads is None:
        raise entry.error("birads", "must be a BI-RADS category: 0 to 6, 4A, 4B or 4C")
    return birads


def _names_a_place(entry: Entry) -> bool:
    """Return whether a row has a cell of an outline, complete or not."""
    return bool(PLACES & entry.others.keys()) or any(
        entry.get(field).lower() not in ("", "none") for field in ("mask", "outline")
    )


def _check_category(entry: Entry, meaning: Meaning, meanings: Mapping[str, Meaning]) -> None:
    """Check that a COCO annotation's own label does not contradict its category, where that is a label too.

    Raises:
        MammoError: it does.
    """
    category = meanings.get(plain(entry.annotation.category)) if entry.annotation else None
    if category not in (None, meaning):
        raise entry.error("label", f"contradicts the category {category}; correct one of them")


def _given(entry: Entry, meaning: Meaning, outlines: bool) -> Given:
    if entry.annotation:
        if entry.annotation.has_outline:
            return ANNOTATION
        if entry.get("outline").lower() != "none":
            raise entry.error(
                "segmentation", 'has no segmentation and no bbox; write "outline": "none" if that is meant'
            )
        return WITHOUT
    if not outlines:
        return WITHOUT
    if meaning is not Meaning.NORMAL:
        return given_outline(entry)
    if _names_a_place(entry):
        raise entry.error("label", "says that there is no finding, but the row has an outline; correct one of them")
    return WITHOUT


def draw_lesions(
    root: Path, lesions: Sequence[TableLesion], shapes: Mapping[str, Shape | None], workers: Workers, problems: Problems
) -> Iterator[tuple[TableLesion, Drawn | Code]]:
    """Yield lesions with their outlines, or why they have to be left out; outlines that are wrong are problems."""
    items = [(lesion, shapes[lesion.image]) for lesion in lesions]
    drawn = isolated(partial(_draw, root), items, workers, lambda item: item[0].image)
    for lesion, found in zip(lesions, track(drawn, "outlines", len(items), "lesions"), strict=True):
        if isinstance(found, Code) and found not in (Code.OUTLINE_UNLINKED, Code.ELSEWHERE):
            problems.add(str(lesion.entry.error(_column(lesion), f"{found.reason}; correct it")))
        elif isinstance(found, str) and not isinstance(found, Code):
            problems.add(str(lesion.entry.error(_column(lesion), found)))
        else:
            yield lesion, found


def _column(lesion: TableLesion) -> str:
    columns = lesion.given.columns
    return columns[0] if len(columns) == 1 else "image"


def _draw(root: Path, item: tuple[TableLesion, Shape | None]) -> Drawn | str:
    """Return the outline of a lesion on an image of this shape, or, if None, of the shape that its file states.

    Returns:
        The outline, or what is wrong with it, in words.

    Raises:
        RejectedError: it cannot be used; OUTLINE_UNLINKED if its image has no shape.
    """
    lesion, shape = item
    try:
        shape = shape or stored_shape(root, lesion.image)
    except RejectedError:
        raise RejectedError(Code.OUTLINE_UNLINKED) from None
    try:
        if lesion.entry.annotation:
            drawn = _annotated(lesion.entry.annotation, shape)
        else:
            outline = read_outline(root, lesion.entry, lesion.given, lesion.mask, lesion.image, shape)
            drawn = Drawn(outline, clipped=reaches_beyond(lesion.entry, lesion.given, shape))
    except (OutlineError, CocoError) as error:
        return str(error)
    check_extent(drawn.outline, shape)
    return drawn


def _annotated(annotation: Annotation, shape: Shape) -> Drawn:
    """Return the outline of a COCO annotation.

    Raises:
        CocoError: it is wrong.
        OutlineError: most of it lies outside its image.
        RejectedError: it cannot be used.
    """
    outline, edges = annotation.outline(shape), annotation.edges(shape)
    if edges:
        check_inside(edges, shape)
    return Drawn(outline, annotation.is_scaled(shape), clipped=edges is not None and are_beyond(edges, shape))


def distinct_lesions(
    drawn: Iterable[tuple[TableLesion, LesionRecord]], problems: Problems
) -> tuple[list[LesionRecord], int]:
    """Return lesions without the rows that repeat another one, and the number of those.

    Rows without a lesion id that outline the same on one image with different labels or finding ids are problems, and
    rows with one id for different lesions. Rows with a wrong label are not compared.
    """
    kept: list[LesionRecord] = []
    seen: dict[tuple[str, object, bytes], tuple[TableLesion, LesionRecord]] = {}
    n_repeated = 0
    by_id: dict[str, tuple[TableLesion, tuple[object, ...]]] = {}
    for lesion, record in (each for each in drawn if each[0].is_known):
        outline = (record.path, record.box, record.mask.tobytes())
        own = lesion.entry.get("lesion_id") or lesion.entry.get("lesion")
        content = (outline, record.finding_key, record.label, record.label_source, record.high_risk, record.birads)
        first, before = by_id.setdefault(record.lesion_key, (lesion, content))
        if own and before != content:
            what = f"{first.entry.key} has it too, for another outline, image, finding or label"
            remedy = "give each outline an id of its own; a column finding_id joins those of one lesion in two views"
            problems.add(str(lesion.entry.error("lesion_id", f"{what}; {remedy}")))
        same = None if own else seen.setdefault(outline, (lesion, record))
        if same and same[0] is not lesion:
            n_repeated += 1
            if same[1].label != record.label:
                rows = f"is {record.label} here and {same[1].label} in {same[0].entry.key}"
                problems.add(str(lesion.entry.error("label", f"{rows}, with the same outline; correct one of them")))
            elif same[1].finding_key != record.finding_key:
                what = f"{same[0].entry.key} has the same outline and another finding_id"
                problems.add(str(lesion.entry.error("finding_id", f"{what}; correct one of them")))
            continue
        kept.append(record)
    return kept, n_repeated
