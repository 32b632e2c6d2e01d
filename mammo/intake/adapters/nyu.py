"""The exam-list layout of the paper's group (GMIC, breast_cancer_classifier).

    exam_list_before_cropping.pkl          list of exams: image names by breast and view, and which way they face
    images/<name>.png                      16-bit images
    segmentation/<name>_{benign,malignant}.png   masks, by their size: of the image as stored; of the full network frame
                                           (2944 x 1920), already facing right, at best_center where the list has it;
                                           or of the image before it was cropped to window_location

The list is a pickle, which could run code in whoever opens it: it is read here without a single import, so that plain
lists, dictionaries, texts and numbers are all it can hold. It does not name patients; every exam counts as one patient.
"""

import pickle
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box, Frame, FrameChain
from mammo.intake.breast import window_origin
from mammo.intake.frames import place
from mammo.intake.outlines import Outline, clipped, outline_of_mask
from mammo.intake.rasters import raster_shape, read_mask, read_raster
from mammo.intake.rejections import Code, RejectedError, left_out, rejected
from mammo.intake.sandbox import isolated
from mammo.intake.source_folder import Folder, regular
from mammo.progress import track
from mammo.records import (
    Cohort,
    ImageRecord,
    LabelSource,
    Laterality,
    LeftOut,
    LesionRecord,
    MammoError,
    Pathology,
    View,
)

EXAMS = "exam_list_before_cropping.pkl"

FULL = Frame(2944, 1920, 64)
"""The frame that the masks lie in."""

JOIN_PX = 8
"""Parts of a mask nearer than this are one lesion: resampling has left specks along the outlines' rims."""


_Job = tuple[ImageRecord, dict[str, Any], int]
"""An image, its exam and its number among the exam's images of its breast and view."""


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it asks to import {module}.{name}")


def read(root: Path) -> Cohort:
    """Read the folder.

    Raises:
        MammoError: the exam list is missing, damaged or holds more than plain values.
    """
    file = Folder(root).one(EXAMS, "*.pkl")
    images_folder = (file.parent / "images").relative_to(root).as_posix()
    jobs: list[_Job] = []
    for index, exam in enumerate(_exams(file)):
        for laterality in Laterality:
            for view in View:
                for number, name in enumerate(_names(file, exam, f"{laterality}-{view}")):
                    key, negative = str(index), _negative(exam, laterality)
                    image = ImageRecord(f"{images_folder}/{name}.png", key, key, laterality, view, negative=negative)
                    jobs.append((image, exam, number))
    if not jobs:
        raise MammoError(f"{file} names no image: name another data.source")
    images: list[ImageRecord] = []
    outlines: list[LesionRecord | LeftOut] = []
    made = track(isolated(partial(_with_lesions, root), jobs, of=lambda job: job[0].path), "outlines", len(jobs))
    for (image, _, _), one in zip(jobs, made, strict=True):
        record, found = (rejected(image, one), []) if isinstance(one, Code) else one
        images.append(record)
        outlines += found
    lesions = tuple(outline for outline in outlines if isinstance(outline, LesionRecord))
    unknown = tuple(outline for outline in outlines if isinstance(outline, LeftOut))
    return Cohort(tuple(images), lesions, unknown)


def _negative(exam: dict[str, Any], laterality: Laterality) -> bool | None:
    """Whether the exam's labels say that this breast was not biopsied; None where they say nothing."""
    labels, side = exam.get("cancer_label"), {"L": "left", "R": "right"}[laterality]
    keys = (f"{side}_benign", f"{side}_malignant", "unknown")
    if not isinstance(labels, dict) or not set(keys[:2]) <= labels.keys():
        return None
    return not any(labels.get(key) for key in keys)


def _exams(file: Path) -> list[dict[str, Any]]:
    remedy = "name a folder in the exam-list layout as data.source"
    try:
        with file.open("rb") as stream:
            exams = _PlainUnpickler(stream).load()
    except OSError:
        raise MammoError(f"{file} cannot be opened: {remedy}") from None
    except Exception as error:  # a damaged pickle may fail anywhere
        raise MammoError(f"{file} is no list of plain values ({type(error).__name__}: {error}): {remedy}") from None
    if not isinstance(exams, list) or not all(isinstance(exam, dict) for exam in exams):
        raise MammoError(f"{file} holds no list of exams: {remedy}")
    return exams


