"""Benchmark of a prediction: one lesion of a new mammogram, from its DICOM file to its score, stage by stage.

f_loc is a DenseNet-161 and the context network the published GMIC, at the paper's size, with random weights. Ours is
the fast path (bfloat16, where the processor multiplies it in hardware); the baseline is float32. The limit is the same
networks' forward passes alone, on pixels in memory. All cores are used, as a user would, and time is by the clock.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from omegaconf import DictConfig

from mammo import __version__
from mammo.benchmarks.timing import Method, time_methods
from mammo.cli.hydra_app import composed
from mammo.geometry import Box
from mammo.inference.bundle import write_bundle
from mammo.inference.bundle_facts import Rate, ThresholdFacts, facts_json
from mammo.inference.bundle_members import facts_of_members, kept_member
from mammo.inference.case_reading import read_case
from mammo.inference.case_store import IMAGE_ID, CaseStore
from mammo.inference.cases import Case, outlined
from mammo.inference.predictor import PredictOptions, Predictor
from mammo.inference.scorer import Scorer
from mammo.inference.training_images import TrainingImages
from mammo.inference.training_ranges import TrainingRanges
from mammo.models.precision import resolve_precision
from mammo.phantoms.cohort import write_cohort
from mammo.phantoms.spec import CohortSpec
from mammo.records import FULL_SCALE
from mammo.scoring.calibration import Calibration
from mammo.training.build import crops_of, network_of
from mammo.training.precomputed import PATCHES_PER_CPU_BATCH, autocast
from mammo.training.results import Run, parse_run

COLD = (
    "import sys, time; started = time.perf_counter(); from mammo.inference.predictor import *; "
    "from pathlib import Path; "
    "Predictor.load(Path(sys.argv[1]), PredictOptions()); print(time.perf_counter() - started)"
)
"""A program that loads a bundle in a new process, and prints the seconds that this took, imports included."""

STAGES = ("read", "saliency", "embeddings", "scores")


def measure_predict(
    rounds: int, frame: str = "full", backbone: str = "densenet161", n_windows: int = 100
) -> dict[str, object]:
    """Seconds per lesion by the clock.

    Args:
        rounds: how often each method is timed.
        frame: preset of conf/frame.
        backbone: of f_loc, of conf/backbone.
        n_windows: windows of the lesion.

    Returns:
        As mammo.benchmarks.timing.time_methods, with the ratio float32, and precision, bundle_mb, load_cold (seconds
        until a new process has loaded the bundle, imports included), first (seconds of the first lesion in this
        process) and the seconds of each of STAGES when warm.
    """
    precision = resolve_precision("auto", "cpu")
    with TemporaryDirectory(prefix="mammo-") as name:
        folder = Path(name)
        case = _case(folder, frame)
        scorers = {each: _random_scorer(folder, frame, backbone, each) for each in (precision, "32-true")}
        bundle = _write(folder / "my.bundle", scorers[precision])
        cold = subprocess.run([sys.executable, "-c", COLD, str(bundle)], capture_output=True, text=True, check=True)
        fast = Predictor.load(bundle, PredictOptions(n_windows, changes=False))
        plain = Predictor.load(_write(folder / "plain.bundle", scorers["32-true"]), fast.options)
        first, _ = _timed(partial(_predict, fast, case))
        methods = {
            "ours": Method(partial(_predict, fast, case), 1),
            "networks alone": Method(_networks_alone(fast, case), 1),
            "float32": Method(partial(_predict, plain, case), 1),
        }
        result = time_methods("predict", methods, "networks alone", rounds, clock=time.perf_counter)
        return {
            **result,
            "precision": precision,
            "bundle_mb": round(bundle.stat().st_size / 1e6, 1),
            "load_cold": round(float(cold.stdout), 2),
            "first": round(first, 2),
            **{name: round(seconds, 2) for name, seconds in zip(STAGES, _stage_seconds(fast, case), strict=True)},
        }


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def _case(folder: Path, frame: str) -> Case:
    """The first image of a phantom, as a DICOM file, with a lesion outlined in the middle of its breast."""
    scale = {"full": 1.0, "half": 0.5, "eighth": 0.125}[frame]
    write_cohort(CohortSpec(seed=0, scale=scale, n_patients=1), folder / "dicom", processes=1)
    path = min((folder / "dicom").rglob("L-*.dcm"))
    case = Case(path.parent, path.name, path.name)
    row, col, side = (int(scale * px) for px in (1500, 500, 200))
    return outlined(case, [Box(row, row + side, col, col + side)])


def _random_scorer(folder: Path, frame: str, backbone: str, precision: str) -> Scorer:
    """f_agg on saliency maps and embeddings, with its f_loc and context network, all of random weights."""
    shared = [f"root={folder}", "data.name=phantom", "data.init=he", f"frame={frame}", "trainer=cpu"]
    shared += [f"trainer.precision={precision}"]
    size = [f"gmic={frame}", "gmic.local_init=he"]
    words: dict[str, list[str]] = {
        "own": ["model=fagg", "maps=[sal,emb]"],
        "floc": ["model=floc", f"backbone={backbone}", "backbone.init=he"],
        "context": ["model=context", *size],
    }
    configs: dict[str, DictConfig] = {role: composed("train", [*shared, *given]) for role, given in words.items()}
    torch.manual_seed(0)
    networks = {role: network_of(cfg).eval() for role, cfg in configs.items()}
    return Scorer.of(_run(folder), configs["own"], lambda role: networks[role])


def _run(folder: Path) -> Run:
    result = {"name": "random", "model": "fagg", "maps": "sal+emb", "context": "", "seed": 0, "val_auc": None}
    result |= {
        "test_auc": None,
        "command": "",
        "commit": "",
        "versions": {},
        "seconds": 0.0,
        "digest": "",
        "scale": 1.0,
    }
    (folder / "config.yaml").write_text("data: {name: phantom}\n", encoding="utf-8")
    return parse_run(result, folder, folder)


def _write(path: Path, scorer: Scorer) -> Path:
    """A bundle of these networks, whose thresholds and calibration mean nothing."""
    member, unknown = kept_member(scorer), Rate(None)
    thresholds = (ThresholdFacts(0.0, 0.5, unknown, unknown, unknown, unknown),)
    calibration = Calibration("logistic", ((1.0, 0.0),), 0.5, 100, {})
    facts = {
        "name": "benchmark",
        "version": __version__,
        **facts_of_members([scorer]),
        **facts_json(
            thresholds, calibration, TrainingRanges((), None, None, None, None), TrainingImages("", frozenset())
        ),
        "members": [member.facts],
    }
    write_bundle(path, facts, "", member.weights, overwrite=True)
    return path


def _predict(predictor: Predictor, case: Case) -> None:
    read = read_case(predictor.placing, case)
    assert read.image is not None, read.errors
    predictor.predict(read.image, read.requests)


def _stage_seconds(predictor: Predictor, case: Case) -> list[float]:
    """Seconds of each of STAGES."""
    times = []

    def stage(work: Callable[[], Any]) -> Any:  # noqa: ANN401
        seconds, result = _timed(work)
        times.append(seconds)
        return result

    read = stage(lambda: read_case(predictor.placing, case))
    ensemble, store = predictor.ensemble, CaseStore(read.image, predictor.placing.frame)
    manifest = store.tables([request.outline for request in read.requests])
    saliency = stage(lambda: ensemble.saliency(store.path, manifest, [IMAGE_ID]))
    data = ensemble.datamodules(store.path, predictor.options.n_windows)
    stage(lambda: [each.store_dataloader() for each in data])
    stage(lambda: ensemble.score(data, saliency))
    return times


def _networks_alone(predictor: Predictor, case: Case) -> Callable[[], None]:
    """The forward passes of f_loc on as many patches, and of the context network on one image, of pixels in memory."""
    scorer, read = predictor.ensemble.members[0], read_case(predictor.placing, case)
    assert read.image is not None
    assert scorer.floc is not None
    assert scorer.context is not None
    floc, context, frame = scorer.floc, scorer.context, scorer.frame
    rng, side = torch.Generator().manual_seed(0), crops_of(scorer.cfg).patch_px
    n_batches, rest = divmod(predictor.options.n_windows, PATCHES_PER_CPU_BATCH)
    sizes = [PATCHES_PER_CPU_BATCH] * n_batches + ([rest] if rest else [])
    patches = [torch.randint(0, FULL_SCALE, (size, 1, side, side), generator=rng).to(torch.uint16) for size in sizes]
    image = torch.randint(0, FULL_SCALE, (1, 1, frame.height, frame.width), generator=rng).to(torch.uint16)

    def work() -> None:
        with torch.inference_mode(), autocast(floc, scorer.cfg.trainer.precision):
            context(image)
            for batch in patches:
                floc.represent(batch)  # type: ignore[operator]

    return work
