"""Words of a user's tables: labels, label sources, sides, views and yes or no, as people write them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

from mammo.intake.adapters._table_columns import Entry
from mammo.intake.object_type import MAX_SPACING_MM
from mammo.records import LabelSource, Laterality, MammoError, Pathology, View


class Meaning(StrEnum):
    """What a label word can mean."""

    MALIGNANT = "malignant"
    BENIGN = "benign"
    HIGH_RISK = "high risk"
    NONE = "none"
    NORMAL = "normal"

    @property
    def pathology(self) -> Pathology:
        """Return the label of a lesion with this meaning."""
        return {Meaning.MALIGNANT: Pathology.MALIGNANT, Meaning.BENIGN: Pathology.BENIGN}.get(
            self, Pathology.BENIGN if self is Meaning.HIGH_RISK else Pathology.NONE
        )


MEANINGS = "malignant, benign, high risk, none (a finding of neither class) or normal (no finding)"

WORDS = {
    Meaning.MALIGNANT: "malignant malign m cancer carcinoma malignancy",
    Meaning.BENIGN: "benign b",
    Meaning.HIGH_RISK: "highrisk benignhighrisk highriskbenign",
    Meaning.NONE: "none unlabeled unlabelled",
    Meaning.NORMAL: "normal negative nofinding nolesion",
}
"""The usual label words, in lower case without spaces and punctuation; 0 and 1 are not among them."""

USUAL = {word: meaning for meaning, words in WORDS.items() for word in words.split()}

SOURCES = {
    LabelSource.BIOPSY: "biopsy biopsied biopsyproven pathology histology histopathology",
    LabelSource.BREAST_LEVEL: "breastlevel",
    LabelSource.BIRADS_PROXY: "biradsproxy birads",
    LabelSource.UNKNOWN: "unknown",
    LabelSource.NONE: "none",
}
SOURCE_OF = {word: source for source, words in SOURCES.items() for word in words.split()}

SIDES = {"l": Laterality.LEFT, "left": Laterality.LEFT, "r": Laterality.RIGHT, "right": Laterality.RIGHT}
VIEWS = {
    "cc": View.CC,
    "craniocaudal": View.CC,
    "mlo": View.MLO,
    "mediolateraloblique": View.MLO,
}
SIDE_AND_VIEW = re.compile(r"(left|right|l|r)(?:breast)?(cc|mlo|craniocaudal|mediolateraloblique)")
"""A side and a view in one cell, such as "R-MLO" or "left CC", in lower case without spaces and punctuation."""

YES_NO = {
    **dict.fromkeys(("1", "true", "yes", "y"), True),
    **dict.fromkeys(("0", "false", "no", "n", ""), False),
}

NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")

LISTED = 20
"""Words or errors that a message lists."""

Value = TypeVar("Value")


def plain(text: str) -> str:
    """Return a word in lower case without spaces and punctuation; a whole number without decimals."""
    text = text.casefold().strip()
    if re.fullmatch(r"\d+\.0+", text):
        text = text.partition(".")[0]
    return "".join(sign for sign in text if sign.isalnum())


def label_map(labels: Mapping[object, object]) -> dict[str, Meaning]:
    """Return the meanings of the user's own label words (data.labels), over the usual ones.

    Raises:
        MammoError: a meaning does not exist.
    """
    own = {}
    for word, meaning in labels.items():
        found = USUAL.get(plain(str(meaning)))
        if found is None or plain(str(meaning)) in ("m", "b"):
            raise MammoError(f"data.labels: {word!s} means {meaning!s}, which must be {MEANINGS}")
        own[plain(str(word))] = found
    return USUAL | own


def unknown_labels(entries: Iterable[Entry], meanings: Mapping[str, Meaning]) -> MammoError | None:
    """Return an error that lists all label words without a meaning, and the map to give; None if all have one."""
    unknown: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.get("label") and plain(entry.get("label")) not in meanings:
            unknown[entry.get("label")].append(entry)
    if not unknown:
        return None
    first, listed = next(iter(unknown.values()))[0], list(unknown.items())[:LISTED]
    found = ", ".join(f"{word!r} (first in {rows[0].key}, {len(rows)} in all)" for word, rows in listed)
    more = f" and {len(unknown) - LISTED} more" if len(unknown) > LISTED else ""
    given = ", ".join(f"{word}: MEANING" for word, _ in listed)
    return MammoError(
        f"{first.file}: {first.names['label']} has words without a known meaning: {found}{more}; give it with "
        f"data.labels='{{{given}}}', where MEANING is {MEANINGS}"
    )


def side_of(entry: Entry) -> Laterality | None:
    """Return the laterality of a row, from its own column or from a view such as R-MLO; None without one.

    Raises:
        MammoError: the word is unknown, or the two differ.
    """
    in_view = SIDE_AND_VIEW.fullmatch(plain(entry.get("view")))
    side = _word(entry, "laterality", SIDES, "L or R")
    other = SIDES[in_view[1]] if in_view else None
    if side and other and side != other:
        raise entry.error("laterality", f"contradicts the view {entry.get('view')!r}; correct one of them")
    return side or other


def view_of(entry: Entry) -> View | None:
    """Return the view of a row, None without one.

    Raises:
        MammoError: the word is unknown.
    """
    both = SIDE_AND_VIEW.fullmatch(plain(entry.get("view")))
    return VIEWS[both[2]] if both else _word(entry, "view", VIEWS, "CC or MLO")


def spacing_of(entry: Entry) -> float:
    """Return the mm between pixels that a row states, the mean where it states rows and columns; 0 without any.

    Raises:
        MammoError: they are not one or two numbers above 0 and at most MAX_SPACING_MM.
    """
    cell = entry.get("pixel_spacing")
    if plain(cell) in ("", "none"):
        return 0.0
    found = [float(number.replace(",", ".")) for number in NUMBER.findall(cell)]
    if len(found) not in (1, 2) or not all(0 < number <= MAX_SPACING_MM for number in found):
        raise entry.error("pixel_spacing", f"must be mm between pixels, above 0 and at most {MAX_SPACING_MM:g}")
    return sum(found) / len(found)


def source_of(entry: Entry, label: Pathology) -> LabelSource:
    """Return the label source of a row: without one, unknown for a malignant or benign finding, none for others.

    A column that asks for a biopsy can answer yes or no.

    Raises:
        MammoError: the word is unknown.
    """
    word = plain(entry.get("label_source"))
    if _asks_for_biopsy(entry) and word in YES_NO and word:
        return LabelSource.BIOPSY if YES_NO[word] else _without_source(label)
    if not word or (word == "none" and label is not Pathology.NONE):
        return _without_source(label)
    found = _word(entry, "label_source", SOURCE_OF, ", ".join(LabelSource))
    return found or _without_source(label)


def _asks_for_biopsy(entry: Entry) -> bool:
    """Return whether the column of the label source asks for a biopsy."""
    return plain(entry.names.get("label_source", "")) in ("biopsy", "biopsied", "proof", "verification")


def yes_or_no(entry: Entry, field: str) -> bool:
    """Return a cell as yes or no; an empty one is no.

    Raises:
        MammoError: it is neither.
    """
    return bool(_word(entry, field, YES_NO, "1, 0, yes, no, true or false"))


def _without_source(label: Pathology) -> LabelSource:
    return LabelSource.NONE if label is Pathology.NONE else LabelSource.UNKNOWN


def _word(entry: Entry, field: str, words: Mapping[str, Value], allowed: str) -> Value | None:
    cell = plain(entry.get(field))
    if cell in words:
        return words[cell]
    if not cell or cell == "none":
        return None
    raise entry.error(field, f"must be {allowed}")
