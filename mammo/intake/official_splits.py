"""A data set's own split, made clean: where it has a patient on both sides, the whole patient goes to test."""

from collections import defaultdict
from collections.abc import Iterable

from mammo.records import Split


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
