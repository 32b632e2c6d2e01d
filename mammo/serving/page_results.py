"""DICOM results of a score in the page, those of `mammo predict --dicom`: to download, and sent to a peer."""

from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from pydicom.dataset import Dataset

from mammo.dicom_out.origin import Origin
from mammo.dicom_out.results import check_dicom_extra, dicom_results
from mammo.inference.bundle_facts import BundleName
from mammo.inference.overlay import overlay_pixels
from mammo.inference.prediction import CasePrediction, LesionPrediction
from mammo.inference.predictor import Predictor
from mammo.intake.dicom_header import quiet
from mammo.records import MammoError
from mammo.serving.application_entity import Address
from mammo.serving.page_images import OpenImage
from mammo.serving.page_words import in_page

OWN_TITLE = "MAMMO"
"""AE title with which results are sent."""

NO_STUDY = "DICOM results belong to the study of a DICOM image, and this file is none: open the DICOM image."
NO_EXTRA = "DICOM results are not available here, because the server was installed without them (extra dicom)."


def why_no_results(image: OpenImage, bundle: BundleName) -> str:
    """A sentence on why an image can have no DICOM results; empty if it can."""
    if image.header is None:
        return NO_STUDY
    try:
        check_dicom_extra()
    except MammoError:
        return NO_EXTRA
    try:
        with quiet():
            Origin(image.header, bundle, (), datetime.now())
    except MammoError as error:
        return in_page(f"DICOM results cannot be made: {error}")
    return ""


def results_of(predictor: Predictor, image: OpenImage, lesion: LesionPrediction) -> dict[str, bytes]:
    """The DICOM files of a prediction on an image by name: report, outlines and picture.

    Raises:
        MammoError: the image can have no DICOM results.
    """
    bundle = predictor.facts.name
    if reason := why_no_results(image, bundle):
        raise MammoError(reason)
    assert image.header is not None  # or there would have been a reason
    case, picture = CasePrediction(image.name, lesions=(lesion,)), overlay_pixels(lesion, image.image, bundle)
    return {name: _encoded(made) for name, made in dicom_results(case, image.header, bundle, [picture]).items()}


def _encoded(dataset: Dataset) -> bytes:
    file = BytesIO()
    with quiet():
        dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip archive of files by name."""
    archive = BytesIO()
    with ZipFile(archive, "w") as made:
        for name, content in files.items():
            made.writestr(name, content)
    return archive.getvalue()


def send_results(peer: Address, files: Mapping[str, bytes]) -> str:
    """Send DICOM files by name to a peer; returns a sentence on what it has confirmed.

    Raises:
        MammoError: it has not confirmed every one.
    """
    from mammo.serving.peer import send_cases  # of the extra dicom, which the page can do without

    with TemporaryDirectory(prefix="mammo-") as folder:
        paths = [Path(folder) / name for name in files]
        for path in paths:
            path.touch(0o600)
            path.write_bytes(files[path.name])
        try:
            (problem,) = send_cases(OWN_TITLE, peer, {"results": paths}).values()
        except MammoError as error:
            problem = str(error)
    if problem:
        raise MammoError(f"Not sent: {problem}.")
    return f"Sent: {peer} has confirmed {', '.join(path.stem for path in paths)}."
