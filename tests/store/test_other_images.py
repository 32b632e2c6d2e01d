import pandas as pd

from mammo.store.other_images import other_images

EXAM = [("lcc", "L", "CC"), ("lmlo", "L", "MLO"), ("rcc", "R", "CC"), ("rmlo", "R", "MLO")]


def table(*rows: tuple[str, str, str, str, str, str]) -> pd.DataFrame:
    """Rows of (image_id, patient_id, exam_id, laterality, view, flags)."""
    columns = ["image_id", "patient_id", "exam_id", "laterality", "view", "flags"]
    return pd.DataFrame(rows, columns=columns).set_index("image_id")


def exam(exam_id: str, patient_id: str = "p") -> list[tuple[str, str, str, str, str, str]]:
    return [(f"{exam_id}{name}", patient_id, exam_id, side, view, "") for name, side, view in EXAM]


def test_a_whole_exam_pairs_views_and_breasts() -> None:
    found = other_images(table(*exam("a")))
    assert found["ipsi"].to_dict() == {"alcc": "almlo", "almlo": "alcc", "arcc": "armlo", "armlo": "arcc"}
    assert found["contra"].to_dict() == {"alcc": "arcc", "arcc": "alcc", "almlo": "armlo", "armlo": "almlo"}


def test_images_of_other_exams_and_patients_are_no_context() -> None:
    rows = [*exam("a")[:1], *exam("b")[1:3], *exam("a", "q")[1:]]
    found = other_images(table(*rows))
    assert found.loc["alcc"].tolist() == ["", ""]
    assert found.loc["brcc"].tolist() == ["", ""]
    assert found.loc["armlo"].tolist() == ["arcc", "almlo"]


def test_of_several_images_the_first_without_flags_is_taken() -> None:
    spares = [(name, "p", "a", "L", "MLO", flags) for name, flags in (("x", "blank"), ("y", ""), ("z", ""))]
    assert other_images(table(*exam("a")[:1], *spares)).loc["alcc", "ipsi"] == "y"
    assert other_images(table(*exam("a")[:1], spares[0])).loc["alcc", "ipsi"] == "x"


def test_an_empty_table_has_no_pairs() -> None:
    assert other_images(table()).empty
