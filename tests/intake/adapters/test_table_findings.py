"""The column finding_id of own tables: what it joins, and which rows contradict each other."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from mammo.intake.adapters.table import read
from mammo.records import MammoError

OUTLINE = '"90,30;90,50;110,50;110,30"'
HEADER = "image,patient,exam,laterality,view\n"
IMAGES = {"L-CC": "P1,E1,L,CC", "L-MLO": "P1,E1,L,MLO", "R-CC": "P1,E1,R,CC", "Q-CC": "P2,E2,L,CC"}


@pytest.fixture
def breasts(tmp_path: Path, half_disc: NDArray[np.uint16]) -> Path:
    """Two views of a left breast, one of the right breast, and one of another patient's left breast."""
    for name in IMAGES:
        cv2.imwrite(str(tmp_path / f"{name}.png"), half_disc[:, ::-1] if name[0] == "R" else half_disc)
    (tmp_path / "images.csv").write_text(HEADER + "".join(f"{name}.png,{row}\n" for name, row in IMAGES.items()))
    return tmp_path


def write(folder: Path, *rows: tuple[str, str, str]) -> Path:
    """Write rows of image, label and finding_id, each with a lesion_id and an outline of its own."""
    lines = [
        f'{image}.png,{label},l{number},{finding},"90,3{number};90,50;110,50;110,30"'
        for number, (image, label, finding) in enumerate(rows)
    ]
    (folder / "lesions.csv").write_text("\n".join(["image,label,lesion_id,finding_id,outline", *lines]))
    return folder


def test_rows_of_one_finding_are_joined_across_views_and_an_empty_cell_joins_nothing(breasts: Path) -> None:
    write(breasts, ("L-CC", "benign", "7"), ("L-MLO", "B", "7"), ("L-MLO", "malignant", ""), ("R-CC", "benign", ""))
    found = {lesion.lesion_key: lesion.finding_key for lesion in read(breasts).lesions}
    assert found == {"l0": "7", "l1": "7", "l2": "", "l3": ""}


@pytest.mark.parametrize("word", ["unknown", "-", "N/A", "n/a", "NULL", "None", "not known", "?"])
def test_a_word_for_a_missing_value_is_no_finding(breasts: Path, word: str) -> None:
    write(breasts, ("L-CC", "benign", word), ("L-MLO", "benign", word), ("Q-CC", "malignant", word))
    assert [lesion.finding_key for lesion in read(breasts).lesions] == ["", "", ""]


@pytest.mark.parametrize("suffix", [".xlsx", ".tsv", ".parquet"])
def test_findings_are_read_from_any_table_under_their_usual_names(breasts: Path, suffix: str) -> None:
    write(breasts, ("L-CC", "benign", "7"), ("L-MLO", "benign", "7"))
    table = pd.read_csv(breasts / "lesions.csv", dtype=str).rename(columns={"finding_id": "Finding ID"})
    (breasts / "lesions.csv").unlink()
    file = breasts / f"lesions{suffix}"
    if suffix == ".xlsx":
        table.to_excel(file, index=False)
    elif suffix == ".tsv":
        table.to_csv(file, sep="\t", index=False)
    else:
        table.to_parquet(file)
    assert [lesion.finding_key for lesion in read(breasts).lesions] == ["7", "7"]


@pytest.mark.parametrize("column", ["finding_id", "lesion_id"])
def test_long_numbers_of_a_sheet_are_no_ids(breasts: Path, column: str) -> None:
    write(breasts, ("L-CC", "benign", "7"), ("Q-CC", "benign", "8"))
    table = pd.read_csv(breasts / "lesions.csv", dtype=str)
    (breasts / "lesions.csv").unlink()
    table.assign(**{column: [20231234567890123.0, 20231234567890125.0]}).to_excel(breasts / "lesions.xlsx", index=False)
    with pytest.raises(MammoError, match=f"lesions.xlsx row 2: {column} '202312345678901..': its last digits are lost"):
        read(breasts)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (
            ("Q-CC", "benign", "7"),
            "row 3: finding_id '7': row 2 has it too, of another patient; give each finding an id",
        ),
        (
            ("R-CC", "benign", "7"),
            "row 3: finding_id '7': row 2 has it too, of the L breast, and this one is of the R breast; give each",
        ),
        (
            ("L-MLO", "malignant", "7"),
            "row 3: finding_id '7': row 2 has it too, labeled benign, and this one malignant; correct one of the",
        ),
        (("L-MLO", "none", "7"), "row 2 has it too, labeled benign, and this one none; correct one of the labels"),
    ],
)
def test_rows_that_contradict_their_finding_are_named_with_the_remedy(
    breasts: Path, second: tuple[str, str, str], message: str
) -> None:
    with pytest.raises(MammoError, match=message):
        read(write(breasts, ("L-CC", "benign", "7"), second))


def test_a_high_risk_finding_is_benign_and_a_normal_image_shows_no_finding(breasts: Path) -> None:
    write(breasts, ("L-CC", "benign", "7"), ("L-MLO", "high risk", "7"))
    with (breasts / "lesions.csv").open("a") as file:
        file.write("\nR-CC.png,normal,,7,\n")
    assert [lesion.finding_key for lesion in read(breasts).lesions] == ["7", "7"]


def test_a_lesion_id_of_two_views_is_an_error_that_names_the_column_for_it(breasts: Path) -> None:
    rows = "".join(f"{name}.png,benign,x,{OUTLINE}\n" for name in ("L-CC", "L-MLO"))
    (breasts / "lesions.csv").write_text("image,label,lesion_id,outline\n" + rows)
    with pytest.raises(MammoError, match=r"row 3: lesion_id 'x': .* a column finding_id joins those of one lesion"):
        read(breasts)


def test_a_repeated_outline_of_two_findings_is_an_error(breasts: Path) -> None:
    rows = "".join(f"L-CC.png,benign,{finding},{OUTLINE}\n" for finding in ("7", "7", ""))
    (breasts / "lesions.csv").write_text("image,label,finding_id,outline\n" + rows)
    with pytest.raises(
        MammoError, match="row 4: finding_id is empty: row 2 has the same outline and another finding_id"
    ):
        read(breasts)
    (breasts / "lesions.csv").write_text("image,label,finding_id,outline\n" + "\n".join(rows.splitlines()[:2]))
    assert len(read(breasts).lesions) == 1


def test_annotations_give_findings_too(breasts: Path) -> None:
    boxes = [{"id": n, "image_id": n, "category_id": 1, "bbox": [30, 90, 20, 20]} for n in (1, 2)]
    boxes[0]["attributes"] = {"finding_id": 7}
    boxes[1]["finding_id"] = "7"
    height, width = cv2.imread(str(breasts / "L-CC.png"), -1).shape
    size = {"height": height, "width": width}
    images = [{"id": n, "file_name": f"{name}.png", **size} for n, name in ((1, "L-CC"), (2, "L-MLO"))]
    content = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "benign"}]}
    (breasts / "lesions.json").write_text(json.dumps(content))
    assert [lesion.finding_key for lesion in read(breasts).lesions] == ["7", "7"]
