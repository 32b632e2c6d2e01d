"""Labels as data sets write them: BI-RADS density and assessment categories, lesion labels and official splits."""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from mammo.records import Birads, Density, LabelSource, Pathology, Split

DENSITY = re.compile(r"(?:(?:breast )?density|acr|bi-?rads)?[\s:_-]*([a-d]|[1-4])(?:\.0)?", re.IGNORECASE)

BIRADS = re.compile(r"(?:bi-?rads)?[\s:_-]*(?:(4)\s*([abc])|([0-6])(?:\.0+)?)", re.IGNORECASE)

DENSITY_WORDS = {
    "fatty": Density.A,
    "entirely fat": Density.A,
    "scattered": Density.B,
    "heterogeneous": Density.C,
    "extremely": Density.D,
}
"""Words of the four descriptions of density (BI-RADS, 5th edition)."""

SUSPICIOUS = ("4", "5", "6")
"""Categories that lead to a biopsy or follow one."""


class LesionLabel(NamedTuple):
    """Label of a lesion, its source, whether it is a benign lesion of high risk, and its type, empty if unknown."""

    label: Pathology
    source: LabelSource
    high_risk: bool
    pathology_type: str = ""


UNKNOWN_LABEL = LesionLabel(Pathology.NONE, LabelSource.NONE, False)


def parse_density(text: str) -> Density | None:
    """Return the density in a cell: a letter, a number from 1 to 4, or a description.

    None where it is empty or anything else (EMBED's 5 is a male breast).
    """
    match = DENSITY.fullmatch(text.strip())
    if match:
        sign = match[1].upper()
        return Density(sign) if sign.isalpha() else list(Density)[int(sign) - 1]
    return next((density for word, density in DENSITY_WORDS.items() if word in text.lower()), None)


def parse_birads(text: str) -> Birads | None:
    """Return the assessment category in a cell such as "4A", "BI-RADS 5" or "3.0"; None where it is anything else."""
    match = BIRADS.fullmatch(text.strip())
    return Birads(f"4{match[2].upper()}" if match[1] else match[3]) if match else None


def proxy_label(category: str, benign_too: bool) -> tuple[Pathology, LabelSource]:
    """Return the label of a BI-RADS category, marked as a proxy: a radiologist's suspicion, not a biopsy's result.

    Args:
        category: "4a", "BI-RADS 5", ...; empty if there is none.
        benign_too: whether categories 1 to 3 become benign; else they have no label, as such lesions are not biopsied.
    """
    digit = next((sign for sign in category if sign.isdigit()), "")
    if not digit or digit == "0":
        return Pathology.NONE, LabelSource.NONE
    if digit in SUSPICIOUS:
        return Pathology.MALIGNANT, LabelSource.BIRADS_PROXY
    return (Pathology.BENIGN if benign_too else Pathology.NONE), LabelSource.BIRADS_PROXY


def clean_splits(rows: Iterable[tuple[str, Split]]) -> tuple[dict[str, Split], tuple[str, ...]]:
    """Return one split per patient, and notes for the user.

    A patient in more than one official split goes to the last of training, validation and test.

    Args:
        rows: (patient, split) of every row.
    """
    by_patient: dict[str, set[Split]] = defaultdict(set)
    for patient, split in rows:
        by_patient[patient].add(split)
    splits = {patient: max(found, key=[*Split].index) for patient, found in by_patient.items()}
    n_mixed = sum(len(found) > 1 for found in by_patient.values())
    note = f"{n_mixed} patients are in both of the official splits; all their images are in test here"
    return splits, (note,) if n_mixed else ()
