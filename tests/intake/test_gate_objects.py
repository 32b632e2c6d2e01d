"""The gate by object type, laterality, view and file: other objects, contradictory headers and files without images."""

import os
from pathlib import Path

import cv2
import numpy as np
import pydicom.data
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from mammo.ingestion.run import ingest_cohort
from mammo.ingestion.worker import Recipe
from mammo.intake.adapters.table import read
from mammo.intake.outcomes import Outcome, Verdict, counts
from tests.intake.dicom_variants import (
    BREAST,
    FRAME,
    PNG,
    Results,
    Variant,
    check_pixels,
    ingest,
    jpeg_2000,
    jpeg_lossless,
    named,
    sequence,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:Invalid value for VR"),  # written on purpose
    pytest.mark.filterwarnings("ignore:Unknown encoding"),
]
RIGHT = np.ascontiguousarray(BREAST[:, ::-1])


def code(value: str, **more: object) -> list[Dataset]:
    return sequence(CodeValue=value, **more)


def view(value: str, modifier: str | None = None) -> dict[str, object]:
    more = {} if modifier is None else {"ViewModifierCodeSequence": code(modifier)}
    return {"ViewPosition": None, "ViewCodeSequence": code(value, **more)}


def modified(modifier: str) -> dict[str, object]:
    return {"ViewCodeSequence": code("399162004", ViewModifierCodeSequence=code(modifier))}


def lettered(words: str) -> NDArray[np.uint16]:
    """Return the breast, four times as large, with words above it on the background."""
    breast = np.kron(BREAST, np.ones((4, 4), np.uint16))
    sheet = np.zeros(breast.shape, np.uint8)
    cv2.putText(sheet, words, (20, 48), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 1)
    return np.maximum(breast, (sheet * (4095 / 255)).astype(np.uint16))


NO_SIDE = {"ImageLaterality": None}

ACCEPTED = [
    Variant("plain"),
    Variant("values in small letters", tags={"ImageLaterality": "l", "ViewPosition": "cc", "Modality": "mg"}),
    Variant("right breast", tags={"ImageLaterality": "R"}, codes=RIGHT),
    Variant("oblique", tags={"ViewPosition": "MLO"}),
    Variant("laterality of the series", tags=NO_SIDE | {"Laterality": "L"}),
    Variant("laterality of the region", tags=NO_SIDE | {"AnatomicRegionSequence": code("80248007")}),
    Variant("laterality of the region srt", tags=NO_SIDE | {"AnatomicRegionSequence": code("T-04020")}, codes=RIGHT),
    Variant(
        "laterality of the regions modifier",
        tags=NO_SIDE | {"AnatomicRegionSequence": code("76752008", AnatomicRegionModifierSequence=code("24028007"))},
        codes=RIGHT,
    ),
    Variant(
        "laterality of the frame",
        tags=NO_SIDE | {"SharedFunctionalGroupsSequence": sequence(FrameAnatomySequence=sequence(FrameLaterality="L"))},
    ),
    Variant("orientation", tags={"PatientOrientation": ["A", "R"]}),
    Variant("orientation, right", tags={"ImageLaterality": "R", "PatientOrientation": ["P", "L"]}, codes=RIGHT),
    Variant("orientation, oblique", tags={"ViewPosition": "MLO", "PatientOrientation": ["A", "FR"]}),
    Variant("the view's name as orientation", tags={"PatientOrientation": "MLO"}),
    Variant("laterality of the orientation", tags=NO_SIDE | {"PatientOrientation": ["P", "L"]}, codes=RIGHT),
    Variant("view code sct", tags=view("399162004")),
    Variant("view code srt", tags=view("R-10226")),
    Variant("view code and position agree", tags={"ViewCodeSequence": code("399162004")}),
    Variant("nipple in profile", tags=modified("442581004")),
    Variant("no modifier", tags={"ViewCodeSequence": code("399162004", ViewModifierCodeSequence=[])}),
    Variant("one frame", tags={"NumberOfFrames": 1}),
    Variant("processed", tags={"ImageType": ["DERIVED", "PRIMARY"]}),
    Variant("slightly magnified", tags={"EstimatedRadiographicMagnificationFactor": "1.08"}),
    Variant("spacing of the detector only", tags={"ImagerPixelSpacing": [0.07, 0.07]}),
    Variant("nearly square pixels", tags={"ImagerPixelSpacing": [0.07, 0.0705]}),
    Variant("square pixels by their ratio", tags={"PixelAspectRatio": [1, 1]}),
    Variant("calibrated spacing", tags={"ImagerPixelSpacing": [0.07, 0.07], "PixelSpacing": [0.065, 0.065]}),
    Variant("a lead marker", codes=lettered("R MLO ab")),
    Variant("text that the header denies", tags={"BurnedInAnnotation": "NO"}, codes=lettered("DOE^JANE 650302")),
    Variant("no implant", tags={"BreastImplantPresent": "NO", "PartialView": "NO", "BurnedInAnnotation": "NO"}),
    Variant("unknown charset", tags={"SpecificCharacterSet": "ISO_IR 999", "PatientName": "X^Y"}),
    Variant("identifier of another kind", tags={"SOPInstanceUID": "../../etc/passwd"}),
    Variant("html in a name", tags={"PatientName": "<img src=x onerror=alert(1)>"}),
    Variant("tiff preamble", damage=lambda content: b"II*\0" + content[4:]),
    Variant(
        "marker letters",
        codes=np.where((np.indices(BREAST.shape)[0] < 9) & (np.indices(BREAST.shape)[1] > 106), 4095, BREAST).astype(
            np.uint16
        ),
    ),
]

