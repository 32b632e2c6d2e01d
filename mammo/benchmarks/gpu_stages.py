"""Stages of the GPU benchmark: phantoms, forward passes beside the CPU's, and trainings as by `mammo train`."""

import time
from dataclasses import dataclass

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig
from torch import Tensor

from mammo.benchmarks.fagg_speed import example_batch, example_network
from mammo.benchmarks.forward_equality import compare_with_cpu
from mammo.benchmarks.network_speed import adopt_running_statistics
from mammo.benchmarks.stage_process import Job
from mammo.cli.hydra_app import composed
from mammo.geometry import Frame
from mammo.ingestion.run import ingest_cohort
from mammo.ingestion.worker import PRELOAD, Recipe
from mammo.intake.adapters import read_cohort
from mammo.intake.sandbox import Workers
from mammo.machine import usable_cores
from mammo.models.precision import inference_device
from mammo.phantoms.cohort import write_cohort
from mammo.phantoms.spec import CohortSpec
from mammo.store.splits import assign_splits
from mammo.store.store_header import DataSet
from mammo.training.build import datamodule_of, network_of
from mammo.training.fit import train
from mammo.training.precomputed import cached_saliency
from mammo.training.run_dir import best_run
from mammo.training.train_config import store_defaults

TRAINING_SHARE = 0.7
"""Share of a stage's time limit after which a training ends in good order; the rest is for starting and validating."""


@dataclass(frozen=True)
class Sizes:
    """How much the benchmark does.

    Attributes:
        name: "full" or "small".
        n_patients: phantom patients of four images.
        scale: of the phantoms, stored pixels per full-size pixel.
        preset: name of the frame (conf/frame).
        frame: the network window.
        n_compared: patches and images of the forward passes that are compared with the CPU's.
        warm_up: training steps that are not timed.
        floc: what `mammo train` gets for f_loc, in addition to the defaults.
        context: likewise for the context network.
        fagg: likewise for f_agg.
    """

    name: str
    n_patients: int
    scale: float
    preset: str
    frame: Frame
    n_compared: tuple[int, int]
    warm_up: int
    floc: tuple[str, ...]
    context: tuple[str, ...]
    fagg: tuple[str, ...]


FULL = Sizes(
    name="full",
    n_patients=64,
    scale=1.0,
    preset="full",
    frame=Frame(2944, 1920, 64),
    n_compared=(8, 2),
    warm_up=20,
    floc=("backbone=densenet161", "quota={malignant: 4, benign: 7, outside: 1000, negative: 989}"),
    context=("trainer.limit_val_batches=3",),
    fagg=("quota={malignant: 8, benign: 14, outside: 2000, negative: 1978}", "window_epochs=2"),
)
"""The paper's sizes: DenseNet-161 on 256 px patches, 80 steps an epoch; GMIC on 2944 x 1920 px; f_agg, 40 steps."""

SMALL = Sizes(
    name="small",
    n_patients=12,
    scale=0.125,
    preset="eighth",
    frame=Frame(368, 240, 8),
    n_compared=(4, 2),
    warm_up=1,
    floc=("backbone=small", "batch_size=4", "quota={malignant: 4, benign: 4, outside: 4, negative: 4}"),
    context=("batch_size=4",),
    fagg=("batch_size=4", "quota={malignant: 4, benign: 4, outside: 4, negative: 4}", "window_epochs=1"),
)
"""For a machine without a GPU: shows that every stage runs, and measures nothing of interest."""


def make_store(sizes: Sizes, job: Job) -> None:
    """Draw the phantoms, ingest them and split them, on all cores; images and seconds of both."""
    started, dicom, store = time.monotonic(), job.root / "dicom", job.root / "store"
    spec = CohortSpec(scale=sizes.scale, n_patients=sizes.n_patients)
    summary = write_cohort(spec, dicom, usable_cores())
    job.add(n_images=summary.n_images, n_lesions=summary.n_lesions, drawing_s=_since(started))
    started = time.monotonic()
    recipe = Recipe(dicom, store, sizes.frame, 1.0, data_set=DataSet("phantom", "table", sizes.preset))
    manifest = ingest_cohort(recipe, read_cohort("table", dicom, Workers(preload=PRELOAD)), usable_cores()).manifest
    assign_splits(manifest, seed=0, fractions=[0.6, 0.3, 0.1], allow_empty=True).save(store)
    job.add(ingest_s=_since(started))


