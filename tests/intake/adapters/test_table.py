import json
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from struct import pack

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pycocotools import mask as run_lengths
from pydicom import dcmread
from pydicom.dataset import Dataset

from mammo.geometry import Box
from mammo.intake.adapters import read_cohort
from mammo.intake.adapters.table import read
from mammo.intake.rejections import Code
from mammo.records import Density, LabelSource, Laterality, MammoError, Pathology, Split, View
from tests.intake.adapters.conftest import SMALL, ReadBombs
from tests.intake.dicom_variants import Variant
from tests.intake.segmentation_object import write_segmentation
from tests.intake.test_gate_bombs import DEFLATED, deflated, png


def test_records_come_in_the_order_of_paths(table: Path) -> None:
    cohort = read(table)
    assert [image.path for image in cohort.images] == ["a/L-CC.dcm", "a/R-CC.dcm"]
    assert [image.laterality for image in cohort.images] == [Laterality.LEFT, Laterality.RIGHT]
    left, right = cohort.lesions
    assert (left.lesion_key, left.label, left.label_source) == ("x", Pathology.MALIGNANT, LabelSource.UNKNOWN)
    assert left.box == Box(90, 110, 30, 50)
    assert right.box == Box(90, 110, 70, 90)
    assert right.mask.all()


def test_reading_twice_gives_the_same(table: Path) -> None:
    first, second = read(table), read(table)
    assert first.images == second.images
    assert [lesion.box for lesion in first.lesions] == [lesion.box for lesion in second.lesions]


def test_polygons_are_read(table: Path) -> None:
    (table / "lesions.csv").write_text('image,label,outline\na/L-CC.dcm,none,"90,30;90,50;110,50;110,30"\n')
    (lesion,) = read(table).lesions
    assert lesion.box == Box(90, 110, 30, 50)
    assert lesion.mask.all()
    assert lesion.label is Pathology.NONE


@pytest.mark.parametrize("column", ["pathology_type", "Histologic type", "subtype"])
def test_the_type_of_pathology_is_read_under_its_usual_names(table: Path, column: str) -> None:
    (table / "lesions.csv").write_text(
        f'image,label,{column},outline\na/L-CC.dcm,benign,Fibroadenoma,"90,30;90,50;110,50;110,30"\n'
    )
    (lesion,) = read(table).lesions
    assert (lesion.label, lesion.pathology_type) == (Pathology.BENIGN, "Fibroadenoma")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "a/X.dcm,benign,outlines/L.png,",
            "row 2: image 'a/X.dcm': not an image below the folder",
        ),
        (
            "a/L-CC.dcm,maybe,outlines/L.png,",
            "label has words without a known meaning: 'maybe'",
        ),
        ("a/L-CC.dcm,,outlines/L.png,", "row 2: label is empty: must be malignant, benign, high risk, none"),
        ("a/L-CC.dcm,benign,,", "has no outline; give mask, or outline"),
        ("a/L-CC.dcm,benign,outlines/Z.png,", "mask 'outlines/Z.png': not a regular file"),
        ("a/L-CC.dcm,benign,../../etc/passwd,", "not a regular file"),
        ("a/L-CC.dcm,benign,outlines/small.png,", "the mask is 5 x 5, but its image is 200 x 120"),
        ("a/L-CC.dcm,benign,outlines/empty.png,", "covers no pixel of its image"),
        ('a/L-CC.dcm,benign,,"1,1;2,2"', "three or more points"),
    ],
)
def test_an_invalid_row_is_named(table: Path, row: str, message: str) -> None:
    cv2.imwrite(str(table / "outlines" / "small.png"), np.ones((5, 5), np.uint8))
    cv2.imwrite(str(table / "outlines" / "empty.png"), np.zeros((200, 120), np.uint8))
    (table / "lesions.csv").write_text(f"image,label,mask,outline\n{row}\n")
    with pytest.raises(MammoError) as error:
        read(table)
    assert message in str(error.value)
    assert "lesions.csv" in str(error.value)


