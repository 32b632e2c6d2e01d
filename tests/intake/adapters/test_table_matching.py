from pathlib import Path

import pytest

from mammo.intake.adapters._table_columns import Entry
from mammo.intake.adapters._table_matching import HeaderKeys, ImageMatcher, ImageNames
from mammo.records import ImageRecord, Laterality, MammoError, View

ROOT = Path("/data")
NAMES = ImageNames(
    ROOT, ["a/L-CC.dcm", "a/R-CC.dcm", "b/L-CC.dcm", "b/mask.png", "1.2.840.7", "Zürich.dcm", "new/a/L-MLO.dcm"]
)


def entry(**cells: str) -> Entry:
    return Entry(ROOT / "lesions.csv", "row 2", cells, {name: name for name in cells}, {})


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a/L-CC.dcm", ["a/L-CC.dcm"]),
        ("R-CC.dcm", ["a/R-CC.dcm"]),
        ("r-cc", ["a/R-CC.dcm"]),
        ("a/L-CC", ["a/L-CC.dcm"]),
        ("/data/a/L-CC.dcm", ["a/L-CC.dcm"]),
        ("b/../a/L-CC.dcm", ["a/L-CC.dcm"]),
        ("1.2.840.7", ["1.2.840.7"]),
        ("Zu\u0308rich", ["Zürich.dcm"]),
        ("L-CC", ["a/L-CC.dcm", "b/L-CC.dcm"]),
        ("c/L-CC.dcm", []),
        ("R-CC.png", []),
        ("C:/data/export/a/L-CC.dcm", []),
        ("/elsewhere/a/L-CC.dcm", []),
        ("old/1.2.840.7", []),
        ("a/L-MLO.dcm", []),
        ("../data2/a/L-CC.dcm", []),
    ],
)
def test_a_path_means_that_path_and_a_name_the_only_file_that_has_it(name: str, found: list[str]) -> None:
    assert NAMES.find(name, ROOT / "lesions.csv") == found


@pytest.mark.parametrize(
    ("name", "table", "found"),
    [
        ("L-CC.dcm", "a/coco.json", ["a/L-CC.dcm"]),
        ("R-CC.dcm", "b/coco.json", []),
        ("a/L-MLO.dcm", "new/coco.json", ["new/a/L-MLO.dcm"]),
        ("L-MLO.dcm", "new/coco.json", ["new/a/L-MLO.dcm"]),
        ("a/L-CC.dcm", "new/coco.json", ["a/L-CC.dcm"]),
        ("../a/L-CC.dcm", "annotations/coco.json", ["a/L-CC.dcm"]),
        ("R-CC.dcm", "annotations/coco.json", ["a/R-CC.dcm"]),
        ("L-CC.dcm", "annotations/coco.json", ["a/L-CC.dcm", "b/L-CC.dcm"]),
        ("L-MLO", "../tables/own.csv", ["new/a/L-MLO.dcm"]),
    ],
)
def test_paths_are_relative_to_the_folder_of_their_table_first(name: str, table: str, found: list[str]) -> None:
    assert NAMES.find(name, ROOT / table) == found


def test_two_paths_of_one_table_never_reach_one_file() -> None:
    names = ImageNames(ROOT, ["P1/L-CC.dcm"])
    assert names.path(entry(image="L-CC.dcm"), "image") == names.path(entry(image="l-cc"), "image") == "P1/L-CC.dcm"
    with pytest.raises(MammoError, match=r"row 2 names P1/L-CC\.dcm by the path 'L-CC\.dcm': write one path for one"):
        names.path(entry(image="P1/L-CC.dcm"), "image")
    assert ImageNames(ROOT, ["P1/L-CC.dcm"]).path(entry(image="P1/L-CC.dcm"), "image") == "P1/L-CC.dcm"


def test_a_name_of_several_files_is_an_error_that_names_them() -> None:
    with pytest.raises(MammoError, match=r"could be a/L-CC\.dcm or b/L-CC\.dcm: give the path below the folder"):
        NAMES.path(entry(image="L-CC"), "image")
    assert NAMES.guess("R-CC.png") == " (did you mean a/R-CC.dcm?)"


def image(path: str, patient: str = "007", exam: str = "1.2", code: str = "") -> ImageRecord:
    return ImageRecord(path, patient, exam, Laterality.LEFT, View.CC, code=code)


KEYS = {
    "a": HeaderKeys("1.1", "20200131", ("1.2", "A7")),
    "b": HeaderKeys("1.2", "20210131", ("1.3", "A8")),
    "copy of a": HeaderKeys("1.1", "20200131", ("1.2", "A7")),
}
MATCHER = ImageMatcher([image("a"), image("b", exam="1.3"), image("copy of a")], KEYS)


@pytest.mark.parametrize(
    ("cells", "path"),
    [
        ({"exam": "1.3"}, "b"),
        ({"exam": "A8"}, "b"),
        ({"date": "2021-01-31"}, "b"),
        ({"date": "20200131"}, "a"),
        ({"date": "2020-01-31 00:00:00"}, "a"),
        ({"date": "31.01.2020"}, ""),
        ({"exam": "1.3", "date": "20200131"}, ""),
        ({"patient": "7"}, ""),
        ({"view": "MLO"}, ""),
    ],
)
def test_a_row_without_an_image_is_matched_with_the_headers(cells: dict[str, str], path: str) -> None:
    assert MATCHER.path(entry(**({"patient": "007", "laterality": "left", "view": "cc"} | cells))) == path


def test_several_images_are_an_error_that_says_what_to_add() -> None:
    row = entry(patient="007", laterality="left", view="cc")
    with pytest.raises(MammoError, match=r"row 2: view 'cc': 2 images of this patient and side have it, such as a"):
        MATCHER.path(row)
    with pytest.raises(MammoError, match="a row needs patient, laterality"):
        MATCHER.path(entry(patient="007", view="cc"))


def test_an_accepted_image_is_preferred_to_a_rejected_one() -> None:
    row = entry(patient="007", laterality="L", view="CC")
    assert ImageMatcher([image("raw", code="for_processing"), image("shown")], {}).path(row) == "shown"
    assert ImageMatcher([image("raw", code="for_processing")], {}).path(row) == "raw"


def test_the_reason_of_a_row_without_an_image_leads_on() -> None:
    row = {"patient": "007", "laterality": "L", "view": "CC"}
    assert "of one whose number has other leading zeros" in MATCHER.reason(entry(**(row | {"patient": "7"})))
    assert "no image of this patient;" in MATCHER.reason(entry(**(row | {"patient": "8"})))
    assert "no L MLO image of this patient;" in MATCHER.reason(entry(**(row | {"view": "MLO"})))
    other = ImageMatcher([ImageRecord("a", "007", "1", Laterality.LEFT, None, code="other_view")], {})
    assert "of this patient (1 of the breast have a view other than CC and MLO, or none);" in other.reason(entry(**row))
    assert "of this exam or date" in MATCHER.reason(entry(**(row | {"exam": "9"})))
