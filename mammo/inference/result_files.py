"""The files that predictions leave in their folder: names, and what a run may replace there. Loads no other package."""

from collections.abc import Sequence
from pathlib import Path

from mammo.records import MammoError

JSON, CSV = "predictions.json", "predictions.csv"
JOURNAL = ".predictions.jsonl"
"""The finished cases of a run that is not finished."""

LOCK = ".lock"
PICTURES, DICOM = "pictures", "dicom"
"""Folders of the pictures and of the DICOM objects."""

RESULTS = (JSON, CSV, f"{PICTURES}/case-*.png", f"{DICOM}/case-*/*.dcm")
"""Patterns of the files of a finished run."""


def picture_name(case: int, lesion: int) -> str:
    """The picture of a lesion, below the folder; by numbers from 1, which say nothing of the patient."""
    return f"{PICTURES}/case-{case:04}-lesion-{lesion}.png"


def dicom_folder(case: int) -> str:
    """The folder of the DICOM objects of a case, by its number from 1, below the folder."""
    return f"{DICOM}/case-{case:04}"


def check_out(out: Path, cases: Sequence[Path], overwrite: bool) -> None:
    """Check that results replace nothing unasked, and are not among the cases; with `overwrite` delete old ones.

    Args:
        out: the folder of the results, which need not exist.
        cases: images, folders and lists that the user names.
        overwrite: whether the results of a finished run may be replaced.

    Raises:
        MammoError: there are results of a finished run, or the folder is, or is in, a folder of cases.
    """
    for case in cases:
        if case.is_dir() and out.resolve().is_relative_to(case.resolve()):
            raise MammoError(f"{out} lies in {case}, whose images are scored: name a folder elsewhere")
    found = [path for pattern in RESULTS for path in sorted(out.glob(pattern))]
    if (out / JOURNAL).exists() and not (out / JSON).exists():
        return  # of a run that was interrupted, and goes on
    if found and not overwrite:
        raise MammoError(f"{out} has predictions already ({found[0].name}): name another folder, or give --overwrite")
    for path in found:
        path.unlink()


def make_out(out: Path) -> None:
    """Make the folder of the results; MammoError where it cannot be, or leads elsewhere."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MammoError(f"{out} cannot be made ({error.strerror}): name another folder") from None
    if linked := [name for name in (JOURNAL, PICTURES, DICOM) if (out / name).is_symlink()]:
        raise MammoError(f"{out / linked[0]} is a link, through which files elsewhere would be changed: remove it")