def test_missing_files_and_columns_are_named(table: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (table / "lesions.csv").write_text("image,outline\n")
    with pytest.raises(MammoError, match="lacks the column label"):
        read(table)
    (table / "lesions.csv").unlink()
    with pytest.raises(MammoError, match=r"lesions\.csv is missing"):
        read(table)
    with pytest.raises(MammoError, match="contains no image: add DICOM, PNG or TIFF files"):
        read(tmp_path_factory.mktemp("empty"))


def test_pngs_need_a_row_in_images_csv(table: Path, half_disc: NDArray[np.uint16]) -> None:
    for name in ("one", "two"):
        cv2.imwrite(str(table / f"{name}.png"), half_disc)
    (table / "images.csv").write_text("image,patient,exam,laterality,view\none.png,7,7a,L,MLO\n")
    records = {record.path: record for record in read(table).images}
    assert records["one.png"].patient_key == "7"
    assert records["two.png"].code == Code.NOT_DESCRIBED


def test_words_are_read_in_any_case(table: Path, half_disc: NDArray[np.uint16]) -> None:
    cv2.imwrite(str(table / "one.png"), half_disc)
    (table / "images.csv").write_text(
        "Image,Patient,Exam,Laterality,View,Split,Density\none.png,7,7a,l,mlo,Train,b\na/R-CC.dcm,7,7a,r,Cc,TRAIN,B\n"
    )
    (table / "lesions.csv").write_text(
        "image,label,mask,label_source,high_risk\n"
        "a/L-CC.dcm,Malignant,outlines/L.png,BIOPSY,FALSE\na/R-CC.dcm,BENIGN,outlines/R.png,Breast_Level,True\n"
    )
    cohort = read(table)
    records = {record.path: record for record in cohort.images}
    one, right = records["one.png"], records["a/R-CC.dcm"]
    assert (one.laterality, one.view, one.split, one.density) == (Laterality.LEFT, View.MLO, Split.TRAIN, Density.B)
    assert (right.code, right.patient_key, right.split) == ("", "7", Split.TRAIN)
    labels = [(lesion.label, lesion.label_source, lesion.high_risk) for lesion in cohort.lesions]
    assert labels == [
        (Pathology.MALIGNANT, LabelSource.BIOPSY, False),
        (Pathology.BENIGN, LabelSource.BREAST_LEVEL, True),
    ]


def test_windows_paths_are_read(table: Path) -> None:
    (table / "images.csv").write_text("image,patient,exam,laterality,view\na\\L-CC.dcm,7,7a,L,CC\n")
    (table / "lesions.csv").write_text("image,label,mask\na\\L-CC.dcm,benign,.\\outlines\\L.png\n")
    coco = {"images": [{"id": 1, "file_name": "a\\R-CC.dcm"}], "categories": [{"id": 1, "name": "malignant"}]}
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [70, 90, 20, 20]}
    (table / "marks.json").write_text(json.dumps(coco | {"annotations": [box]}))
    cohort = read(table)
    assert [image.patient_key for image in cohort.images if image.path == "a/L-CC.dcm"] == ["7"]
    assert [lesion.path for lesion in cohort.lesions] == ["a/L-CC.dcm", "a/R-CC.dcm"]


def test_a_rejected_image_keeps_the_fields_of_its_row(table: Path) -> None:
    (table / "images.csv").write_text("image,patient,exam,laterality,view\na/L-CC.dcm,7,7a,L,CC\n")
    (table / "a" / "L-CC.dcm").write_text("nothing")
    left = read(table).images[0]
    assert (left.code, left.patient_key, left.exam_key, left.laterality) == (Code.NOT_DICOM, "7", "7a", "L")


def test_an_image_whose_row_contradicts_its_header_is_rejected(table: Path) -> None:
    (table / "images.csv").write_text(
        "image,patient,exam,laterality,view\na/L-CC.dcm,7,7a,R,CC\na/R-CC.dcm,7,7a,R,MLO\n"
    )
    assert [image.code for image in read(table).images] == [Code.LATERALITY_CONFLICT, Code.VIEW_CONFLICT]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("z.png,7,7a,L,CC,", "image 'z.png': not an image below the folder"),
        ("a/L-CC.dcm,7,7a,B,CC,", "L or R"),
        ("a/L-CC.dcm,7,7a,L,ML,", "CC or MLO"),
        ("a/L-CC.dcm,7,7a,L,CC,,dev", "row 2: split 'dev': must be train, val, test or empty"),
        (
            "a/L-CC.dcm,7,7a,L,CC,,train\na/R-CC.dcm,7,7a,R,CC,,test",
            "row 3: split 'test': row 2, of the same patient, has 'train'; put all of a patient's images into",
        ),
        ("a/L-CC.dcm,7,7a,L,CC,E", "density 'E': must be A, B, C, D or empty"),
        (
            "a/R-CC.dcm,7,7a,R,CC,\na/L-CC.dcm,7,7a,L,CC,A\na/R-CC.dcm,8,8a,R,CC,",
            r"images\.csv row 4: image 'a/R-CC\.dcm': row 2 describes the same image; keep one row for every image",
        ),
    ],
)
def test_an_invalid_row_of_images_csv_is_named(table: Path, row: str, message: str) -> None:
    (table / "images.csv").write_text(f"image,patient,exam,laterality,view,density,split\n{row}\n")
    with pytest.raises(MammoError, match=message):
        read(table)


