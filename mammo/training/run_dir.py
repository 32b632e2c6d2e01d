"""The run folder, named by the digest of its request, so that the same request finds its own run again.

    <root>/<group>/<name>-<digest>/
        config.yaml  origin.json  lock  last.ckpt  best.ckpt  metrics/  lesions.parquet  result.json

The digest covers the resolved configuration and everything that the run reads. result.json is written last: a run
folder that has one is finished, as long as every file that it lists is unchanged.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from mammo import __version__
from mammo.io import whole_file
from mammo.records import MammoError
from mammo.training.lock import alone

OUTPUTS = (
    "best.ckpt",
    "lesions.parquet",
    "lesions-val.parquet",
    "windows.parquet",
    "windows-val.parquet",
    "images.parquet",
)
"""Files of a finished run that other commands read; result.json holds their digests."""

PACKAGES = ("torch", "pytorch-lightning", "timm", "numpy", "albumentations", "opencv-python-headless")
NOT_IN_DIGEST = ("root", "store", "data", "group", "trial", "lr_range", "logger", "workers", "memory_gb", "hydra")
"""Configuration keys that do not change what is learned, or that are part of the name (trial); the store's content has
a digest of its own."""


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
        text = json.dumps([name, identity, reads], sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return cls(Path(cfg.root) / cfg.group / f"{name}-{digest[:8]}", name, digest, reads)

    @property
    def result(self) -> dict[str, Any] | None:
        """The finished run's result; None while it is not finished, or where one of its files is missing or damaged.

        Every file is hashed again: a false "finished" would skip training.
        """
        result = read_result(self.path, trusting=False)
        return result if result and result["digest"] == self.digest else None

    def alone(self) -> AbstractContextManager[None]:
        """Lock the folder for this process, after waiting for any other process with the same request."""
        return alone(self.path / "lock", self.path.name)

    def start(self, cfg: DictConfig) -> None:
        """Create the folder; write the resolved configuration and the run's origin into it."""
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / "config.yaml").write_text(OmegaConf.to_yaml(cfg, resolve=True), encoding="utf-8")
        (self.path / "origin.json").write_text(json.dumps(self._origin(), indent=1) + "\n", encoding="utf-8")

    def finish(self, facts: dict[str, Any]) -> None:
        """Write result.json atomically: the facts, the run's origin, and the digests of its files."""
        stamps = {name: stamp for name in OUTPUTS if (stamp := _stamp(self.path / name))}
        made = {"files": {name: _digest(self.path / name, *stamp) for name, stamp in stamps.items()}, "stamps": stamps}
        with whole_file(self.path / "result.json") as written:
            written.write_text(json.dumps({**self._origin(), **facts, **made}, indent=1) + "\n", encoding="utf-8")

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


def read_result(folder: Path, trusting: bool = True) -> dict[str, Any] | None:
    """What the finished run of a folder wrote; None where there is none, or where a file it made is gone or damaged.

    A file of the size and time that it had when the run ended is taken for undamaged; any other is read. A checkpoint
    takes a third of a second (344 MB), too long for each of hundreds whenever somebody asks how far a sweep is.

    Args:
        folder: the run's.
        trusting: whether size and time are enough; False to read every file.
    """
    try:
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError:  # damaged: as good as missing
        return None
    return result if isinstance(result, dict) and _is_whole(folder, result, trusting) else None


def best_run(root: Path, model: str, seed: int | None = None) -> Path:
    """The finished run of a model with the highest validation AUC anywhere below root.

    A run that was validated on a part of the split (trainer.limit_val_batches) counts only where there is no other.

    Args:
        root: the folder of folders (groups) of runs.
        model: floc, context or fagg.
        seed: only runs of this training seed; None for any.

    Raises:
        MammoError: no finished run of the model is below root.
    """
    best: tuple[bool, float, Path] | None = None
    for path in sorted(root.glob("*/*/result.json")):
        result = read_result(path.parent)
        if result is None or result["model"] != model or seed not in (None, result["seed"]):
            continue
        rank = (bool(result["whole_validation"]), float(result["val_auc"] or 0.0))
        if best is None or rank > best[:2]:
            best = (*rank, path.parent)
    if best is None:
        which = model if seed is None else f"{model} with seed={seed}"
        raise MammoError(f"no finished run of {which} below {root}: train one with python -m mammo.train model={model}")
    return best[2]


def chosen_run(name: str, root: Path, model: str, seed: int | None = None) -> Path:
    """The finished run of a model that a configuration names.

    Args:
        name: best (of any seed), paired (the best of this seed), or the folder of a finished run.
        root: best and paired choose among the runs below it.
        model: floc, context or fagg.
        seed: training seed of the run that paired means; None where paired is not allowed.

    Raises:
        MammoError: no finished run of the model fits.
    """
    if name == "best":
        return best_run(root, model)
    if name == "paired" and seed is not None:
        return best_run(root, model, seed)
    return require_finished(Path(name), model)


def require_finished(folder: Path, model: str) -> Path:
    """Check that the folder holds a finished run of this model, and return it.

    Raises:
        MammoError: the folder holds no finished run of this model.
    """
    result = read_result(folder)
    if result is None or result["model"] != model:
        raise MammoError(
            f"{folder} is not the folder of a finished {model} run: name one that has a result.json, or best"
        )
    return folder


def _is_whole(folder: Path, result: Mapping[str, Any], trusting: bool) -> bool:
    """Whether every file that the result lists is unchanged."""
    stamps = result.get("stamps", {}) if trusting else {}
    for name, digest in result.get("files", {}).items():
        stamp = _stamp(folder / name)
        if stamp is None or (stamp != stamps.get(name) and _digest(folder / name, *stamp) != digest):
            return False
    return True


def _stamp(path: Path) -> list[int] | None:
    """A file's size in bytes and time of change in nanoseconds; None where the file does not exist."""
    if not path.is_file():
        return None
    facts = path.stat()
    return [facts.st_size, facts.st_mtime_ns]


@lru_cache(maxsize=4096)
def _digest(path: Path, n_bytes: int, changed_ns: int) -> str:
    """SHA-256 of a file with this size and time, as hex; cached, so that a sweep's progress reads no file twice."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _command() -> str:
    return " ".join(["python -m mammo.train", *sys.argv[1:]])


def commit() -> str:
    """The commit of this code; "unknown" outside a git checkout."""
    arguments = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
