"""Trivial predictors: fitted on training lesions only, and compared with models that do or do not beat them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from mammo.records import Split
from mammo.scoring.metrics import auc
from mammo.scoring.model_comparison import compare
from mammo.scoring.trivial_predictors import (
    PREDICTORS,
    known_predictors,
    lesion_facts,
    trivial_scores,
    trivial_table,
    trivial_warnings,
)
from mammo.store.manifest import Manifest
from mammo.store.schema import outline_values

NUMBERS = [name for name in PREDICTORS if name != "trivial_vendor"]


def facts(n: int, seed: int, direction: float = 1.0) -> pd.DataFrame:
    """Lesions whose numbers all grow with malignancy, or shrink; vendor b has more malignant ones."""
    rng = np.random.default_rng(seed)
    malignant = rng.integers(0, 2, n)
    columns = {name.removeprefix("trivial_"): direction * malignant + rng.normal(size=n) for name in NUMBERS}
    vendor = np.where(rng.random(n) < 0.3 + 0.4 * malignant, "b", "a")
    return pd.DataFrame({"label": np.where(malignant == 1, "malignant", "benign"), "vendor": vendor, **columns})


@given(st.integers(0, 1000), st.sampled_from([-1.0, 1.0]))
def test_a_number_keeps_its_order_and_is_turned_by_the_training_lesions(seed: int, direction: float) -> None:
    training, test = facts(80, seed, direction), facts(40, seed + 5000, direction)
    scores = trivial_scores(training, test)
    assert scores.to_numpy().min() >= 0
    assert scores.to_numpy().max() <= 1
    labels = training["label"] == "malignant"
    for name in NUMBERS:
        values = test[name.removeprefix("trivial_")]
        sign = 1 if auc(labels, training[name.removeprefix("trivial_")]) >= 0.5 else -1
        assert (scores[name].rank() == (sign * values).rank()).all()


def test_nothing_of_the_test_lesions_labels_is_used() -> None:
    training, test = facts(80, 0), facts(40, 1)
    other = test.assign(label=np.where(test["label"] == "benign", "malignant", "benign"))
    pd.testing.assert_frame_equal(trivial_scores(training, test), trivial_scores(training, other))


def test_a_vendors_score_follows_its_share_of_malignant_training_lesions() -> None:
    training = facts(6, 0).assign(vendor=["a", "a", "b", "b", "b", ""], label=["malignant", "benign"] * 3)
    training.loc[len(training)] = training.iloc[0].to_dict() | {"vendor": "a", "label": "none"}  # does not count
    test = facts(4, 1).assign(vendor=["a", "b", "", "c"])
    assert trivial_scores(training, test)["trivial_vendor"].tolist() == pytest.approx(
        [1 / 2, 1 / 2 + 1 / 12, 1 / 2, 1 / 2]
    )


@pytest.mark.parametrize("training", [facts(0, 0), facts(9, 0).assign(label="benign"), facts(9, 0).assign(size=1.0)])
def test_training_lesions_that_show_nothing_give_one_score_to_all(training: pd.DataFrame) -> None:
    scores = trivial_scores(training, facts(7, 1))
    assert set(scores["trivial_size"]) == {0.5}
    assert not scores.isna().any(axis=None)


def test_the_facts_of_a_lesion_are_those_of_its_outline(small_root: Path) -> None:
    manifest = Manifest.load(small_root / "store").of_split(Split.TRAIN)
    found = lesion_facts(manifest)
    for lesion_id, row in manifest.lesions.iterrows():
        mask, box = manifest.network_outline(str(lesion_id))
        chain = manifest.chain(row["image_id"])
        col = box.col0 + np.flatnonzero(mask.any(axis=0)).mean() + 0.5 + chain.origin[1]
        assert found.loc[lesion_id, "position"] == pytest.approx(col / chain.store_shape[1], abs=0.02)
        assert np.exp(found.loc[lesion_id, "size"]) == pytest.approx(mask.sum() / manifest.frame.fineness**2, rel=0.15)
        assert found.loc[lesion_id, "gray"] == row["gray"]
        assert found.loc[lesion_id, "vendor"] == manifest.images.loc[row["image_id"], "vendor"]


def test_a_mirrored_image_has_its_chest_wall_on_the_other_side(small_root: Path) -> None:
    manifest = Manifest.load(small_root / "store")
    alone = ~manifest.lesions["image_id"].duplicated(keep=False)
    lesion_id = manifest.lesions.index[alone][0]
    image_id = manifest.lesions.loc[lesion_id, "image_id"]
    mask, box = manifest.outline(lesion_id)
    width = manifest.images.loc[image_id, "stored_width"]
    images, lesions = manifest.images.copy(), manifest.lesions.copy()
    images.loc[image_id, "mirrored"] = not images.loc[image_id, "mirrored"]
    flipped = replace(box, col0=int(width - box.col1), col1=int(width - box.col0))
    for name, value in outline_values(mask[:, ::-1], flipped).items():
        lesions.at[lesion_id, name] = value
    other = lesion_facts(replace(manifest, images=images, lesions=lesions))
    pd.testing.assert_frame_equal(other, lesion_facts(manifest))


N = 200
RNG = np.random.default_rng(0)
MALIGNANT = RNG.integers(0, 2, N)
PATIENTS = np.array([f"p{number // 2}" for number in range(N)], dtype=object)


def scores(strength: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return 1 / (1 + np.exp(-(strength * MALIGNANT + RNG.normal(size=N))))


STRONG, WEAK, SIZE, GRAY = scores(3.0), scores(0.2), scores(1.0), scores(0.5)
LESIONS = pd.DataFrame({"malignant": MALIGNANT, "patient_id": PATIENTS, "trivial_size": SIZE, "trivial_gray": GRAY})


def test_the_table_holds_the_auc_of_each_predictor_and_the_models_gain() -> None:
    table = trivial_table(STRONG, LESIONS.assign(trivial_vendor=0.4, trivial_position=np.nan)).set_index("predictor")
    assert list(table.index) == ["size of the outline", "mean gray level inside the outline"]  # others say nothing
    for name, values in zip(table.index, (SIZE, GRAY), strict=True):
        row, gain = table.loc[name], compare(MALIGNANT, STRONG, values, PATIENTS).auc_difference
        assert row["auc"] == pytest.approx(roc_auc_score(MALIGNANT, values))
        assert row["auc_low"] < row["auc"] < row["auc_high"]
        assert (row["gain"], row["gain_low"], row["gain_high"]) == (gain.value, gain.low, gain.high)


def test_a_model_that_does_not_beat_the_best_predictor_is_named() -> None:
    (warning,) = trivial_warnings({"strong": STRONG, "weak": WEAK, "same": SIZE}, LESIONS)
    best = roc_auc_score(MALIGNANT, SIZE)
    assert warning.startswith(
        f"Not shown to be better than the best trivial predictor (size of the outline, AUC {best:.3f}"
    )
    gain = compare(MALIGNANT, WEAK, SIZE, PATIENTS).auc_difference
    assert f"weak (\N{MINUS SIGN}{-gain.value:.3f}; " in warning
    assert "same (+0.000; +0.000 to +0.000)" in warning
    assert "strong" not in warning
    assert trivial_warnings({"strong": STRONG}, LESIONS) == []


def test_nothing_is_said_without_predictors_or_with_one_class() -> None:
    without = LESIONS[["malignant", "patient_id"]]
    assert known_predictors(without) == {}
    assert trivial_table(STRONG, without).empty
    assert trivial_warnings({"weak": WEAK}, without) == []
    assert trivial_table(STRONG, LESIONS.assign(malignant=0)).empty
    assert trivial_warnings({"weak": WEAK}, LESIONS.assign(malignant=0)) == []


def test_numbers_of_a_csv_file_are_read_and_a_missing_one_drops_the_predictor() -> None:
    text = LESIONS.assign(trivial_size=[f"{value:.6f}" for value in SIZE], trivial_gray=["", *map(str, GRAY[1:])])
    assert list(known_predictors(text)) == ["size of the outline"]
