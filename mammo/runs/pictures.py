"""Pictures of a store and of what networks see in it, written as picture files that the report draws."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from mammo.data.batches import Reader
from mammo.data.datamodule import EVALUATION_SEED
from mammo.data.ground import Ground
from mammo.data.plans import Plan, Quota, epoch_plan, lesion_plan
from mammo.data.windows import Crops
from mammo.records import PatchClass, Split
from mammo.reporting.picture_file import write_picture
from mammo.reporting.pictures import N_WINDOWS, Kinds, outline_array, outline_kind
from mammo.runs.build import crops_of
from mammo.store.manifest import Manifest
from mammo.store.saliency import SaliencyMaps

N_IMAGES, N_SALIENCY, N_PATCHES = 12, 3, 8


def outlines_of(manifest: Manifest, image_id: str) -> Kinds:
    """The image's outlines in the network frame, as pictures draw them: uint8 [H, W]."""
    lesions = manifest.lesions[manifest.lesions["image_id"] == image_id]
    drawn = [
        (*manifest.network_outline(lesion_id), outline_kind(label, bool(high_risk)))
        for lesion_id, label, high_risk in zip(lesions.index, lesions["label"], lesions["high_risk"], strict=True)
    ]
    return outline_array((manifest.frame.height, manifest.frame.width), drawn)


def draw_cohort(folder: Path, store: Path, run: Path) -> None:
    """What the report shows of a cohort: images, patches by class, a lesion's windows, saliency maps.

    Args:
        folder: where the picture files go.
        store: the image store, split.
        run: any run on it; it tells the sizes of windows, and saliency maps are looked for beside it.
    """
    cfg = OmegaConf.load(run / "config.yaml")
    assert isinstance(cfg, DictConfig)
    whole, crops = Manifest.load(store), crops_of(cfg)
    found = sorted(run.parent.glob(f"context-*/saliency-{whole.digest()[:8]}.npz"))
    manifest = whole.of_split(Split.TEST)
    reader, ground = Reader.of(store, manifest, crops.patch_px), Ground.of(manifest)
    shown = _spread(manifest, ground)
    _image_page(folder / "1-images.npz", manifest, reader, shown)
    _patch_page(folder / "2-patches.npz", ground, reader, crops)
    plan = lesion_plan(ground, crops, N_WINDOWS, EVALUATION_SEED)
    several = max(range(len(plan)), key=lambda row: len(ground.lesions_on[int(plan.image[row])]))
    rows = np.flatnonzero(plan.lesion == plan.lesion[several])
    windows_picture(folder / "3-windows.npz", manifest, reader, plan.take(rows), "A lesion and ten of its windows")
    if found:
        maps = SaliencyMaps(found[0])
        for number, row in enumerate([row for row in shown if row in ground.lesions_on][:N_SALIENCY], start=1):
            image_id = reader.ids[row]
            title = f"Saliency maps {number}"
            saliency_picture(folder / f"4-saliency-{number}.npz", manifest, reader, row, maps([image_id])[0], title)


def windows_picture(path: Path, manifest: Manifest, reader: Reader, plan: Plan, title: str) -> None:
    """One lesion, given by the rows of its windows, with the windows drawn and their patches (paper, Figure 5)."""
    row = int(plan.image[0])
    write_picture(
        path,
        "windows",
        "A lesion's outline on its image, ten of the crop windows it is scored by, and the patches cut from them.",
        pixels=reader.store.network(reader.ids[row], reader.chains[row]),
        outlines=outlines_of(manifest, reader.ids[row]),
        windows=plan.windows[:N_WINDOWS],
        patches=reader.patches(plan.take(slice(0, N_WINDOWS))),
        title=title,
    )


def saliency_picture(
    path: Path, manifest: Manifest, reader: Reader, row: int, saliency: NDArray[np.float32], title: str
) -> None:
    """One image with its saliency maps [2, rows, cols] (malignant, benign) (paper, Figure 2)."""
    write_picture(
        path,
        "saliency",
        "Where the context network sees evidence for benign and malignant lesions; it was never shown outlines.",
        pixels=reader.store.network(reader.ids[row], reader.chains[row]),
        outlines=outlines_of(manifest, reader.ids[row]),
        malignant=saliency[0],
        benign=saliency[1],
        title=title,
    )


def _spread(manifest: Manifest, ground: Ground) -> list[int]:
    """Image rows to show: images with several lesions first, then with one, then negative ones, in turn."""
    with_lesions = sorted(ground.lesions_on, key=lambda row: -len(ground.lesions_on[row]))
    several = [row for row in with_lesions if len(ground.lesions_on[row]) > 1]
    single = [row for row in with_lesions if len(ground.lesions_on[row]) == 1]
    negative = [int(row) for row in np.flatnonzero(ground.negative)]
    third = N_IMAGES // 3
    return [*several[:third], *single[:third], *negative[:third]]


def _image_page(path: Path, manifest: Manifest, reader: Reader, rows: list[int]) -> None:
    facts = [manifest.images.loc[reader.ids[row]] for row in rows]
    write_picture(
        path,
        "images",
        "Images of the test split with their outlines, mirrored to face right, in the network's window.",
        pixels=np.stack([reader.store.network(reader.ids[row], reader.chains[row]) for row in rows]),
        outlines=np.stack([outlines_of(manifest, reader.ids[row]) for row in rows]),
        titles=np.array([f"{image['laterality']} {image['view']}" for image in facts]),
    )


def _patch_page(path: Path, ground: Ground, reader: Reader, crops: Crops) -> None:
    quota = Quota(*(N_PATCHES if len(ground.candidates[kind]) else 0 for kind in PatchClass))
    plan = epoch_plan(ground, quota, crops, seed=0, epoch=0)
    patches = {kind.name.lower(): reader.patches(plan.take(np.flatnonzero(plan.target == kind))) for kind in PatchClass}
    write_picture(path, "patches", "Patches of the four classes, as f_loc is trained on (paper, Figure 3).", **patches)