def test_lesions_of_rejected_images_are_read(
    table: Path, make_dicom: Callable[..., Dataset], half_disc: NDArray[np.uint16]
) -> None:
    make_dicom(half_disc, ViewPosition="ML").save_as(table / "a" / "L-CC.dcm", enforce_file_format=True)
    cohort = read(table)
    assert [image.code for image in cohort.images] == [Code.OTHER_VIEW, ""]
    assert len(cohort.lesions) == 2
    assert cohort.images[0].laterality is Laterality.LEFT  # so that the breast's other views are not negative
    assert all((cohort.images[0].exam_key, cohort.images[0].patient_key))


def test_unknown_adapter_and_folder(tmp_path: Path) -> None:
    with pytest.raises(MammoError, match=r"data.adapter=foo is unknown: choose one of cbis_ddsm, "):
        read_cohort("foo", tmp_path)
    with pytest.raises(MammoError, match=r"is not a folder: create it with python -m mammo\.phantom, or set another"):
        read_cohort("table", tmp_path / "nowhere")


def edit(table: Path, header: str, *rows: str) -> None:
    (table / "lesions.csv").write_text("\n".join([header, *rows]))


def test_boxes_and_parquet(table: Path) -> None:
    edit(table, "image,label,row0,row1,col0,col1", "a/L-CC.dcm,malignant,90,110,30,50", "a/L-CC.dcm,benign,-4,9,0,9.5")
    first, second = read(table).lesions
    assert (first.box, second.box) == (Box(90, 110, 30, 50), Box(0, 9, 0, 10))
    assert first.mask.all()
    pd.read_csv(table / "lesions.csv").to_parquet(table / "lesions.parquet")
    (table / "lesions.csv").unlink()
    assert [lesion.box for lesion in read(table).lesions] == [first.box, second.box]
    edit(table, "image,label,row0,row1,col0,col1", "a/L-CC.dcm,malignant,90,x,30,50")
    (table / "lesions.parquet").unlink()
    with pytest.raises(MammoError, match=r"row 2: image .*: row1 'x' must be a number"):
        read(table)


def test_unlabeled_lesions_have_no_label_source(table: Path) -> None:
    edit(table, "image,label,row0,row1,col0,col1", "a/L-CC.dcm,none,9,11,3,5", "a/L-CC.dcm,benign,9,11,30,50")
    assert [lesion.label_source for lesion in read(table).lesions] == [LabelSource.NONE, LabelSource.UNKNOWN]


def coco(table: Path, *annotations: dict[str, object]) -> None:
    content = {
        "images": [{"id": 7, "file_name": "a/L-CC.dcm", "width": 120, "height": 200}],
        "categories": [{"id": 1, "name": "Malignant"}, {"id": 2, "name": "mass"}],
        "annotations": [{"id": number, "image_id": 7} | fields for number, fields in enumerate(annotations)],
    }
    (table / "lesions.csv").unlink(missing_ok=True)
    (table / "coco.json").write_text(json.dumps(content))


