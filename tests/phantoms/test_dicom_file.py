from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from mammo.phantoms.detector import draw_detector
from mammo.phantoms.dicom_file import Storage, draw_storage, write_image
from mammo.phantoms.image import draw_image, plan_image
from mammo.phantoms.spec import CohortSpec, Key
from mammo.phantoms.transfer_syntaxes import SYNTAXES, Syntax
from mammo.records import Laterality, Pixels, View

SPEC = CohortSpec(seed=2)
KEY = Key(2, 3, Laterality.RIGHT, View.MLO)
DECODERS = {
    JPEGLosslessSV1: imagecodecs.jpegsof3_decode,
    JPEGLSLossless: imagecodecs.jpegls_decode,
    JPEG2000Lossless: imagecodecs.jpeg2k_decode,
}


@pytest.fixture(scope="module")
def pixels() -> Pixels:
    return draw_image(plan_image(SPEC, KEY.patient, KEY.laterality, KEY.view)).pixels


def stored(dataset: Dataset) -> Pixels:
    decode = DECODERS.get(dataset.file_meta.TransferSyntaxUID)
    if decode is None:
        return dataset.pixel_array
    return decode(next(generate_frames(dataset.PixelData, number_of_frames=1)))


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda s: s.uid.name[:24])
def test_every_syntax_presents_the_same_pixels(tmp_path: Path, pixels: Pixels, syntax: Syntax, inverted: bool) -> None:
    path = tmp_path / "image.dcm"
    write_image(path, pixels, SPEC, KEY, Storage(syntax, inverted))
    dataset = pydicom.dcmread(path)
    assert dataset.file_meta.TransferSyntaxUID == syntax.uid
    assert dataset.PhotometricInterpretation == ("MONOCHROME1" if inverted else "MONOCHROME2")
    values = stored(dataset)
    assert np.array_equal(4095 - values if inverted else values, pixels)
    assert (dataset.Rows, dataset.Columns) == pixels.shape


def test_the_window_is_the_identity(tmp_path: Path, pixels: Pixels) -> None:
    path = tmp_path / "image.dcm"
    write_image(path, pixels, SPEC, KEY, Storage(SYNTAXES[0], False))
    dataset = pydicom.dcmread(path)
    shown = pydicom.pixels.apply_voi_lut(dataset.pixel_array, dataset)
    assert np.allclose(shown, pixels, atol=1e-6)


def test_the_file_is_a_complete_mammogram_for_presentation(tmp_path: Path, pixels: Pixels) -> None:
    path = tmp_path / "image.dcm"
    write_image(path, pixels, SPEC, KEY, draw_storage(KEY))
    dataset = pydicom.dcmread(path)
    assert dataset.SOPClassUID == DigitalMammographyXRayImageStorageForPresentation
    assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
    values = {name: getattr(dataset, name) for name in (*TYPE_1, "PatientID", "PatientOrientation")}
    assert all(value not in (None, "") for value in values.values())
    assert (values["ImageLaterality"], values["ViewPosition"]) == ("R", "MLO")
    assert (values["PatientID"], values["PatientOrientation"]) == ("PHANTOM-0003", ["P", "FL"])
    assert dataset.ViewCodeSequence[0].CodeValue == "399368009"
    detector = draw_detector(KEY)
    assert (dataset.Manufacturer, dataset.ManufacturerModelName) == (detector.manufacturer, detector.model)
    assert list(map(float, dataset.PixelSpacing)) == [detector.pixel_mm * 8] * 2
    for name in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        assert getattr(dataset, name).is_valid


TYPE_1 = [
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "PresentationIntentType",
    "ImageType",
    "BurnedInAnnotation",
    "LossyImageCompression",
    "ImageLaterality",
    "ViewPosition",
    "ViewCodeSequence",
    "AnatomicRegionSequence",
    "OrganExposed",
    "PositionerType",
    "ImagerPixelSpacing",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelIntensityRelationship",
    "PixelIntensityRelationshipSign",
    "RescaleIntercept",
    "RescaleSlope",
    "RescaleType",
    "PresentationLUTShape",
    "PixelData",
    "WindowCenter",
    "WindowWidth",
    "BreastImplantPresent",
    "Manufacturer",
    "InstanceNumber",
]


def test_identifiers_name_one_image_of_one_recipe(tmp_path: Path, pixels: Pixels) -> None:
    other = Key(2, 3, Laterality.RIGHT, View.CC)
    written = {}
    for name, spec, key in (("a", SPEC, KEY), ("b", SPEC, KEY), ("c", SPEC, other), ("d", CohortSpec(seed=3), KEY)):
        write_image(tmp_path / name, pixels, spec, key, draw_storage(key))
        written[name] = pydicom.dcmread(tmp_path / name, stop_before_pixels=True)
    assert written["a"].SOPInstanceUID == written["b"].SOPInstanceUID
    assert len({written[n].SOPInstanceUID for n in "acd"}) == 3
    assert len({written[n].SeriesInstanceUID for n in "acd"}) == 3
    assert written["a"].StudyInstanceUID == written["c"].StudyInstanceUID != written["d"].StudyInstanceUID


def test_a_cohort_uses_every_storage() -> None:
    keys = [Key(0, p, side, view) for p in range(1, 101) for side in Laterality for view in View]
    drawn = [draw_storage(key) for key in keys]
    assert {storage.syntax.uid for storage in drawn} == {
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        RLELossless,
        *DECODERS,
    }
    assert 0.15 < np.mean([storage.inverted for storage in drawn]) < 0.35