def compare_forward(sizes: Sizes, job: Job) -> None:
    """Largest difference of any probability between this device and the CPU in float32, by network and precision."""
    job.add(device=device_facts())
    n_patches, n_images = sizes.n_compared
    for name, n in (("floc", n_patches), ("context", n_images)):
        network, x = _network_and_input(job, sizes, name, n)
        job.add(**{name: compare_with_cpu(network, x)})
    job.add(fagg=compare_with_cpu(example_network(50), example_batch(50, n_images=5)))


def train_floc(sizes: Sizes, job: Job) -> None:
    """Train f_loc."""
    _train(job, sizes, "model=floc", *sizes.floc)


def train_compiled_floc(sizes: Sizes, job: Job) -> None:
    """Train f_loc with torch.compile."""
    _train(job, sizes, "model=floc", "torch.compile=true", *sizes.floc)


def train_context(sizes: Sizes, job: Job) -> None:
    """Train the context network."""
    _train(job, sizes, "model=context", *sizes.context)


def train_fagg(sizes: Sizes, job: Job) -> None:
    """Compute the saliency maps of all images, and train f_agg on them and on the h of f_loc; images a second of S."""
    started, checkpoint = time.monotonic(), best_run(job.root, "context") / "best.ckpt"
    maps = cached_saliency(checkpoint, job.root, job.root / "store", "auto", "auto")
    job.add(saliency_images_per_s=round(len(maps.images) / max(_since(started), 1e-3), 1))
    _train(job, sizes, "maps=[emb,sal]", *sizes.fagg)


def _train(job: Job, sizes: Sizes, *words: str) -> None:
    """Train as `mammo train` does, with speed.json in the run folder."""
    record = f"+callbacks.speed={{_target_: mammo.benchmarks.speed_record.SpeedRecord, warm_up: {sizes.warm_up}}}"
    minutes, seconds = divmod(round(TRAINING_SHARE * job.limit_s), 60)
    limits = (f"trainer.max_epochs={job.rounds}", f"trainer.max_time=00:00:{minutes:02d}:{seconds:02d}")
    # Full batches only: a last one of another size would be compiled anew.
    validated = ("windows_per_lesion={val: 100, test: 1}", "trainer.limit_val_batches=10")
    train(_composed(job, *limits, *validated, record, "test=false", f"group={job.name}", *words))


def _composed(job: Job, *words: str) -> DictConfig:
    return composed("train", [f"root={job.root}", *words], store_defaults)


def _network_and_input(job: Job, sizes: Sizes, name: str, n: int) -> tuple[pl.LightningModule, Tensor]:
    """A network with the running statistics of n patches or images of the validation split, and these [n, 1, H, W]."""
    words = {"floc": sizes.floc, "context": sizes.context}[name]
    cfg = _composed(job, f"model={name}", *words, f"eval_batch_size={n}", "workers=0")
    data = datamodule_of(cfg)
    x = next(iter(data.val_dataloader()))["patch" if name == "floc" else "image"]
    torch.manual_seed(0)
    network = network_of(cfg)
    adopt_running_statistics(network, x)
    return network, x


def device_facts() -> dict[str, object]:
    """The device and the software on it."""
    facts: dict[str, object] = {"type": inference_device("auto").type, "torch": str(torch.__version__)}
    if facts["type"] == "cuda":
        found = torch.cuda.get_device_properties(0)
        facts |= {"name": found.name, "capability": f"{found.major}.{found.minor}", "cuda": torch.version.cuda}
        facts |= {"memory_mb": int(found.total_memory / 1e6), "cudnn": torch.backends.cudnn.version()}  # type: ignore[no-untyped-call]
    return facts


def _since(started: float) -> float:
    return round(time.monotonic() - started, 1)
