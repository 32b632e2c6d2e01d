"""Every kind of file that one command of mammo writes and another one reads, with its first reader."""

import os
import pickle
import re
import shutil
import signal
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytorch_lightning as pl
import torch

from mammo.inference import prediction_run
from mammo.training.progress_lines import EpochProgress
from tests.faults.forks import launch

SMALL = (
    "trainer=cpu",
    "trainer.max_epochs=2",
    "trainer.precision=32-true",
    "torch.threads=1",
    "workers=0",
    "quota={malignant: 6, benign: 6, outside: 4, negative: 4}",
    "windows_per_lesion={val: 2, test: 2}",
    "batch_size=8",
)
NETWORKS = {
    "context": ("model=context", *SMALL, "trainer.limit_train_batches=2"),
    "floc": ("model=floc", "backbone=small", *SMALL),
    "fagg": ("maps=[emb,sal]", *SMALL),
    "own": ("maps=[emb]", *SMALL),
}
OTHER = ("data=phantom", "data.name=other", "data.source={root}/other", "append=true", "accept_rejections=true")
SWEEP = ("train", "maps=[loc]", *SMALL, "trainer.max_epochs=1", "group=sweep", "--multirun", "seed=0,1", "root={root}")
FAGG = "run={root}/runs/fagg-sal+emb-*"
SCORE = ("score", "root={root}", FAGG, "n_windows=2", "n_pictures=0")
REPORT = ("report", "{root}", "--lesions", "1")
INGEST = ("ingest", "root={root}", "processes=1", *OTHER)
AGAIN = ("train", "root={root}", "maps=[emb,sal]", *SMALL, "group=again", "seed=1", "pairing=fagg")
RESUME = ("train", "root={root}", *NETWORKS["own"], "group=interrupted")
COMPARE = ("compare", "{root}/{path}", "--json")
ELSEWHERE = ("precompute", "what=saliency", "root={root}", "run={root}/weights/own.ckpt", "trainer=cpu")
SALIENCY = ("precompute", "what=saliency", "root={root}", "trainer=cpu", "run={root}/runs/context-*")
BUNDLE = ("bundle", "{root}/runs/fagg-sal*", "-o", "{root}/fagg.bundle", "--sensitivity-lesions", "1")
PREDICT = (
    *("predict", "{root}/fagg.bundle", "{root}/case.dcm", "-o", "{root}/predicted"),
    *("--box", "200,260,40,100", "--windows", "2", "--no-changes", "--no-pictures"),
)
VARYING = re.compile(r"\d+(\.\d+)? s\b|.*wall time.*|\d{4}-\d\d-\d\d.*")
"""What differs between two reports of the same runs."""

TABLES = ("store/*.parquet", "store/*.csv", "store/images/*")


@dataclass(frozen=True)
class Kind:
    """One kind of artifact.

    Attributes:
        files: pattern of its files below the root.
        reader: the command that reads it first; {root} and {path} stand for the root and the file.
        products: patterns of what that command writes; empty where it is what the command prints.
        cleared: patterns of what the command would otherwise find finished.
    """

    files: str
    reader: tuple[str, ...]
    products: tuple[str, ...] = ()
    cleared: tuple[str, ...] = ()


PREDICTED = ("predicted/predictions.csv",)
PREDICTIONS, RUN = ("score/predictions.csv",), ("again/*/lesions.csv", "again/*/windows.parquet", "again/*/best.ckpt")
PAGES = ("report/*.csv", "report/report.md")
RESUMED = ("interrupted/*/best.ckpt", "interrupted/*/lesions.csv", "interrupted/*/windows.parquet")
MAPS = ("saliency/*/*.npy", "saliency/*/*.txt")

