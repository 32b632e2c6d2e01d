"""Folds for cross-validation: patients stay together, classes are balanced, and no test patient is trained on."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammo.geometry import Frame
from mammo.records import MammoError, Split
from mammo.store.folds import assign_folds, n_folds, of_fold
from mammo.store.manifest import Manifest
from mammo.store.splits import assign_splits, group_classes, patient_groups
from tests.store.test_splits import cohort

counts = st.integers(3, 20)


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
