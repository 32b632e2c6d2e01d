from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from mammo.geometry import Box
from mammo.intake.adapters import read_cohort
from mammo.intake.adapters.table import read
from mammo.intake.refusals import Code
from mammo.records import LabelSource, Laterality, MammoError, Pathology


def test_records_come_in_the_order_of_paths(table: Path) -> None:
    cohort = read(table)
    assert [image.path for image in cohort.images] == ["a/L-CC.dcm", "a/R-CC.dcm"]
    assert [image.laterality for image in cohort.images] == [Laterality.LEFT, Laterality.RIGHT]
    left, right = cohort.lesions
    assert (left.lesion_key, left.label, left.label_source) == ("x", Pathology.MALIGNANT, LabelSource.BIOPSY)
    assert left.box == Box(90, 110, 30, 50)
    assert right.box == Box(90, 110, 70, 90)
    assert right.mask.all()


def test_reading_twice_gives_the_same(table: Path) -> None:
    first, second = read(table), read(table)
    assert first.images == second.images
    assert [lesion.box for lesion in first.lesions] == [lesion.box for lesion in second.lesions]


def test_a_polygon_stands_for_a_mask(table: Path) -> None:
    (table / "lesions.csv").write_text('image,label,outline\na/L-CC.dcm,none,"90,30;90,50;110,50;110,30"\n')
    (lesion,) = read(table).lesions
    assert lesion.box == Box(90, 110, 30, 50)
    assert lesion.mask.all()
    assert lesion.label is Pathology.NONE


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("a/X.dcm,benign,outlines/L.png,", "row 2: image 'a/X.dcm': no such image"),
        ("a/L-CC.dcm,maybe,outlines/L.png,", "row 2: label 'maybe': must be one of malignant, benign, none"),
        ("a/L-CC.dcm,benign,,", "give either a mask or an outline"),
        ("a/L-CC.dcm,benign,outlines/Z.png,", "mask 'outlines/Z.png': not a regular file"),
        ("a/L-CC.dcm,benign,../../etc/passwd,", "not a regular file"),
        ("a/L-CC.dcm,benign,outlines/small.png,", "the mask is 5 x 5, but its image is 200 x 120"),
        ("a/L-CC.dcm,benign,outlines/empty.png,", "empty mask"),
        ('a/L-CC.dcm,benign,,"1,1;2,2"', "three or more points"),
    ],
)
def test_a_wrong_row_is_named(table: Path, row: str, told: str) -> None:
    cv2.imwrite(str(table / "outlines" / "small.png"), np.ones((5, 5), np.uint8))
    cv2.imwrite(str(table / "outlines" / "empty.png"), np.zeros((200, 120), np.uint8))
    (table / "lesions.csv").write_text(f"image,label,mask,outline\n{row}\n")
    with pytest.raises(MammoError) as error:
        read(table)
    assert told in str(error.value)
    assert "lesions.csv" in str(error.value)


def test_missing_files_and_columns_are_named(table: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (table / "lesions.csv").write_text("image,outline\n")
    with pytest.raises(MammoError, match="lacks the column label"):
        read(table)
    (table / "lesions.csv").unlink()
    with pytest.raises(MammoError, match=r"lesions\.csv is missing"):
        read(table)
    with pytest.raises(MammoError, match="holds no image"):
        read(tmp_path_factory.mktemp("empty"))


def test_ids_are_unique(table: Path) -> None:
    lines = (table / "lesions.csv").read_text().replace(",y,", ",x,")
    (table / "lesions.csv").write_text(lines)
    with pytest.raises(MammoError, match="lesion_id 'x' occurs twice"):
        read(table)


def test_pngs_need_a_row_in_images_csv(table: Path, half_disc: NDArray[np.uint16]) -> None:
    for name in ("one", "two"):
        cv2.imwrite(str(table / f"{name}.png"), half_disc)
    (table / "images.csv").write_text("image,patient,exam,laterality,view\none.png,7,7a,L,MLO\n")
    records = {record.path: record for record in read(table).images}
    assert records["one.png"].patient_key == "7"
    assert records["two.png"].code == Code.NOT_DESCRIBED


def test_a_table_that_contradicts_the_header_refuses_the_image(table: Path) -> None:
    (table / "images.csv").write_text(
        "image,patient,exam,laterality,view\na/L-CC.dcm,7,7a,R,CC\na/R-CC.dcm,7,7a,R,MLO\n"
    )
    assert [image.code for image in read(table).images] == [Code.LATERALITY_CONFLICT, Code.VIEW_CONFLICT]


@pytest.mark.parametrize(
    ("row", "told"),
    [("z.png,7,7a,L,CC", "no such image"), ("a/L-CC.dcm,7,7a,B,CC", "L or R"), ("a/L-CC.dcm,7,7a,L,ML", "CC or MLO")],
)
def test_a_wrong_row_of_images_csv_is_named(table: Path, row: str, told: str) -> None:
    (table / "images.csv").write_text(f"image,patient,exam,laterality,view\n{row}\n")
    with pytest.raises(MammoError, match=told):
        read(table)


def test_lesions_of_refused_images_are_still_read(
    table: Path, make_dicom: Callable[..., Dataset], half_disc: NDArray[np.uint16]
) -> None:
    make_dicom(half_disc, ViewPosition="ML").save_as(table / "a" / "L-CC.dcm", enforce_file_format=True)
    cohort = read(table)
    assert [image.code for image in cohort.images] == [Code.OTHER_VIEW, ""]
    assert len(cohort.lesions) == 2


def test_unknown_adapter_and_folder(tmp_path: Path) -> None:
    with pytest.raises(MammoError, match=r"data.adapter=foo is unknown: choose one of nyu, table"):
        read_cohort("foo", tmp_path)
    with pytest.raises(MammoError, match="is no folder"):
        read_cohort("table", tmp_path / "nowhere")
