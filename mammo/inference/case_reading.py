"""Reads the image and the outlines of a case, in a child process: files of a caller are decoded in no other."""

import gzip
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

import numpy as np
from pydicom.dataset import Dataset

from mammo.inference.case_image import CaseImage, Placing, read_image
from mammo.inference.cases import Case, LesionRequest
from mammo.inference.outlines import Drawn
from mammo.intake.coco import CocoError
from mammo.intake.dicom_header import open_dicom, quiet
from mammo.intake.extents import OutlineError
from mammo.intake.masks import MaskError
from mammo.intake.outlines import check_extent
from mammo.intake.rasters import is_raster
from mammo.intake.rejections import OUTLINE, Code, RejectedError
from mammo.intake.sandbox import Workers, isolated
from mammo.intake.source_folder import regular_file
from mammo.intake.stored_shape import Shape
from mammo.records import MammoError, Pixels

PRELOAD = (__name__,)
"""Modules that the child processes need (intake.sandbox.Workers.preload)."""

HEADER_BYTES = 1 << 20
"""Largest size of the attributes that are taken from a header."""


@dataclass(frozen=True, eq=False)
class Request:
    """One lesion to score: the user's id, and its outline in pixels of the image's file."""

    lesion_id: str
    outline: Drawn


class OtherImages(NamedTuple):
    """The other images of an exam."""

    images: tuple[CaseImage, ...] = ()
    """Those that can be used."""
    warnings: tuple[str, ...] = ()
    """Why others cannot, a sentence each."""
    names: tuple[str, ...] = ()
    """Names of the files of `images`, as the user named them; empty where these were opened before."""


@dataclass(frozen=True, eq=False)
class ReadCase:
    """A case whose files were read.

    Attributes:
        image: the image; None where it cannot be used.
        requests: its lesions whose outlines could be drawn.
        errors: why the image or an outline cannot be used, a sentence each.
        others: the other images of its exam.
    """

    image: CaseImage | None
    requests: tuple[Request, ...] = ()
    errors: tuple[str, ...] = ()
    others: OtherImages = field(default_factory=OtherImages)


def read_all(cases: Sequence[Case], placing: Placing, workers: Workers) -> Iterator[ReadCase]:
    """Yield what the files of each case hold, in order; they are read ahead in child processes.

    Args:
        cases: the cases.
        placing: how images are brought into the frame of the networks.
        workers: how files are read in child processes.
    """
    for case, found in zip(cases, isolated(partial(read_case, placing), cases, workers), strict=True):
        if isinstance(found, Code):  # the child did not survive it
            yield ReadCase(None, errors=(f"{case.name}: {found.reason}: {found.remedy}",))
        else:
            yield found


def read_case(placing: Placing, case: Case, whole: bool = False) -> ReadCase:
    """The image and the outlines of a case; what is wrong with them is an error of the result.

    Args:
        placing: how images are brought into the frame of the networks.
        case: the case.
        whole: whether the values of the whole image are asked for, too (Admitted.whole).
    """
    if case.error:
        return ReadCase(None, errors=(case.error,))
    file, given = case.root / case.path, (case.laterality, case.view)
    try:
        image = read_image(file, *given, placing, case.name, case.spacing_mm, whole)
    except MammoError as error:
        return ReadCase(None, errors=(str(error),))
    requests, errors = drawn(case.lesions, image.admitted.chain.stored_shape)
    return ReadCase(image, requests, errors, read_others(placing, case.others if requests else ()))


def drawn(lesions: Sequence[LesionRequest], shape: Shape) -> tuple[tuple[Request, ...], tuple[str, ...]]:
    """The outlines of lesions, drawn on an image of (rows, cols), and why others cannot be used, a sentence each."""
    requests, errors = [], []
    for lesion in lesions:
        try:
            outline = lesion.draw(shape)
            check_extent(outline[:2], shape)
            requests.append(Request(lesion.lesion_id, outline))
        except MammoError as error:
            errors.append(str(error))
        except RejectedError as error:
            remedy = "correct the outline" if error.code.remedy == OUTLINE else error.code.remedy
            errors.append(f"{lesion.where}: {error.code.reason}: {remedy}")
        except (OutlineError, CocoError, MaskError) as error:
            errors.append(f"{lesion.where}: the outline {error}")
        except Exception as error:  # numbers that no image has, and whatever a file makes its decoder raise
            what = f"the outline cannot be drawn ({type(error).__name__})"
            errors.append(f"{lesion.where}: {what}: correct its numbers, or save its file again")
    return tuple(requests), tuple(errors)


def read_others(placing: Placing, cases: Sequence[Case]) -> OtherImages:
    """The other images of an exam, in order; as read_case, they are read in a child process.

    Args:
        placing: how images are brought into the frame of the networks.
        cases: the images, without lesions.
    """
    images, warnings, names = [], [], []
    for case in cases:
        file, said = case.root / case.path, (case.laterality, case.view)
        try:
            images.append(read_image(file, *said, placing, case.name, case.spacing_mm))
            names.append(case.name)
        except MammoError as error:
            warnings.append(f"Not used as another image of the exam: {error}.")
    return OtherImages(tuple(images), tuple(warnings), tuple(names))


def read_viewed(placing: Placing, tags: Sequence[str], case: Case) -> tuple[ReadCase, bytes, Dataset | None]:
    """A case for a viewer, of which each file is decoded once.

    Args:
        placing: how images are brought into the frame of the networks.
        tags: keywords of the attributes of its header that are kept.
        case: the case.

    Returns:
        What read_case returns, the whole image packed, and the attributes (header_of); without an image nothing else.

    Raises:
        RejectedError: as header_of.
    """
    read = read_case(placing, case, whole=True)
    if read.image is None or read.image.admitted.whole is None:
        return read, b"", None
    image = replace(read.image, admitted=replace(read.image.admitted, whole=None))
    return replace(read, image=image), packed(read.image.admitted.whole), header_of(tags, case)


def packed(values: Pixels) -> bytes:
    """Presentation values uint16 [rows, cols], 0 to 4095, for a viewer: little endian, compressed by gzip."""
    return gzip.compress(np.ascontiguousarray(values, "<u2").data, compresslevel=1, mtime=0)


def header_of(tags: Sequence[str], case: Case) -> Dataset | None:
    """The attributes with these keywords of the image of a case; None where it is no DICOM file.

    Raises:
        RejectedError: it cannot be read, or they are far larger than any mammogram's.
    """
    if is_raster(case.path):
        return None
    with quiet():
        dataset = open_dicom(regular_file(case.root, case.path), tags)
    if len(pickle.dumps(dataset)) > HEADER_BYTES:
        raise RejectedError(Code.TOO_LARGE)
    return dataset
