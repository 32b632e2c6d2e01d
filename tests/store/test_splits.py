"""Splits and folds keep groups of patients together and balance the classes of patients."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammo.geometry import Frame
from mammo.records import MammoError, Split
from mammo.store.manifest import Manifest
from mammo.store.splits import assign_folds, assign_splits, group_classes, n_folds, of_fold, patient_groups

FRAME = Frame(368, 240, 8)

counts = st.integers(3, 20)
"""Numbers of patients of one class."""


def cohort(n_malignant: int, n_benign: int, n_negative: int, prefix: str = "") -> Manifest:
    """Return the tables of patients of these classes, without split or fold."""
    classes = ["malignant"] * n_malignant + ["benign"] * n_benign + ["negative"] * n_negative
    images = pd.DataFrame(
        [
            {
                "image_id": f"{prefix}{p}.{k}",
                "source": "table",
                "patient_id": f"{prefix}{p}",
                "exam_id": f"{prefix}e{p}",
                "sha256": "",
                "split": "",
                "official_split": "",
                "malignant": k == "a" and patient_class == "malignant",
                "benign": k == "a" and patient_class != "negative",
                "flags": "",
                "elsewhere": "",
                "fold": -1,
            }
            for p, patient_class in enumerate(classes)
            for k in "ab"
        ]
    ).set_index("image_id")
    lesions = [
        {"lesion_id": f"{p}{label}", "image_id": f"{prefix}{p}.a", "label": label}
        for p, patient_class in enumerate(classes)
        if patient_class != "negative"
        for label in {patient_class, "benign"}
    ]
    table = pd.DataFrame(lesions, columns=["lesion_id", "image_id", "label"]).set_index("lesion_id")
    return Manifest(FRAME, images, table)


def classes_of(manifest: Manifest) -> "pd.Series[str]":
    return group_classes(manifest, manifest.images["patient_id"])


def test_the_class_of_a_patient_is_that_of_the_worst_lesion() -> None:
    classes = classes_of(cohort(2, 1, 1))
    assert classes.to_dict() == {"0": "malignant", "1": "malignant", "2": "benign", "3": "negative"}


@pytest.mark.parametrize("seed", range(5))
def test_patients_are_disjoint_and_every_class_is_split_by_the_fractions(seed: int) -> None:
    manifest = assign_splits(cohort(40, 63, 107), seed, (0.8, 0.1, 0.1))
    by_patient = manifest.images.groupby("patient_id")["split"].unique()
    assert (by_patient.str.len() == 1).all()
    classes = classes_of(manifest)
    for name, n in (("malignant", 40), ("benign", 63), ("negative", 107)):
        counts = Counter(by_patient[classes.index[classes == name]].str[0])
        assert sum(counts.values()) == n
        for split, fraction in zip(("train", "val", "test"), (0.8, 0.1, 0.1), strict=True):
            assert abs(counts[split] - fraction * n) < 1


def test_the_splits_depend_only_on_the_seed_and_the_order() -> None:
    first, again, other = (
        assign_splits(cohort(20, 20, 20, p), s, (0.6, 0.2, 0.2)) for p, s in (("", 1), ("z", 1), ("", 2))
    )
    assert list(first.images["split"]) == list(again.images["split"])
    assert list(first.images["split"]) != list(other.images["split"])
    assert list(assign_splits(other, 1, (0.6, 0.2, 0.2)).images["split"]) == list(first.images["split"])


def test_every_split_gets_one_of_few_patients() -> None:
    manifest = assign_splits(cohort(3, 3, 3), 0, (0.8, 0.1, 0.1))
    assert (manifest.images.groupby("split").size() == 6).all()


def test_a_missing_class_is_named() -> None:
    with pytest.raises(
        MammoError, match=r"split \w+ would have no malignant patient \(the store has 1, .* more patients, or set"
    ):
        assign_splits(cohort(1, 9, 9), 0, (0.8, 0.1, 0.1))
    assert (assign_splits(cohort(1, 9, 9), 0, (0.8, 0.1, 0.1), allow_empty=True).images["split"] != "").all()


@pytest.mark.parametrize("sizes", [(2, 9, 9), (9, 2, 0), (2, 0, 9), (0, 0, 9)])
def test_no_folds_are_advised_that_the_patients_do_not_fill(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(MammoError) as error:
        assign_splits(cohort(*sizes), 0, (0.8, 0.1, 0.1))
    assert "folds" not in str(error.value)
    with pytest.raises(MammoError) as error:
        assign_folds(cohort(*sizes), 10, 0)
    assert "give folds" not in str(error.value)


def test_the_advised_folds_work() -> None:
    manifest = cohort(4, 9, 9)
    kept = manifest.images.assign(split=["train"] * 8 + [""] * 36)
    with pytest.raises(MammoError, match=r"cross-validate with folds=4 again=true, or"):
        assign_splits(replace(manifest, images=kept), 0, (0.8, 0.1, 0.1), keep_current=True)
    with pytest.raises(MammoError, match=r"folds=9: .* give folds=4, ingest"):
        assign_folds(manifest, 9, 0)
    assert n_folds(assign_folds(manifest, 4, 0).images) == 4


def test_a_split_needs_no_negative_patient() -> None:
    """A set of biopsied patients has none at all, and one more patient must not stop it."""
    for n_negative in (0, 1):
        splits = assign_splits(cohort(3, 3, n_negative), 0, (0.8, 0.1, 0.1)).images.groupby("patient_id")["split"]
        assert set(splits.first()) == {"train", "val", "test"}


def test_a_fraction_of_zero_is_an_empty_split() -> None:
    assert set(assign_splits(cohort(1, 1, 1), 0, (0, 0, 1)).images["split"]) == {"test"}


@pytest.mark.parametrize("fractions", [(0.8, 0.1), (0.8, 0.1, 0.2), (1.1, -0.1, 0.0)])
def test_fractions_must_sum_to_one(fractions: tuple[float, ...]) -> None:
    with pytest.raises(MammoError, match="three shares"):
        assign_splits(cohort(9, 9, 9), 0, fractions)


def test_patient_groups_stay_together() -> None:
    manifest = cohort(30, 30, 30)
    pairs = [(f"{patient}.a", f"{patient + 30}.b") for patient in range(0, 30, 3)]
    splits = assign_splits(manifest, 3, (0.4, 0.3, 0.3), pairs=pairs).images["split"]
    assert all(splits[one] == splits[other] for one, other in pairs)
    assert (splits.groupby(manifest.images["patient_id"]).nunique() == 1).all()


def test_an_official_test_split_is_kept_and_the_rest_is_assigned() -> None:
    manifest = cohort(20, 20, 20)
    numbers = manifest.images["patient_id"].astype(int)
    manifest.images["official_split"] = ["test" if number % 4 == 0 else "train" for number in numbers]
    splits = assign_splits(manifest, 0, (0.8, 0.1, 0.1)).images["split"]
    assert set(splits[numbers % 4 == 0]) == {"test"}
    assert splits[numbers % 4 != 0].value_counts().to_dict() == {"train": 78, "val": 12}
    random = assign_splits(manifest, 0, (0.8, 0.1, 0.1), keep_official=False).images["split"]
    assert (random == "test").sum() == 12
    with pytest.raises(MammoError, match="must leave shares for train and val"):
        assign_splits(manifest, 0, (0, 0, 1))


def test_an_official_split_with_validation_is_kept_except_for_groups_that_span_it() -> None:
    manifest = cohort(20, 20, 20)
    numbers = manifest.images["patient_id"].astype(int)
    manifest.images["official_split"] = [("train", "val", "test", "")[number % 4] for number in numbers]
    splits = assign_splits(manifest, 0, (0.5, 0.5, 0.0), pairs=[("0.a", "1.a"), ("0.b", "2.b")]).images["split"]
    spanning = numbers < 3
    assert set(splits[spanning]) == {"test"}
    official = manifest.images["official_split"]
    assert splits[(official != "") & ~spanning].tolist() == official[(official != "") & ~spanning].tolist()
    assert splits[official == ""].value_counts().to_dict() == {"train": 18, "val": 12}


def test_exams_files_and_images_connect_patients() -> None:
    rows = [("a", "1", "x"), ("b", "2", "y"), ("c", "2", "z"), ("d", "3", "x"), ("e", "4", ""), ("f", "5", "")]
    images = pd.DataFrame(rows, columns=["patient_id", "exam_id", "sha256"], index=list("123456"))
    assert patient_groups(images).to_dict() == {"a": 0, "b": 1, "c": 1, "d": 0, "e": 2, "f": 3}
    assert patient_groups(images, [("3", "5"), ("5", "5")]).to_dict() == {
        "a": 0,
        "b": 1,
        "c": 1,
        "d": 0,
        "e": 1,
        "f": 2,
    }


def random_cohort(rng: np.random.Generator, sizes: tuple[int, int, int]) -> Manifest:
    """A cohort in which some patients share an exam or a source file."""
    manifest = cohort(*sizes)
    patients = manifest.images["patient_id"].unique()
    for column in ("exam_id", "sha256"):
        for one, other in rng.choice(patients, (len(patients) // 6, 2)):
            manifest.images.loc[manifest.images["patient_id"].isin([one, other]), column] = f"{column}{one}"
    return manifest


@settings(max_examples=25)
@given(st.tuples(counts, counts, counts), st.integers(3, 10), st.integers(0, 2**32 - 1))
def test_no_test_patient_of_a_fold_is_trained_or_validated_on(sizes: tuple[int, int, int], n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    manifest = random_cohort(rng, sizes)
    pairs = [tuple(pair) for pair in rng.choice(manifest.images.index, (2, 2))]
    folded = assign_folds(manifest, n, seed, allow_empty=True, pairs=pairs)
    if n_folds(folded.images) < n:
        return  # fewer groups than folds
    groups = folded.images["patient_id"].map(patient_groups(manifest.images, pairs))
    tested: list[str] = []
    for fold in range(n):
        parts = {split: of_fold(folded, fold).of_split(split).images for split in Split}
        assert sum(map(len, parts.values())) == len(folded.images)
        for column in ("patient_id", "exam_id"):
            values = [set(part[column]) for part in parts.values()]
            assert sum(map(len, values)) == len(set.union(*values))
        by_group = [set(groups[part.index]) for part in parts.values()]
        assert sum(map(len, by_group)) == len(set.union(*by_group))
        assert (parts[Split.TEST]["fold"] == fold).all()
        tested += list(parts[Split.TEST].index)
    assert sorted(tested) == sorted(folded.images.index)


@settings(max_examples=25)
@given(st.tuples(counts, counts, counts), st.integers(3, 10), st.integers(0, 99))
def test_folds_are_balanced_by_class_and_in_all(sizes: tuple[int, int, int], n: int, seed: int) -> None:
    manifest = assign_folds(cohort(*sizes), n, seed, allow_empty=True)
    fold_of = manifest.images.groupby("patient_id")["fold"].first()
    classes = group_classes(manifest, manifest.images["patient_id"])
    for patients in (fold_of.index, *classes.groupby(classes).groups.values()):
        sizes_of = np.bincount(fold_of[patients], minlength=n)
        assert sizes_of.max() - sizes_of.min() <= 1
    assert (manifest.images["split"] == "").all()


def test_folds_depend_only_on_the_seed_and_the_order() -> None:
    first, again, other = (assign_folds(cohort(20, 20, 20, p), 5, s) for p, s in (("", 1), ("z", 1), ("", 2)))
    assert list(first.images["fold"]) == list(again.images["fold"])
    assert list(first.images["fold"]) != list(other.images["fold"])
    assert list(assign_folds(other, 5, 1).images["fold"]) == list(first.images["fold"])


def test_a_fold_without_a_malignant_patient_is_an_error_unless_it_is_allowed() -> None:
    with pytest.raises(MammoError, match=r"folds=5: the store has only 4 malignant patients .*: give folds=4, ingest"):
        assign_folds(cohort(4, 9, 9), 5, 0)
    with pytest.raises(MammoError, match=r"only 2 benign patients .*: ingest more patients"):
        assign_folds(cohort(5, 2, 9), 5, 0)
    assert n_folds(assign_folds(cohort(4, 9, 9), 5, 0, allow_empty=True).images) == 5


@pytest.mark.parametrize("n", [-1, 0, 1, 2])
def test_folds_to_train_validate_and_test_are_at_least_three(n: int) -> None:
    with pytest.raises(MammoError, match=f"folds={n}: give at least 3"):
        assign_folds(cohort(9, 9, 9), n, 0)


def test_a_store_and_a_run_must_agree_on_folds() -> None:
    folded = assign_folds(cohort(9, 9, 9), 3, 0)
    plain = assign_splits(folded, 0, (0.8, 0.1, 0.1))
    assert of_fold(plain, None) is plain
    assert n_folds(plain.images) == 0
    with pytest.raises(MammoError, match=r"fold=0, but the store has no folds: .*mammo\.split folds=5, or leave fold="):
        of_fold(plain, 0)
    with pytest.raises(MammoError, match=r"folds 0 to 2, and no fold= is given: .*--multirun 'fold=range\(3\)'"):
        of_fold(folded, None)
    with pytest.raises(MammoError, match=r"folds 0 to 2, and fold=3 is not one of them"):
        of_fold(folded, 3)


def test_images_that_were_added_after_the_folds_are_named() -> None:
    folded = assign_folds(cohort(9, 9, 9), 3, 0)
    folded.images.loc[folded.images["patient_id"] == "4", "fold"] = -1
    with pytest.raises(MammoError, match=r"2 images of the store have no fold: run python -m mammo\.split folds=3"):
        of_fold(folded, 1)


def test_folds_and_a_split_replace_each_other_only_when_asked() -> None:
    folded = assign_folds(cohort(9, 9, 9), 3, 0)
    with pytest.raises(MammoError, match=r"^the store has 3 folds, .*: give folds=3 to keep them .* or again=true"):
        assign_splits(folded, 0, (0.8, 0.1, 0.1), keep_current=True)
    plain = assign_splits(folded, 0, (0.8, 0.1, 0.1))
    with pytest.raises(
        MammoError, match=r"^folds=3, but the store has a training, validation and test split: give again"
    ):
        assign_folds(plain, 3, 0, keep_current=True)
    assert n_folds(assign_folds(plain, 3, 0).images) == 3


def test_a_store_without_images_has_no_folds() -> None:
    empty = Manifest(Frame(368, 240, 8), pd.DataFrame({"fold": []}), pd.DataFrame())
    assert n_folds(empty.images) == 0


def test_later_patients_join_the_folds_and_earlier_ones_stay() -> None:
    first = assign_folds(cohort(7, 8, 9), 5, 0)
    grown = cohort(12, 12, 14)
    earlier = grown.images["patient_id"].isin(first.images["patient_id"])
    places = first.images.groupby("patient_id")["fold"].first()
    grown.images["fold"] = grown.images["patient_id"].map(places).fillna(-1).astype(int)
    again = assign_folds(grown, 5, 3, keep_current=True)
    assert (again.images["fold"] == grown.images["fold"])[earlier].all()
    sizes = again.images.groupby("fold")["patient_id"].nunique()
    assert len(sizes) == 5
    assert sizes.max() - sizes.min() <= 2
    with pytest.raises(MammoError, match=r"folds=4, but the store has 5 folds: give again=true"):
        assign_folds(again, 4, 0, keep_current=True)


@pytest.mark.parametrize("seed", range(3))
def test_all_views_of_a_finding_are_in_one_split_and_one_fold(seed: int) -> None:
    manifest = cohort(12, 15, 20)
    views = pd.DataFrame(
        {"image_id": manifest.images.index, "label": "benign", "finding_id": "f" + manifest.images["patient_id"]}
    )
    manifest = replace(manifest, lesions=views.set_index(pd.RangeIndex(len(views), name="lesion_id")))
    for split in (assign_splits(manifest, seed, (0.6, 0.2, 0.2)), assign_folds(manifest, 4, seed)):
        joined = split.lesions.join(split.images[["split", "fold"]], on="image_id").groupby("finding_id")
        assert (joined.size() == 2).all()
        assert (joined[["split", "fold"]].nunique() == 1).all(axis=None)
