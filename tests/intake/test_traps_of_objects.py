"""Traps of kind, position and file: what is no screening mammogram, whose breast it is, and what is no image at all."""

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
from tests.intake.traps import (
    BREAST,
    FRAME,
    PNG,
    Results,
    Trap,
    check_pixels,
    ingest,
    jpeg_2000,
    jpeg_lossless,
    named,
    sequence,
)

RIGHT = np.ascontiguousarray(BREAST[:, ::-1])


def code(value: str, **more: object) -> list[Dataset]:
    return sequence(CodeValue=value, **more)


def view(value: str, modifier: str | None = None) -> dict[str, object]:
    more = {} if modifier is None else {"ViewModifierCodeSequence": code(modifier)}
    return {"ViewPosition": None, "ViewCodeSequence": code(value, **more)}


def modified(modifier: str) -> dict[str, object]:
    return {"ViewCodeSequence": code("399162004", ViewModifierCodeSequence=code(modifier))}


def lettered(words: str) -> NDArray[np.uint16]:
    """The breast, four times as large, with words above it, on the background."""
    breast = np.kron(BREAST, np.ones((4, 4), np.uint16))
    sheet = np.zeros(breast.shape, np.uint8)
    cv2.putText(sheet, words, (20, 48), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 1)
    return np.maximum(breast, (sheet * (4095 / 255)).astype(np.uint16))


NO_SIDE = {"ImageLaterality": None}

ACCEPTED = [
    Trap("plain"),
    Trap("words in small letters", tags={"ImageLaterality": "l", "ViewPosition": "cc", "Modality": "mg"}),
    Trap("right breast", tags={"ImageLaterality": "R"}, codes=RIGHT),
    Trap("oblique", tags={"ViewPosition": "MLO"}),
    Trap("laterality of the series", tags=NO_SIDE | {"Laterality": "L"}),
    Trap("laterality of the region", tags=NO_SIDE | {"AnatomicRegionSequence": code("80248007")}),
    Trap("laterality of the region srt", tags=NO_SIDE | {"AnatomicRegionSequence": code("T-04020")}, codes=RIGHT),
    Trap(
        "laterality of the regions modifier",
        tags=NO_SIDE | {"AnatomicRegionSequence": code("76752008", AnatomicRegionModifierSequence=code("24028007"))},
        codes=RIGHT,
    ),
    Trap(
        "laterality of the frame",
        tags=NO_SIDE | {"SharedFunctionalGroupsSequence": sequence(FrameAnatomySequence=sequence(FrameLaterality="L"))},
    ),
    Trap("laterality of the orientation", tags=NO_SIDE | {"PatientOrientation": ["P", "L"]}, codes=RIGHT),
    Trap("view code sct", tags=view("399162004")),
    Trap("view code srt", tags=view("R-10226")),
    Trap("view code and position agree", tags={"ViewCodeSequence": code("399162004")}),
    Trap("nipple in profile", tags=modified("442581004")),
    Trap("no modifier", tags={"ViewCodeSequence": code("399162004", ViewModifierCodeSequence=[])}),
    Trap("one frame", tags={"NumberOfFrames": 1}),
    Trap("processed", tags={"ImageType": ["DERIVED", "PRIMARY"]}),
    Trap("a little magnified", tags={"EstimatedRadiographicMagnificationFactor": "1.08"}),
    Trap("spacing of detector alone", tags={"ImagerPixelSpacing": [0.07, 0.07]}),
    Trap("calibrated spacing", tags={"ImagerPixelSpacing": [0.07, 0.07], "PixelSpacing": [0.065, 0.065]}),
    Trap("a lead marker", codes=lettered("R MLO ab")),
    Trap("text that the header denies", tags={"BurnedInAnnotation": "NO"}, codes=lettered("DOE^JANE 650302")),
    Trap("no implant", tags={"BreastImplantPresent": "NO", "PartialView": "NO", "BurnedInAnnotation": "NO"}),
    Trap("unknown charset", tags={"SpecificCharacterSet": "ISO_IR 999", "PatientName": "X^Y"}),
    Trap("identifier of another kind", tags={"SOPInstanceUID": "../../etc/passwd"}),
    Trap("html in a name", tags={"PatientName": "<img src=x onerror=alert(1)>"}),
    Trap("tiff preamble", damage=lambda content: b"II*\0" + content[4:]),
    Trap(
        "marker letters",
        codes=np.where((np.indices(BREAST.shape)[0] < 9) & (np.indices(BREAST.shape)[1] > 106), 4095, BREAST).astype(
            np.uint16
        ),
    ),
]

