"""Gathers images, windows and saliency maps of a store, and returns the figures that show them."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from omegaconf.errors import OmegaConfBaseException

from mammo.data.datamodule import EVALUATION_SEED
from mammo.data.dataset import Reader
from mammo.data.plans import Plan, Quota, epoch_plan, lesion_plan
from mammo.data.sampling_index import SamplingIndex
from mammo.data.window_sampler import CropSizes
from mammo.io import make_folder
from mammo.models.context_network import ContextNetwork
from mammo.records import MammoError, PatchClass, Pixels, Split
from mammo.reporting.figure_list import ReportFigure
from mammo.reporting.image_figures import Outlines, image_grid_figure, outline_array, outline_kind, saliency_figure
from mammo.reporting.result_figures import save
from mammo.reporting.window_figures import N_PATCHES, N_WINDOWS, class_patches_figure, lesion_windows_figure
from mammo.store.manifest import Manifest
from mammo.store.pseudonyms import Pseudonyms
from mammo.store.splits import of_fold
from mammo.training.build import crops_of
from mammo.training.configured_classes import read_config
from mammo.training.results import read_run
from mammo.training.trained_networks import load_context_network

N_IMAGES, N_SALIENCY = 12, 3

IMAGES = "Images of the test split with their outlines, mirrored to face right, in the network frame."
SALIENCY = (
    "Saliency maps of the context network for malignant and benign lesions (it is trained without outlines), and its "
    "regions of interest with the attention that each gets. The outlines are of lesions."
)
PATCHES = (
    "Training patches of f_loc, of the four classes, beside their image, with the sides of their windows in pixels of "
    "the network frame. Malignant and benign patches overlap only lesions of their class; outside and negative patches "
    "overlap none, and negative patches are from breasts without lesions."
)
WINDOWS = (
    "A lesion's outline on its image, ten crop windows that it is scored by, and the patches cut from them, with "
    "the sides of the windows in pixels of the network frame."
)
"""Captions."""


def network_outlines(manifest: Manifest, image_id: str) -> Outlines:
    """The outlines on an image in the network frame: uint8 [H, W] of OutlineKind."""
    lesions = manifest.lesions[manifest.lesions["image_id"] == image_id]
    outlines = [
        (*manifest.network_outline(lesion_id), outline_kind(label, bool(high_risk)))
        for lesion_id, label, high_risk in zip(lesions.index, lesions["label"], lesions["high_risk"], strict=True)
    ]
    return outline_array((manifest.frame.height, manifest.frame.width), outlines)


def cohort_figures(store: Path, run: Path, fold: int | None = None) -> Iterator[ReportFigure]:
    """Draw the report's figures of a cohort one by one: images, saliency maps, patches by class, a lesion's windows.

    Args:
        store: the image store, split.
        run: folder of any run on the store; its configuration holds the window sizes, and the saliency maps are those
            of the first context network of the same fold beside it.
        fold: that the run tested, whose test images are drawn; None without folds.

    Raises:
        MammoError: the run's configuration is of another version of mammo.
    """
    crops = _crop_sizes(run)
    manifest = of_fold(Manifest.current(store), fold).of_split(Split.TEST)
    reader, index = Reader.from_manifest(store, manifest, crops.patch_px), SamplingIndex.from_manifest(manifest)
    rows = _selected_images(index)
    yield ReportFigure("figure1", IMAGES, _image_grid(manifest, reader, rows))
    contexts = sorted(path.parent for path in run.parent.glob("context-*/result.json"))
    contexts = [folder for folder in contexts if fold is None or read_run(folder).fold == fold]
    if contexts:
        network = load_context_network(contexts[0] / "best.ckpt")
        for number, row in enumerate([row for row in rows if row in index.lesions_by_image][:N_SALIENCY], start=1):
            figure = image_saliency(manifest, reader, row, network, f"Saliency maps {number}")
            yield ReportFigure(f"figure2-{number}", SALIENCY, figure)
    yield ReportFigure("figure3", PATCHES, _class_patches(manifest, index, reader, crops))
    plan = lesion_plan(index, crops, N_WINDOWS, EVALUATION_SEED)
    for patch_class in (PatchClass.BENIGN, PatchClass.MALIGNANT):
        candidates = np.flatnonzero(plan.target == patch_class)
        if candidates.size:
            most = max(candidates, key=lambda row: len(index.lesions_by_image[int(plan.image[row])]))
            name = patch_class.name.lower()
            title = f"A {name} lesion and ten of the windows that it is scored by"
            figure = lesion_windows(
                manifest, reader, plan.take(np.flatnonzero(plan.lesion == plan.lesion[most])), title
            )
            yield ReportFigure(f"figure5-{name}", WINDOWS, figure)


def lesion_windows(manifest: Manifest, reader: Reader, plan: Plan, title: str, as_in_file: bool = False) -> Figure:
    """Draw one lesion with its crop windows and their patches (paper, Figure 5).

    Args:
        manifest: of the reader's images.
        reader: reads the pixels.
        plan: the rows of the lesion's windows; the first N_WINDOWS are drawn.
        title: of the figure.
        as_in_file: whether the image is drawn as a viewer shows its file, and sizes in mm where its pixel spacing is
            known; otherwise in the network frame, where every breast faces right.
    """
    image_id = reader.ids[int(plan.image[0])]
    shown = plan.take(slice(0, N_WINDOWS))
    pixels, outlines = _pixels(reader, int(plan.image[0])), network_outlines(manifest, image_id)
    drawn = pixels, outlines, shown.windows, reader.patches(shown), title
    if not as_in_file:
        return lesion_windows_figure(*drawn)
    chain = manifest.chain(image_id)
    px_mm = float(manifest.images.loc[[image_id], "spacing_mm"].iloc[0]) / chain.scale
    return lesion_windows_figure(*drawn, chain.mirrored, px_mm)


def image_saliency(manifest: Manifest, reader: Reader, row: int, network: ContextNetwork, title: str) -> Figure:
    """Draw one image with its saliency maps, regions of interest and attention (paper, Figure 2).

    Args:
        manifest: of the reader's images.
        reader: reads the pixels.
        row: the image's row in the manifest.
        network: the context network, of the manifest's frame.
        title: of the figure.
    """
    pixels = _pixels(reader, row)
    with torch.inference_mode():
        output = network(torch.from_numpy(pixels)[None, None].to(network.device))
    gmic = network.network
    return saliency_figure(
        pixels,
        network_outlines(manifest, reader.ids[row]),
        malignant=output.saliency.malignant[0].cpu().numpy(),
        benign=output.saliency.benign[0].cpu().numpy(),
        regions=output.regions[0].cpu().numpy(),
        attention=output.attention[0].float().cpu().numpy(),
        region_px=gmic.sizes.region_cells * gmic.frame.cell_px,
        title=title,
    )


def write_saliency_figures(folder: Path, store: Path, checkpoint: Path, images: Sequence[str]) -> list[Path]:
    """Write the paper's Figure 2 of the given images, as PNG and SVG.

    Args:
        folder: where the figures are written.
        store: the image store, which need not be split.
        checkpoint: of the context network.
        images: ids, as in the store's images.parquet, or paths below the folder that the store was ingested from.

    Returns:
        The paths of the PNG files.

    Raises:
        MammoError: an image is not in the store, or network and store have different frames.
    """
    manifest, network = Manifest.current(store), load_context_network(checkpoint)
    manifest.check_frame(network.network.frame, str(checkpoint), store)
    reader, pseudonyms = Reader.from_manifest(store, manifest, patch_px=1), Pseudonyms.of_store(store)
    make_folder(folder)
    paths = []
    for name in images:
        image_id = name if name in manifest.images.index else pseudonyms.of("image", name)
        if image_id not in manifest.images.index:
            raise MammoError(f"image {name} is neither an id in {store / 'images.parquet'} nor a path below its source")
        row = manifest.images.loc[image_id]
        title = f"{row['laterality']} {row['view']}, saliency maps of {checkpoint.parent.name}"
        figure = image_saliency(manifest, reader, reader.ids.index(image_id), network, title)
        save(figure, folder, image_id)
        figure.clear()
        paths.append(folder / f"{image_id}.png")
    return paths


def _crop_sizes(run: Path) -> CropSizes:
    """The crop window sizes in a run's configuration."""
    path = run / "config.yaml"
    try:
        return crops_of(read_config(run, None))
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        raise MammoError(f"{path}: from another version of mammo ({reason}); train the run again") from error


