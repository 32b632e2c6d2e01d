"""f_agg with maps of other images: the sources of a configuration, training, controls, and exams that lack an image."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from mammo.data.dataset import PlanDataset
from mammo.maps.nipple import find_nipple
from mammo.maps.view_sources import KINDS
from mammo.models.fagg import FAgg
from mammo.records import MammoError, Split
from mammo.store.manifest import Manifest
from mammo.store.other_images import other_images
from mammo.store.saliency_cache import SaliencyMaps
from mammo.training.build import datamodule_of, run_name, traits_of
from mammo.training.fit import train
from mammo.training.image_maps import image_map_sources
from mammo.training.saliency_source import saliency_cache
from mammo.training.train_config import check_values
from tests.training.test_fit import composed

VIEWS = "maps=[contra,sal,ipsi]"


@pytest.fixture(scope="module")
def root(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with random saliency maps of a file mine.ckpt."""
    root = tmp_path_factory.mktemp("views")
    shutil.copytree(small_root / "store", root / "store")
    torch.save({"state_dict": {}}, root / "mine.ckpt")
    images = Manifest.load(root / "store").images
    maps = np.random.default_rng(0).random((len(images), 2, 46, 30)).astype(np.float32)
    saliency_of(root).append(list(images.index), maps)
    return root


def saliency_of(root: Path) -> SaliencyMaps:
    return saliency_cache(root / "mine.ckpt", root, Manifest.load(root / "store"))


def words(root: Path, *more: str) -> tuple[str, ...]:
    return f"context.run={root / 'mine.ckpt'}", "batch_size=10", *more


def test_a_run_with_all_maps_of_images_trains_and_is_found_again(root: Path) -> None:
    cfg = composed(root, *words(root, VIEWS))
    train(cfg)
    (result,) = root.glob("runs/fagg-sal+ipsi+contra-s0-*/result.json")
    written = result.stat().st_mtime_ns
    assert json.loads(result.read_text())["maps"] == "sal+ipsi+contra"
    train(cfg)
    assert result.stat().st_mtime_ns == written


def test_the_controls_of_single_sources_are_runs_of_their_own(root: Path) -> None:
    def name(*more: str) -> str:
        return run_name(composed(root, *words(root, "maps=[emb,sal,ipsi]", "context=shuffled", *more)))

    assert name() == "fagg-sal+ipsi+emb-shuffled-s0"
    assert name("context.shuffled=[ipsi]") == "fagg-sal+ipsi+emb-shuffled-ipsi-s0"
    assert name("context.shuffled=[sal,contra]") == "fagg-sal+ipsi+emb-shuffled-sal-s0"
    with pytest.raises(
        MammoError,
        match=r"^context\.shuffled=\[contra\]: none of these maps is selected; give some of sal, ipsi, as in "
        r"context\.shuffled=\[sal\], or leave context=shuffled out$",
    ):
        check_values(composed(root, *words(root, "maps=[sal,ipsi]", "context=shuffled", "context.shuffled=[contra]")))


@pytest.mark.parametrize("kind", KINDS)
def test_a_control_changes_the_maps_of_its_source_only(root: Path, kind: str) -> None:
    manifest, maps = Manifest.load(root / "store"), saliency_of(root)
    ids = list(manifest.images.index)
    sources = [
        image_map_sources(cfg, manifest, maps, traits_of(cfg).columns)
        for cfg in (
            composed(root, *words(root, VIEWS)),
            composed(root, *words(root, VIEWS, "context=shuffled", f"context.shuffled=[{kind}]")),
        )
    ]
    for column in ("saliency", *KINDS):
        true, control = (source[column](ids) for source in sources)
        assert np.array_equal(true, control) == (column != kind)
        if column == kind:
            assert np.array_equal(true[:, -1], control[:, -1]), "presence stays as it was"
    assert np.array_equal(sources[0]["saliency"](ids), maps(ids))


