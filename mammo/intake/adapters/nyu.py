"""The exam-list layout of the paper's group (GMIC, breast_cancer_classifier).

    exam_list_before_cropping.pkl          list of exams: image names by breast and view, and which way they face
    images/<name>.png                      16-bit images
    segmentation/<name>_{benign,malignant}.png   masks in the full network frame, already facing right

The list is a pickle, which could run code in whoever opens it: it is read here without a single import, so that plain
lists, dictionaries, texts and numbers are all it can hold. It does not name patients; every exam counts as one patient.
"""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box, Frame, FrameChain
from mammo.intake.frames import place
from mammo.intake.gate import regular
from mammo.intake.outlines import clipped, outline_of_mask
from mammo.intake.rasters import read_mask, read_raster
from mammo.intake.refusals import SENTENCES, Code, RefusedError
from mammo.records import Cohort, ImageRecord, LabelSource, Laterality, LesionRecord, MammoError, Pathology, View

EXAMS = "exam_list_before_cropping.pkl"

FULL = Frame(2944, 1920, 64)
"""The frame that the masks lie in."""

JOIN_PX = 8
"""Parts of a mask nearer than this are one lesion: resampling has left specks along the outlines' rims."""


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it asks to import {module}.{name}")


def read(root: Path) -> Cohort:
    """Read the folder.

    Raises:
        MammoError: the exam list is missing, damaged or holds more than plain values, or a mask does not fit.
    """
    images: list[ImageRecord] = []
    lesions: list[LesionRecord] = []
    for index, exam in enumerate(_exams(root / EXAMS)):
        for laterality in Laterality:
            for view in View:
                for name in _names(root / EXAMS, exam, f"{laterality}-{view}"):
                    image = ImageRecord(f"images/{name}.png", str(index), str(index), laterality, view)
                    faces_left = (laterality is Laterality.RIGHT) == (exam.get("horizontal_flip") != "YES")
                    image, found = _with_lesions(root, image, faces_left)
                    images.append(image)
                    lesions.extend(found)
    if not images:
        raise MammoError(f"{root / EXAMS} names no image: name another data.source")
    return Cohort(tuple(images), tuple(lesions))


def _exams(file: Path) -> list[dict[str, Any]]:
    way_out = "name a folder in the exam-list layout as data.source"
    try:
        with file.open("rb") as stream:
            exams = _PlainUnpickler(stream).load()
    except OSError:
        raise MammoError(f"{file} cannot be opened: {way_out}") from None
    except Exception as error:  # a damaged pickle may fail anywhere
        raise MammoError(f"{file} is no list of plain values ({type(error).__name__}: {error}): {way_out}") from None
    if not isinstance(exams, list) or not all(isinstance(exam, dict) for exam in exams):
        raise MammoError(f"{file} holds no list of exams: {way_out}")
    return exams


def _names(file: Path, exam: dict[str, Any], key: str) -> list[str]:
    names = exam.get(key, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise MammoError(f"{file}: {key} is {names!r}, which must be a list of image names")
    return names


def _with_lesions(root: Path, image: ImageRecord, faces_left: bool) -> tuple[ImageRecord, list[LesionRecord]]:
    """The image and the lesions of its masks; the image refused where its masks' frame cannot be known."""
    name = Path(image.path).stem
    masks = {label: f"segmentation/{name}_{label}.png" for label in (Pathology.BENIGN, Pathology.MALIGNANT)}
    masks = {label: path for label, path in masks.items() if (root / path).is_file()}
    if not masks:
        return image, []
    try:
        chain = _chain(root, image)
    except RefusedError:
        return image, []  # the gate will say so
    if chain.mirrored != faces_left:
        code = Code.SIDE_CONFLICT
        image = ImageRecord(image.path, image.patient_key, image.exam_key, None, None, SENTENCES[code], code)
        return image, []
    return image, [
        LesionRecord(f"{path}#{number}", image.path, label, LabelSource.BIOPSY, box, mask)
        for label, path in masks.items()
        for number, (mask, box) in enumerate(_lesions(root / path, chain))
    ]


def _chain(root: Path, image: ImageRecord) -> FrameChain:
    if image.laterality is None or image.view is None:
        raise RefusedError(Code.NOT_DESCRIBED)
    pixels = read_raster(regular(root, image.path))
    return place(pixels, image.laterality, image.view, FULL, scale=1, check_side=False).chain


def _lesions(file: Path, chain: FrameChain) -> Iterator[tuple[NDArray[np.bool_], Box]]:
    """The lesions of one mask file, from top to bottom: (mask, box) in the stored frame."""
    try:
        mask = read_mask(file)
    except RefusedError as refused:
        raise MammoError(f"{file}: {refused.sentence}: replace or remove it") from None
    if mask.shape != (FULL.height, FULL.width):
        raise MammoError(
            f"{file} is {mask.shape[0]} x {mask.shape[1]}, but masks are 2944 x 1920: replace or remove it"
        )
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (JOIN_PX + 1, JOIN_PX + 1))
    count, parts = cv2.connectedComponents(cv2.dilate(mask.astype(np.uint8), kernel))
    for number in range(1, count):
        try:
            yield clipped(*chain.mask_to_stored(*outline_of_mask(mask & (parts == number))), chain.stored_shape)
        except RefusedError:
            raise MammoError(f"{file}: an outline lies outside of its image: replace or remove it") from None
