"""Outputs of trained networks that are computed once and cached: h of every window, S of every image.

The cache of h is in the folder of its f_loc run, that of S below the root; only what is missing is computed. All f_agg
that read one f_loc share its h: training windows are the same for every combination of maps and every seed, and h of an
epoch is computed when the first of these trainings reaches it.
"""

import math
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from pytorch_lightning.utilities.seed import isolate_rng

from mammo.data.datamodule import MammoDataModule
from mammo.data.dataset import PlanDataset, Reader
from mammo.data.plans import Plan
from mammo.ingestion.shard import WHOLE, Shard
from mammo.io import file_lock
from mammo.models.context_network import ContextNetwork
from mammo.models.precision import inference_device, resolve_precision
from mammo.progress import track
from mammo.records import MammoError, Split
from mammo.store.embedding_cache import Embeddings
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.saliency_cache import SaliencyMaps
from mammo.text import print_text
from mammo.training.saliency_source import saliency_cache
from mammo.training.trained_networks import load_context_network, load_network

PIXELS_PER_BATCH, PATCHES_PER_BATCH = 6_000_000, 500
"""Batch sizes in inference: pixels of whole images (1 image at full size, 67 at an eighth), and patches on a GPU."""

PATCHES_PER_CPU_BATCH = 50
"""Batch size of patches on a CPU: small patches take 40 % less time than by 500, because 50 fit into its caches."""

IMAGES_PER_FILE = 128
"""Images whose saliency maps are written to one file; an interruption loses fewer than these."""


class FLocEmbeddings:
    """h of the windows of any plan, by the best checkpoint of an f_loc run: an EmbeddingSource of the datamodule.

    A plan that the run's cache lacks is computed and cached as a whole; a plan that another process is computing is
    waited for. Random numbers that others draw do not depend on whether h was cached.

    Args:
        run: the f_loc run's folder.
        precision: as in conf/trainer.
        accelerator: as in conf/trainer; f_loc runs there.
        allowed: packages that the run's configuration may name classes of (allow_targets).

    Attributes:
        cache: the run's cache of h in this precision.
    """

    def __init__(self, run: Path, precision: str, accelerator: str, allowed: Sequence[str] = ()) -> None:
        self.run, self.allowed = run, allowed
        self.device = inference_device(accelerator)
        self.cache = Embeddings(run / "embeddings", resolve_precision(precision, accelerator))
        self._network: pl.LightningModule | None = None

    def __call__(self, plan: Plan, reader: Reader) -> NDArray[np.float32]:
        """The h of every row of the plan, float32 [N, 32]; reader reads its patches. MammoError as load_floc."""
        if not self.cache.has(plan):
            if (path := self.cache.path(plan)).exists():
                print_text(f"{path} is damaged, and its h is computed again", file=sys.stderr)
            self._compute(plan, reader)
        return self.cache.read(plan)

    def _compute(self, plan: Plan, reader: Reader) -> None:
        """Compute and cache h of a plan, unless another process does so first."""
        lock = self.cache.folder / f"{self.cache.digest(plan)[:16]}.lock"
        with file_lock(lock, f"{self.run.name}: h of {len(plan)} windows"), isolate_rng():
            if self.cache.has(plan):
                return
            started = time.monotonic()
            if self._network is None:
                self._network = load_floc(self.run, self.allowed).to(self.device)
            h = embed_plan(self._network, plan, reader.with_own_cache(), self.cache.precision)
            self.cache.write(plan, h)
            took = f"{time.monotonic() - started:.0f} s"
            print_text(f"{self.run.name}: h of {len(plan):,} windows computed in {took}", file=sys.stderr)


def precompute_embeddings(source: FLocEmbeddings, data: MammoDataModule, n_epochs: int, shard: Shard = WHOLE) -> None:
    """Cache h of the windows of validation, test and the first epochs of training.

    Args:
        source: computes and caches it.
        data: the datamodule of the f_agg that will read h.
        n_epochs: epochs of training windows.
        shard: the share of the plans to compute.
    """
    epochs: list[int | Split] = [Split.VAL, Split.TEST, *range(n_epochs)]
    parts = shard.share(epochs)
    for part in track(parts, "embeddings", len(parts), "plans"):
        split = part if isinstance(part, Split) else Split.TRAIN
        plan = data.evaluation_plan(split) if isinstance(part, Split) else data.training_plan(part)
        source(plan, data.split_data(split).reader)


def cached_saliency(
    checkpoint: Path,
    root: Path,
    store: Path,
    precision: str,
    accelerator: str = "auto",
    shard: Shard = WHOLE,
    allowed: Sequence[str] = (),
) -> SaliencyMaps:
    """The cache of S of every image of a store by a context network; cached maps are kept.

    Args:
        checkpoint: of the context network.
        root: the cache is below it (saliency_source.saliency_cache).
        store: the image store.
        precision: as in conf/trainer.
        accelerator: as in conf/trainer; the context network runs there.
        shard: the share of the images to compute.
        allowed: packages that the run's configuration may name classes of (allow_targets).
    """
    manifest = Manifest.current(store)
    maps = saliency_cache(checkpoint, root, manifest)
    with file_lock(maps.folder / f"{shard.number}-of-{shard.of}.lock", f"{maps.folder.name}: saliency maps"):
        for path in maps.damaged():
            print_text(f"saliency: {path} is damaged, and its maps are computed again")
        maps.remove_damaged()
        share = set(shard.share(list(maps.images)))
        missing = [image_id for image_id in maps.missing() if image_id in share]
        if missing:
            network = load_context(checkpoint, allowed).to(inference_device(accelerator))
            _compute_missing(maps, missing, len(share), network, store, manifest, precision)
    return maps