def test_coco_polygons_boxes_and_run_lengths(table: Path) -> None:
    whole = np.zeros((200, 120), np.uint8)
    whole[90:110, 30:50] = 1
    compressed = run_lengths.encode(np.asfortranarray(whole))
    edges = np.flatnonzero(np.diff(whole.T.ravel(), prepend=0, append=0))
    plain = np.diff([0, *edges, whole.size]).tolist()
    polygon = [30, 90, 50, 90, 50, 110, 30, 110]
    run_lengths_of = {"size": [200, 120], "counts": compressed["counts"].decode()}
    coco(
        table,
        {"category_id": 1, "lesion_id": "a", "segmentation": [polygon]},
        {"category_id": 2, "lesion_id": "b", "bbox": [30, 90, 20, 20], "label": "benign", "high_risk": 1},
        {"category_id": 1, "lesion_id": "c", "segmentation": run_lengths_of},
        {"category_id": 2, "lesion_id": "d", "segmentation": {"size": [200, 120], "counts": plain}, "label": "none"},
    )
    lesions = read(table).lesions
    assert [lesion.box for lesion in lesions] == [Box(90, 110, 30, 50)] * 4
    assert all(lesion.mask.all() for lesion in lesions)
    malignant, benign, none = Pathology.MALIGNANT, Pathology.BENIGN, Pathology.NONE
    assert [lesion.label for lesion in lesions] == [malignant, benign, malignant, none]
    assert [lesion.high_risk for lesion in lesions] == [False, True, False, False]
    assert [lesion.finding for lesion in lesions] == ["", "mass", "", "mass"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"segmentation": {"size": [20, 12], "counts": [240]}}, "the outline does not fit its image's size"),
        ({}, 'no segmentation and no bbox; write "outline": "none" if that is meant'),
        ({"bbox": [500, 500, 2, 2]}, "bbox must be x, y, width, height"),
        ({"bbox": [1, 1, 2, 2], "label": "benign"}, "label 'benign': contradicts the category malignant"),
    ],
)
def test_an_invalid_annotation_is_named(table: Path, fields: dict[str, object], message: str) -> None:
    coco(table, {"category_id": 1} | fields)
    with pytest.raises(MammoError, match=message) as error:
        read(table)
    assert "coco.json annotation 0" in str(error.value)
    for broken in ('{"annotations": [1]}', '{"annotations": '):
        (table / "coco.json").write_text(broken)
        with pytest.raises(MammoError, match="is not valid COCO JSON"):
            read(table)


def test_json_files_without_annotations_are_ignored(table: Path) -> None:
    before = read(table)
    (table / "settings.json").write_text('{"seed": 1}')
    assert [lesion.lesion_key for lesion in read(table).lesions] == [lesion.lesion_key for lesion in before.lesions]


def segmentation(table: Path, sources: list[str], segments: list[int], shape: tuple[int, int] = (200, 120)) -> None:
    """Write a DICOM SEG with one frame per source; frame k has rows 10 k to 10 k + 8 set."""
    frames = np.zeros((len(sources), *shape), bool)
    for index in range(len(sources)):
        frames[index, 10 * index : 10 * index + 8, 4:20] = True
    write_segmentation(table / "seg.dcm", frames, sources, segments)


def test_dicom_segmentations_are_read(table: Path) -> None:
    left, right = (str(dcmread(table / "a" / f"{side}-CC.dcm").SOPInstanceUID) for side in "LR")
    segmentation(table, [right, left, left, left], [1, 1, 2, 2])
    rows = ["a/L-CC.dcm,benign,seg.dcm,1", "a/L-CC.dcm,malignant,seg.dcm,2", "a/R-CC.dcm,benign,seg.dcm,1"]
    edit(table, "image,label,mask,segment", *rows)
    cohort = read(table)
    assert [image.path for image in cohort.images] == ["a/L-CC.dcm", "a/R-CC.dcm"]
    assert [lesion.box for lesion in cohort.lesions] == [Box(10, 18, 4, 20), Box(20, 38, 4, 20), Box(0, 8, 4, 20)]
    edit(table, "image,label,mask,segment", "a/L-CC.dcm,benign,seg.dcm,9")
    with pytest.raises(MammoError, match=r"mask 'seg\.dcm': the outline covers no pixel"):
        read(table)
    segmentation(table, [left], [1], (100, 120))
    edit(table, "image,label,mask", "a/L-CC.dcm,benign,seg.dcm")
    with pytest.raises(MammoError, match="the outline does not fit its image's size"):
        read(table)
    edit(table, "image,label,mask", "a/L-CC.dcm,benign,a/R-CC.dcm")
    with pytest.raises(MammoError, match="outline cannot be read"):
        read(table)


