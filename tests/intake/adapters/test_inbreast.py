"""An imitation of INbreast; quoted comments are the published facts that it reproduces."""

import plistlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mammo.geometry import Box, Frame
from mammo.intake.adapters.inbreast import read
from mammo.intake.gate import admit
from mammo.intake.rejections import Code
from mammo.records import Density, LabelSource, Laterality, MammoError, Pathology, View
from tests.intake.adapters.conftest import ReadBombs, RenameFiles

HEADER = "Patient ID;Patient age;Laterality;View;Acquisition date;File Name;ACR;Bi-Rads"
SQUARE = [(10.0, 20.0), (30.0, 20.0), (30.0, 40.0), (10.0, 40.0)]


def region(name: str | None, points: list[tuple[float, float]], count: int | None = None) -> dict[str, object]:
    """A region as OsiriX exports it: `Point_px` = array of strings `"(1234.567890, 2345.678901)"` (x, y ...)."""
    fields = {"Name": name, "NumberOfPoints": len(points) if count is None else count, "Type": 15, "IndexInImage": 0}
    texts = [f"({x:f}, {y:f})" for x, y in points]
    return {key: value for key, value in fields.items() if value is not None} | {"Point_px": texts, "Point_mm": texts}


@pytest.fixture
def inbreast(tmp_path: Path, write: Callable[..., None], breast: NDArray[np.uint16]) -> Path:
    return write_inbreast(tmp_path, write, breast)


def write_inbreast(folder: Path, write: Callable[..., None], breast: NDArray[np.uint16]) -> Path:
    root = folder / "INbreast Release 1.0"
    names = [
        "20000001_aaaaaaaaaaaaaaaa_MG_R_CC_ANON",
        "20000002_aaaaaaaaaaaaaaaa_MG_R_ML_ANON",
        "20000003_aaaaaaaaaaaaaaaa_MG_R_ML_ANON",
        "20000004_bbbbbbbbbbbbbbbb_MG_L_CC_ANON",
        "20000005_bbbbbbbbbbbbbbbb_MG_L_FB_ANON",
    ]
    for name in names:
        pixels = breast if "_L_" in name else breast[:, ::-1]
        nothing = dict.fromkeys(("PatientID", "StudyInstanceUID", "ImageLaterality", "ViewPosition"))
        write(root / "AllDICOMs" / f"{name}.dcm", np.ascontiguousarray(pixels), **nothing)  # "DICOM tags blank"
    rows = [
        "removed;removed;R;CC;201001;20000001;4;4a",
        "removed;removed;R;MLO;201001;20000002;2;2",
        "removed;removed;R;MLO;200901;20000003;" + " " * 190 + ";1",  # "one row whose ACR is ~190 blanks"
        "removed;removed;L;CC;201001;20000004;1;6",
        "removed;removed;L;FB;201001;20000005;1;5",
        "removed;removed;L;CC;201001;51048891;1;3",  # "Two file names are in the CSV but were missing"
    ]
    (root / "INbreast.csv").write_bytes("\r\n".join([HEADER, *rows, ""]).encode())
    regions = {
        "20000001": [
            region("Mass", SQUARE),
            region(
                "Espiculated Region", [(-5.0, 20.0), (5.0, 20.0), (5.0, 30.0), (-5.0, 30.0)]
            ),  # "clip points outside the image"
            region("Calcification", [(12.0, 22.0)]),  # "1-point ROIs must not become lesions"
            region("Unnamed", SQUARE),
            region("Point 1", [(1.0, 1.0)]),
            region("Mass", SQUARE, count=7),  # "Reject ROI if NumberOfPoints != len(Point_px)"
        ],
        "20000002": [region("Cluster", SQUARE)],
        "20000004": [region("Assymetry", SQUARE), region(None, SQUARE)],
        "20000005": [region("Mass", SQUARE)],
    }
    for name, found in regions.items():
        (root / "AllXML").mkdir(exist_ok=True)
        content = {"Images": [{"ImageIndex": 0, "NumberOfROIs": 99, "ROIs": found}]}
        (root / "AllXML" / f"{name}.xml").write_bytes(plistlib.dumps(content))
    pectoral = root / "PectoralMuscle" / "Pectoral Muscle XML" / "20000002.xml"
    pectoral.parent.mkdir(parents=True)
    pectoral.write_bytes(plistlib.dumps({"ROIPoints": ["{1, 2}"]}))
    return folder