@pytest.mark.parametrize("kind", KINDS)
def test_a_control_is_present_where_the_true_maps_are_also_without_some_nipples(
    root: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, maps = Manifest.load(root / "store"), saliency_of(root)
    ids, lost = (
        list(manifest.images.index),
        {manifest.tissue(image_id).tobytes() for image_id in manifest.images.index[::3]},
    )
    monkeypatch.setattr(
        "mammo.maps.landmarks.find_nipple",
        lambda tissue, view, frame: None if tissue.tobytes() in lost else find_nipple(tissue, view, frame),
    )
    true, control = (
        image_map_sources(composed(root, *words(root, VIEWS, *more)), manifest, maps, KINDS)[kind](ids)[:, -1]
        for more in ((), ("context=shuffled", f"context.shuffled=[{kind}]"))
    )
    assert 0 < true.max(axis=(1, 2)).sum() < len(ids)
    assert (control <= true).all()


def test_a_source_without_the_own_saliency_does_not_leak_it(root: Path) -> None:
    """With sal shuffled, own S minus that of the other breast is of the shuffled S, too."""
    manifest, maps = Manifest.load(root / "store"), saliency_of(root)
    cfg = composed(root, *words(root, VIEWS, "context=shuffled", "context.shuffled=[sal]"))
    sources, ids = image_map_sources(cfg, manifest, maps, traits_of(cfg).columns), list(manifest.images.index)
    shown, contra = sources["saliency"](ids), sources["contra"](ids)
    present = contra[:, 4].all(axis=(1, 2))
    assert present.any()
    assert np.allclose(contra[present, 2:4], shown[present] - contra[present, :2])


def test_the_control_of_contra_without_sal_leaves_no_own_saliency(root: Path) -> None:
    manifest, maps = Manifest.load(root / "store"), saliency_of(root)
    cfg = composed(root, *words(root, "maps=[emb,contra]", "context=shuffled"))
    ids = list(manifest.images.index)
    contra = image_map_sources(cfg, manifest, maps, traits_of(cfg).columns)["contra"](ids)
    present = contra[:, 4].all(axis=(1, 2))
    assert present.any()
    own = contra[present, :2] + contra[present, 2:4]
    assert (np.abs(own - maps(ids)[present]).max(axis=(1, 2, 3)) > 1e-3).all()


def test_an_exam_of_one_image_is_scored_alike_whether_its_others_are_absent_or_masked(root: Path) -> None:
    cfg = composed(root, *words(root, VIEWS))
    network = FAgg(["sal", "ipsi", "contra"], {"height": 368, "width": 240, "cell_px": 8}, 1e-3)
    torch.manual_seed(0)
    manifest, maps = Manifest.load(root / "store"), saliency_of(root)
    whole = datamodule_of(cfg, manifest, image_map_sources(cfg, manifest, maps, traits_of(cfg).columns))
    part, plan = whole.split_data(Split.TEST), whole.evaluation_plan(Split.TEST)
    pairs = other_images(part.manifest.images)
    dataset = PlanDataset(plan, whole.columns, part.reader, whole.image_maps)
    rows = list(range(len(plan)))
    network(dataset.batch(rows))  # running statistics
    network.eval()
    masked = dict.fromkeys(KINDS, np.ones(len(part.reader.ids), np.bool_))
    for image in np.unique(plan.image):
        own = [row for row in rows if plan.image[row] == image]
        image_id = part.reader.ids[image]
        alone = Manifest(manifest.frame, manifest.images.loc[[image_id]], manifest.lesions)
        sources = image_map_sources(cfg, alone, maps, traits_of(cfg).columns)
        with torch.inference_mode():
            present, absent, dropped = (
                network(each.batch(own))
                for each in (
                    dataset,
                    PlanDataset(plan, whole.columns, part.reader, sources),
                    PlanDataset(plan, whole.columns, part.reader, whole.image_maps, masked),
                )
            )
        assert (absent - dropped).abs().max() < 1e-6
        assert (present - absent).abs().max() > 1e-4 or (pairs.loc[image_id] == "").all()


def test_training_batches_lack_maps_of_some_images_and_others_in_the_next_epoch(root: Path) -> None:
    cfg = composed(root, *words(root, VIEWS, "drop_views=0.5"))
    manifest, maps = Manifest.load(root / "store"), saliency_of(root)
    data = datamodule_of(cfg, manifest, image_map_sources(cfg, manifest, maps, traits_of(cfg).columns))
    lacking = []
    for kind in KINDS:
        present = {
            int(image): bool(batch[kind][row, -1, 0, 0])
            for batch in data.train_dataloader()
            for image, row in zip(batch["image_row"], batch["map_row"], strict=True)
        }
        lacking.append({image for image, there in present.items() if not there})
        assert 0 < len(lacking[-1]) < len(present)
    assert lacking[0] != lacking[1]
    assert all(batch[kind][:, -1].all() for batch in data.val_dataloader() for kind in KINDS)