def _compute_missing(
    maps: SaliencyMaps,
    missing: Sequence[str],
    n_images: int,
    network: ContextNetwork,
    store: Path,
    manifest: Manifest,
    precision: str,
) -> None:
    """Compute the missing maps, file by file; MammoError where the network has another frame than the store."""
    manifest.check_frame(network.network.frame, f"the network of {maps.folder}", store)
    if len(missing) < n_images:
        print_text(f"saliency: {n_images - len(missing)} of {n_images} maps are cached")
    part: list[tuple[str, NDArray[np.float32]]] = []
    for image_id, saliency in track(
        saliency_maps(network, store, manifest, missing, precision), "saliency", len(missing)
    ):
        part.append((image_id, saliency))
        if len(part) == IMAGES_PER_FILE or image_id == missing[-1]:
            maps.append([name for name, _ in part], np.stack([saliency for _, saliency in part]))
            part.clear()


def saliency_maps(
    network: ContextNetwork, store: Path, manifest: Manifest, image_ids: Sequence[str], precision: str
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield the id and S of each of these images, in order: float32 [2, 46, 30] (malignant, benign) in [0, 1]."""
    pixels, frame = ImageStore(store), manifest.frame
    batch_size = max(1, PIXELS_PER_BATCH // (frame.height * frame.width))
    for start in range(0, len(image_ids), batch_size):
        ids = image_ids[start : start + batch_size]
        images = np.stack([pixels.network(image_id, manifest.chain(image_id))[None] for image_id in ids])
        with torch.inference_mode(), autocast(network, precision):
            output = network(torch.from_numpy(images).to(network.device))
        yield from zip(ids, output.saliency.stacked().float().cpu().numpy(), strict=True)


def load_floc(run: Path, allowed: Sequence[str] = ()) -> pl.LightningModule:
    """The f_loc of a finished run, in evaluation mode; MammoError as load_network, or it has no `represent`."""
    network = load_network(run, pl.LightningModule, allowed)
    if not callable(getattr(network, "represent", None)):
        raise MammoError(f"{run}: {type(network).__name__} has no method represent, which gives the h that f_agg reads")
    return network


def load_context(checkpoint: Path, allowed: Sequence[str] = ()) -> ContextNetwork:
    """The context network of a run's checkpoint or of any other file, in evaluation mode.

    Raises:
        MammoError: as load_network, or as load_context_network.
    """
    run = checkpoint.parent
    if checkpoint.name != "best.ckpt" or not (run / "config.yaml").is_file():
        return load_context_network(checkpoint)
    network = load_network(run, ContextNetwork, allowed)
    assert isinstance(network, ContextNetwork)
    return network


def embed_plan(network: pl.LightningModule, plan: Plan, reader: Reader, precision: str) -> NDArray[np.float32]:
    """The representation h of every row of the plan: float32 [N, 32], by the network's method `represent`."""
    dataset = PlanDataset(plan, ("patch",), reader)
    batch_size = PATCHES_PER_CPU_BATCH if network.device.type == "cpu" else PATCHES_PER_BATCH
    n_batches, parts = math.ceil(len(plan) / batch_size), []
    batches: Iterable[torch.Tensor] = _patch_batches(dataset, len(plan), batch_size)
    if n_batches > 1:
        batches = track(batches, "h", n_batches, f"batches of {batch_size} windows")
    for patches in batches:
        with torch.inference_mode(), autocast(network, precision):
            h = network.represent(patches.to(network.device))  # type: ignore[operator]
            parts.append(h.float().cpu().numpy())
    whole: NDArray[np.float32] = np.concatenate(parts)
    return whole


def _patch_batches(dataset: PlanDataset, n_rows: int, batch_size: int) -> Iterator[torch.Tensor]:
    """The patches of every row, in order: float32 [batch_size, C, side, side], the last one shorter."""
    for start in range(0, n_rows, PATCHES_PER_BATCH):
        patches = dataset.batch(range(start, min(start + PATCHES_PER_BATCH, n_rows)))["patch"]
        yield from (patches[first : first + batch_size] for first in range(0, len(patches), batch_size))


def autocast(network: pl.LightningModule, precision: str) -> torch.autocast:
    """The autocast context in which training in this precision runs on the network's device."""
    device = network.device.type
    resolved = resolve_precision(precision, "cpu" if device == "cpu" else "gpu")
    dtype = torch.bfloat16 if resolved.startswith("bf16") else torch.float16
    return torch.autocast(device, dtype=dtype, enabled=resolved.endswith("mixed"))