def test_every_record(inbreast: Path) -> None:
    cohort = read(inbreast)
    a, b = "a" * 16, "b" * 16
    right, left = Laterality.RIGHT, Laterality.LEFT
    assert [(i.patient_key, i.exam_key, i.laterality, i.view, i.code, i.negative) for i in cohort.images] == [
        ("", "", None, None, Code.MISSING, False),
        (a, f"{a} 200901", right, View.MLO, "", True),  # "a patient with 8 images = 2 exams: exam id = (hash, date)"
        (a, f"{a} 201001", right, View.CC, "", False),
        (a, f"{a} 201001", right, View.MLO, "", False),
        (b, f"{b} 201001", left, None, Code.OTHER_VIEW, False),  # "FB view (1 image) is neither CC nor MLO: skip"
        (b, f"{b} 201001", left, View.CC, "", False),
    ]
    assert [i.density for i in cohort.images] == [None, None, Density.D, Density.B, Density.A, Density.A]
    malignant, none, proxy = Pathology.MALIGNANT, Pathology.NONE, LabelSource.BIRADS_PROXY
    assert [(x.lesion_key, x.label, x.label_source, x.finding, x.box) for x in cohort.lesions] == [
        ("20000001_1", malignant, proxy, "mass", Box(20, 40, 10, 30)),
        ("20000001_2", malignant, proxy, "spiculated_region", Box(20, 30, 0, 5)),
        ("20000002_1", none, proxy, "calcification", Box(20, 40, 10, 30)),
        ("20000004_1", malignant, proxy, "asymmetry", Box(20, 40, 10, 30)),
        ("20000004_2", malignant, proxy, "", Box(20, 40, 10, 30)),
    ]
    assert [lesion.birads for lesion in cohort.lesions] == ["4A", "4A", "2", "6", "6"]
    assert sorted(lesion.code for lesion in cohort.left_out) == [Code.OUTLINE_BROKEN, Code.OUTLINE_UNLINKED]
    on = {lesion.code: lesion.image for lesion in cohort.left_out}
    assert "20000001" in on[Code.OUTLINE_BROKEN]
    assert on[Code.OUTLINE_UNLINKED] == ""
    counts = {count.what: count.found for count in cohort.counts}
    assert counts == {"images": 6, "images of BI-RADS 1": 1, "images of BI-RADS 4 to 6": 3, "outlined masses": 1}


def test_benign_proxies_are_read_only_on_request(inbreast: Path) -> None:
    labels = {lesion.lesion_key: (lesion.label, lesion.label_source) for lesion in read(inbreast, proxies=True).lesions}
    assert labels["20000002_1"] == (Pathology.BENIGN, LabelSource.BIRADS_PROXY)


def test_a_labeled_image_without_an_outline_keeps_its_label(inbreast: Path) -> None:
    file = inbreast / "INbreast Release 1.0" / "AllXML" / "20000001.xml"
    file.write_bytes(plistlib.dumps({"Images": [{"ROIs": [region("Calcification", [(12.0, 22.0)])]}]}))
    cohort = read(inbreast)
    (found,) = cohort.findings
    assert ("20000001" in found.path, found.label) == (True, Pathology.MALIGNANT)
    assert found.label_source == LabelSource.BIRADS_PROXY


def test_images_with_blank_headers_are_accepted(inbreast: Path) -> None:
    for record in read(inbreast).images:
        if not record.code:
            assert admit(inbreast, record, Frame(92, 60, 2), 1).chain.mirrored == (record.laterality == "R")


def test_a_damaged_regions_file_and_a_missing_table(inbreast: Path) -> None:
    (inbreast / "INbreast Release 1.0" / "AllXML" / "20000001.xml").write_text("<plist>")
    cohort = read(inbreast)
    assert [lesion.code for lesion in cohort.left_out if "20000001" in lesion.path] == [Code.OUTLINE_BROKEN]
    (inbreast / "INbreast Release 1.0" / "INbreast.csv").unlink()
    with pytest.raises(MammoError, match=r"holds no INbreast\.csv"):
        read(inbreast)


def test_only_the_outlines_of_bombs_are_left_out(inbreast: Path, read_bombs: ReadBombs) -> None:
    cohort = read_bombs(read, inbreast)
    assert [lesion.code for lesion in cohort.left_out].count(Code.TOO_LARGE) == 2
    assert {lesion.lesion_key[:8] for lesion in cohort.lesions} == {"20000004"}


def test_files_are_found_with_any_suffix(inbreast: Path, rename_files: RenameFiles) -> None:
    rename_files(read, inbreast)