DOUBTFUL = [
    Trap("lateralities differ", "laterality_conflict", {"Laterality": "R"}),
    Trap("region differs", "laterality_conflict", {"AnatomicRegionSequence": code("73056007")}),
    Trap("orientation differs", "laterality_conflict", {"PatientOrientation": ["P", "L"]}),
    Trap("implant", "implant", {"BreastImplantPresent": "YES"}),
    Trap("implant in small letters", "implant", {"BreastImplantPresent": "yes"}),
    Trap("implant displaced", "implant", modified("399209000")),
    Trap("partial view", "partial", {"PartialView": "YES"}),
    Trap("burned-in annotation", "burned_in", {"BurnedInAnnotation": "YES"}),
    Trap("a name in the pixels", "burned_in", codes=lettered("DOE^JANE 650302")),
    Trap("a name below a dark breast", "burned_in", codes=lettered("DOE^JANE 650302")[::-1, :] // 2),
    Trap("synthetic", "synthetic", {"ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"]}),
    Trap("c-view", "synthetic", {"ImageType": ["DERIVED", "PRIMARY", "C-VIEW"]}),
    Trap("windows program as preamble", "preamble", damage=lambda content: b"MZ" + content[2:]),
    Trap("linux program as preamble", "preamble", damage=lambda content: b"\x7fELF" + content[4:]),
]

