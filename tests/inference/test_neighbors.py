"""Similar lesions: their order by brute force, whose lesions they are, and h and scores as everywhere else."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from mammo.geometry import Frame
from mammo.inference.ensemble import Ensemble
from mammo.inference.neighbors import N_WINDOWS, Neighbors
from mammo.inference.store_scores import score_store
from mammo.records import MammoError
from mammo.store.manifest import Manifest

FRAME = Frame(368, 240, 8)


def random_neighbors(rng: np.random.Generator, n: int, k: int, n_patients: int) -> tuple[Neighbors, list[str]]:
    """Neighbors with random h, one number of which never varies, and the patient of each lesion."""
    patients = [f"patient-{rng.integers(n_patients)}" for _ in range(n)]
    images = pd.DataFrame({"patient_id": patients}, index=[f"image-{row}" for row in range(n)])
    lesions = pd.DataFrame({"image_id": images.index}, index=[f"lesion-{row}" for row in range(n)])
    h = rng.normal(rng.normal(size=k), rng.uniform(0.1, 9, size=k), size=(n, k))
    h[:, 0] = 3.0
    h[n // 2] = h[0]  # a tie
    return Neighbors.of_lesions(Path("store"), Manifest(FRAME, images, lesions), h), patients


def brute_force(neighbors: Neighbors, h: np.ndarray, patients: list[str], left_out: set[str]) -> list[int]:
    """Rows by falling cosine, each computed alone; the first of each patient."""
    query = (h - neighbors.center) / neighbors.spread
    order = []
    for row, direction in enumerate(neighbors.directions):
        cosine = sum(float(a) * float(b) for a, b in zip(query, direction, strict=True)) / float(
            np.sqrt((query**2).sum() * (direction**2).sum())
        )
        order.append((-round(cosine, 12), row))
    found: list[int] = []
    for _, row in sorted(order):
        if patients[row] not in left_out | {patients[one] for one in found}:
            found.append(row)
    return found


@pytest.mark.parametrize("seed", range(20))
def test_the_order_is_that_of_brute_force_without_the_own_patient(seed: int) -> None:
    rng = np.random.default_rng(seed)
    neighbors, patients = random_neighbors(rng, n=40, k=7, n_patients=15)
    for own in {"patient-0", "patient-1"}, set[str](), set(patients):
        h = rng.normal(size=7)
        found = neighbors.nearest(h, own, 6)
        assert found == brute_force(neighbors, h, patients, own)[:6]
        assert not own & {patients[row] for row in found}


def test_a_lesion_is_most_similar_to_itself_whatever_the_scale_of_h() -> None:
    neighbors, _ = random_neighbors(np.random.default_rng(0), n=30, k=7, n_patients=30)
    assert neighbors.directions[:, 0].tolist() == [0.0] * 30
    for row in range(1, 15):
        h = neighbors.directions[row] * neighbors.spread + neighbors.center
        assert neighbors.nearest(h, (), 1) == [row]


@pytest.fixture(scope="module")
def ensemble(fagg: Path) -> Ensemble:
    return Ensemble.load(fagg)


def test_lesions_are_labeled_and_of_no_test_image(ensemble: Ensemble, trained_root: Path) -> None:
    neighbors = Neighbors.of_store(ensemble, trained_root / "store")
    manifest = Manifest.load(trained_root / "store")
    images = manifest.images
    expected = {
        lesion
        for lesion, image, label in zip(
            manifest.lesions.index, manifest.lesions["image_id"], manifest.lesions["label"], strict=True
        )
        if label != "none" and images.at[image, "split"] != "test" and not images.at[image, "flags"]
    }
    assert set(neighbors.manifest.lesions.index) == expected
    assert len(neighbors.directions) == len(expected)


def test_h_is_the_mean_over_windows_by_the_network_itself(ensemble: Ensemble, trained_root: Path) -> None:
    neighbors = Neighbors.of_store(ensemble, trained_root / "store")
    (data,) = ensemble.datamodules(trained_root / "store", N_WINDOWS, manifest=neighbors.manifest)
    plan, row = data.evaluation_plan(None), 3
    (floc,) = (member.floc for member in ensemble.members)
    assert floc is not None
    patches = data.split_data(None).reader.patches(plan.take(np.flatnonzero(plan.lesion == row)))
    with torch.inference_mode():
        h = floc.represent(torch.from_numpy(patches[:, None])).double().mean(dim=0).numpy()  # type: ignore[operator]
    direction = (h - neighbors.center) / neighbors.spread
    assert np.allclose(direction / np.linalg.norm(direction), neighbors.directions[row], atol=1e-4)


def test_scores_are_those_of_the_store(ensemble: Ensemble, trained_root: Path) -> None:
    neighbors = Neighbors.of_store(ensemble, trained_root / "store")
    table = score_store(ensemble, trained_root / "store", 5).table.set_index("lesion_id")["score"]
    rows = [4, 0, 2]
    expected = table[neighbors.manifest.lesions.index[rows]]
    assert neighbors.scores(ensemble, rows, 5) == pytest.approx(expected.tolist(), abs=1e-6)


def test_a_store_without_labels_is_one_sentence(
    ensemble: Ensemble, trained_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = Manifest.load(trained_root / "store")
    monkeypatch.setattr(Manifest, "current", lambda _: Manifest(bare.frame, bare.images, bare.lesions.iloc[:0]))
    with pytest.raises(MammoError, match="has no labeled lesion outside of its test split: name another store"):
        Neighbors.of_store(ensemble, trained_root / "store")