KINDS: dict[str, Kind] = {
    "header of the store": Kind("store/store.json", SCORE, PREDICTIONS),
    "table of images": Kind("store/images.parquet", SCORE, PREDICTIONS),
    "table of lesions": Kind("store/lesions.parquet", SCORE, PREDICTIONS),
    "pixels": Kind("store/images/*.tiles", SALIENCY, MAPS, ("saliency/*",)),
    "index of the pixels": Kind("store/images/*.index", SALIENCY, MAPS, ("saliency/*",)),
    "own ids": Kind("store/ids.csv", (*SCORE, "own_ids=true"), PREDICTIONS),
    "header at an ingest": Kind("store/store.json", INGEST, TABLES),
    "table of images at an ingest": Kind("store/images.parquet", INGEST, TABLES),
    "table of lesions at an ingest": Kind("store/lesions.parquet", INGEST, TABLES),
    "index of the pixels at an ingest": Kind("store/images/*.index", INGEST, TABLES),
    "own ids at an ingest": Kind("store/ids.csv", INGEST, TABLES),
    "quarantine table at an ingest": Kind("store/quarantine.csv", INGEST, TABLES),
    "key of the pseudonyms": Kind("store/.key", INGEST, TABLES),
    "log of rejections": Kind("store/.rejections", INGEST, TABLES),
    "pixels of a part": Kind("parted/parts/other/*/images/*.tiles", (*INGEST, "store={root}/parted"), ("parted/*.*",)),
    "index of a part": Kind("parted/parts/other/*/images/*.index", (*INGEST, "store={root}/parted"), ("parted/*.*",)),
    "rejections of a part": Kind("parted/parts/other/*/.rejections", (*INGEST, "store={root}/parted"), ("parted/*.*",)),
    "configuration of a run": Kind("runs/fagg-sal*/config.yaml", SCORE, PREDICTIONS),
    "result of a run": Kind("runs/fagg-sal*/result.json", SCORE, PREDICTIONS),
    "weights of f_agg": Kind("runs/fagg-sal*/best.ckpt", SCORE, PREDICTIONS),
    "weights of f_loc": Kind("runs/floc*/best.ckpt", SCORE, PREDICTIONS),
    "weights of the context network": Kind("runs/context*/best.ckpt", SCORE, PREDICTIONS),
    "result of a run that is read": Kind("runs/floc*/result.json", SCORE, PREDICTIONS),
    "test lesions of a run": Kind("runs/fagg-sal*/lesions.parquet", REPORT, PAGES),
    "validation lesions of a run": Kind("runs/fagg-sal*/lesions-val.parquet", REPORT, PAGES),
    "test windows of a run": Kind("runs/fagg-sal*/windows.parquet", REPORT, PAGES),
    "result of a run at a report": Kind("runs/*/result.json", REPORT, PAGES),
    "configuration at a report": Kind("runs/*/config.yaml", REPORT, PAGES),
    "images of a context run": Kind("runs/context*/images.parquet", ("sweep", "compare", "runs", "{root}")),
    "lesions of a run, as CSV": Kind("runs/fagg-sal*/lesions.csv", COMPARE),
    "lesions of mammo score, as CSV": Kind("score/lesions.csv", COMPARE),
    "saliency maps": Kind("saliency/context*/*.npy", AGAIN, RUN),
    "names of the saliency maps": Kind("saliency/context*/*.txt", AGAIN, RUN),
    "embeddings": Kind("runs/floc*/embeddings/*.npz", AGAIN, RUN),
    "weights that f_agg is trained on": Kind("runs/*/best.ckpt", AGAIN, RUN),
    "last checkpoint": Kind("interrupted/*/last.ckpt", RESUME, RESUMED),
    "best checkpoint so far": Kind("interrupted/*/best.ckpt", RESUME, RESUMED),
    "weights outside a run": Kind("weights/own.ckpt", ELSEWHERE, MAPS),
    "weights to start from": Kind("runs/fagg-emb*/best.ckpt", (*RESUME, "group=again", "ckpt_path={root}/{path}"), RUN),
    "list of jobs": Kind("sweeps/*/jobs.json", ("sweep", "status", "{root}")),
    "run of a job": Kind("sweeps/*/*/run", SWEEP, ("sweeps/*/*/run", "sweep/*/lesions.csv")),
    "bundle": Kind("fagg.bundle", PREDICT, PREDICTED, ("predicted",)),
    "finished cases of a prediction": Kind("predicted/.predictions.jsonl", PREDICT, PREDICTED),
    "origin of a run": Kind("runs/*/origin.json", ("runs", "prune", "{root}", "--json")),
}