def tiff(rows: int, cols: int) -> bytes:
    """Return a TIFF of one strip whose header claims this many pixels."""
    strip = zlib.compress(bytes(1 << 16))
    tags = [(256, cols), (257, rows), (258, 8), (259, 8), (262, 1), (273, 122), (277, 1), (278, rows)]
    entries = b"".join(pack("<HHII", tag, 4, 1, value) for tag, value in (*tags, (279, len(strip))))
    return b"II*\0" + pack("<IH", 8, len(tags) + 1) + entries + bytes(4) + strip


@pytest.mark.parametrize(
    ("mask", "content"),
    [
        ("mask.png", png(30000, 30000)),
        ("mask.tif", tiff(30000, 30000)),
        ("mask.dcm", Variant("", syntax=DEFLATED, damage=deflated).content(0)),
    ],
)
def test_a_bomb_as_mask_is_named(table: Path, mask: str, content: bytes) -> None:
    (table / mask).write_bytes(content)
    edit(table, "image,label,mask", f"a/L-CC.dcm,benign,{mask}")
    tracemalloc.start()
    try:
        with pytest.raises(MammoError, match=f"row 2: mask '{mask}': more pixels or memory than any mammogram needs"):
            read(table)
        assert tracemalloc.get_traced_memory()[1] < SMALL
    finally:
        tracemalloc.stop()


def test_bombs_are_rejected(table: Path, read_bombs: ReadBombs) -> None:
    edit(table, "image,label,mask", "a/L-CC.dcm,benign,mask.png")
    (table / "mask.png").write_bytes(b"")
    cohort = read_bombs(read, table)
    assert {image.code for image in cohort.images} == {Code.TOO_LARGE}
    assert [lesion.code for lesion in cohort.left_out] == [Code.OUTLINE_UNLINKED]


def test_one_of_several_segments_must_be_chosen(table: Path) -> None:
    left = str(dcmread(table / "a" / "L-CC.dcm").SOPInstanceUID)
    segmentation(table, [left, left], [1, 2])
    edit(table, "image,label,mask", "a/L-CC.dcm,benign,seg.dcm")
    with pytest.raises(MammoError, match="the segmentation object has several segments on this image"):
        read(table)
    segmentation(table, [left], [2])
    assert [lesion.box for lesion in read(table).lesions] == [Box(0, 8, 4, 20)]


def test_rows_in_a_second_sheet_are_an_error(table: Path) -> None:
    rows = pd.DataFrame({"image": ["a/L-CC.dcm"], "label": ["benign"], "outline": ["none"]})
    with pd.ExcelWriter(table / "own.xlsx") as book:
        rows.to_excel(book, index=False, sheet_name="A")
        rows.to_excel(book, index=False, sheet_name="B")
    with pytest.raises(MammoError, match=r"own\.xlsx has rows of the same columns in the sheet 'B' too"):
        read(table, lesions="own.xlsx")


def test_a_row_of_a_patient_whose_image_is_of_another_is_an_error(table: Path) -> None:
    described = "image,patient,laterality,view\na/L-CC.dcm,one,L,CC\na/R-CC.dcm,two,R,CC\n"
    (table / "images.csv").write_text(described)
    for patient, mixed in (("one", False), ("two", True), ("name before", False)):
        (table / "lesions.csv").write_text(f"image,patient,label,outline\na/L-CC.dcm,{patient},benign,none\n")
        if mixed:
            with pytest.raises(MammoError, match="row 2: patient 'two': but its image is of another patient"):
                read(table)
        else:
            assert len(read(table).findings) == 1


def test_annotations_beyond_their_image_are_clipped_with_a_caution_or_an_error(table: Path) -> None:
    coco(table, {"category_id": 1, "bbox": [-5, 90, 50, 20]})
    cohort = read(table)
    assert cohort.lesions[-1].box == Box(90, 110, 0, 45)
    assert any("outlines that reach beyond their image, clipped: 1" in note for note in cohort.notes)
    for fields in ({"bbox": [-60, 90, 80, 20]}, {"segmentation": [[90, 90, 190, 90, 190, 110, 90, 110]]}):
        coco(table, {"category_id": 1, **fields})
        with pytest.raises(MammoError, match=r"annotation 0: .*, mostly outside its image of 200 rows and 120 columns"):
            read(table)
