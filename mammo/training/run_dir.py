"""The run folder, named by the digest of its request, so that the same request finds its own run again.

    <root>/<group>/<name>-<digest>/
        config.yaml  origin.json  lock  last.ckpt  best.ckpt  metrics/  lesions.parquet  result.json  error.txt

The digest covers the resolved configuration and everything that the run reads. result.json is written last: a run
folder that has one is finished, as long as every file that it lists is unchanged. error.txt is of a run that failed.
"""

import hashlib
import json
import math
import shlex
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from mammo import __version__
from mammo.io import atomic_write, did_you_mean_path, file_lock, make_folder, remove_partials
from mammo.records import MammoError
from mammo.store.manifest import Manifest
from mammo.store.splits import of_fold
from mammo.training.results import Run, finished_run, intact_run
from mammo.training.run_files import seal_of, write_result

ERROR = "error.txt"
"""The file of a run that has failed; it holds the error as one sentence, and where there is one its traceback."""

PACKAGES = ("torch", "pytorch-lightning", "timm", "numpy", "albumentations", "opencv-python-headless")
NOT_IN_DIGEST = (
    *("root", "store", "data", "group", "trial", "lr_range", "logger", "workers", "memory_gb", "hydra"),
    "workers_timeout_s",
    *("allow_targets", "ckpt_path"),
)
"""Configuration keys that do not change what is learned, or that are part of the name (trial); the content of the store
and of ckpt_path have digests of their own."""

DISPLAY = ("enable_progress_bar", "enable_model_summary", "log_every_n_steps", "profiler")
"""Options of the trainer that change only what is shown."""


@dataclass(frozen=True)
class Division:
    """Which patients of a store are trained, validated and tested: runs of one division never saw its test patients.

    Attributes:
        fold: number of the fold that is tested; None for the split of a store without folds.
        store: digest of the store with its split or folds (Manifest.digest).
    """

    fold: int | None
    store: str

    @classmethod
    def of(cls, fold: int | None, manifest: Manifest) -> "Division":
        """The division of a configuration.

        Args:
            fold: the configuration's fold.
            manifest: of the store.

        Raises:
            MammoError: as store.splits.of_fold.
        """
        of_fold(manifest, fold)
        return cls(fold, manifest.digest())

    def is_of(self, run: Run) -> bool:
        """Whether a run had this division."""
        return (run.fold, run.store) == (self.fold, self.store)


@dataclass(frozen=True)
class RunDir:
    """One run's folder.

    Attributes:
        path: the folder.
        name: the run's name, without the digest.
        digest: hex digest of the request.
        reads: digests of the run's inputs, by name.
    """

    path: Path
    name: str
    digest: str
    reads: Mapping[str, str]

    @classmethod
    def of(cls, cfg: DictConfig, name: str, reads: dict[str, str]) -> "RunDir":
        """The run folder of a resolved configuration that reads inputs with these digests."""
        resolved = OmegaConf.to_container(cfg, resolve=True)
        assert isinstance(resolved, dict)
        identity = {key: value for key, value in resolved.items() if key not in NOT_IN_DIGEST}
        if isinstance(trainer := identity.get("trainer"), dict):
            identity["trainer"] = {key: value for key, value in trainer.items() if key not in DISPLAY}
        text = json.dumps([name, identity, reads], sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return cls(Path(cfg.root) / cfg.group / f"{name}-{digest[:8]}", name, digest, reads)

    @property
    def result(self) -> Run | None:
        """The finished run; None while it is not finished, or where one of its files is missing or damaged.

        Every file is hashed again: a false "finished" would skip training.
        """
        run = finished_run(self.path, trusting=False)
        return run if run and run.digest == self.digest else None

    def lock(self) -> AbstractContextManager[None]:
        """Lock the folder for this process, after waiting for any other process with the same request."""
        return file_lock(self.path / "lock", self.path.name)

    def start(self, cfg: DictConfig) -> None:
        """Create the folder; write the resolved configuration and the run's origin into it, and delete error.txt."""
        make_folder(self.path)
        remove_partials(self.path)
        (self.path / ERROR).unlink(missing_ok=True)
        kept = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "allow_targets"])
        origin = self._origin() | {"seal": seal_of(self._origin())}
        texts = {"config.yaml": OmegaConf.to_yaml(kept, resolve=True)}
        texts |= {"origin.json": json.dumps(origin, indent=1) + "\n"}
        for name, text in texts.items():
            with atomic_write(self.path / name) as written:
                written.write_text(text, encoding="utf-8")

    def finish(self, facts: dict[str, Any]) -> None:
        """Write result.json: the facts, the run's origin, and the digests of its files."""
        write_result(self.path, {**self._origin(), **facts})

    def fail(self, error: Exception) -> None:
        """Write error.txt: the error that ended the run in its first line, then the traceback of its cause."""
        text = " ".join(str(error).split())
        message = text if isinstance(error, MammoError) else f"{type(error).__name__}: {text}"
        with suppress(OSError):  # on a full disk the error itself says enough
            cause = error if not isinstance(error, MammoError) else error.__cause__
            lines = [message, *("".join(traceback.format_exception(each)) for each in [cause] if each)]
            (self.path / ERROR).write_text("\n\n".join(lines) + "\n", encoding="utf-8")

    def _origin(self) -> dict[str, Any]:
        """The run's origin: command, commit, package versions, and the digests of its inputs."""
        return {
            "name": self.name,
            "digest": self.digest,
            "command": _command(),
            "commit": commit(),
            "versions": {"mammo": __version__, **{package: version(package) for package in PACKAGES}},
            "read_digests": dict(self.reads),
        }


