"""An imitation of VinDr-Mammo; quoted comments are the published facts that it reproduces."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mammo.geometry import Box, Frame
from mammo.intake.adapters.vindr import read
from mammo.intake.gate import admit
from mammo.intake.rejections import Code
from mammo.records import Density, LabelSource, Laterality, MammoError, Pathology, Split, View
from tests.intake.adapters.conftest import ReadBombs, RenameFiles

BREAST = "study_id,series_id,image_id,laterality,view_position,height,width,breast_birads,breast_density,split"
FINDING = BREAST.replace("split", "finding_categories,finding_birads,xmin,ymin,xmax,ymax,split")
STUDIES = {"a" * 32: "training", "b" * 32: "test"}
IMAGES = [("L", "CC"), ("L", "MLO"), ("R", "CC"), ("R", "CC")]  # "one breast has two CC"


@pytest.fixture
def vindr(tmp_path: Path, write: Callable[..., None], breast: NDArray[np.uint16]) -> Path:
    return write_vindr(tmp_path, write, breast)


def write_vindr(folder: Path, write: Callable[..., None], breast: NDArray[np.uint16]) -> Path:
    root = folder / "physionet.org" / "files" / "vindr-mammo" / "1.0.0"
    rows, findings = [BREAST], [FINDING]
    birads = {"a0": 4, "a1": 5, "a2": 1, "a3": 2, "b0": 3, "b1": 4, "b2": 1, "b3": 1}
    boxes = {
        # "`finding_categories` is a Python-list string (single quotes, may hold several)"
        "a0": [
            ("\"['Mass', 'Suspicious Calcification']\"", "BI-RADS 4", "10.25,20,30,40.5"),
            ("['Mass']", "BI-RADS 3", "1,2,5,6"),
        ],
        # "42 boxes leave the image (negative xmin/ymin or > width/height): clip."
        "a1": [("['Mass']", "BI-RADS 5", "-3.5,50,12,99")],
        # "empty 125 (only Suspicious Lymph Node, Skin Thickening, Nipple/Skin Retraction)"
        "b0": [("['Skin Thickening']", "", "2,2,8,8")],
        # "Do NOT treat every `No Finding` as negative: 126 are BI-RADS 3, 34 BI-RADS 4"
        "b1": [("['No Finding']", "", ",,,")],
    }
    for study, split in STUDIES.items():
        for number, (side, view) in enumerate(IMAGES):
            key, image = f"{study[0]}{number}", f"{study[0]}{number}" + "c" * 30
            shared = f"{study},{'d' * 32},{image},{side},{view},64,48,BI-RADS {birads[key]},DENSITY C"
            rows.append(f"{shared},{split}")
            for categories, category, corners in boxes.get(key, [("['No Finding']", "", ",,,")]):
                findings.append(f"{shared},{categories},{category},{corners},{split}")
            pixels = np.ascontiguousarray(breast if side == "L" else breast[:, ::-1])
            tags = {"ImageLaterality": side, "ViewPosition": view}
            if key == "a0":
                pixels, tags = breast.max() - pixels, tags | {"PhotometricInterpretation": "MONOCHROME1"}
            if key != "b3":
                write(root / "images" / study / f"{image}.dicom", pixels, **tags)
    (root / "breast-level_annotations.csv").write_text("\n".join(rows))
    (root / "finding_annotations.csv").write_text("\n".join(findings))
    return folder


def test_every_record(vindr: Path) -> None:
    cohort = read(vindr)
    found = [(i.patient_key[0], i.laterality, i.view, i.split, i.code, i.negative) for i in cohort.images]
    left, right, cc, mlo, train, test = (
        Laterality.LEFT,
        Laterality.RIGHT,
        View.CC,
        View.MLO,
        Split.TRAIN,
        Split.TEST,
    )
    assert found == [
        ("a", left, cc, train, "", False),
        ("a", left, mlo, train, "", False),
        ("a", right, cc, train, "", True),
        ("a", right, cc, train, "", True),
        ("b", left, cc, test, "", False),
        ("b", left, mlo, test, "", False),
        ("b", right, cc, test, "", True),
        ("b", right, cc, test, Code.MISSING, True),
    ]
    assert {image.density for image in cohort.images} == {Density.C}
    malignant, none, proxy = Pathology.MALIGNANT, Pathology.NONE, LabelSource.BIRADS_PROXY
    assert [(x.label, x.label_source, x.finding, x.box) for x in cohort.lesions] == [
        (malignant, proxy, "Mass, Suspicious Calcification", Box(20, 41, 10, 30)),
        (none, proxy, "Mass", Box(2, 6, 1, 5)),
        (malignant, proxy, "Mass", Box(50, 64, 0, 12)),
        (none, LabelSource.NONE, "Skin Thickening", Box(2, 8, 2, 8)),
    ]
    assert [lesion.birads for lesion in cohort.lesions] == ["4", "3", "5", None]
    assert {count.what: count.found for count in cohort.counts} == {
        "studies": 2,
        "images": 8,
        "images of the training split": 4,
        "images with boxes": 3,
        "boxes": 4,
    }
    labels = [lesion.label for lesion in read(vindr, proxies=True).lesions]
    assert labels == [malignant, Pathology.BENIGN, malignant, none]


def test_a_finding_with_a_missing_corner_is_left_out_with_its_label(vindr: Path) -> None:
    file = next(vindr.rglob("finding_annotations.csv"))
    for corners in (",20,30,40.5", ",,,"):
        file.write_text(file.read_text().replace("10.25,20,30,40.5", corners))
        cohort = read(vindr)
        assert len(cohort.lesions) == 3
        (lost,) = cohort.left_out
        assert (lost.code, lost.label, lost.image) == (
            Code.OUTLINE_BROKEN,
            Pathology.MALIGNANT,
            cohort.lesions[0].path,
        )


def test_a_study_in_both_splits_goes_to_test(vindr: Path) -> None:
    file = next(vindr.rglob("breast-level_annotations.csv"))
    file.write_text(file.read_text().replace("training", "test", 1))
    cohort = read(vindr)
    assert {image.split for image in cohort.images} == {Split.TEST}
    assert cohort.notes == ("1 patients are in both of the official splits; all their images are in test here",)


def test_images_are_accepted(vindr: Path) -> None:
    for record in read(vindr).images:
        if not record.code:
            assert admit(vindr, record, Frame(92, 60, 2), 1).chain.mirrored == (record.laterality == "R")


def test_boxes_of_a_resized_copy_are_rejected(
    vindr: Path, breast: NDArray[np.uint16], write: Callable[..., None]
) -> None:
    for path in vindr.rglob("*.dicom"):
        write(path.with_suffix(".png"), breast[::2, ::2])
        path.unlink()
    cohort = read(vindr)
    assert not cohort.lesions
    assert {lesion.code for lesion in cohort.left_out} == {Code.OUTLINE_SIZE}


def test_invalid_rows_are_named(vindr: Path) -> None:
    file = next(vindr.rglob("breast-level_annotations.csv"))
    file.write_text(file.read_text().replace(",L,CC,", ",X,CC,", 1))
    with pytest.raises(MammoError, match=r"row 2: laterality 'X'"):
        read(vindr)


def test_only_the_boxes_of_bombs_are_left_out(vindr: Path, read_bombs: ReadBombs) -> None:
    cohort = read_bombs(read, vindr)
    assert [lesion.code for lesion in cohort.left_out] == [Code.TOO_LARGE] * 3
    assert len(cohort.lesions) == 1


def test_files_are_found_with_any_suffix(vindr: Path, rename_files: RenameFiles) -> None:
    rename_files(read, vindr)
