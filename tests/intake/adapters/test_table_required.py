from pathlib import Path

import pytest

from mammo.intake.adapters._table_required import check_image_columns, check_lesion_columns
from mammo.intake.adapters._table_words import label_map
from mammo.records import MammoError


def message(folder: Path, text: str, chosen: dict[str, str] | None = None) -> str:
    """What is wrong with the columns of a table of lesions; empty if nothing is."""
    file = folder / "lesions.csv"
    file.write_text(text)
    try:
        check_lesion_columns(file, chosen or {}, label_map({}))
    except MammoError as error:
        return str(error).partition("lesions.csv ")[2]
    return ""


@pytest.mark.parametrize("view", ["View", "Proj.", "projection", "VIEW:", "View position"])
def test_rows_with_patient_side_and_view_need_no_image(tmp_path: Path, view: str) -> None:
    assert message(tmp_path, f"Patient,Side,{view},Pathology\nP1,L,CC,benign\n") == ""


def test_a_column_that_no_row_can_do_without_is_one_error_that_suggests_the_one_with_its_words(tmp_path: Path) -> None:
    table = "Patient,Seite,Ansicht,Histology,Age\nP1,links,CC,Malign.,50\nP2,left,mlo,benign,61\nP3,R,,,47\n"
    assert message(tmp_path, table) == (
        "lacks the columns label and laterality and view (it has patient, seite, ansicht, histology, age; histology "
        "has words for label and ansicht has words for view): rename its columns, or give their names with "
        "data.columns='{label: histology, laterality: NAME, view: ansicht}'; or name the file of each row in a column "
        "image"
    )
    given = {"label": "Histology", "laterality": "Seite"}
    assert "data.columns='{label: Histology, laterality: Seite, view: ansicht}'" in message(tmp_path, table, given)
    assert message(tmp_path, table, given | {"view": "ansicht"}) == ""


def test_sides_can_stand_in_the_column_of_the_view(tmp_path: Path) -> None:
    assert message(tmp_path, "patient,view,label\nP1,R-MLO,benign\n") == ""
    assert "lacks the column view (it" in message(tmp_path, "patient,position,label\nP1,R-MLO,benign\nP1,LCC,none\n")
    assert "lacks the column laterality (" in message(tmp_path, "patient,view,label\nP1,MLO,benign\n")


def test_columns_of_other_words_are_not_suggested(tmp_path: Path) -> None:
    table = "image,histology,sex\n0,IDC,F\n1,fibroadenoma,M\n2,benign,F\n"
    assert "lacks the column label (it has image, histology, sex): " in message(tmp_path, table)


def test_a_table_without_rows_needs_no_breasts(tmp_path: Path) -> None:
    assert message(tmp_path, "label\n") == ""
    assert "lacks the column label" in message(tmp_path, "image\n")


def test_images_without_a_header_need_columns_for_patient_side_and_view(tmp_path: Path) -> None:
    file = tmp_path / "images.csv"
    file.write_text("file,patient,density\none.dcm,7,A\n")
    check_image_columns(file, {})
    file.write_text("file,patient,density\none.png,7,A\n")
    with pytest.raises(MammoError, match=r"lacks the columns laterality and view \(it has file, patient, density\)"):
        check_image_columns(file, {})