REJECTED = [
    Trap("ultrasound", "wrong_modality", {"Modality": "US"}),
    Trap("digital radiography", "wrong_modality", {"Modality": "DX"}),
    Trap("computed radiography", "wrong_modality", {"Modality": "CR"}),
    Trap("no modality", "wrong_modality", {"Modality": None}),
    Trap("ct called mammography", "wrong_modality", {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}),
    Trap("report", "wrong_modality", {"Modality": "SR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.50"}),
    Trap("segmentation", "wrong_modality", {"Modality": "SEG", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.66.4"}),
    Trap("secondary capture", "secondary_capture", {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}),
    Trap("secondary capture of many frames", "secondary_capture", {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.2"}),
    Trap("image type secondary", "secondary_capture", {"ImageType": ["DERIVED", "SECONDARY"]}),
    Trap("tomosynthesis", "tomosynthesis", {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.13.1.3", "NumberOfFrames": 3}),
    Trap("tomosynthesis by image type", "tomosynthesis", {"ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS"]}),
    Trap("two frames", "multi_frame", {"NumberOfFrames": 2}),
    Trap("two thousand million frames", "multi_frame", {"NumberOfFrames": 2000000000}),
    Trap("projection", "projection", {"ImageType": ["ORIGINAL", "PRIMARY", "TOMO_PROJ"]}),
    Trap("stereo scout", "projection", {"ImageType": ["ORIGINAL", "PRIMARY", "STEREO_SCOUT"]}),
    Trap("contrast agent", "contrast_enhanced", {"ContrastBolusAgent": "IOHEXOL"}),
    Trap("recombined", "contrast_enhanced", {"ImageType": ["DERIVED", "PRIMARY", "RECOMBINED"]}),
    Trap("specimen", "specimen", {"SpecimenDescriptionSequence": sequence(SpecimenIdentifier="1")}),
    Trap("specimen by view", "specimen", view("127457009")),
    Trap("for processing", "for_processing", {"PresentationIntentType": "FOR PROCESSING"}),
    Trap("for processing in small letters", "for_processing", {"PresentationIntentType": "for processing"}),
    Trap("for processing by class", "for_processing", {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.2.1"}),
    Trap("colour", "not_grey", {"PhotometricInterpretation": "RGB"}),
    Trap("palette", "not_grey", {"PhotometricInterpretation": "PALETTE COLOR"}),
    Trap("unknown photometric", "not_grey", {"PhotometricInterpretation": "MONOCHROME3"}),
    Trap("no photometric", "not_grey", {"PhotometricInterpretation": None}),
    Trap("three samples", "not_grey", {"SamplesPerPixel": 3}),
    Trap("no patient", "no_patient", {"PatientID": ""}),
    Trap("no exam", "no_patient", {"StudyInstanceUID": None}),
    Trap("no laterality", "no_laterality", NO_SIDE),
    Trap("both breasts", "no_laterality", {"ImageLaterality": "B"}),
    Trap("no view", "no_view", {"ViewPosition": None}),
    Trap("medio-lateral", "other_view", {"ViewPosition": "ML"}),
    Trap("exaggerated", "other_view", {"ViewPosition": "XCCL"}),
    Trap("latero-medial code", "other_view", view("399352003")),
    Trap("views differ", "view_conflict", {"ViewCodeSequence": code("399368009")}),
    Trap("magnified", "magnification", modified("399163009")),
    Trap("magnified srt", "magnification", modified("R-102D6")),
    Trap("magnified by factor", "magnification", {"EstimatedRadiographicMagnificationFactor": "1.8"}),
    Trap("spot", "spot", modified("399055006")),
    Trap("spot srt", "spot", modified("R-102D7")),
    Trap("rolled", "modified_view", modified("399226006")),
    Trap("cleavage", "modified_view", modified("399161006")),
    Trap("no rows", "bad_shape", {"Rows": None}),
    Trap("no columns", "bad_shape", {"Columns": 0}),
    Trap("65535 x 65535", "too_large", {"Rows": 65535, "Columns": 65535}),
    Trap("wrong side", "side_conflict", {"ImageLaterality": "R"}),
    Trap("flipped", "side_conflict", codes=RIGHT),
    Trap("empty file", "empty_file", damage=lambda content: b""),
    Trap("zeros and the magic word", "not_dicom", damage=lambda content: b"\0" * 128 + b"DICM"),
    Trap("no preamble", "not_dicom", damage=lambda content: content[132:]),
    Trap("header cut off", "not_grey", damage=lambda content: content[:400]),
    Trap("png", "not_dicom", damage=lambda content: PNG),
    Trap("login page", "not_dicom", damage=lambda content: b"<!DOCTYPE html><title>Log in</title>"),
    Trap("zip archive", "archive", damage=lambda content: b"PK\x03\x04" + content),
    Trap("gzip archive", "archive", damage=lambda content: b"\x1f\x8b\x08" + content),
    Trap("random bytes", "not_dicom", damage=lambda content: np.random.default_rng(3).bytes(4000)),
]

TRAPS = [*ACCEPTED, *DOUBTFUL, *REJECTED]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return ingest(TRAPS, tmp_path_factory.mktemp("objects"))


@named(TRAPS)
def test_outcome(results: Results, trap: Trap) -> None:
    assert results.told(trap.name) == trap.outcome


@named(ACCEPTED)
def test_pixels_are_the_codes(results: Results, trap: Trap) -> None:
    check_pixels(results, trap)


def test_counts_add_up(results: Results) -> None:
    found = counts(results.filling.outcomes)
    assert sum(found.values()) == len(TRAPS)
    assert found[Verdict.ACCEPTED] == len(ACCEPTED)
    assert found[Verdict.FLAGGED] == len(DOUBTFUL)


SAME = {"PatientID": "P", "StudyInstanceUID": "2.25.7"}

REPEATED = [
    Trap("first", tags=SAME),
    Trap("sent again", "duplicate", tags=SAME),
    Trap(
        "sent again by another name",
        "duplicate",
        tags=SAME | {"SOPInstanceUID": "2.25.99"},
        syntax="1.2.840.10008.1.2.4.90",
        frame=jpeg_2000,
    ),
    Trap("recompressed", "duplicate", tags=SAME, syntax="1.2.840.10008.1.2.4.70", frame=jpeg_lossless),
    Trap(
        "lossy twin",
        "duplicate",
        tags=SAME,
        syntax="1.2.840.10008.1.2.4.91",
        frame=lambda c: bytes(jpeg_2000((c + 1).astype(np.uint16))),
    ),
    Trap("the other view", tags=SAME | {"ViewPosition": "MLO"}),
    Trap("another patient"),
    Trap("one identifier", "uid_conflict", tags=SAME | {"SOPInstanceUID": "2.25.5", "PatientID": "Q"}),
    Trap(
        "one identifier, other pixels",
        "uid_conflict",
        tags=SAME | {"SOPInstanceUID": "2.25.5", "PatientID": "Q"},
        codes=(BREAST // 2).astype(np.uint16),
    ),
]


def test_repeated_images(tmp_path: Path) -> None:
    results = ingest(REPEATED, tmp_path)
    assert {trap.name: results.told(trap.name) for trap in REPEATED} == {trap.name: trap.outcome for trap in REPEATED}
    assert results.by_name["sent again"].kept == "000.dcm"
    assert len(results.filling.manifest.images) == 3


def outcomes_of(folder: Path, tmp_path: Path) -> list[Outcome]:
    return list(ingest_cohort(Recipe(folder, tmp_path / "store", FRAME, 1), read(folder), 1).outcomes)


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "lesions.csv").write_text("image,label,mask\n")
    (source / "good.dcm").write_bytes(Trap("good").content(1))
    os.mkfifo(source / "fifo.dcm")
    (source / "loop.dcm").symlink_to(source / "loop.dcm")
    (source / "gone.dcm").symlink_to(source / "nowhere")
    (source / "outside.dcm").symlink_to(Path(__file__))
    (source / "folder.dcm").mkdir()
    name = os.fsdecode(b"\xff=cmd\n\"',.dcm")
    (source / name).write_bytes(b"x")
    (source / ("n" * 240 + ".dcm")).write_bytes(b"")
    told = {outcome.path: "+".join(outcome.codes) for outcome in outcomes_of(source, tmp_path)}
    links = dict.fromkeys(("fifo.dcm", "loop.dcm", "gone.dcm", "outside.dcm"), "not_regular")
    assert told == links | {"good.dcm": "", name: "not_dicom", "n" * 240 + ".dcm": "empty_file"}


def test_a_cut_off_png_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "lesions.csv").write_text("image,label,mask\n")
    names = [f"{name}.png" for name in ("whole", "cut", "grey8", "colour")]
    (source / "images.csv").write_text(
        "image,patient,exam,laterality,view\n" + "".join(f"{n},p{n},e,L,CC\n" for n in names)
    )
    (source / "whole.png").write_bytes(PNG)
    (source / "cut.png").write_bytes(PNG[: len(PNG) // 2])
    cv2.imwrite(str(source / "grey8.png"), (BREAST >> 4).astype(np.uint8))
    cv2.imwrite(str(source / "colour.png"), np.dstack([BREAST] * 3))
    told = {outcome.path: "+".join(outcome.codes) for outcome in outcomes_of(source, tmp_path)}
    assert told == {"whole.png": "", "cut.png": "broken_pixels", "grey8.png": "eight_bit", "colour.png": "not_grey"}


def test_none_of_pydicoms_own_files_is_a_mammogram(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "lesions.csv").write_text("image,label,mask\n")
    (source / "good.dcm").write_bytes(Trap("good").content(1))
    folder = Path(pydicom.data.__file__).parent
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc", ".json")]
    assert len(files) > 150
    for number, path in enumerate(files):
        (source / f"{number:03d}.dcm").write_bytes(path.read_bytes())
    outcomes = outcomes_of(source, tmp_path)
    assert len(outcomes) == len(files) + 1
    assert [outcome.path for outcome in outcomes if outcome.verdict is not Verdict.REJECTED] == ["good.dcm"]
