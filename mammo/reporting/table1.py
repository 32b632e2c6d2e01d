"""Table 1: how many images and lesions of each kind the cohort has, by split."""

import pandas as pd

from mammo.paper import TABLE_1
from mammo.records import Pathology, Split

COLUMNS = ["images_negative", "images_benign", "images_malignant", "lesions_benign", "lesions_malignant"]


def table1(images: pd.DataFrame, lesions: pd.DataFrame) -> pd.DataFrame:
    """Count images and lesions as the paper's Table 1 does.

    Args:
        images: the manifest's image rows, indexed by image_id, with the column split.
        lesions: the manifest's lesion rows, with the columns image_id and label.

    Returns:
        int, columns COLUMNS and, with paper_ before them, the same of the paper; rows train, val, test, overall. A
        negative image has no outlined lesion; an image with lesions of both kinds counts as benign and as malignant;
        lesions labelled none are not counted.
    """
    rows = {}
    for split in [*(str(split) for split in Split), "overall"]:
        inside = set(images.index if split == "overall" else images.index[images["split"] == split])
        here = lesions[lesions["image_id"].isin(inside)]
        kinds = [here[here["label"] == label] for label in (Pathology.BENIGN, Pathology.MALIGNANT)]
        negative = len(inside - set(here["image_id"]))
        rows[split] = [negative, *(kind["image_id"].nunique() for kind in kinds), *(len(kind) for kind in kinds)]
    printed = {split: TABLE_1[split] for split in rows}
    paper = pd.DataFrame.from_dict(printed, orient="index", columns=[f"paper_{column}" for column in COLUMNS])
    return pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS).join(paper)