def _selected_images(index: SamplingIndex) -> list[int]:
    """At most N_IMAGES image rows: a third with several lesions, a third with one, a third without."""
    with_lesions = sorted(index.lesions_by_image, key=lambda row: -len(index.lesions_by_image[row]))
    several = [row for row in with_lesions if len(index.lesions_by_image[row]) > 1]
    single = [row for row in with_lesions if len(index.lesions_by_image[row]) == 1]
    negative = [int(row) for row in np.flatnonzero(index.negative)]
    third = N_IMAGES // 3
    return [*several[:third], *single[:third], *negative[:third]]


def _pixels(reader: Reader, row: int) -> Pixels:
    """An image in the network frame, uint16 [H, W]."""
    return reader.store.network(reader.ids[row], reader.chains[row])


def _image_grid(manifest: Manifest, reader: Reader, rows: Sequence[int]) -> Figure:
    """The images of these rows with their outlines."""
    images = [manifest.images.loc[reader.ids[row]] for row in rows]
    return image_grid_figure(
        [_pixels(reader, row) for row in rows],
        [network_outlines(manifest, reader.ids[row]) for row in rows],
        [f"{image['laterality']} {image['view']}" for image in images],
    )


def _class_patches(manifest: Manifest, index: SamplingIndex, reader: Reader, crops: CropSizes) -> Figure:
    """Training patches of each class that the images provide, all patches of a class from one image."""
    plans = {}
    for patch_class in PatchClass:
        plan = _one_image_plan(manifest, index, patch_class, crops)
        if plan is not None:
            plans[patch_class.name.lower()] = plan
    rows = [int(plan.image[0]) for plan in plans.values()]
    return class_patches_figure(
        list(plans),
        [_pixels(reader, row) for row in rows],
        [network_outlines(manifest, reader.ids[row]) for row in rows],
        [plan.windows for plan in plans.values()],
        [reader.patches(plan) for plan in plans.values()],
    )


def _one_image_plan(manifest: Manifest, index: SamplingIndex, wanted: PatchClass, crops: CropSizes) -> Plan | None:
    """N_PATCHES training windows of a class, all on the first image that has room for them; None if no image has.

    Images with lesions of the class come in order of lesion size, the largest first.
    """
    rows = index.candidates[wanted]
    if wanted in (PatchClass.MALIGNANT, PatchClass.BENIGN):
        rows = index.image_of[sorted(rows, key=lambda row: -len(index.pixels[row]))]
    quota = Quota(*(N_PATCHES if patch_class is wanted else 0 for patch_class in PatchClass))
    for row in rows.tolist():
        image_id = manifest.images.index[row]
        lesions = manifest.lesions[manifest.lesions["image_id"] == image_id]
        one_image = replace(manifest, images=manifest.images.loc[[image_id]], lesions=lesions)
        with suppress(MammoError):
            plan = epoch_plan(SamplingIndex.from_manifest(one_image), quota, crops, seed=int(wanted), epoch=0)
            return replace(plan, image=np.full(len(plan), row))
    return None
