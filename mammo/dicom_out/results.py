"""The DICOM results of one case, made and written."""

from collections.abc import Sequence
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from mammo.dicom_out.origin import Origin
from mammo.inference.bundle_facts import BundleName
from mammo.inference.cases import Case
from mammo.inference.prediction import CasePrediction
from mammo.inference.prediction_run import After
from mammo.inference.result_files import dicom_folder
from mammo.intake.dicom_header import open_dicom, quiet
from mammo.intake.rejections import RejectedError
from mammo.intake.source_folder import regular_file
from mammo.io import atomic_write, make_folder
from mammo.records import MammoError


def check_dicom_extra() -> None:
    """Check that the packages of the extra dicom are installed.

    Raises:
        MammoError: one is not.
    """
    missing = [name for name in ("highdicom", "pynetdicom") if find_spec(name) is None]
    if missing:
        raise MammoError(f"{missing[0]} is not installed, which DICOM results need: pip install 'mammo[dicom]'")


def written_results(out: Path, bundle: BundleName) -> After:
    """What predict_cases calls for each scored case: it writes the case's DICOM results into a folder of its own.

    Args:
        out: the folder of the predictions; the results are in a folder for each case (dicom_folder) below it.
        bundle: that makes the predictions.
    """

    def write(
        number: int, case: Case, prediction: CasePrediction, pictures: Sequence[NDArray[np.uint8]]
    ) -> list[dict[str, str]]:
        """Write the results of a case; returns what the objects of its lesions in predictions.json say about them."""
        try:
            with quiet():
                source = open_dicom(regular_file(case.root, case.path))
        except RejectedError as error:  # the file was changed since it was scored
            raise MammoError(f"{error.code.reason}: {error.code.remedy}") from None
        folder = dicom_folder(number)
        write_dicom_results(prediction, source, bundle, pictures, out / folder)
        return [{"dicom": folder} for _ in prediction.lesions]

    return write


def dicom_results(
    case: CasePrediction,
    source: Dataset,
    bundle: BundleName,
    pictures: Sequence[NDArray[np.uint8]] = (),
    when: datetime | None = None,
) -> dict[str, Dataset]:
    """Return the DICOM results of a case by the names of their files; none where the case has no lesion.

    Args:
        case: the prediction; its outlines are in the pixels of the mammogram as it is stored.
        source: the mammogram; its pixels are not read.
        bundle: that made the prediction.
        pictures: uint8 [H, W, 3] each, red, green and blue: the overlay of every lesion, or none.
        when: date and time that the results state; None for now. Identifiers do not depend on it.

    Raises:
        MammoError: nothing can refer to the mammogram, because it lacks an identifier, it is not the image that was
            scored, or a picture has another type or shape.
    """
    check_dicom_extra()
    from mammo.dicom_out.picture import make_picture  # these import highdicom
    from mammo.dicom_out.report import make_report
    from mammo.dicom_out.segments import make_segmentation

    if not case.lesions:
        return {}
    with quiet():
        origin = Origin(source, bundle, case.lesions, when or datetime.now())
        made = {"report.dcm": make_report(origin), "outlines.dcm": make_segmentation(origin)}
        made |= {f"picture-{n}.dcm": make_picture(origin, pixels, n) for n, pixels in enumerate(pictures, start=1)}
    return made


def write_dicom_results(
    case: CasePrediction,
    source: Dataset,
    bundle: BundleName,
    pictures: Sequence[NDArray[np.uint8]],
    folder: Path,
    when: datetime | None = None,
) -> list[Path]:
    """Write report.dcm, outlines.dcm and picture-N.dcm, which only their owner can read: they name the patient.

    Args:
        case: as in dicom_results.
        source: as in dicom_results.
        bundle: as in dicom_results.
        pictures: uint8 [H, W, 3] each, as in dicom_results.
        folder: made where it is missing; one for each case.
        when: as in dicom_results.

    Returns:
        The paths; none where the case has no lesion.

    Raises:
        MammoError: as dicom_results.
    """
    results = dicom_results(case, source, bundle, pictures, when)
    if results:
        make_folder(folder)
    for name, made in results.items():
        with quiet(), atomic_write(folder / name, mode=0o600) as path:
            made.save_as(path, enforce_file_format=True)
    return [folder / name for name in results]
