"""The datamodule: stages and splits, rows that do not depend on how they are read, and the requested columns."""

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from mammo.data.datamodule import MammoDataModule
from mammo.data.dataset import EmbeddingSource, Reader
from mammo.data.plans import Plan, Quota
from mammo.data.window_sampler import CropSizes
from mammo.maps.saliency import ZeroMaps
from mammo.records import MammoError, PatchClass, Split
from mammo.store.manifest import Manifest
from tests.data.pipelines import gray_changes

CROPS = CropSizes((16, 48), 32)


def datamodule(root: Path, **changes: object) -> MammoDataModule:
    arguments = {
        "store": str(root / "store"),
        "plan": "patches",
        "columns": ("patch", "window"),
        "crops": CROPS,
        "quota": Quota(6, 6, 4, 4),
        "batch_size": 8,
        "eval_batch_size": 16,
        "windows_per_lesion": {"val": 3, "test": 2},
    }
    return MammoDataModule(**{**arguments, **changes})  # type: ignore[arg-type]


def stored(h: dict[str, np.ndarray]) -> EmbeddingSource:
    """A source that knows h of the plans with these digests."""
    return lambda plan, _: h[plan.digest()]


def concatenated(loader: object, column: str) -> torch.Tensor:
    return torch.cat([batch[column] for batch in loader])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("stage", "splits"), [("fit", {"train", "val"}), ("validate", {"val"}), ("test", {"test"}), ("predict", {"val"})]
)
def test_setup_loads_the_splits_of_its_stage(
    small_root: Path, stage: str, splits: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, loaded = datamodule(small_root), set()
    monkeypatch.setattr(data, "split_data", loaded.add)
    monkeypatch.setattr(data, "_check_classes", lambda split: None)
    data.setup(stage)
    assert loaded == splits


@pytest.mark.parametrize("label", ["malignant", "benign"])
@pytest.mark.parametrize(("stage", "split"), [("fit", "val"), ("test", "test")])
def test_setup_rejects_a_split_whose_auc_would_be_undefined(
    small_root: Path, tmp_path: Path, stage: str, split: str, label: str
) -> None:
    manifest = Manifest.load(small_root / "store")
    is_there = manifest.lesions["image_id"].map(manifest.images["split"]) == split
    one_class = replace(manifest, lesions=manifest.lesions[~is_there | (manifest.lesions["label"] == label)])
    data = datamodule(small_root)
    data._manifest = one_class
    without = "all" if label == "malignant" else "none"
    with pytest.raises(
        MammoError, match=f"^{without} of the lesions of split {split} of .* are malignant: ingest more"
    ):
        data.setup(stage)


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("column", ["malignant", "benign"])
def test_setup_rejects_images_that_a_context_network_cannot_learn_from(
    small_root: Path, split: str, column: str
) -> None:
    data = datamodule(small_root, plan="images", columns=("image",))
    images, breast = data.manifest.images, f"breast_{column}"
    shown = {name: images[name] & (images["split"] != split) for name in (column, breast)}
    data._manifest = replace(data.manifest, images=images.assign(**shown))
    if (split, column) == ("val", "benign"):
        data.setup("fit")  # only the malignant AUC selects the epoch
    else:
        with pytest.raises(MammoError, match=f"^none of the images of split {split} of .* are {column}"):
            data.setup("fit")


@pytest.mark.parametrize(("stage", "split"), [("fit", "train"), ("validate", "val"), ("test", "test")])
def test_setup_rejects_a_store_without_the_split(small_root: Path, tmp_path: Path, stage: str, split: str) -> None:
    manifest = Manifest.load(small_root / "store")
    manifest.images["split"] = "train" if split != "train" else "val"
    manifest.save(tmp_path / "store")
    with pytest.raises(MammoError, match=rf"^no image in split {split} of .*: run python -m mammo\.split first$"):
        datamodule(tmp_path).setup(stage)


def test_a_split_is_read_without_a_trainer_or_setup(small_root: Path) -> None:
    data = datamodule(small_root).split_data(Split.VAL)
    assert list(data.reader.ids) == list(data.manifest.images.index)
    assert data.index.labels == data.manifest.lesions["label"].tolist()


def test_predictions_are_made_for_the_validation_split(small_root: Path) -> None:
    data = datamodule(small_root)
    assert data.predict_dataloader() is data.val_dataloader()


def test_shared_plans_cannot_be_changed(small_root: Path) -> None:
    data = datamodule(small_root, window_epochs=2)
    for plan in (data.training_plan(0), data.evaluation_plan(Split.VAL)):
        with pytest.raises(ValueError, match="read-only"):
            plan.windows[0] = 0


def test_training_batches_hold_the_quota(small_root: Path) -> None:
    loader = datamodule(small_root).train_dataloader()
    target = concatenated(loader, "target")
    assert torch.bincount(target).tolist() == [6, 6, 4, 4]
    patch = concatenated(loader, "patch")
    assert patch.dtype == torch.uint16
    assert patch.shape == (20, 1, 32, 32)
    assert int(patch.int().max()) <= 4095


@pytest.mark.parametrize("changes", [{"batch_size": 3}, {"workers": 1}, {"workers": 4, "memory_gb": 0}])
def test_rows_do_not_depend_on_how_they_are_read(small_root: Path, changes: dict[str, object]) -> None:
    plain, other = datamodule(small_root), datamodule(small_root, **changes)
    for column in ("patch", "window", "target"):
        assert torch.equal(
            concatenated(plain.train_dataloader(), column), concatenated(other.train_dataloader(), column)
        )


def test_epochs_differ_and_repeat_after_window_epochs(small_root: Path) -> None:
    plans = [datamodule(small_root, window_epochs=2).training_plan(epoch).digest() for epoch in range(3)]
    assert plans[0] != plans[1]
    assert plans[0] == plans[2]


def test_each_repeated_epoch_is_drawn_once(small_root: Path) -> None:
    data = datamodule(small_root, window_epochs=12)
    first = [data.training_plan(epoch) for epoch in range(12)]
    assert all(data.training_plan(12 + epoch) is plan for epoch, plan in enumerate(first))


def test_plans_are_shared_between_datamodules_until_the_store_changes(small_root: Path, tmp_path: Path) -> None:
    shutil.copytree(small_root / "store", tmp_path / "store")
    before = datamodule(tmp_path).evaluation_plan(Split.TEST)
    assert datamodule(tmp_path).evaluation_plan(Split.TEST) is before  # so the jobs of a sweep draw it once
    manifest = Manifest.load(tmp_path / "store")
    removed = manifest.of_split(Split.TEST).lesions.index[0]
    replace(manifest, lesions=manifest.lesions.drop(index=removed)).save(tmp_path / "store")
    assert len(datamodule(tmp_path).evaluation_plan(Split.TEST)) == len(before) - 2


def test_every_labeled_lesion_has_its_windows(small_root: Path) -> None:
    manifest = Manifest.load(small_root / "store").of_split(Split.TEST)
    plan = datamodule(small_root).evaluation_plan(Split.TEST)
    assert len(plan) == 2 * len(manifest.lesions)
    malignant = (manifest.lesions["label"] == "malignant").to_numpy()
    assert np.array_equal(plan.target == PatchClass.MALIGNANT, malignant[plan.lesion])


def test_image_batches_hold_the_labels_of_the_images_or_of_their_breasts(small_root: Path) -> None:
    manifest = Manifest.load(small_root / "store").of_split(Split.VAL)
    breast = manifest.images["exam_id"] + manifest.images["laterality"]
    targets = []
    for level, names in (("image", manifest.images.index), ("breast", breast)):
        of_lesions = pd.Series(names, manifest.images.index)[manifest.lesions["image_id"]].to_numpy()
        labels = manifest.lesions["label"].groupby(of_lesions).agg(set)
        expected = [["malignant" in labels.get(i, ()), "benign" in labels.get(i, ())] for i in names]
        loader = datamodule(small_root, plan="images", columns=("image",), labels=level).val_dataloader()
        assert concatenated(loader, "image").shape[1:] == (1, 368, 240)
        targets.append(concatenated(loader, "target").tolist())
        assert targets[-1] == np.array(expected).astype(int).tolist()
    assert targets[0] != targets[1]


def test_embeddings_belong_to_their_windows(small_root: Path) -> None:
    plain = datamodule(small_root)
    plan = plain.evaluation_plan(Split.VAL)
    h = np.arange(len(plan) * 32, dtype=np.float32).reshape(-1, 32)
    columns = ("window", "embedding", "saliency")
    loader = datamodule(
        small_root, columns=columns, embeddings=stored({plan.digest(): h}), image_maps={"saliency": ZeroMaps((46, 30))}
    )
    assert torch.equal(concatenated(loader.val_dataloader(), "embedding"), torch.from_numpy(h))
    assert torch.equal(concatenated(loader.val_dataloader(), "window"), torch.tensor(plan.windows))


def test_other_sources_of_maps_count_from_then_on_and_h_is_kept(small_root: Path) -> None:
    asked: list[int] = []

    def source(plan: Plan, reader: Reader) -> np.ndarray:
        asked.append(len(plan))
        return np.zeros((len(plan), 32), np.float32)

    data = datamodule(small_root, columns=("embedding", "saliency"), embeddings=source)
    for value in (0.25, 0.75):
        data.image_maps = {"saliency": lambda ids, value=value: np.full((len(ids), 2, 46, 30), value, np.float32)}
        for _ in range(2):
            assert (concatenated(data.val_dataloader(), "saliency") == value).all()
    assert len(asked) == 1


def test_embeddings_are_asked_for_only_when_an_epoch_begins(small_root: Path) -> None:
    asked: list[str] = []

    def source(plan: Plan, reader: Reader) -> np.ndarray:
        asked.append(plan.digest())
        return np.zeros((len(plan), 32), np.float32)

    data = datamodule_of_rank(small_root, 0, 1, columns=("embedding",), embeddings=source, shared_windows=True)
    plans = [data.training_plan(epoch).digest() for epoch in range(3)]
    assert len(set(plans)) == 3
    assert asked == []
    for epoch in range(2):
        data.trainer.current_epoch = epoch  # type: ignore[union-attr]
        data.train_dataloader()
    assert asked == plans[:2]


def test_shared_windows_are_not_those_of_a_training_seed(small_root: Path) -> None:
    own, shared = (datamodule(small_root, shared_windows=shared).training_plan(0) for shared in (False, True))
    assert len(np.unique(np.concatenate([own.windows, shared.windows]), axis=0)) == len(own) + len(shared)


def test_intensity_augmentation_is_reproducible_and_only_in_training(small_root: Path) -> None:
    plain = datamodule(small_root)
    changed = datamodule(small_root, intensity=gray_changes(brightness=0.2, contrast=0.2, noise=0.02))
    patches = [concatenated(one.train_dataloader(), "patch") for one in (plain, changed, changed)]
    assert not torch.equal(patches[0], patches[1])
    assert torch.equal(patches[1], patches[2])
    assert torch.equal(concatenated(plain.val_dataloader(), "patch"), concatenated(changed.val_dataloader(), "patch"))


def test_a_column_without_a_source_is_rejected_by_name(small_root: Path) -> None:
    with pytest.raises(MammoError, match=r"batch column 'saliency' has no source: pass one to the datamodule"):
        next(iter(datamodule(small_root, columns=("saliency",)).val_dataloader()))


def datamodule_of_rank(root: Path, number: int, world: int, **changes: object) -> MammoDataModule:
    """The datamodule of one rank in distributed training."""
    one = datamodule(root, **changes)
    one.trainer = SimpleNamespace(current_epoch=0, global_rank=number, world_size=world)  # type: ignore[assignment]
    return one


@pytest.mark.parametrize(("n_processes", "batch_size"), [(2, 8), (3, 8), (4, 7), (3, 19), (5, 6)])
def test_processes_take_the_batches_of_one_process_apart(small_root: Path, n_processes: int, batch_size: int) -> None:
    whole = list(datamodule(small_root, batch_size=batch_size).train_dataloader())
    ranks = [datamodule_of_rank(small_root, rank, n_processes, batch_size=batch_size) for rank in range(n_processes)]
    loaders = [one.train_dataloader() for one in ranks]
    assert {len(loader) for loader in loaders} == {len(whole)}
    for batch, *parts in zip(whole, *loaders, strict=True):
        rows = batch["window"].tolist()
        hands: list[list[list[float]]] = [[] for _ in ranks]
        for number, row in enumerate(rows):  # as cards are dealt
            hands[number % n_processes].append(row)
        sizes = [len(hand) for hand in hands]
        assert max(sizes) - min(sizes) <= 1
        assert [part["window"].tolist() for part in parts] == [hand or rows[:1] for hand in hands]
        assert all(torch.equal(part["whole_target"], batch["target"]) for part in parts)
        assert "whole_target" not in batch


def test_augmentation_is_that_of_one_process(small_root: Path) -> None:
    changes = {"intensity": gray_changes(brightness=0.2, noise=0.02), "batch_size": 5}
    (whole, *_), (first, *_), (second, *_) = (
        one.train_dataloader()
        for one in (
            datamodule(small_root, **changes),
            *(datamodule_of_rank(small_root, rank, 2, **changes) for rank in range(2)),
        )
    )
    assert torch.equal(whole["patch"][::2], first["patch"])
    assert torch.equal(whole["patch"][1::2], second["patch"])


def test_processes_score_every_window_once(small_root: Path) -> None:
    ranks = [datamodule_of_rank(small_root, number, 3) for number in range(3)]
    scored = [concatenated(one.val_dataloader(), "window") for one in ranks]
    assert sum(map(len, scored)) == len(datamodule(small_root).evaluation_plan(Split.VAL))
    assert len(torch.cat(scored).unique(dim=0)) == sum(map(len, scored))


def test_embeddings_of_a_rank_belong_to_its_rows(small_root: Path) -> None:
    plain = datamodule(small_root, window_epochs=1)
    plan = plain.training_plan(0)
    h = np.arange(len(plan), dtype=np.float32)[:, None].repeat(32, axis=1)
    embeddings = stored({plan.digest(): h})
    arguments = {"columns": ("window", "embedding"), "embeddings": embeddings, "window_epochs": 1}
    loader = datamodule_of_rank(small_root, 1, 2, **arguments).train_dataloader()
    rows = concatenated(loader, "embedding")[:, 0].long()
    assert torch.equal(concatenated(loader, "window"), torch.tensor(plan.windows)[rows])
    assert rows.tolist() == list(range(1, 20, 2))


def test_a_missing_split_is_rejected_with_the_command_to_run(small_root: Path, tmp_path: Path) -> None:
    manifest = Manifest.load(small_root / "store")
    manifest.images["split"] = ""
    manifest.save(tmp_path / "store")
    with pytest.raises(MammoError, match=r"mammo\.split"):
        datamodule(tmp_path).train_dataloader()
    manifest.images["split"] = "train"
    manifest.save(tmp_path / "store")
    with pytest.raises(MammoError, match=r"no image in split val of .*mammo\.split"):
        datamodule(tmp_path).val_dataloader()


def test_a_resumed_epoch_has_the_batches_of_an_uninterrupted_one(small_root: Path) -> None:
    intensity = {"intensity": gray_changes(brightness=0.2, noise=0.02)}
    whole, resumed = (datamodule_of_rank(small_root, 0, 1, workers=threads, **intensity) for threads in (0, 2))
    for epoch in range(2):
        whole.trainer.current_epoch = epoch  # type: ignore[union-attr]
        expected = concatenated(whole.train_dataloader(), "patch")
    resumed.trainer.current_epoch = 1  # type: ignore[union-attr]
    assert torch.equal(concatenated(resumed.train_dataloader(), "patch"), expected)


def test_batches_of_fixed_windows_are_read_once(small_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = datamodule(small_root)
    first = concatenated(data.val_dataloader(), "patch")
    monkeypatch.setattr(data.split_data(Split.VAL).reader.store.__class__, "read_into", None)
    assert torch.equal(concatenated(data.val_dataloader(), "patch"), first)
    assert data.val_dataloader() is data.val_dataloader()


def test_a_training_row_of_several_windows_is_one_target_and_stays_in_one_process(small_root: Path) -> None:
    data = datamodule(small_root, windows_per_lesion={"train": 3, "val": 3, "test": 2}, columns=("window",))
    whole = list(data.train_dataloader())
    assert [len(batch["target"]) for batch in whole] == [8, 8, 4]
    plan = data.training_plan(0)
    assert np.array_equal(concatenated(whole, "window"), plan.windows)
    assert np.array_equal(concatenated(whole, "target"), plan.target[::3])
    data.trainer = SimpleNamespace(current_epoch=0, global_rank=1, world_size=2)  # type: ignore[assignment]
    part = next(iter(data.train_dataloader()))
    assert np.array_equal(part["window"], whole[0]["window"].reshape(8, 3, 4)[1::2].reshape(-1, 4))
    assert torch.equal(part["target"], whole[0]["target"][1::2])
    assert torch.equal(part["whole_target"], whole[0]["target"])
    assert len(next(iter(data.val_dataloader()))["target"]) == 16
