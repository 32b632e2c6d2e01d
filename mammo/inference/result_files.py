"""The files that predictions leave in their folder: names, and what a run may replace there. Loads no other package."""

import hashlib
import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from mammo.io import make_folder
from mammo.records import MammoError

JSON, CSV = "predictions.json", "predictions.csv"
JOURNAL = ".predictions.jsonl"
"""The finished cases of a run that is not finished."""

LOCK = ".lock"
PICTURES, DICOM = "pictures", "dicom"
"""Folders of the pictures and of the DICOM objects."""

OF_CASE = re.compile(
    rf"{PICTURES}/case-\d{{4,}}-lesion-\d+\.png|{DICOM}/case-\d{{4,}}/(report|outlines|picture-\d+)\.dcm"
)
"""The files of a case, below the folder: no other file is ever removed."""


def picture_name(case: int, lesion: int) -> str:
    """The picture of a lesion, below the folder; by numbers from 1, which say nothing of the patient."""
    return f"{PICTURES}/case-{case:04}-lesion-{lesion}.png"


def dicom_folder(case: int) -> str:
    """The folder of the DICOM objects of a case, by its number from 1, below the folder."""
    return f"{DICOM}/case-{case:04}"


def check_out(out: Path, cases: Sequence[Path], overwrite: bool) -> None:
    """Check that results replace nothing unasked, and are not among the cases.

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
    _check_results(out, overwrite)


def _check_results(out: Path, overwrite: bool) -> None:
    """MammoError where a finished run left results that may not be replaced."""
    if overwrite or _goes_on(out):
        return
    if found := [*_tables(out), *case_files(out)]:
        raise MammoError(f"{out} has predictions already ({found[0]}): name another folder, or give --overwrite")


def _goes_on(out: Path) -> bool:
    """Whether the run of the folder was interrupted: its finished cases are kept until all of its files are there."""
    return (out / JOURNAL).exists()


def _tables(out: Path) -> list[str]:
    return [name for name in (JSON, CSV) if (out / name).exists()]


def make_out(out: Path) -> None:
    """Make the folder of the results; MammoError where it cannot be, or leads elsewhere."""
    try:
        make_folder(out)
    except OSError as error:
        raise MammoError(f"{out} cannot be made ({error.strerror}): name another folder") from None
    places = [out / name for name in (JOURNAL, PICTURES, DICOM)]
    if linked := [path for path in (*places, *out.glob(f"{DICOM}/case-*")) if path.is_symlink()]:
        raise MammoError(f"{linked[0]} is a link, through which files elsewhere would be changed: remove it")


def result_folders(out: Path) -> list[Path]:
    """The folder and those below it that results are written into, as far as they exist, the innermost first."""
    folders = (*sorted(out.glob(f"{DICOM}/case-*")), out / DICOM, out / PICTURES, out)
    return [folder for folder in folders if folder.is_dir()]


def start_results(out: Path, overwrite: bool) -> None:
    """Remove the results of a finished run, under the folder's lock; the finished cases of an interrupted one stay.

    The journal goes first: a case that it calls finished must have its files. The tables of a run that was killed
    before it removed its journal are written again from it.

    Raises:
        MammoError: there are results of a finished run, which may not be replaced.
    """
    _check_results(out, overwrite)
    for name in (JSON, CSV) if _goes_on(out) else (JOURNAL, JSON, CSV, *case_files(out)):
        (out / name).unlink(missing_ok=True)


def case_files(out: Path, number: int | None = None) -> list[str]:
    """The pictures and DICOM objects below a folder, of the case with a number or of all cases, sorted."""
    case = "case-*" if number is None else f"case-{number:04}"
    paths = [*out.glob(f"{PICTURES}/{case}-lesion-*.png"), *out.glob(f"{DICOM}/{case}/*.dcm")]
    return sorted(name for path in paths if OF_CASE.fullmatch(name := path.relative_to(out).as_posix()))


def keep_case_files(out: Path, kept: Collection[str]) -> None:
    """Remove the pictures and DICOM objects of all cases but those that are kept, and folders that are then empty."""
    for name in set(case_files(out)).difference(kept):
        (out / name).unlink()
    for folder in result_folders(out)[:-1]:
        with suppress(OSError):  # it holds files
            folder.rmdir()


def file_digests(out: Path, names: Collection[str]) -> dict[str, str]:
    """SHA-256, as hex, of the files with these names below a folder; a file that is missing has none."""
    return {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in names if (out / name).is_file()}
