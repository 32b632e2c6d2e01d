"""Pictures of a store and of what networks see in it, written as picture files that the report draws."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf

from mammo.data.datamodule import EVALUATION_SEED
from mammo.data.dataset import Reader
from mammo.data.plans import Plan, Quota, epoch_plan, lesion_plan
from mammo.data.sampling_index import SamplingIndex
from mammo.data.window_sampler import CropSizes
from mammo.intake.pseudonyms import Pseudonyms
from mammo.models.context_network import ContextNetwork, network_of_checkpoint
from mammo.records import MammoError, PatchClass, Split
from mammo.reporting.image_figures import Kinds, outline_array, outline_kind
from mammo.reporting.picture_file import read_picture, write_picture
from mammo.reporting.result_figures import save
from mammo.reporting.window_figures import N_PATCHES, N_WINDOWS
from mammo.store.manifest import Manifest
from mammo.training.build import crops_of

N_IMAGES, N_SALIENCY = 12, 3


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
        folder: where the picture files go, named after the paper's figures; older ones there are removed.
        store: the image store, split.
        run: any run on it; it tells the sizes of windows, and a context network is looked for beside it.
    """
    for older in folder.glob("*.npz"):
        older.unlink()
    cfg = OmegaConf.load(run / "config.yaml")
    assert isinstance(cfg, DictConfig)
    whole, crops = Manifest.load(store), crops_of(cfg)
    found = sorted(path.parent for path in run.parent.glob("context-*/result.json"))
    manifest = whole.of_split(Split.TEST)
    reader, index = Reader.from_manifest(store, manifest, crops.patch_px), SamplingIndex.from_manifest(manifest)
    shown = _spread(manifest, index)
    _image_page(folder / "figure1.npz", manifest, reader, shown)
    _patch_page(folder / "figure3.npz", manifest, index, reader, crops)
    plan = lesion_plan(index, crops, N_WINDOWS, EVALUATION_SEED)
    for kind in (PatchClass.MALIGNANT, PatchClass.BENIGN):
        of_kind = np.flatnonzero(plan.target == kind)
        if of_kind.size:
            several = max(of_kind, key=lambda row: len(index.lesions_by_image[int(plan.image[row])]))
            rows, name = np.flatnonzero(plan.lesion == plan.lesion[several]), kind.name.lower()
            title = f"A {name} lesion and ten of the windows that it is scored by"
            windows_picture(folder / f"figure5-{name}.npz", manifest, reader, plan.take(rows), title)
    if found:
        network = network_of_checkpoint(found[0] / "best.ckpt")
        for number, row in enumerate([row for row in shown if row in index.lesions_by_image][:N_SALIENCY], start=1):
            title = f"Saliency maps {number}"
            saliency_picture(folder / f"figure2-{number}.npz", manifest, reader, row, network, title)


def windows_picture(path: Path, manifest: Manifest, reader: Reader, plan: Plan, title: str) -> None:
    """One lesion, given by the rows of its windows, with the windows drawn and their patches (paper, Figure 5)."""
    row = int(plan.image[0])
    write_picture(
        path,
        "windows",
        "A lesion's outline on its image, ten of the crop windows it is scored by, and the patches cut from them, with "
        "the sides of the windows in pixels of the network frame.",
        pixels=reader.store.network(reader.ids[row], reader.chains[row]),
        outlines=outlines_of(manifest, reader.ids[row]),
        windows=plan.windows[:N_WINDOWS],
        patches=reader.patches(plan.take(slice(0, N_WINDOWS))),
        title=title,
    )


def saliency_picture(
    path: Path, manifest: Manifest, reader: Reader, row: int, network: ContextNetwork, title: str
) -> None:
    """One image as the context network sees it: saliency maps, regions of interest, attention (paper, Figure 2)."""
    pixels = reader.store.network(reader.ids[row], reader.chains[row])
    with torch.inference_mode():
        output = network(torch.from_numpy(pixels)[None, None].to(network.device))
    gmic = network.network
    write_picture(
        path,
        "saliency",
        "Where the context network sees evidence for malignant and benign lesions (it was never shown outlines), and "
        "the regions it then looks at, with the attention each gets; the outlines are of lesions.",
        pixels=pixels,
        outlines=outlines_of(manifest, reader.ids[row]),
        malignant=output.saliency.malignant[0].cpu().numpy(),
        benign=output.saliency.benign[0].cpu().numpy(),
        regions=output.regions[0].cpu().numpy(),
        attention=output.attention[0].float().cpu().numpy(),
        region_px=gmic.sizes.region_cells * gmic.frame.cell_px,
        title=title,
    )


