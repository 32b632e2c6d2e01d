"""Doubts that the tables alone raise: ids, words, splits, labels, exams."""

from collections.abc import Iterator

import pandas as pd

from mammo.quality.checks import Doubt
from mammo.records import Laterality, Pathology, Split, View
from mammo.store.checks import ALLOWED
from mammo.store.manifest import Manifest

FULL_EXAM = {(side.value, view.value) for side in Laterality for view in View}
CLASSES = (Pathology.MALIGNANT.value, Pathology.BENIGN.value)


def sound_rows(manifest: Manifest) -> tuple[Manifest, list[Doubt]]:
    """The tables without rows that nothing can be said about, and the doubts about those."""
    images, lesions = manifest.images, manifest.lesions
    doubts = [
        Doubt("key_twice", str(key), str(table.index.name))
        for table in (images, lesions)
        for key in table.index[table.index.duplicated()].unique()
    ]
    images, lesions = images[~images.index.duplicated()], lesions[~lesions.index.duplicated()]
    for table in (images, lesions):
        for column in ALLOWED.keys() & set(table.columns):
            for key, word in table.loc[~table[column].isin(ALLOWED[column]), column].items():
                doubts.append(Doubt("wrong_word", str(key), f"{column} {word!r}"))
    orphans = ~lesions["image_id"].isin(images.index)
    doubts += [Doubt("lesion_without_image", str(key)) for key in lesions.index[orphans]]
    return Manifest(manifest.frame, images, lesions[~orphans]), doubts


def table_doubts(manifest: Manifest) -> Iterator[Doubt]:
    """All doubts that sound rows raise."""
    yield from _patients(manifest.images)
    yield from _split_classes(manifest)
    yield from _labels(manifest.lesions)
    yield from _breasts(manifest)
    yield from _exams(manifest.images)


def _patients(images: pd.DataFrame) -> Iterator[Doubt]:
    for patient, rows in images.groupby("patient_id", sort=False):
        splits = set(rows["split"])
        if len(splits) > 1:
            yield Doubt("patient_in_two_splits", str(patient), ", ".join(sorted(splits)), tuple(rows.index[:4]))
    for exam, rows in images.groupby("exam_id", sort=False):
        if rows["patient_id"].nunique() > 1:
            yield Doubt("exam_of_two_patients", str(exam), "", tuple(rows.index[:4]))
    told, dealt = images["official_split"], images["split"]
    kept = told == dealt if (told == Split.VAL).any() else (told == Split.TEST) == (dealt == Split.TEST)
    broken = (told != "") & (dealt != "") & ~kept
    for patient, rows in images[broken].groupby("patient_id", sort=False):
        words = f"{rows['official_split'].iloc[0]} there, {rows['split'].iloc[0]} here"
        yield Doubt("official_split_broken", str(patient), words, tuple(rows.index[:4]))


def _split_classes(manifest: Manifest) -> Iterator[Doubt]:
    splits = manifest.images["split"]
    for split in Split:
        inside = manifest.lesions[manifest.lesions["image_id"].isin(splits.index[splits == split.value])]
        for label in CLASSES:
            if (splits == split.value).any() and not (inside["label"] == label).any():
                yield Doubt("split_lacks_class", split.value, f"no {label} lesion")


def _labels(lesions: pd.DataFrame) -> Iterator[Doubt]:
    unlabelled = lesions["label"] == Pathology.NONE.value
    sourced = lesions["label_source"].isin(["biopsy", "breast_level"])
    wrong = (unlabelled & sourced) | (~unlabelled & (lesions["label_source"] == "none"))
    for key, row in lesions[wrong].iterrows():
        yield Doubt("label_without_source", str(key), f"{row['label']} by {row['label_source']}", (row["image_id"],))
    for key, row in lesions[lesions["high_risk"] & (lesions["label"] != Pathology.BENIGN.value)].iterrows():
        yield Doubt("high_risk_not_benign", str(key), str(row["label"]), (row["image_id"],))


def _breasts(manifest: Manifest) -> Iterator[Doubt]:
    lesions = manifest.lesions.join(manifest.images[["exam_id", "laterality", "view"]], on="image_id")
    outlined = set(zip(lesions["exam_id"], lesions["laterality"], strict=True))
    for key, row in manifest.images[manifest.images["negative"]].iterrows():
        if (row["exam_id"], row["laterality"]) in outlined:
            yield Doubt("negative_with_lesion", str(key), "", (str(key),))
    labelled = lesions[lesions["label"].isin(CLASSES) & (lesions["label_source"] != "birads_proxy")]
    for (exam, laterality), rows in labelled.groupby(["exam_id", "laterality"], sort=False):
        views = rows.groupby("view")["label"]
        if set(views.groups) == {*View} and (views.size() == 1).all() and rows["label"].nunique() == 2:
            same = rows["finding"].nunique() == 1
            if same:
                yield Doubt("labels_conflict", f"{exam} {laterality}", "", tuple(rows["image_id"]))


def _exams(images: pd.DataFrame) -> Iterator[Doubt]:
    for exam, rows in images.groupby("exam_id", sort=False):
        shown = set(zip(rows["laterality"], rows["view"], strict=True))
        if len(rows) >= len(FULL_EXAM) and not shown >= FULL_EXAM:
            lacking = ", ".join(sorted(" ".join(pair) for pair in FULL_EXAM - shown))
            yield Doubt("exam_lacks_view", str(exam), f"lacks {lacking}", tuple(rows.index[:8]))
