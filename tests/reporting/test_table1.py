import pandas as pd

from mammo.reporting.table1 import COLUMNS, table1


def test_counts_as_the_paper_does() -> None:
    images = pd.DataFrame({"split": ["train", "train", "val", "test", "test"]}, index=list("ABCDE"))
    lesions = pd.DataFrame(
        {"image_id": list("AADDE"), "label": ["malignant", "benign", "benign", "benign", "none"]}, index=range(5)
    )
    table = table1(images, lesions)
    counted = table[COLUMNS]
    assert counted.loc["train"].tolist() == [1, 1, 1, 1, 1]  # image A counts as benign and as malignant
    assert counted.loc["val"].tolist() == [1, 0, 0, 0, 0]
    assert counted.loc["test"].tolist() == [0, 1, 0, 2, 0]  # image E has an outline: not negative, and not counted
    assert counted.loc["overall"].tolist() == [2, 2, 1, 3, 1]
    assert table.loc["test"].filter(like="paper_").tolist() == [60_959, 432, 116, 464, 136]
