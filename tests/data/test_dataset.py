"""Batches hold the requested rows, in order, read from the right image."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from mammo.data.crops import CropRequests, crop
from mammo.data.dataset import PlanDataset, Reader
from mammo.data.image_plans import ImageSampling, WindowNoise, image_plan, training_images
from mammo.data.plans import Plan, lesion_plan
from mammo.data.sampling_index import SamplingIndex
from mammo.data.window_sampler import CropSizes
from mammo.geometry import CropWindow
from mammo.records import FULL_SCALE, MammoError
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from tests.data.pipelines import gray_changes

PATCH_PX = 24
OWN = {"image_row", "lesion", "repeat", "target"}


@pytest.fixture(scope="module")
def manifest(small_root: Path) -> Manifest:
    return Manifest.load(small_root / "store")


@pytest.fixture(scope="module")
def reader(small_root: Path, manifest: Manifest) -> Reader:
    return Reader.from_manifest(small_root / "store", manifest, PATCH_PX)


@pytest.fixture(scope="module")
def plan(manifest: Manifest) -> Plan:
    return lesion_plan(SamplingIndex.from_manifest(manifest), CropSizes((16, 48), PATCH_PX), n_windows=3, seed=0)


def saliency(image_ids: Sequence[str]) -> np.ndarray:
    """Maps that identify their image."""
    return np.stack([np.full((2, 46, 30), sum(map(ord, image_id)) % 97, np.float32) for image_id in image_ids])


def test_patches_belong_to_their_windows(small_root: Path, manifest: Manifest, reader: Reader, plan: Plan) -> None:
    rows = [7, 0, 1, 5, 4, 7]
    batch = PlanDataset(plan, ("patch", "window"), reader).batch(rows)
    store = ImageStore(small_root / "store")
    for position, row in enumerate(rows):
        image_id = manifest.lesions["image_id"].iloc[plan.lesion[row]]
        window = CropWindow(*batch["window"][position].tolist())
        assert window == plan.window(row)
        window_in_store = plan.windows[row] + np.array([*manifest.chain(image_id).origin, 0, 0])
        alone = crop(store, CropRequests([image_id], window_in_store[None]), PATCH_PX)[0]
        assert np.array_equal(batch["patch"][position, 0].numpy(), alone)


def test_columns_have_their_types_and_shapes(reader: Reader, plan: Plan) -> None:
    h = np.random.default_rng(0).normal(size=(len(plan), 32)).astype(np.float32)
    columns = ("window", "patch", "saliency", "embedding")
    batch = PlanDataset(plan, columns, reader, {"saliency": saliency}, embedding=h).batch([0, 3, 4, 2])
    found = {name: (column.dtype, tuple(column.shape)) for name, column in batch.items()}
    n_images = len(set(plan.image[[0, 3, 4, 2]].tolist()))
    assert found == {
        **dict.fromkeys(OWN, (torch.int64, (4,))),
        "window": (torch.float64, (4, 4)),
        "patch": (torch.uint16, (4, 1, PATCH_PX, PATCH_PX)),
        "saliency": (torch.float32, (n_images, 2, 46, 30)),
        "map_row": (torch.int64, (4,)),
        "embedding": (torch.float32, (4, 32)),
    }


def test_every_column_belongs_to_the_same_row(reader: Reader, plan: Plan) -> None:
    h = np.arange(len(plan), dtype=np.float32)[:, None].repeat(32, axis=1)
    rows = [4, 1, 8]
    batch = PlanDataset(plan, ("saliency", "embedding", "window"), reader, {"saliency": saliency}, embedding=h).batch(
        rows
    )
    assert batch["embedding"][:, 0].tolist() == rows
    assert batch["lesion"].tolist() == plan.lesion[rows].tolist()
    assert batch["repeat"].tolist() == plan.repeat[rows].tolist()
    maps = batch["saliency"][batch["map_row"]].numpy()
    assert np.array_equal(maps, saliency([reader.ids[row] for row in plan.image[rows]]))


def test_only_the_requested_columns_are_read(reader: Reader, plan: Plan) -> None:
    assert set(PlanDataset(plan, ("window",), reader).batch([0])) == OWN | {"window"}


def test_a_single_row_is_a_batch_of_one(reader: Reader, plan: Plan) -> None:
    dataset = PlanDataset(plan, ("patch",), reader)
    assert len(dataset) == len(plan)
    assert torch.equal(dataset.batch([5])["patch"], dataset.batch([4, 5])["patch"][1:])


def test_images_are_whole_network_windows(small_root: Path, manifest: Manifest, reader: Reader) -> None:
    plan = image_plan(SamplingIndex.from_manifest(manifest), "image")
    batch = PlanDataset(plan, ("image",), reader).batch([2, 0])
    store = ImageStore(small_root / "store")
    for position, row in enumerate((2, 0)):
        image_id = manifest.images.index[row]
        whole = store.network(image_id, manifest.chain(image_id))
        assert np.array_equal(batch["image"][position, 0].numpy(), whole)
    assert batch["target"].shape == (2, 2)
    assert batch["image"].dtype == torch.uint16
    assert batch["image"].shape == (2, 1, 368, 240)
    assert int(batch["image"].int().max()) <= FULL_SCALE


def test_augmentation_depends_on_the_row_and_not_on_the_batch(reader: Reader, plan: Plan) -> None:
    dataset = PlanDataset(plan, ("patch",), reader, intensity=gray_changes(brightness=0.2, noise=0.02), seed=3)
    together = dataset.batch([0, 1, 2])["patch"]
    assert torch.equal(together[2], dataset.batch([2])["patch"][0])
    other = PlanDataset(plan, ("patch",), reader, intensity=gray_changes(brightness=0.2, noise=0.02), seed=4)
    assert not torch.equal(together, other.batch([0, 1, 2])["patch"])


@pytest.mark.parametrize("column", ["saliency", "embedding"])
def test_a_column_without_a_source_is_rejected_by_name(reader: Reader, plan: Plan, column: str) -> None:
    with pytest.raises(MammoError, match=f"batch column '{column}' has no source: pass one to the datamodule"):
        PlanDataset(plan, (column,), reader).batch([0])


def test_an_unknown_column_is_rejected_by_name(reader: Reader, plan: Plan) -> None:
    with pytest.raises(MammoError, match="unknown batch column 'x': choose from window, patch, image, saliency"):
        PlanDataset(plan, ("x",), reader).batch([0])


def test_a_noisy_window_reads_beyond_the_network_window(small_root: Path, manifest: Manifest, reader: Reader) -> None:
    index = SamplingIndex.from_manifest(manifest)
    exams = manifest.images["exam_id"].to_numpy(dtype=object)
    plan = training_images(
        index, exams, seed=0, epoch=0, noise=WindowNoise(12.5, 12.5), sampling=ImageSampling.ALL, labels="image"
    )
    assert len(np.unique(plan.windows[:, 2])) == len(plan)
    images = PlanDataset(plan, ("image",), reader).batch([0, 1])["image"]
    assert images.shape == (2, 1, 368, 240)
    for number in range(2):
        whole = np.empty((1, 368, 240), np.uint16)
        reader.images(image_plan(index, "image").take([int(plan.image[number])]), whole)
        assert np.corrcoef(images[number, 0].numpy().astype(float).ravel(), whole.astype(float).ravel())[0, 1] > 0.5


def test_images_with_lesions_are_cached_first(small_root: Path, manifest: Manifest) -> None:
    outlined = set(manifest.lesions["image_id"])
    sizes = {key: 2 * np.prod(manifest.chain(key).store_shape) for key in manifest.images.index}
    budget = sum(sizes[key] for key in outlined)
    assert Reader.from_manifest(small_root / "store", manifest, PATCH_PX, budget).store.hot == outlined
    assert Reader.from_manifest(small_root / "store", manifest, PATCH_PX).store.hot == set(manifest.images.index)
    assert not Reader.from_manifest(small_root / "store", manifest, PATCH_PX, 0).store.hot
