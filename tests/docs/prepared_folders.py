"""The files that pages start from: a finished demo, and folders of images as the pages describe them."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import pandas as pd
import pydicom
from filelock import FileLock
from pydicom.uid import BreastTomosynthesisImageStorage

from mammo.phantoms.cohort import write_cohort
from mammo.phantoms.spec import CohortSpec, Dials, Mix


def prepare(name: str, folder: Path, shared: Path, commands: Path) -> None:
    """Put the files of a prepared start into a page's folder.

    Args:
        name: of the start, a key of STARTS.
        folder: of the page, empty.
        shared: where a start is built once for all pages and processes.
        commands: the programs of the pages (quick_command.write_commands).
    """
    built = shared / name
    with FileLock(shared / f"{name}.lock"):
        if not built.is_dir():
            partial = shared / f"{name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            STARTS[name](partial, commands)
            partial.rename(built)
    shutil.copytree(built, folder, dirs_exist_ok=True)


def _demo(folder: Path, commands: Path) -> None:
    """runs/demo as `mammo demo` makes it, of few patients, and one of its images as image.dcm."""
    done = subprocess.run([commands / "mammo", "demo"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"mammo demo: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    shutil.copy(min((folder / "runs" / "demo" / "dicom").rglob("*.dcm")), folder / "image.dcm")


def phantoms(folder: Path, n_patients: int, seed: int) -> pd.DataFrame:
    """Draw a cohort at an eighth of full size; its table of lesions."""
    spec = CohortSpec(seed=seed, scale=0.125, n_patients=n_patients, dials=Dials(2.0, 1.5), mix=Mix(0.2, 0.4, 0.4))
    write_cohort(spec, folder, processes=1)
    return pd.read_csv(folder / "lesions.csv", dtype=str)


def clinic(folder: Path, n_patients: int, seed: int) -> pd.DataFrame:
    """A folder as a clinic hands it over: DICOM in nested folders, patient numbers, and findings.xlsx with boxes.

    Returns:
        the rows of the table: Patient, Side, View, Pathology, x, y, w, h.
    """
    with TemporaryDirectory() as drawn:
        lesions, rows = phantoms(Path(drawn), n_patients, seed), []
        masks = lesions.groupby("image")
        for number, source in enumerate(sorted(Path(drawn).rglob("*.dcm"))):
            image, name = pydicom.dcmread(source), f"{source.parent.name}/{source.name}"
            image.PatientID = f"{41000 + 97 * seed + int(source.parent.name[-4:]):06d}"
            file = folder / f"CD{1 + number % 2}" / image.PatientID / "MG" / f"IM{number:04d}.ima"
            file.parent.mkdir(parents=True, exist_ok=True)
            image.save_as(file, enforce_file_format=True)
            for lesion in masks.get_group(name).itertuples() if name in masks.groups else ():
                box = cv2.boundingRect(cv2.imread(f"{drawn}/{lesion.mask}", cv2.IMREAD_GRAYSCALE))
                side = {"L": "left", "R": "right"}[image.ImageLaterality]
                rows.append([image.PatientID, side, image.ViewPosition.lower(), lesion.label.title(), *box])
    table = pd.DataFrame(rows, columns=["Patient", "Side", "View", "Pathology", "x", "y", "w", "h"])
    table.to_excel(folder / "findings.xlsx", index=False)
    return table


def _own_data(folder: Path, _: Path) -> None:
    """data and, of other patients, second: two folders of a clinic; data/findings-draft.xlsx has wrong rows."""
    table = clinic(folder / "data", n_patients=15, seed=5)
    clinic(folder / "second", n_patients=6, seed=6)
    files = sorted((folder / "data").rglob("*.ima"))
    for file in files[:3]:
        shutil.copy(file, file.with_name(f"copy of {file.stem}"))
    for file, (name, value) in zip(files[3:], UNWANTED.items(), strict=False):
        image = pydicom.dcmread(file)
        setattr(image, name, value)
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"2.25.{len(name)}"
        image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
        image.save_as(file.with_name(f"{name}.ima"), enforce_file_format=True)
    (folder / "data" / "Thumbs.db").write_bytes(b"\xd0\xcf")
    draft = table.astype({"Patient": str})
    draft.loc[9, "Side"] = "letf"
    draft.loc[15, "Patient"] = draft.loc[15, "Patient"].lstrip("0")
    draft.loc[[20, 21], "Pathology"] = "no biopsy"
    draft.loc[25, "Patient"] = "099999"
    draft.to_excel(folder / "data" / "findings-draft.xlsx", index=False)


UNWANTED: dict[str, object] = {
    "Modality": "US",
    "SOPClassUID": BreastTomosynthesisImageStorage,
    "PaddleDescription": "SPOT COMPRESSION",
}
"""What makes a file one that no screening mammogram is."""

STARTS: dict[str, Callable[[Path, Path], None]] = {"demo": _demo, "own-data": _own_data}
"""What makes each start, in an empty folder."""
