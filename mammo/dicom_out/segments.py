"""The outlines of a prediction as a Segmentation object (PS3.3 A.51): one binary segment for each lesion."""

import numpy as np
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentationTypeValues, SegmentDescription
from pydicom.dataset import Dataset

from mammo.dicom_out.codes import ABNORMAL, BREAST, LESION
from mammo.dicom_out.origin import Origin


def make_segmentation(origin: Origin) -> Dataset:
    """Return the segmentation, whose frames lie pixel by pixel on the mammogram as it is stored."""
    rows, cols = origin.shape
    masks = np.zeros((1, rows, cols, len(origin.lesions)), dtype=np.bool_)
    for index, lesion in enumerate(origin.lesions):
        mask, box, _ = lesion.outline
        masks[0, box.row0 : box.row1, box.col0 : box.col1, index] = mask
    made = Segmentation(
        source_images=[origin.header()],
        pixel_array=masks,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[_description(origin, index) for index in range(len(origin.lesions))],
        content_label="LESION_OUTLINES",
        content_description="outlines of the lesions that were scored",
        **origin.equipment("outlines"),
    )
    _fix_dimensions(made, origin)
    made.PatientOrientation = origin.orientation()  # General Image, type 2C; highdicom leaves it out
    return origin.complete(made)


def _description(origin: Origin, index: int) -> SegmentDescription:
    return SegmentDescription(
        segment_number=index + 1,
        segment_label=origin.label(index),
        segmented_property_category=ABNORMAL,
        segmented_property_type=LESION,
        algorithm_type=SegmentAlgorithmTypeValues.MANUAL,
        tracking_uid=origin.uid("lesion", index),
        tracking_id=origin.label(index),
        anatomic_regions=[BREAST],
    )


def _fix_dimensions(made: Dataset, origin: Origin) -> None:
    """Replace the random identifier of the dimensions by one that a repeat has too."""
    uid = origin.uid("outlines", "dimensions")
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid
