import pandas as pd

from mammo.store.families import families


def test_exams_files_and_pictures_connect_patients() -> None:
    rows = [("a", "1", "x"), ("b", "2", "y"), ("c", "2", "z"), ("d", "3", "x"), ("e", "4", ""), ("f", "5", "")]
    images = pd.DataFrame(rows, columns=["patient_id", "exam_id", "sha256"], index=list("123456"))
    assert families(images).to_dict() == {"a": 0, "b": 1, "c": 1, "d": 0, "e": 2, "f": 3}
    assert families(images, [("3", "5"), ("5", "5")]).to_dict() == {"a": 0, "b": 1, "c": 1, "d": 0, "e": 1, "f": 2}
