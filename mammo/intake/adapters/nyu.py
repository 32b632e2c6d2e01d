"""Exam-list layout of the paper's group (GMIC, breast_cancer_classifier).

    exam_list_before_cropping.pkl          list of exams: image names by breast and view, and the side they face
    images/<name>.png                      16-bit images
    segmentation/<name>_{benign,malignant}.png   masks; their size identifies their frame: that of the image as stored;
                                           the full network frame (2944 x 1920), facing right, at best_center if the
                                           list has it; or the image before it was cropped to window_location

The list is a pickle, which could run code when loaded: it is read without imports, so that it can hold only plain
lists, dictionaries, strings and numbers. It has no patient keys: every exam, named by its number in the list from 0
on, counts as one patient, unless data.patients gives the patients.
"""

import pickle
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, NoReturn

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box, Frame, FrameChain
from mammo.intake.breast import window_origin
from mammo.intake.frames import place
from mammo.intake.outlines import Outline, clipped, outline_of_mask
from mammo.intake.rasters import raster_shape, read_mask, read_raster
from mammo.intake.rejections import Code, RejectedError, image_of, left_out, rejected
from mammo.intake.sandbox import DEFAULT_WORKERS, Workers, isolated
from mammo.intake.source_folder import Folder, regular_file
from mammo.pickles import check_pickle_file
from mammo.progress import track
from mammo.records import (
    Cohort,
    Finding,
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
"""Network frame of the masks."""

SIDE_LABELS = (Pathology.BENIGN, Pathology.MALIGNANT)
"""Labels of masks, and of breasts in an exam's cancer_label."""

JOIN_PX = 8
"""Parts of a mask closer than this are one lesion: resampling left isolated pixels along the outlines."""


class _ListedImage(NamedTuple):
    """An image, its exam, and its number among the exam's images of its breast and view."""

    record: ImageRecord
    exam: dict[str, Any]
    number: int

    def values(self, key: str) -> list[int]:
        """Return the values that the exam list has for this image under a key, empty if none or not numbers."""
        by_view = self.exam.get(key)
        by_number = by_view.get(f"{self.record.laterality}-{self.record.view}") if isinstance(by_view, dict) else None
        found = by_number[self.number] if isinstance(by_number, list) and self.number < len(by_number) else ()
        try:
            return [int(value) for value in found]
        except (TypeError, ValueError):
            return []


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it asks to import {module}.{name}")


def read(root: Path, workers: Workers = DEFAULT_WORKERS) -> Cohort:
    """Read the folder.

    Args:
        root: the data set's folder.
        workers: how files are read in child processes.

    Raises:
        MammoError: the exam list is missing, damaged or holds more than plain values.
    """
    file = Folder(root).find(EXAMS, "*.pkl")
    images_folder = (file.parent / "images").relative_to(root).as_posix()
    listed: list[_ListedImage] = []
    for index, exam in enumerate(_exams(file)):
        for laterality in Laterality:
            for view in View:
                for number, name in enumerate(_names(file, exam, f"{laterality}-{view}")):
                    key, negative = str(index), _negative(exam, laterality)
                    path = f"{images_folder}/{name}.png"
                    record = ImageRecord(path, key, key, laterality, view, by_table=True, negative=negative)
                    listed.append(_ListedImage(record, exam, number))
    if not listed:
        raise MammoError(f"{file} lists no images: set another data.source")
    images: list[ImageRecord] = []
    outlines: list[LesionRecord | LeftOut] = []
    results = isolated(partial(_with_lesions, root), listed, workers, lambda image: image.record.path)
    for image, result in zip(listed, track(results, "outlines", len(listed)), strict=True):
        record, found = _without_pixels(root, image.record, result) if isinstance(result, Code) else result
        images.append(record)
        outlines += found
    lesions = tuple(outline for outline in outlines if isinstance(outline, LesionRecord))
    unusable = tuple(outline for outline in outlines if isinstance(outline, LeftOut))
    findings = tuple(_without_masks(listed, outlines))
    return Cohort(tuple(images), lesions, unusable, findings=findings, knows_patients=False)


def _negative(exam: dict[str, Any], laterality: Laterality) -> bool | None:
    """Whether this breast was not biopsied by the exam's labels; None if it has no labels."""
    labels = _side_labels(exam, laterality)
    return not any(labels.values()) and not exam["cancer_label"].get("unknown") if labels else None


def _side_labels(exam: dict[str, Any], laterality: Laterality | None) -> dict[Pathology, bool]:
    """Whether a breast had a benign and a malignant biopsy by the exam's labels; empty if it has none."""
    labels, side = exam.get("cancer_label"), {"L": "left", "R": "right"}.get(str(laterality))
    if not isinstance(labels, dict) or not {f"{side}_{label}" for label in SIDE_LABELS} <= labels.keys():
        return {}
    return {label: bool(labels[f"{side}_{label}"]) for label in SIDE_LABELS}


def _exams(file: Path) -> list[dict[str, Any]]:
    remedy = "set data.source to a folder in the exam-list layout"
    try:
        check_pickle_file(file)
        with file.open("rb") as stream:
            exams = _PlainUnpickler(stream).load()
    except OSError:
        raise MammoError(f"{file} cannot be opened: {remedy}") from None
    except Exception as error:  # a damaged pickle can fail anywhere
        cause = f"{type(error).__name__}: {error}"
        raise MammoError(f"{file} is not a pickled list of plain values ({cause}): {remedy}") from None
    if not isinstance(exams, list) or not all(isinstance(exam, dict) for exam in exams):
        raise MammoError(f"{file} does not contain a list of exams: {remedy}")
    return exams


def _names(file: Path, exam: dict[str, Any], key: str) -> list[str]:
    names = exam.get(key, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise MammoError(f"{file}: {key} must be a list of image names, got {names!r}")
    return names


def _with_lesions(root: Path, listed: _ListedImage) -> tuple[ImageRecord, list[LesionRecord | LeftOut]]:
    """Return the image and the lesions of its masks; the image is rejected if its exam faces the other way."""
    image = listed.record
    if not (root / image.path).is_file():
        return _without_pixels(root, image, Code.MISSING)
    found: list[LesionRecord | LeftOut] = []
    for label, path in _masks(root, image).items():
        try:
            outlines = list(_outlines(root, path, listed))
        except RejectedError as error:
            if error.code == Code.SIDE_CONFLICT:
                return _without_pixels(root, image, Code.SIDE_CONFLICT)
            found.append(left_out(path, error.code, image.path, label))
            continue
        for index, (mask, box) in enumerate(outlines):
            key = f"{path}#{index}"
            found.append(LesionRecord(key, image.path, label, LabelSource.BIOPSY, box, mask))
    return image, found


def _without_pixels(root: Path, image: ImageRecord, code: Code) -> tuple[ImageRecord, list[LesionRecord | LeftOut]]:
    """Return the rejected image and the lesions of its masks, which make its breast not negative."""
    masks = _masks(root, image).items()
    return rejected(image, code), [left_out(path, Code.OUTLINE_UNLINKED, image.path, label) for label, path in masks]


def _masks(root: Path, image: ImageRecord) -> dict[Pathology, str]:
    """Return the paths of the masks of an image that exist, by label."""
    folder, name = PurePosixPath(image.path).parent.parent / "segmentation", Path(image.path).stem
    paths = {label: str(folder / f"{name}_{label}.png") for label in SIDE_LABELS}
    return {label: path for label, path in paths.items() if (root / path).is_file()}


def _without_masks(listed: Sequence[_ListedImage], outlines: Iterable[LesionRecord | LeftOut]) -> Iterator[Finding]:
    """Yield a finding for each image of a breast that the exam's labels call biopsied, if no view has a mask for it.

    With a mask on another view, the lesion is taken to be invisible on this one, as in the paper's data.
    """
    breasts = {one.record.path: (one.record.exam_key, one.record.laterality) for one in listed}
    masked = {(*breasts[image_of(one)], one.label) for one in outlines}
    for one in listed:
        for label in SIDE_LABELS:
            if (
                _side_labels(one.exam, one.record.laterality).get(label)
                and (*breasts[one.record.path], label) not in masked
            ):
                yield Finding(one.record.path, label, LabelSource.BIOPSY)


def _outlines(root: Path, path: str, listed: _ListedImage) -> Iterator[Outline]:
    """Yield the outlines in one mask file, from top to bottom: (mask, box) in the stored frame.

    Raises:
        RejectedError: the mask or its image cannot be read, its size fits no known frame, or it is empty.
    """
    mask = read_mask(regular_file(root, path))
    shape = raster_shape(regular_file(root, listed.record.path))
    window = listed.values("window_location")
    if mask.shape == shape:
        yield from _parts(mask)
    elif mask.shape == (FULL.height, FULL.width):
        chain = _chain(root, listed)
        for part in _parts(mask):
            yield clipped(*chain.mask_to_stored(*part), chain.stored_shape)
    elif len(window) == 4 and shape == (window[1] - window[0], window[3] - window[2]):
        if mask.shape[0] < window[1] or mask.shape[1] < window[3]:
            raise RejectedError(Code.OUTLINE_SIZE)
        yield from _parts(mask[window[0] : window[1], window[2] : window[3]])
    else:
        raise RejectedError(Code.OUTLINE_SIZE)


def _parts(mask: NDArray[np.bool_]) -> Iterator[Outline]:
    """Yield the outline of every separate part of a mask [rows, cols]; close parts count as one."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (JOIN_PX + 1, JOIN_PX + 1))
    count, parts = cv2.connectedComponents(cv2.dilate(mask.astype(np.uint8), kernel))
    if count < 2:
        raise RejectedError(Code.OUTLINE_EMPTY)
    for part in range(1, count):
        yield outline_of_mask(mask & (parts == part))


def _chain(root: Path, listed: _ListedImage) -> FrameChain:
    """Return the image's chain to the full network frame, at the best center in the list if it has one.

    Such a best center is relative to the image as the list's writer cropped it: to window_location if the file is
    larger.

    Raises:
        RejectedError: the image cannot be read or faces the other way than the list states.
    """
    image = listed.record
    laterality, view = Laterality(str(image.laterality)), View(str(image.view))
    pixels = read_raster(regular_file(root, image.path)).values
    chain = place(pixels, laterality, view, FULL, scale=1, check_side=False).chain
    faces_left = (laterality is Laterality.RIGHT) == (listed.exam.get("horizontal_flip") != "YES")
    if chain.mirrored != faces_left:
        raise RejectedError(Code.SIDE_CONFLICT)
    center = listed.values("best_center")
    if len(center) != 2:
        return chain
    chain = replace(chain, breast=_cropped(chain, listed.values("window_location")))
    window = (FULL.height, FULL.width)
    return replace(chain, origin=window_origin((center[0], center[1]), chain.store_shape, window, view))


def _cropped(chain: FrameChain, window: list[int]) -> Box:
    """Return window_location (top, bottom, left, right), stored frame, in the mirrored frame; else the whole image."""
    height, width = chain.stored_shape
    top, bottom, left, right = window if len(window) == 4 else (0, height, 0, width)
    if not (0 <= top < bottom <= height and 0 <= left < right <= width):  # the file is already cropped to the window
        return Box(0, height, 0, width)
    return Box(top, bottom, width - right, width - left) if chain.mirrored else Box(top, bottom, left, right)
