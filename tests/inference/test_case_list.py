"""Cases of tables, COCO files and segmentation objects: each row means one file and one lesion, or is an error."""

import json
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from mammo.inference.case_list import read_cases
from mammo.inference.cases import Case, outlined
from mammo.intake.rejections import Code, RejectedError
from mammo.records import MammoError
from tests.intake.conftest import mammogram
from tests.intake.segmentation_object import write_segmentation

BOX = [40, 150, 30, 30]


def touched(root: Path, *paths: str) -> Path:
    """A folder with files of these paths, which are images by their names."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"\0")
    return root


def write_coco(file: Path, name: str, *ids: object) -> None:
    """A COCO file of one image with annotations of these ids."""
    annotations = [{"id": each, "image_id": 1, "bbox": BOX} for each in ids]
    file.write_text(json.dumps({"images": [{"id": 1, "file_name": name}], "annotations": annotations}))


def errors(root: Path) -> list[str]:
    return [case.error for case in read_cases([root]).cases if case.error]


def lesions(root: Path) -> list[tuple[str, str]]:
    return [(case.path, lesion.lesion_id) for case in read_cases([root]).cases for lesion in case.lesions]


def test_rows_of_other_folders_do_not_score_the_local_file(tmp_path: Path) -> None:
    rows = "P1/L-CC.dcm,1\nP2/L-CC.dcm,2\n/elsewhere/P3/L-CC.dcm,3\nL-CC.dcm,4\n"
    touched(tmp_path, "L-CC.dcm")
    (tmp_path / "lesions.csv").write_text(
        "image,lesion_id,row0,row1,col0,col1\n" + rows.replace("\n", ",150,180,40,70\n")
    )
    assert lesions(tmp_path) == [("L-CC.dcm", "4")]
    for name, row, error in zip(("P1", "P2", "P3"), (2, 3, 4), errors(tmp_path), strict=True):
        assert f"row {row}: image " in error
        assert f"{name}/L-CC.dcm': not an image below the folder (did you mean L-CC.dcm?)" in error


def test_masks_of_other_folders_are_not_the_local_mask(tmp_path: Path) -> None:
    touched(tmp_path, "a.dcm", "m.png")
    (tmp_path / "lesions.csv").write_text("image,lesion_id,mask\na.dcm,1,P7/m.png\na.dcm,2,m.png\n")
    (case,) = read_cases([tmp_path]).cases
    assert [lesion.mask for lesion in case.lesions] == ["P7/m.png", "m.png"]


def test_a_coco_file_means_the_images_beside_it(tmp_path: Path) -> None:
    touched(tmp_path, "p1/b.dcm", "p2/a.dcm")
    write_coco(tmp_path / "p1/coco.json", "a.dcm", 1)
    write_coco(tmp_path / "p2/coco.json", "a.dcm", 1)
    assert lesions(tmp_path) == [("p2/a.dcm", "coco.json annotation 1 on p2/a.dcm")]
    (error,) = errors(tmp_path)
    assert "p1/coco.json annotation 1: image 'a.dcm': not an image below the folder (did you mean p2/a.dcm?)" in error


def test_coco_files_of_one_name_can_have_the_same_ids(tmp_path: Path) -> None:
    touched(tmp_path, "p1/a.dcm", "p2/a.dcm")
    for folder in ("p1", "p2"):
        write_coco(tmp_path / folder / "coco.json", "a.dcm", 1)
    assert lesions(tmp_path) == [(f"{p}/a.dcm", f"coco.json annotation 1 on {p}/a.dcm") for p in ("p1", "p2")]
    assert errors(tmp_path) == []


@pytest.mark.parametrize("own", [1, None, "x"])
def test_the_second_annotation_of_one_id_is_an_error(own: object, tmp_path: Path) -> None:
    touched(tmp_path, "a.dcm")
    write_coco(tmp_path / "coco.json", "a.dcm", own, own, 7)
    assert lesions(tmp_path) == [("a.dcm", f"coco.json annotation {each} on a.dcm") for each in (own, 7)]
    (error,) = errors(tmp_path)
    assert f"coco.json annotation {own}: its id: an earlier one of the file has it too, on the same image" in error


def test_an_id_that_is_given_twice_for_one_image_is_an_error(tmp_path: Path) -> None:
    touched(tmp_path, "a.dcm", "b.dcm")
    rows = ["a.dcm,9,", "a.dcm,9,", "b.dcm,9,", "a.dcm,,1", "a.dcm,1 on a.dcm,"]
    (tmp_path / "lesions.csv").write_text(
        "\n".join(["image,ID,No,row0,row1,col0,col1", *(f"{row},150,180,40,70" for row in rows)])
    )
    found = read_cases([tmp_path], {"lesion_id": "ID", "lesion": "No"})
    messages = [case.error for case in found.cases if case.error]
    ids = [(case.path, lesion.lesion_id) for case in found.cases for lesion in case.lesions]
    assert ids == [("a.dcm", "9"), ("a.dcm", "1 on a.dcm"), ("b.dcm", "9")]
    assert "row 3: id '9': " in messages[0]
    assert "row 2 has it too" in messages[0]
    assert "row 6: id '1 on a.dcm': " in messages[1]
    assert "row 5 has it too" in messages[1]


def test_a_column_that_no_table_has_is_an_error(tmp_path: Path) -> None:
    """Else the usual column would be read instead."""
    touched(tmp_path, "a.dcm", "m.png", "n.png")
    (tmp_path / "lesions.csv").write_text("image,mask,reader_b\na.dcm,m.png,n.png\n")
    ((lesion,),) = (case.lesions for case in read_cases([tmp_path], {"mask": "reader_b"}).cases)
    assert lesion.mask == "n.png"
    with pytest.raises(
        MammoError, match=r"--columns: no table has a column 'readerb2' for mask \(did you mean readerb"
    ):
        read_cases([tmp_path], {"mask": "readerb2"})


def test_a_row_of_images_csv_without_a_file_is_listed(tmp_path: Path) -> None:
    touched(tmp_path, "a.dcm")
    (tmp_path / "lesions.csv").write_text("image,lesion_id,row0,row1,col0,col1\na.dcm,1,150,180,40,70\n")
    (tmp_path / "images.csv").write_text("image,pixel_spacing\nb.dcm,0.7\na.dcm,0.5\n")
    assert lesions(tmp_path) == [("a.dcm", "1")]
    (error,) = errors(tmp_path)
    assert "images.csv row 2: image 'b.dcm': not an image below the folder" in error


def test_what_is_read_of_boxes_only_is_listed_beside_a_segmentation(tmp_path: Path) -> None:
    touched(tmp_path, "a.dcm")
    write_coco(tmp_path / "coco.json", "a.dcm", 1)
    content = json.loads((tmp_path / "coco.json").read_text())
    more = {"area": 5, "attributes": [{"name": "rotation", "value": 30}]}
    for outline, keys in (
        ({"bbox": BOX}, []),
        ({"segmentation": [[1, 1, 9, 1, 9, 9]]}, ["area", "attributes.rotation"]),
    ):
        content["annotations"] = [{"id": 1, "image_id": 1, **outline, **more}]
        (tmp_path / "coco.json").write_text(json.dumps(content))
        assert read_cases([tmp_path]).not_used == [f"annotations.{key} (coco.json)" for key in keys]


def test_segments_of_files_with_similar_names_have_ids_of_their_own(tmp_path: Path) -> None:
    image = mammogram(np.full((80, 60), 900, np.uint16))
    image.save_as(tmp_path / "1.2.840.77.1", enforce_file_format=True)
    names = ["1.2.840.99.1", "1.2.840.99.1.dcm", "1.2.840.99.2"]
    for name in names:
        write_segmentation(tmp_path / name, np.ones((1, 80, 60), np.bool_), [image.SOPInstanceUID], [1])
    assert lesions(tmp_path) == [("1.2.840.77.1", f"{name} segment 1") for name in names]


def test_a_wrong_row_names_its_image_as_other_rows_do(tmp_path: Path) -> None:
    touched(tmp_path, "p/a.dcm", "b.dcm", "c.dcm")
    boxes = {"p/a.dcm,1": "150,180,40,x", "b.dcm,2": "150,180,40,70", "./b.dcm,2": "10,20,30,40"}
    rows = "".join(f"{row},{box}\n" for row, box in (boxes | dict.fromkeys(("none.dcm,3", ",4"), "1,2,3,4")).items())
    (tmp_path / "lesions.csv").write_text(f"image,lesion_id,row0,row1,col0,col1\n{rows}")
    found = read_cases([tmp_path])
    assert {case.name for case in found.cases if not case.error} <= {str(tmp_path / "p/a.dcm"), str(tmp_path / "b.dcm")}
    names = [case.name for case in found.cases if case.error]
    assert names[-3:] == [str(tmp_path / "b.dcm"), str(tmp_path / "none.dcm"), f"{tmp_path / 'lesions.csv'} row 6"]
    assert found.without_outline() == ["c.dcm"], "an image whose row is wrong is in a table"


def test_of_two_tables_the_remedy_is_one_that_predict_has(tmp_path: Path) -> None:
    touched(tmp_path, "lesions.csv", "lesions.tsv")
    with pytest.raises(MammoError, match=r"lesions.csv and lesions.tsv: remove one, or name the table in place of the"):
        read_cases([tmp_path])


def test_a_segmentation_object_of_another_image_says_so(tmp_path: Path) -> None:
    write_segmentation(tmp_path / "seg.dcm", np.ones((1, 20, 30), bool), ["1.2.3"], [1])
    image = Case(tmp_path, "a.png", "a.png")
    (request,) = outlined(image, [tmp_path / "seg.dcm"]).lesions
    with pytest.raises(RejectedError, match=Code.OUTLINE_ELSEWHERE):
        request.draw((20, 30))
    write_segmentation(tmp_path / "free.dcm", np.eye(20, 30, dtype=bool)[None], [""], [1])
    free = dcmread(tmp_path / "free.dcm")
    for group in free.PerFrameFunctionalGroupsSequence:
        group.DerivationImageSequence = []
    free.save_as(tmp_path / "free.dcm")
    (request,) = outlined(image, [tmp_path / "free.dcm"]).lesions
    assert request.draw((20, 30)).mask.sum() == 20
