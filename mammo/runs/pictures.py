"""Pictures of a store and of what networks see in it, written as picture files that the report draws."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf

from mammo.data.batches import Reader
from mammo.data.datamodule import EVALUATION_SEED
from mammo.data.ground import Ground
from mammo.data.plans import Plan, Quota, epoch_plan, lesion_plan
from mammo.data.windows import Crops
from mammo.intake.pseudonyms import Pseudonyms
from mammo.models.context import ContextNetwork, network_of_checkpoint
from mammo.records import MammoError, PatchClass, Split
from mammo.reporting.figures import save
from mammo.reporting.picture_file import read_picture, write_picture
from mammo.reporting.pictures import N_WINDOWS, Kinds, outline_array, outline_kind
from mammo.runs.build import crops_of
from mammo.store.manifest import Manifest

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
    reader, ground = Reader.of(store, manifest, crops.patch_px), Ground.of(manifest)
    shown = _spread(manifest, ground)
    _image_page(folder / "figure1.npz", manifest, reader, shown)
    _patch_page(folder / "figure3.npz", ground, reader, crops)
    plan = lesion_plan(ground, crops, N_WINDOWS, EVALUATION_SEED)
    several = max(range(len(plan)), key=lambda row: len(ground.lesions_on[int(plan.image[row])]))
    rows = np.flatnonzero(plan.lesion == plan.lesion[several])
    windows_picture(folder / "figure5.npz", manifest, reader, plan.take(rows), "A lesion and ten of its windows")
    if found:
        network = network_of_checkpoint(found[0] / "best.ckpt")
        for number, row in enumerate([row for row in shown if row in ground.lesions_on][:N_SALIENCY], start=1):
            title = f"Saliency maps {number}"
            saliency_picture(folder / f"figure2-{number}.npz", manifest, reader, row, network, title)


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
    reader, drawn = Reader.of(store, manifest, patch_px=1), []
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
