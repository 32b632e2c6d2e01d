"""Checks of the tables: ids, values, splits, labels, exams, and images that occur twice or connect patients."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pandas as pd

from mammo.quality.checks import Issue
from mammo.quality.image_checks import ImageStats
from mammo.records import Laterality, Pathology, Split, View
from mammo.store.fingerprints import Pair, similar_pairs
from mammo.store.manifest import Manifest
from mammo.store.schema import ALLOWED_VALUES, labels_elsewhere
from mammo.store.splits import NO_FOLD, patient_groups

FULL_EXAM = {(side.value, view.value) for side in Laterality for view in View}
CLASSES = (Pathology.MALIGNANT.value, Pathology.BENIGN.value)


def valid_rows(manifest: Manifest) -> tuple[Manifest, list[Issue]]:
    """The manifest without repeated ids and lesions without image, and the issues of single rows."""
    images, lesions = manifest.images, manifest.lesions
    issues = [
        Issue("key_twice", str(key), str(table.index.name))
        for table in (images, lesions)
        for key in table.index[table.index.duplicated()].unique()
    ]
    images, lesions = images[~images.index.duplicated()], lesions[~lesions.index.duplicated()]
    for table in (images, lesions):
        for column in ALLOWED_VALUES.keys() & set(table.columns):
            for key, value in table.loc[~table[column].isin(ALLOWED_VALUES[column]), column].items():
                issues.append(Issue("wrong_word", str(key), f"{column} {value!r}"))
    orphans = ~lesions["image_id"].isin(images.index)
    issues += [Issue("lesion_without_image", str(key)) for key in lesions.index[orphans]]
    return replace(manifest, images=images, lesions=lesions[~orphans]), issues


def check_rows(manifest: Manifest) -> Iterator[Issue]:
    """Find contradictions between valid rows."""
    yield from _check_patients(manifest.images)
    yield from _check_official_splits(manifest.images)
    yield from _check_split_classes(manifest)
    yield from _check_labels(manifest.lesions)
    yield from _check_breasts(manifest)
    yield from _check_findings(manifest)
    yield from _check_other_sources(manifest)
    yield from _check_exams(manifest.images)


def _parts(images: pd.DataFrame) -> "pd.Series[str]":
    """The split of each image, with folds its fold; empty without either."""
    return images["split"].where(images["fold"] == NO_FOLD, "fold " + images["fold"].astype(str))


def _check_patients(images: pd.DataFrame) -> Iterator[Issue]:
    parts = _parts(images)
    for patient, rows in images.groupby("patient_id", sort=False):
        splits = set(parts[rows.index])
        if len(splits) > 1:
            yield Issue("patient_in_two_splits", str(patient), ", ".join(sorted(splits)), tuple(rows.index[:4]))
    for exam, rows in images.groupby("exam_id", sort=False):
        if rows["patient_id"].nunique() > 1:
            yield Issue("exam_of_two_patients", str(exam), "", tuple(rows.index[:4]))


def _check_official_splits(images: pd.DataFrame) -> Iterator[Issue]:
    """Where the data set has no validation split of its own, only its test split must agree."""
    official, split = images["official_split"], images["split"]
    has_val = (official == Split.VAL).any()
    agrees = official == split if has_val else (official == Split.TEST) == (split == Split.TEST)
    differs = (official != "") & (split != "") & ~agrees
    for patient, rows in images[differs].groupby("patient_id", sort=False):
        detail = f"{rows['official_split'].iloc[0]} there, {rows['split'].iloc[0]} here"
        yield Issue("official_split_broken", str(patient), detail, tuple(rows.index[:4]))


def _check_split_classes(manifest: Manifest) -> Iterator[Issue]:
    parts = _parts(manifest.images)
    for part in sorted(set(parts) - {""}):
        for label in CLASSES:
            if not manifest.images[label][parts == part].any():
                yield Issue("split_lacks_class", part, f"no {label} finding")


def _check_labels(lesions: pd.DataFrame) -> Iterator[Issue]:
    unlabeled = lesions["label"] == Pathology.NONE.value
    sourced = lesions["label_source"].isin(["biopsy", "breast_level"])
    wrong = (unlabeled & sourced) | (~unlabeled & (lesions["label_source"] == "none"))
    for key, row in lesions[wrong].iterrows():
        yield Issue("label_without_source", str(key), f"{row['label']} by {row['label_source']}", (row["image_id"],))
    for key, row in lesions[lesions["high_risk"] & (lesions["label"] != Pathology.BENIGN.value)].iterrows():
        yield Issue("high_risk_not_benign", str(key), str(row["label"]), (row["image_id"],))


def _check_other_sources(manifest: Manifest) -> Iterator[Issue]:
    """Images with labeled lesions on which another source has a finding with another label."""
    labeled = manifest.lesions[manifest.lesions["label"].isin(CLASSES)]
    own_labels = {str(key): set(labels) for key, labels in labeled.groupby("image_id")["label"]}
    elsewhere = manifest.images["elsewhere"]
    for image_id, text in elsewhere[elsewhere != ""].items():
        own = own_labels.get(str(image_id), set())
        if own and (labels_elsewhere(text) & {*CLASSES}) - own:
            others = "+".join(one for one in text.split("+") if labels_elsewhere(one) & {*CLASSES})
            found = f"{others}, here {'+'.join(sorted(own))}"
            yield Issue("labels_elsewhere", str(image_id), found, (str(image_id),))


def _check_breasts(manifest: Manifest) -> Iterator[Issue]:
    lesions = manifest.lesions.join(manifest.images[["patient_id", "exam_id", "laterality", "view"]], on="image_id")
    outlined = set(zip(lesions["patient_id"], lesions["laterality"], strict=True))
    for key, row in manifest.images[manifest.images["negative"]].iterrows():
        if (row["patient_id"], row["laterality"]) in outlined:
            yield Issue("negative_with_lesion", str(key), "", (str(key),))
    labeled = lesions[lesions["label"].isin(CLASSES) & (lesions["label_source"] != "birads_proxy")]
    for (exam, laterality), rows in labeled.groupby(["exam_id", "laterality"], sort=False):
        views = rows.groupby("view")["label"]
        one_a_view = set(views.groups) == {*View} and (views.size() == 1).all()
        if one_a_view and rows["label"].nunique() == 2 and rows["finding"].nunique() == 1:
            yield Issue("labels_conflict", f"{exam} {laterality}", "", tuple(rows["image_id"]))


def _check_findings(manifest: Manifest) -> Iterator[Issue]:
    lesions = manifest.lesions.join(manifest.images[["patient_id", "laterality"]], on="image_id")
    for finding, rows in lesions[lesions["finding_id"] != ""].groupby("finding_id", sort=False):
        images = tuple(map(str, rows["image_id"][:4]))
        if len(rows[["patient_id", "laterality"]].drop_duplicates()) > 1:
            yield Issue("finding_in_two_breasts", str(finding), "", images)
        if rows["label"].nunique() > 1:
            yield Issue("finding_of_two_labels", str(finding), ", ".join(sorted(set(rows["label"]))), images)


def _check_exams(images: pd.DataFrame) -> Iterator[Issue]:
    for exam, rows in images.groupby("exam_id", sort=False):
        views = set(zip(rows["laterality"], rows["view"], strict=True))
        if len(rows) >= len(FULL_EXAM) and not views >= FULL_EXAM:
            missing = ", ".join(sorted(" ".join(pair) for pair in FULL_EXAM - views))
            yield Issue("exam_lacks_view", str(exam), f"lacks {missing}", tuple(rows.index[:8]))


def check_leakage(images: pd.DataFrame, stats: Mapping[str, ImageStats]) -> Iterator[Issue]:
    """Find images that occur twice, and groups of connected patients that span several splits.

    Args:
        images: the manifest's image rows, indexed by image_id.
        stats: of every image, by id.
    """
    pairs = list(_repeated_images(images, stats))
    for check, (first, second) in pairs:
        yield Issue(check, second, f"as {first}", (first, second))
    groups, parts = images["patient_id"].map(patient_groups(images, [pair for _, pair in pairs])), _parts(images)
    for _, rows in images.groupby(groups, sort=True):
        splits = set(parts[rows.index]) - {""}
        if len(splits) > 1 and rows["patient_id"].nunique() > 1:
            patients = rows.groupby("patient_id", sort=False).head(1)
            detail = f"{len(patients)} patients in {', '.join(sorted(splits))}"
            yield Issue("leak", str(patients["patient_id"].iloc[0]), detail, tuple(map(str, patients.index[:4])))


def _repeated_images(images: pd.DataFrame, stats: Mapping[str, ImageStats]) -> Iterator[tuple[str, Pair]]:
    """(check, two image ids) of images that occur twice, each pair with the strictest check that finds it."""
    reported: set[Pair] = set()
    sources = {str(key): str(value) for key, value in images["sha256"].items()}
    digests = {key: stats[key].digest for key in sources}
    for check, values in (("same_source", sources), ("same_pixels", digests)):
        for pair in _equal_pairs(values):
            if pair not in reported:
                reported.add(pair)
                yield check, pair
    fingerprints = {key: fingerprint for key in sources if (fingerprint := stats[key].fingerprint)}
    for pair in similar_pairs(fingerprints):
        if pair not in reported and digests[pair[0]] != digests[pair[1]]:
            yield "near_duplicate", pair


def _equal_pairs(values: Mapping[str, str]) -> Iterator[Pair]:
    """The first key of each value with every other key of it; empty values are left out."""
    groups: dict[str, list[str]] = defaultdict(list)
    for key, value in values.items():
        if value:
            groups[value].append(key)
    return ((group[0], other) for group in groups.values() for other in group[1:])