def build(root: Path) -> None:
    """Fill a root with every kind of artifact."""
    mix = "mix={negative: 0.3, benign: 0.35, malignant: 0.35}"
    malignant = "mix={negative: 0, benign: 0, malignant: 1}"
    made(root, "phantom", f"root={root}", "n_patients=12", "seed=3", mix, "processes=1")
    made(root, "phantom", f"root={root / 'second'}", "n_patients=2", "seed=4", malignant, "processes=1")
    shutil.move(root / "second" / "dicom", root / "other")
    broken = min(root.glob("other/*/*.dcm"))
    os.truncate(broken, broken.stat().st_size // 2)  # one rejected file
    other = filled(OTHER, root)
    for shard in (0, 1):
        made(root, "ingest", f"root={root}", f"store={root / 'parted'}", *other, "shards=2", f"shard={shard}")
    made(root, "ingest", f"root={root}", "processes=1")
    made(root, "ingest", f"root={root}", "processes=1", *other)
    made(root, "split", f"root={root}", "allow_empty=true", "fractions=[0.4,0.3,0.3]")
    for name, words in NETWORKS.items():
        if name == "fagg":
            made(root, *filled(SALIENCY, root))
        made(root, "train", f"root={root}", *words)
    ended = ended_by(filled(RESUME, root), root, killed_in_its_second_epoch)
    assert ended.status == -signal.SIGKILL, ended.text
    made(root, *filled(SWEEP, root))
    made(root, *filled(SCORE, root))
    made(root, *filled(BUNDLE, root))
    shutil.copy2(min(root.glob("dicom/*/*.dcm")), root / "case.dcm")
    ended = ended_by(filled(PREDICT, root), root, killed_before_its_tables)
    assert ended.status == -signal.SIGKILL, ended.text
    (root / "weights").mkdir()
    shutil.copy2(next(root.glob("runs/context-*/best.ckpt")), root / "weights" / "own.ckpt")


def made(root: Path, *words: str) -> None:
    ended = ended_by(words, root)
    assert ended.status == 0, f"mammo {' '.join(words)}: {ended.text}"


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its exit status, negative for a signal, and what it printed on both streams."""

    status: int
    text: str


def ended_by(words: Sequence[str], root: Path, before: Callable[[], object] = lambda: None) -> Ended:
    """Run `mammo WORDS` in a fork, where before is called first."""
    ended = launch(words, root, before).wait()
    return Ended(ended.status, (ended.out + ended.err).replace(str(root), "ROOT"))


def killed_in_its_second_epoch() -> None:
    """Kill this process there; each epoch has several steps."""

    def kill(_: object, trainer: pl.Trainer, *__: object) -> None:
        if trainer.current_epoch == 1 and trainer.fit_loop.epoch_loop.batch_idx == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    EpochProgress.on_train_batch_start = kill  # type: ignore[method-assign]


def killed_before_its_tables() -> None:
    """Kill this process when it has scored all cases."""
    prediction_run.write_case_predictions = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore


def filled(words: Sequence[str], root: Path, path: str = "") -> list[str]:
    """Words with the root and the file in place; a value with * is the one path that fits it."""
    found = []
    for word in words:
        key, equals, value = word.replace("{root}", str(root)).replace("{path}", path).rpartition("=")
        if "*" in value and value.startswith(str(root)):
            (match,) = root.glob(str(Path(value).relative_to(root)))
            value = str(match)
        found.append(key + equals + value)
    return found


@dataclass(frozen=True)
class Result:
    """What a command has made: its end, and the content of its products by path below the root."""

    ended: Ended
    products: Mapping[str, object]


def read(kind: Kind, root: Path, path: str) -> Result:
    """Run the first reader of a file; what it prints counts as a product where it writes none."""
    for pattern in kind.cleared:
        for each in root.glob(pattern):
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    ended = ended_by(filled(kind.reader, root, path), root)
    files = [file for pattern in kind.products for file in sorted(root.glob(pattern)) if file.is_file()]
    return Result(ended, {str(file.relative_to(root)): content(file) for file in files} or {"text": ended.text})


def content(file: Path) -> object:
    """The content of a product that the same work gives again; its bytes if it is, or stays, damaged."""
    try:
        return undamaged(file)
    except (OSError, ValueError, RuntimeError, pickle.UnpicklingError, zipfile.BadZipFile):
        return file.read_bytes()


def undamaged(file: Path) -> object:
    """What a product holds that does not vary from run to run."""
    if file.suffix == ".ckpt":
        state = torch.load(file, weights_only=True)["state_dict"]
        return {name: value.numpy().tobytes() for name, value in state.items()}
    if file.suffix == ".parquet":
        return pd.read_parquet(file).to_csv()
    if file.suffix in (".md", ".csv") and "report" in file.parts:
        return VARYING.sub("", file.read_text(encoding="utf-8"))
    return file.read_bytes()
