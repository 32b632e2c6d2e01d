"""Trivial predictors are fitted on training lesions only, and order test lesions by one fact of each."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo.records import Split
from mammo.scoring.metrics import auc
from mammo.scoring.trivial_predictors import PREDICTORS, lesion_facts, trivial_scores
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
    lesion_id = manifest.lesions.index[0]
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