FLAGGED = [
    Variant("lateralities differ", "laterality_conflict", {"Laterality": "R"}),
    Variant("region differs", "laterality_conflict", {"AnatomicRegionSequence": code("73056007")}),
    Variant("turned by 180 degrees", "upside_down+chest_wall", {"PatientOrientation": ["P", "L"]}),
    Variant("upside down", "upside_down", {"PatientOrientation": ["A", "L"]}),
    Variant("upside down, right", "upside_down", {"ImageLaterality": "R", "PatientOrientation": ["P", "R"]}, RIGHT),
    Variant("upside down, oblique", "upside_down", {"ViewPosition": "MLO", "PatientOrientation": ["A", "HL"]}),
    Variant("other chest wall, oblique", "chest_wall", {"ViewPosition": "MLO", "PatientOrientation": ["P", "FR"]}),
    Variant("other chest wall", "chest_wall", {"PatientOrientation": ["P", "R"]}),
    Variant("implant", "implant", {"BreastImplantPresent": "YES"}),
    Variant("implant in small letters", "implant", {"BreastImplantPresent": "yes"}),
    Variant("implant displaced", "implant", modified("399209000")),
    Variant("partial view", "partial", {"PartialView": "YES"}),
    Variant("burned-in annotation", "burned_in", {"BurnedInAnnotation": "YES"}),
    Variant("a name in the pixels", "burned_in", codes=lettered("DOE^JANE 650302")),
    Variant("a name below a dark breast", "burned_in", codes=lettered("DOE^JANE 650302")[::-1, :] // 2),
    Variant("synthetic", "synthetic", {"ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"]}),
    Variant("c-view", "synthetic", {"ImageType": ["DERIVED", "PRIMARY", "C-VIEW"]}),
    Variant("windows program as preamble", "preamble", damage=lambda content: b"MZ" + content[2:]),
    Variant("linux program as preamble", "preamble", damage=lambda content: b"\x7fELF" + content[4:]),
]