def _names(file: Path, exam: dict[str, Any], key: str) -> list[str]:
    names = exam.get(key, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise MammoError(f"{file}: {key} is {names!r}, which must be a list of image names")
    return names


def _with_lesions(root: Path, job: _Job) -> tuple[ImageRecord, list[LesionRecord | LeftOut]]:
    """The image and the lesions of its masks; the image refused where its masks' frame cannot be known."""
    image, exam, number = job
    name = Path(image.path).stem
    beside = PurePosixPath(image.path).parent.parent / "segmentation"
    masks = {label: str(beside / f"{name}_{label}.png") for label in (Pathology.BENIGN, Pathology.MALIGNANT)}
    masks = {label: path for label, path in masks.items() if (root / path).is_file()}
    if not (root / image.path).is_file():
        return rejected(image, Code.MISSING), []
    found: list[LesionRecord | LeftOut] = []
    for label, path in masks.items():
        try:
            outlines = list(_lesions(root, path, image, exam, number))
        except RejectedError as error:
            if error.code == Code.SIDE_CONFLICT:
                return rejected(image, Code.SIDE_CONFLICT), []
            found.append(left_out(path, error.code, image.path))
            continue
        for index, (mask, box) in enumerate(outlines):
            key = f"{path}#{index}"
            found.append(LesionRecord(key, image.path, label, LabelSource.BIOPSY, box, mask))
    return image, found


def _lesions(root: Path, path: str, image: ImageRecord, exam: dict[str, Any], number: int) -> Iterator[Outline]:
    """The lesions of one mask file, from top to bottom: (mask, box) in the stored frame.

    Raises:
        RejectedError: the mask or its image cannot be read, its size is that of no known frame, or it is empty.
    """
    mask = read_mask(regular(root, path))
    shape = raster_shape(regular(root, image.path))
    window = _of_view(exam, "window_location", image, number)
    if mask.shape == shape:
        yield from _parts(mask)
    elif mask.shape == (FULL.height, FULL.width):
        chain = _chain(root, image, exam, number)
        for part in _parts(mask):
            yield clipped(*chain.mask_to_stored(*part), chain.stored_shape)
    elif len(window) == 4 and shape == (window[1] - window[0], window[3] - window[2]):
        if mask.shape[0] < window[1] or mask.shape[1] < window[3]:
            raise RejectedError(Code.OUTLINE_SIZE)
        yield from _parts(mask[window[0] : window[1], window[2] : window[3]])
    else:
        raise RejectedError(Code.OUTLINE_SIZE)


def _parts(mask: NDArray[np.bool_]) -> Iterator[Outline]:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (JOIN_PX + 1, JOIN_PX + 1))
    count, parts = cv2.connectedComponents(cv2.dilate(mask.astype(np.uint8), kernel))
    if count < 2:
        raise RejectedError(Code.OUTLINE_EMPTY)
    for part in range(1, count):
        yield outline_of_mask(mask & (parts == part))


def _chain(root: Path, image: ImageRecord, exam: dict[str, Any], number: int) -> FrameChain:
    """The image's chain to the full network frame, at the list's own best centre where it has one.

    A best centre lies in the image as the list's writer cropped it: to its window_location if the file holds more.
    """
    laterality, view = Laterality(str(image.laterality)), View(str(image.view))
    pixels = read_raster(regular(root, image.path))
    chain = place(pixels, laterality, view, FULL, scale=1, check_side=False).chain
    faces_left = (laterality is Laterality.RIGHT) == (exam.get("horizontal_flip") != "YES")
    if chain.mirrored != faces_left:
        raise RejectedError(Code.SIDE_CONFLICT)
    centre = _of_view(exam, "best_center", image, number)
    if len(centre) != 2:
        return chain
    chain = replace(chain, breast=_cropped(chain, _of_view(exam, "window_location", image, number)))
    window = (FULL.height, FULL.width)
    return replace(chain, origin=window_origin((centre[0], centre[1]), chain.store_shape, window, view))


def _cropped(chain: FrameChain, window: list[int]) -> Box:
    """The window (top, bottom, left, right) of the stored frame in the mirrored one; all of an image without it."""
    height, width = chain.stored_shape
    top, bottom, left, right = window if len(window) == 4 else (0, height, 0, width)
    if not (0 <= top < bottom <= height and 0 <= left < right <= width):  # the file is what the window held
        return Box(0, height, 0, width)
    return Box(top, bottom, width - right, width - left) if chain.mirrored else Box(top, bottom, left, right)


def _of_view(exam: dict[str, Any], key: str, image: ImageRecord, number: int) -> list[int]:
    """What the list holds of one image under a key, by view and number; empty where it holds nothing of the kind."""
    by_view = exam.get(key)
    found = by_view.get(f"{image.laterality}-{image.view}") if isinstance(by_view, dict) else None
    values = found[number] if isinstance(found, list) and number < len(found) else ()
    try:
        return [int(value) for value in values]
    except (TypeError, ValueError):
        return []
