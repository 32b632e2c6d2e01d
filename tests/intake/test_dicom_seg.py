"""Segmentation objects that are not read as outlines have the true reason."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate

from mammo.geometry import Box
from mammo.intake.dicom_seg import LABEL_MAP, outline_of_segment, read_segments
from mammo.intake.rejections import Code, RejectedError
from tests.intake.segmentation_object import write_segmentation

SHAPE = (40, 30)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A segmentation object with one segment, rows 5 to 9 and columns 6 to 12, on the image 1.2.3."""
    mask = np.zeros((1, *SHAPE), np.bool_)
    mask[0, 5:10, 6:13] = True
    write_segmentation(tmp_path / "seg.dcm", mask, ["1.2.3"], [1])
    return tmp_path / "seg.dcm"


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1.98", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"])
def test_encapsulated_bits_are_rejected(syntax: str, file: Path) -> None:
    """The headers of their items would be read as pixels."""
    assert outline_of_segment(file, 1, "1.2.3", SHAPE)[1] == Box(5, 10, 6, 13)
    dataset = pydicom.dcmread(file)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([dataset.PixelData])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(file, enforce_file_format=True)
    with pytest.raises(RejectedError, match=Code.SEGMENT_CODING):
        outline_of_segment(file, 1, "1.2.3", SHAPE)


def test_a_label_map_is_named(file: Path) -> None:
    dataset = pydicom.dcmread(file)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = LABEL_MAP
    dataset.SegmentationType = "LABELMAP"
    dataset.save_as(file, enforce_file_format=True)
    for read in (lambda: outline_of_segment(file, 1, "1.2.3", SHAPE), lambda: read_segments(file.parent, file.name)):
        with pytest.raises(RejectedError, match=Code.LABEL_MAP):
            read()
