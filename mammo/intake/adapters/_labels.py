"""BI-RADS density of a breast, as data sets write it: a letter, a number from 1 to 4, or the lexicon's words."""

import re
from collections import defaultdict
from collections.abc import Iterable

from mammo.records import Density, LabelSource, Pathology, Split

SIGN = re.compile(r"(?:(?:breast )?density|acr|bi-?rads)?[\s:_-]*([a-d]|[1-4])(?:\.0)?", re.IGNORECASE)

WORDS = {
    "fatty": Density.A,
    "entirely fat": Density.A,
    "scattered": Density.B,
    "heterogeneous": Density.C,
    "extremely": Density.D,
}
"""What the lexicon's four descriptions contain (BI-RADS, fifth edition)."""

SUSPICIOUS = ("4", "5", "6")
"""Categories that lead to a biopsy, or follow one."""


def density_of(text: str) -> Density | None:
    """The density that a cell tells; None where it is empty or tells anything else (EMBED's 5: a man's breast)."""
    match = SIGN.fullmatch(text.strip())
    if match:
        sign = match[1].upper()
        return Density(sign) if sign.isalpha() else list(Density)[int(sign) - 1]
    return next((density for word, density in WORDS.items() if word in text.lower()), None)


def proxy_label(category: str, benign_too: bool) -> tuple[Pathology, LabelSource]:
    """The label that a category stands for, marked as a proxy.

    Args:
        category: "4a", "BI-RADS 5", ...; empty where there is none.
        benign_too: whether the categories 1 to 3 stand for benign; else for no label, as nobody biopsied those.
    """
    digit = next((sign for sign in category if sign.isdigit()), "")
    if not digit or digit == "0":
        return Pathology.NONE, LabelSource.NONE
    if digit in SUSPICIOUS:
        return Pathology.MALIGNANT, LabelSource.BIRADS_PROXY
    return (Pathology.BENIGN if benign_too else Pathology.NONE), LabelSource.BIRADS_PROXY


def clean_splits(told: Iterable[tuple[str, Split]]) -> tuple[dict[str, Split], tuple[str, ...]]:
    """Each patient's split, the last one of training, validation and test that any row gives; notes for the user.

    Args:
        told: (patient, split) of every row.
    """
    named: dict[str, set[Split]] = defaultdict(set)
    for patient, split in told:
        named[patient].add(split)
    splits = {patient: max(found, key=[*Split].index) for patient, found in named.items()}
    n_mixed = sum(len(found) > 1 for found in named.values())
    note = f"{n_mixed} patients are in both of the official splits; all their images are in test here"
    return splits, (note,) if n_mixed else ()
