"""Work that is done once and read by many: the h of every window by one f_loc, S of every image by one context network.

Both are kept in the folder of the run whose network made them, and made only where they are missing.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray

from mammo.data.batches import PlanDataset, Reader
from mammo.data.datamodule import MammoDataModule
from mammo.data.plans import Plan
from mammo.models.context import ContextNetwork
from mammo.models.floc import FLoc
from mammo.models.precision import resolve_precision
from mammo.progress import track
from mammo.records import Split
from mammo.store.embeddings import Embeddings
from mammo.store.manifest import Manifest
from mammo.store.saliency import SaliencyMaps

IMAGES_AT_ONCE, PATCHES_AT_ONCE = 16, 500


def embeddings_of(run: Path, data: MammoDataModule, precision: str) -> Embeddings:
    """H of every window that f_agg will meet, by the best checkpoint of an f_loc run.

    Args:
        run: the f_loc run's folder.
        data: the datamodule f_agg will be fed by; its window_epochs tell how many training plans there are.
        precision: as in conf/trainer.
    """
    plans = {f"train-{epoch}": (Split.TRAIN, data.training_plan(epoch)) for epoch in range(data.window_epochs or 1)}
    plans |= {split.value: (split, data.evaluation_plan(split)) for split in (Split.VAL, Split.TEST)}
    key = hashlib.sha256("".join(plan.digest() for _, plan in plans.values()).encode()).hexdigest()[:8]
    embeddings = Embeddings(run / f"embeddings-{key}")
    missing = {name: asked for name, asked in plans.items() if not embeddings.has(name, asked[1])}
    if missing:
        network = FLoc.load_from_checkpoint(run / "best.ckpt").eval()
        for name, (split, plan) in track(missing.items(), "embeddings", len(missing), "plans"):
            embeddings.write(name, plan, represent(network, plan, data.split(split)[2], precision))
    return embeddings


def saliency_of(run: Path, store: Path, precision: str) -> SaliencyMaps:
    """S of every image of a store, by the best checkpoint of a context run."""
    manifest = Manifest.load(store)
    maps = SaliencyMaps(run / f"saliency-{manifest.digest()[:8]}.npz")
    ids = list(manifest.images.index)
    if not maps.holds(ids):
        network = ContextNetwork.load_from_checkpoint(run / "best.ckpt").eval()
        made = [saliency for _, saliency in track(salient(network, store, manifest, precision), "saliency", len(ids))]
        maps.write(ids, np.stack(made))
    return maps


def salient(
    network: ContextNetwork, store: Path, manifest: Manifest, precision: str
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Image id and S [2, rows, cols] (malignant, benign) of every image of the manifest."""
    reader = Reader.of(store, manifest, patch_px=1)
    for start in range(0, len(reader.ids), IMAGES_AT_ONCE):
        rows = range(start, min(start + IMAGES_AT_ONCE, len(reader.ids)))
        images = [reader.store.network(reader.ids[row], reader.chains[row])[None] for row in rows]
        batch = torch.from_numpy(np.stack(images)).to(network.device)
        with torch.inference_mode(), autocast(network, precision):
            maps = network(batch).saliency.float().cpu().numpy()
        yield from ((reader.ids[row], saliency) for row, saliency in zip(rows, maps, strict=True))


def represent(network: FLoc, plan: Plan, reader: Reader, precision: str) -> NDArray[np.float32]:
    """H [N, 32] of every row of the plan."""
    dataset = PlanDataset(plan, ("patch",), reader)
    parts = []
    for start in range(0, len(plan), PATCHES_AT_ONCE):
        batch = dataset.__getitems__(range(start, min(start + PATCHES_AT_ONCE, len(plan))))
        with torch.inference_mode(), autocast(network, precision):
            parts.append(network.represent(batch["patch"].to(network.device)).float().cpu().numpy())
    h: NDArray[np.float32] = np.concatenate(parts)
    return h


def autocast(network: pl.LightningModule, precision: str) -> torch.autocast:
    """The mixed precision that training on the network's device would use."""
    device = network.device.type
    resolved = resolve_precision(precision, "cpu" if device == "cpu" else "gpu")
    dtype = torch.bfloat16 if resolved.startswith("bf16") else torch.float16
    return torch.autocast(device, dtype=dtype, enabled=resolved.endswith("mixed"))