REJECTED = [
    Variant("ultrasound", "wrong_modality", {"Modality": "US"}),
    Variant("digital radiography", "wrong_modality", {"Modality": "DX"}),
    Variant("computed radiography", "wrong_modality", {"Modality": "CR"}),
    Variant("no modality", "wrong_modality", {"Modality": None}),
    Variant("ct called mammography", "wrong_modality", {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}),
    Variant("report", "wrong_modality", {"Modality": "SR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.50"}),
    Variant("segmentation", "wrong_modality", {"Modality": "SEG", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.66.4"}),
    Variant("secondary capture", "secondary_capture", {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}),
    Variant("secondary capture of many frames", "secondary_capture", {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.2"}),
    Variant("image type secondary", "secondary_capture", {"ImageType": ["DERIVED", "SECONDARY"]}),
    Variant("tomosynthesis", "tomosynthesis", {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.13.1.3", "NumberOfFrames": 3}),
    Variant("tomosynthesis by image type", "tomosynthesis", {"ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS"]}),
    Variant("two frames", "multi_frame", {"NumberOfFrames": 2}),
    Variant("two thousand million frames", "multi_frame", {"NumberOfFrames": 2000000000}),
    Variant("projection", "projection", {"ImageType": ["ORIGINAL", "PRIMARY", "TOMO_PROJ"]}),
    Variant("stereo scout", "projection", {"ImageType": ["ORIGINAL", "PRIMARY", "STEREO_SCOUT"]}),
    Variant("contrast agent", "contrast_enhanced", {"ContrastBolusAgent": "IOHEXOL"}),
    Variant("recombined", "contrast_enhanced", {"ImageType": ["DERIVED", "PRIMARY", "RECOMBINED"]}),
    Variant("specimen", "specimen", {"SpecimenDescriptionSequence": sequence(SpecimenIdentifier="1")}),
    Variant("specimen by view", "specimen", view("127457009")),
    Variant("for processing", "for_processing", {"PresentationIntentType": "FOR PROCESSING"}),
    Variant("for processing in small letters", "for_processing", {"PresentationIntentType": "for processing"}),
    Variant("for processing by class", "for_processing", {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.2.1"}),
    Variant("color", "not_gray", {"PhotometricInterpretation": "RGB"}),
    Variant("palette", "not_gray", {"PhotometricInterpretation": "PALETTE COLOR"}),
    Variant("unknown photometric", "not_gray", {"PhotometricInterpretation": "MONOCHROME3"}),
    Variant("no photometric", "not_gray", {"PhotometricInterpretation": None}),
    Variant("three samples", "not_gray", {"SamplesPerPixel": 3}),
    Variant("no patient", "no_patient", {"PatientID": ""}),
    Variant("no exam", "no_patient", {"StudyInstanceUID": None}),
    Variant("no laterality", "no_laterality", NO_SIDE),
    Variant("both breasts", "no_laterality", {"ImageLaterality": "B"}),
    Variant("no view", "no_view", {"ViewPosition": None}),
    Variant("medio-lateral", "other_view", {"ViewPosition": "ML"}),
    Variant("exaggerated", "other_view", {"ViewPosition": "XCCL"}),
    Variant("latero-medial code", "other_view", view("399352003")),
    Variant("views differ", "view_conflict", {"ViewCodeSequence": code("399368009")}),
    Variant("magnified", "magnification", modified("399163009")),
    Variant("magnified srt", "magnification", modified("R-102D6")),
    Variant("magnified by factor", "magnification", {"EstimatedRadiographicMagnificationFactor": "1.8"}),
    Variant("spot", "spot", modified("399055006")),
    Variant("spot srt", "spot", modified("R-102D7")),
    Variant("rolled", "modified_view", modified("399226006")),
    Variant("cleavage", "modified_view", modified("399161006")),
    Variant("no rows", "bad_shape", {"Rows": None}),
    Variant("no columns", "bad_shape", {"Columns": 0}),
    Variant("65535 x 65535", "too_large", {"Rows": 65535, "Columns": 65535}),
    Variant("high pixels", "not_square", {"ImagerPixelSpacing": [0.07, 0.06]}),
    Variant("high pixels of the image", "not_square", {"PixelSpacing": [0.1, 0.098]}),
    Variant("high pixels by their ratio", "not_square", {"PixelAspectRatio": [4, 3]}),
    Variant("wrong side", "side_conflict", {"ImageLaterality": "R"}),
    Variant("flipped", "side_conflict", codes=RIGHT),
    Variant("empty file", "empty_file", damage=lambda content: b""),
    Variant("zeros and the prefix", "not_dicom", damage=lambda content: b"\0" * 128 + b"DICM"),
    Variant("no preamble", "not_dicom", damage=lambda content: content[132:]),
    Variant("header cut off", "not_gray", damage=lambda content: content[:400]),
    Variant("png", "not_dicom", damage=lambda content: PNG),
    Variant("login page", "not_dicom", damage=lambda content: b"<!DOCTYPE html><title>Log in</title>"),
    Variant("zip archive", "archive", damage=lambda content: b"PK\x03\x04" + content),
    Variant("gzip archive", "archive", damage=lambda content: b"\x1f\x8b\x08" + content),
    Variant("random bytes", "not_dicom", damage=lambda content: np.random.default_rng(3).bytes(4000)),
]

VARIANTS = [*ACCEPTED, *FLAGGED, *REJECTED]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return ingest(VARIANTS, tmp_path_factory.mktemp("objects"))


@named(VARIANTS)
def test_every_variant_has_its_outcome(results: Results, variant: Variant) -> None:
    assert results.outcome(variant.name) == variant.outcome


@named(ACCEPTED)
def test_pixels_are_the_codes(results: Results, variant: Variant) -> None:
    check_pixels(results, variant)


def test_outcome_counts_add_up_to_the_files(results: Results) -> None:
    found = counts(results.result.outcomes)
    assert sum(found.values()) == len(VARIANTS)
    assert found[Verdict.ACCEPTED] == len(ACCEPTED)
    assert found[Verdict.FLAGGED] == len(FLAGGED)


SAME = {"PatientID": "P", "StudyInstanceUID": "2.25.7"}

REPEATED = [
    Variant("first", tags=SAME),
    Variant("sent again", "duplicate", tags=SAME),
    Variant(
        "sent again with another identifier",
        "duplicate",
        tags=SAME | {"SOPInstanceUID": "2.25.99"},
        syntax="1.2.840.10008.1.2.4.90",
        frame=jpeg_2000,
    ),
    Variant("recompressed", "duplicate", tags=SAME, syntax="1.2.840.10008.1.2.4.70", frame=jpeg_lossless),
    Variant(
        "lossy copy",
        "duplicate",
        tags=SAME,
        syntax="1.2.840.10008.1.2.4.91",
        frame=lambda c: bytes(jpeg_2000((c + 1).astype(np.uint16))),
    ),
    Variant("the other view", tags=SAME | {"ViewPosition": "MLO"}),
    Variant("another patient"),
    Variant("shared identifier", "uid_conflict", tags=SAME | {"SOPInstanceUID": "2.25.5", "PatientID": "Q"}),
    Variant(
        "shared identifier, other pixels",
        "uid_conflict",
        tags=SAME | {"SOPInstanceUID": "2.25.5", "PatientID": "Q"},
        codes=(BREAST // 2).astype(np.uint16),
    ),
]


def test_repeated_images_are_duplicates(tmp_path: Path) -> None:
    results = ingest(REPEATED, tmp_path)
    assert {variant.name: results.outcome(variant.name) for variant in REPEATED} == {
        variant.name: variant.outcome for variant in REPEATED
    }
    assert results.by_name["sent again"].kept == "000.dcm"
    assert len(results.result.manifest.images) == 3


def outcomes_of(folder: Path, tmp_path: Path) -> list[Outcome]:
    return list(ingest_cohort(Recipe(folder, tmp_path / "store", FRAME, 1), read(folder), 1).outcomes)


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "lesions.csv").write_text("image,label,mask\n")
    (source / "good.dcm").write_bytes(Variant("good").content(1))
    os.mkfifo(source / "fifo.dcm")
    (source / "loop.dcm").symlink_to(source / "loop.dcm")
    (source / "gone.dcm").symlink_to(source / "nowhere")
    (source / "outside.dcm").symlink_to(Path(__file__))
    (source / "folder.dcm").mkdir()
    name = os.fsdecode(b"\xff=cmd\n\"',.dcm")
    (source / name).write_bytes(b"x")
    (source / ("n" * 240 + ".dcm")).write_bytes(b"")
    codes = {outcome.path: "+".join(outcome.codes) for outcome in outcomes_of(source, tmp_path)}
    links = dict.fromkeys(("fifo.dcm", "loop.dcm", "gone.dcm", "outside.dcm"), "not_regular")
    assert codes == links | {"good.dcm": "", name: "not_dicom", "n" * 240 + ".dcm": "empty_file"}


def test_a_truncated_png_is_rejected(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "lesions.csv").write_text("image,label,mask\n")
    names = [f"{name}.png" for name in ("whole", "cut", "gray8", "color")]
    (source / "images.csv").write_text(
        "image,patient,exam,laterality,view\n" + "".join(f"{n},p{n},e,L,CC\n" for n in names)
    )
    (source / "whole.png").write_bytes(PNG)
    (source / "cut.png").write_bytes(PNG[: len(PNG) // 2])
    cv2.imwrite(str(source / "gray8.png"), (BREAST >> 4).astype(np.uint8))
    cv2.imwrite(str(source / "color.png"), np.dstack([BREAST] * 3))
    codes = {outcome.path: "+".join(outcome.codes) for outcome in outcomes_of(source, tmp_path)}
    assert codes == {"whole.png": "", "cut.png": "broken_pixels", "gray8.png": "eight_bit", "color.png": "not_gray"}


def test_no_test_file_of_pydicom_is_a_mammogram(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "lesions.csv").write_text("image,label,mask\n")
    (source / "good.dcm").write_bytes(Variant("good").content(1))
    folder = Path(pydicom.data.__file__).parent
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc", ".json")]
    assert len(files) > 150
    for number, path in enumerate(files):
        (source / f"{number:03d}.dcm").write_bytes(path.read_bytes())
    outcomes = outcomes_of(source, tmp_path)
    assert len(outcomes) == len(files) + 1
    left_out = (Verdict.REJECTED, Verdict.NOT_IMAGE)  # an archive is no image
    assert [outcome.path for outcome in outcomes if outcome.verdict not in left_out] == ["good.dcm"]