def draw_figure2(folder: Path, store: Path, checkpoint: Path, images: Sequence[str]) -> list[Path]:
    """The paper's Figure 2 of the given images, as PNG and SVG.

    Args:
        folder: where the figures go.
        store: the image store; it need not be split.
        checkpoint: of the context network.
        images: ids, as in the store's images.parquet, or paths below the source that the store was filled from.

    Returns:
        The paths of the PNG files.

    Raises:
        MammoError: an image is not in the store, or network and store have different frames.
    """
    manifest, network = Manifest.load(store), network_of_checkpoint(checkpoint)
    manifest.check_frame(network.network.frame, str(checkpoint), store)
    reader, drawn = Reader.from_manifest(store, manifest, patch_px=1), []
    names = Pseudonyms.of_store(store)
    for name in images:
        image_id = name if name in manifest.images.index else names.of("image", name)
        if image_id not in manifest.images.index:
            raise MammoError(f"image {name} is neither an id of {store / 'images.parquet'} nor a path of its source")
        facts = manifest.images.loc[image_id]
        picture = folder / f"{image_id}.npz"
        title = f"{facts['laterality']} {facts['view']}, as the context network {checkpoint.parent.name} sees it"
        saliency_picture(picture, manifest, reader, reader.ids.index(image_id), network, title)
        save(read_picture(picture)[1], folder, picture.stem)
        picture.unlink()
        drawn.append(folder / f"{image_id}.png")
    return drawn


def _spread(manifest: Manifest, index: SamplingIndex) -> list[int]:
    """Image rows to show: images with several lesions first, then with one, then negative ones, in turn."""
    with_lesions = sorted(index.lesions_by_image, key=lambda row: -len(index.lesions_by_image[row]))
    several = [row for row in with_lesions if len(index.lesions_by_image[row]) > 1]
    single = [row for row in with_lesions if len(index.lesions_by_image[row]) == 1]
    negative = [int(row) for row in np.flatnonzero(index.negative)]
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


def _patch_page(path: Path, manifest: Manifest, index: SamplingIndex, reader: Reader, crops: CropSizes) -> None:
    """Patches of each class that the images can give, all of one image a class."""
    plans = {kind: plan for kind in PatchClass if (plan := _of_one_image(manifest, index, kind, crops)) is not None}
    rows = [int(plan.image[0]) for plan in plans.values()]
    write_picture(
        path,
        "patches",
        "Patches of the four classes, as f_loc is trained on, beside the image that they come from, with the sides of "
        "their windows in pixels of the network frame. Malignant and benign ones overlap with such lesions only, the "
        "others with none; negative ones are of breasts without any.",
        classes=np.array([kind.name.lower() for kind in plans]),
        pixels=np.stack([reader.store.network(reader.ids[row], reader.chains[row]) for row in rows]),
        outlines=np.stack([outlines_of(manifest, reader.ids[row]) for row in rows]),
        windows=np.stack([plan.windows for plan in plans.values()]),
        patches=np.stack([reader.patches(plan) for plan in plans.values()]),
    )


def _of_one_image(manifest: Manifest, index: SamplingIndex, kind: PatchClass, crops: CropSizes) -> Plan | None:
    """N_PATCHES training windows of a class, all on the first of its images that has room; None where none has.

    Images with lesions of the class come by the size of these, the largest first.
    """
    rows = index.candidates[kind]
    if kind in (PatchClass.MALIGNANT, PatchClass.BENIGN):
        rows = index.image_of[sorted(rows, key=lambda row: -len(index.pixels[row]))]
    quota = Quota(*(N_PATCHES if other is kind else 0 for other in PatchClass))
    for row in rows.tolist():
        image_id = manifest.images.index[row]
        lesions = manifest.lesions[manifest.lesions["image_id"] == image_id]
        alone = replace(manifest, images=manifest.images.loc[[image_id]], lesions=lesions)
        with suppress(MammoError):
            plan = epoch_plan(SamplingIndex.from_manifest(alone), quota, crops, seed=int(kind), epoch=0)
            return replace(plan, image=np.full(len(plan), row))
    return None