def best_run(
    root: Path, model: str, seed: int | None = None, division: Division | None = None, key: str = "run"
) -> Path:
    """The finished run of a model with the highest validation AUC anywhere below root.

    A run that was validated on a part of the split (trainer.limit_val_batches) counts only where there is no other.

    Args:
        root: the folder of folders (groups) of runs.
        model: floc, context or fagg.
        seed: only runs of this training seed; None for any.
        division: only runs of this division of patients; None for any.
        key: of the configuration that names a run instead, for messages.

    Raises:
        MammoError: no such finished run of the model is below root.
    """
    best: tuple[bool, float, Path] | None = None
    others, changed = list[str](), list[str]()
    for path in sorted(root.glob("*/*/result.json")):
        run = finished_run(path.parent)
        if run is None:
            changed.append(str(path.parent))
            continue
        if run.model != model or seed not in (None, run.seed):
            continue
        if division is not None and not division.is_of(run):
            others.append(str(path.parent))
            continue
        rank = (run.whole_validation, 0.0 if math.isnan(run.val_auc) else run.val_auc)
        if best is None or rank > best[:2]:
            best = (*rank, path.parent)
    if best is None:
        message = _none_found(root, model, seed, division.fold if division else None, others, key)
        left_out = f"; {changed[0]} is not counted: one of its files is missing or was changed" if changed else ""
        raise MammoError(message + left_out)
    return best[2]


def _none_found(root: Path, model: str, seed: int | None, fold: int | None, others: Sequence[str], key: str) -> str:
    """The message on a choice among no runs; others are runs of another division."""
    numbers = {"seed": seed, "fold": fold}
    wanted = " ".join(f"{key}={value}" for key, value in numbers.items() if value is not None)
    which = f"{model} with {wanted}" if wanted else model
    advice = f"python -m mammo.train model={model} {wanted}".rstrip()
    message = f"no finished run of {which} below {root}: train one with {advice}"
    message += "" if seed is None else ", or give pairing=fagg for the best run of any seed"
    if others and fold is None:
        message += (
            f"; {others[0]} was trained on other images or another split: name it ({key}=FOLDER) only if none of its "
            "training and validation patients is tested here"
        )
    return message


def paired_seed(cfg: DictConfig) -> int | None:
    """The training seed of the f_loc and context network that f_agg reads; None for any, of which the best is read."""
    return int(cfg.seed) if cfg.pairing == "all" else None


def chosen_run(
    key: str, name: str | None, root: Path, model: str, seed: int | None = None, division: Division | None = None
) -> Path:
    """The finished run of a model that a configuration names, else the one with the highest validation AUC.

    Args:
        key: of the configuration that names it, for messages.
        name: the folder of a finished run; None to choose among the runs below root.
        root: the folder of folders (groups) of runs.
        model: floc, context or fagg.
        seed: choose among the runs of this training seed only (paired_seed); None for any.
        division: division of patients that the run must have; None for any. A named run must have its fold.

    Raises:
        MammoError: no finished run of the model fits.
    """
    if name is None:
        return best_run(root, model, seed, division, key)
    try:
        return require_finished(Path(name), model, division)
    except MammoError as error:
        raise MammoError(f"{key}={error}") from None


def require_finished(folder: Path, model: str, division: Division | None = None) -> Path:
    """Check that the folder holds a finished run of this model, and return it.

    Args:
        folder: of the run.
        model: floc, context or fagg.
        division: its fold is what the run must have tested; None, or one without a fold, for any run.

    Raises:
        MammoError: the folder holds no finished run of this model, one of its files was changed (intact_run), or it is
            of another fold, and was trained on patients that are tested here.
    """
    run = intact_run(folder)
    if run is None or run.model != model:
        raise MammoError(
            f"{folder} is not the folder of a finished {model} run{did_you_mean_path(folder)}: name one that has a "
            "result.json, or none, for the run with the highest validation AUC"
        )
    if division is not None and division.fold is not None and not division.is_of(run):
        whose = "without folds" if run.fold is None else f"of fold={run.fold}"
        whose = "of folds that were assigned otherwise" if run.fold == division.fold else whose
        raise MammoError(
            f"{folder} is a run {whose}, so that it may have been trained on test patients of fold={division.fold}: "
            "name a run of the same fold and store, or none"
        )
    return folder


def scoring_run(folder: Path) -> Run:
    """The finished f_agg or f_loc run of a folder, whose networks score lesions.

    Raises:
        MammoError: the folder holds none, or one of its files was changed.
    """
    run = intact_run(folder)
    if run is None or run.model not in ("fagg", "floc"):
        raise MammoError(
            f"{folder} is not the folder of a finished f_agg or f_loc run{did_you_mean_path(folder)}, which score "
            "lesions: name a folder with a result.json, as in runs/demo/table3/fagg-sal+emb-s0-12345678"
        )
    return run


def _command() -> str:
    """The user's command line, quoted for a shell."""
    return f"python -m mammo.train {shlex.join(sys.argv[1:])}".rstrip()


def commit() -> str:
    """The commit of this code; "unknown" outside a git checkout."""
    arguments = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
