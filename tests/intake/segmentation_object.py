"""DICOM Segmentation objects, made with pydicom alone."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from mammo.intake.dicom_seg import SEGMENTATION


def write_segmentation(path: Path, frames: NDArray[np.bool_], sources: Sequence[str], segments: Sequence[int]) -> None:
    """Write a binary segmentation object.

    Args:
        path: of the file.
        frames: [N, rows, cols].
        sources: SOP Instance UID of the image of each frame.
        segments: segment number of each frame.
    """
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = SEGMENTATION
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.Modality, dataset.SegmentationType = "SEG", "BINARY"
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = frames.shape
    dataset.SamplesPerPixel = 1
    dataset.BitsAllocated = dataset.BitsStored = 1
    dataset.HighBit = dataset.PixelRepresentation = 0
    dataset.PhotometricInterpretation = "MONOCHROME2"
    groups = []
    for source, number in zip(sources, segments, strict=True):
        reference, derivation, identification, group = Dataset(), Dataset(), Dataset(), Dataset()
        reference.ReferencedSOPInstanceUID = source
        derivation.SourceImageSequence = [reference]
        identification.ReferencedSegmentNumber = number
        group.SegmentIdentificationSequence = [identification]
        group.DerivationImageSequence = [derivation]
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = groups
    dataset.PixelData = np.packbits(frames.ravel(), bitorder="little").tobytes()
    dataset.save_as(path, enforce_file_format=True)
