"""Pictures of a prediction as Secondary Capture images (PS3.3 A.8), which every viewer shows.

Several viewers draw neither the polygons of a report nor a segmentation, and few apply a presentation state to a
mammogram, so the outline and the score are drawn into a picture.
"""

import hashlib

import numpy as np
from highdicom.sc import SCImage
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from mammo.dicom_out.origin import Origin
from mammo.records import MammoError


def make_picture(origin: Origin, pixels: NDArray[np.uint8], number: int) -> Dataset:
    """Return a picture in the series of pictures.

    Args:
        origin: the mammogram and what made the prediction.
        pixels: uint8 [H, W, 3], red, green and blue.
        number: of the picture, from 1.

    Raises:
        MammoError: the pixels have another type or shape.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        found = f"{pixels.dtype} {list(pixels.shape)}"
        raise MammoError(f"picture {number}: got {found}: give red, green and blue, uint8 [H, W, 3]")
    header = origin.header()
    drawn = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
    shared = origin.equipment("pictures", number) | {"sop_instance_uid": origin.uid("pictures", number, drawn)}
    made = SCImage(
        pixel_array=np.ascontiguousarray(pixels),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("A", "F"),
        study_instance_uid=header.StudyInstanceUID,
        **shared,
    )
    made.Laterality = origin.laterality or ""
    made.PatientOrientation = []  # a drawing beside text has no orientation; type 2C allows none
    made.DateOfSecondaryCapture, made.TimeOfSecondaryCapture = origin.when.date(), origin.when.time()
    made.DerivationDescription = "mammogram with outline and lesion score, for research use only"
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
    made.SourceImageSequence = [reference]
    return origin.complete(made)
