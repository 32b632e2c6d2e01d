"""Finished runs: what a run folder's result.json, config.yaml and score tables say."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from mammo.io import did_you_mean_path
from mammo.maps.map_names import CHANNELS, is_maps_name
from mammo.records import MammoError
from mammo.scoring.score_tables import read_image_table, read_lesion_table, read_window_table
from mammo.training.run_files import (
    RESTORE,
    RESULT,
    check_paths,
    damage,
    file_stamp,
    read_result,
    read_run_config,
    verified,
)

MODELS = ("floc", "context", "fagg")
CONTROLS = ("shuffled", "zeros")
NAMED = {"floc": ("model", "floc"), "context": ("context", "run")}
"""Keys of the configuration that name the networks which a run reads."""


@dataclass(frozen=True)
class Run:
    """One finished run, as its result.json describes it.

    Attributes:
        folder: the run folder.
        name: the run's name, unique below the root.
        model: floc, context or fagg.
        maps: the maps of an fagg run joined by + (Table 3), else empty.
        context: source of an fagg run's maps of images if not a context network: shuffled (shuffled-ipsi if of those
            only ipsi is shuffled), zeros or external; else empty.
        backbone: backbone of an floc run, else empty.
        init: initialization of that backbone, imagenet or he; else empty.
        seed: training seed.
        fold: number of the fold that was tested; None without folds.
        n_folds: number of folds of the store; 0 without folds.
        trial: number of the trial in a random search; None outside a search.
        lr: learning rate; NaN if unknown.
        precision: that the network was trained and tested in (models.precision.resolve_precision); empty if unknown.
        val_auc: AUC on the validation split, NaN if undefined (of a context network: over images, not lesions).
        test_auc: AUC on the test split, NaN if undefined.
        test_lesions: of the malignant and benign test lesions, each view by itself: n, n_malignant, n_patients, auc,
            auc_ci (patient bootstrap) and tnr_at_fnr; empty for a context network.
        test_findings: the same of the findings, scored by the mean over their views; empty where none has two views.
        command: the command line that made the run.
        commit: the commit of the code.
        versions: package name to version.
        seconds: wall time, that of the parts before interruptions included.
        digest: digest of the resolved configuration and of what the run reads.
        whole_validation: whether val_auc is over the whole validation split.
        selected_by: the metric that selected the checkpoint; empty if unknown.
        store: digest of the images, lesions and splits that the run was trained on; empty if unknown.
        reads: inputs from other runs ("floc", "context") to their paths, relative to the run folder.
        files: name to SHA-256 of each file that the run wrote.
        stamps: name to [size in bytes, time of change in nanoseconds] of each of these files.
        scale: of the ingest of the training images (data.scale); None if its sources have several, or it is unknown.
    """

    folder: Path
    name: str
    model: str
    maps: str
    context: str
    backbone: str
    init: str
    seed: int
    fold: int | None
    n_folds: int
    trial: int | None
    lr: float
    precision: str
    val_auc: float
    test_auc: float
    command: str
    commit: str
    versions: dict[str, str]
    seconds: float
    digest: str
    whole_validation: bool
    selected_by: str
    store: str
    reads: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    stamps: Mapping[str, Sequence[int]] = field(default_factory=dict)
    scale: float | str | None = None
    test_lesions: Mapping[str, Any] = field(default_factory=dict)
    test_findings: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """The resolved configuration; empty if the run kept none.

        Raises:
            MammoError: as read_run_config.
        """
        path = self.folder / "config.yaml"
        return read_run_config(path) if path.is_file() else {}

    @property
    def data(self) -> str:
        """Name of the data set that the run was trained on ("phantom", "cbis_ddsm", ...), empty if unknown."""
        data = self.config.get("data")
        return str(data.get("name", "")) if isinstance(data, dict) else ""

    @property
    def cell(self) -> str:
        """The run's cell in a table: maps of f_agg, backbone and initialization of f_loc, or the context network."""
        words = {"fagg": (self.maps, self.context), "floc": (self.backbone, self.init)}
        words["context"] = ("context", "labels=image" if self.labels == "image" else "")
        return ", ".join(filter(None, words[self.model]))

    @property
    def title(self) -> str:
        """The run's model for sentences, as in "f_agg emb" or "f_loc densenet161, he"."""
        names = {"fagg": "f_agg ", "floc": "f_loc ", "context": ""}
        return names[self.model] + self.cell + (" network" if self.model == "context" else "")

    @property
    def labels(self) -> str:
        """Which labels of images a context network was trained and tested by: breast or image; else empty."""
        return str(self.config.get("labels", "breast")) if self.model == "context" else ""

    @property
    def is_control(self) -> bool:
        """Whether any of the run's maps of images are wrong on purpose."""
        return self.context.partition("-")[0] in CONTROLS

    def changed_file(self, trusting: bool = True) -> str | None:
        """What is wrong with the first file that is not as the run wrote it; None if all are unchanged.

        A checkpoint takes a third of a second to hash (344 MB), too long for the hundreds that a sweep's status reads.

        Args:
            trusting: take a file whose size and time have not changed for unchanged; False to hash every file.
        """
        for name, digest in self.files.items():
            stamp = file_stamp(self.folder / name)
            known = self.stamps.get(name) if trusting else None
            if stamp is None:
                return f"{self.folder / name} is missing"
            if stamp != known and (problem := damage(self.folder / name, digest)):
                return problem
        return None

    def sources(self) -> "list[Run]":
        """The finished runs whose output this run reads; a checkpoint file from elsewhere is left out."""
        paths = [self.folder / path for path in self.reads.values()]
        folders = {path.parent if path.suffix == ".ckpt" else path for path in paths}
        return [read_run(folder) for folder in sorted(folders) if (folder / "result.json").is_file()]

    def images(self) -> pd.DataFrame:
        """The image score table of a context network's test split; MammoError as read_image_table."""
        return read_image_table(verified(self.folder / "images.parquet"))

    def lesions(self) -> pd.DataFrame:
        """The lesion score table of the test split; MammoError as read_lesion_table."""
        return read_lesion_table(verified(self.folder / "lesions.parquet"))

    def validation(self) -> pd.DataFrame | None:
        """The lesion score table of the validation split, None if the run has none; MammoError as read_lesion_table."""
        path = self.folder / "lesions-val.parquet"
        return read_lesion_table(verified(path)) if path.is_file() else None

    def test_windows(self) -> pd.DataFrame:
        """The window score table of the test lesions; MammoError as read_window_table."""
        return read_window_table(verified(self.folder / "windows.parquet"))

    def windows(self) -> pd.DataFrame:
        """The window score tables of test and validation lesions in one; MammoError as read_window_table."""
        validation = self.folder / "windows-val.parquet"
        tables = [self.test_windows(), *([read_window_table(verified(validation))] if validation.is_file() else [])]
        return pd.concat(tables, ignore_index=True)


def read_run(folder: Path) -> Run:
    """Read folder/result.json.

    Raises:
        MammoError: as read_result, or as parse_run.
    """
    return parse_run(read_result(folder), folder, folder / RESULT)


def parse_run(result: Mapping[str, Any], folder: Path, path: Path) -> Run:
    """The run that the content of a result.json describes.

    Args:
        result: the content.
        folder: of the run.
        path: the file that holds it, for messages.

    Raises:
        MammoError: a key is missing or has the wrong type, or the model or maps are unknown.
    """
    try:
        run = Run(
            folder=folder,
            name=str(result["name"]),
            model=str(result["model"]),
            maps=str(result["maps"]),
            context=str(result["context"]),
            backbone=str(result.get("backbone", "")),
            init=str(result.get("init", "")),
            seed=int(result["seed"]),
            fold=None if result.get("fold") is None else int(result["fold"]),
            n_folds=int(result.get("n_folds", 0)),
            trial=None if result.get("trial") is None else int(result["trial"]),
            lr=float(result.get("lr", math.nan)),
            precision=str(result.get("precision", "")),
            val_auc=_auc(result["val_auc"]),
            test_auc=_auc(result["test_auc"]),
            command=str(result["command"]),
            commit=str(result["commit"]),
            versions={str(k): str(v) for k, v in dict(result["versions"]).items()},
            seconds=float(result["seconds"]),
            digest=str(result["digest"]),
            whole_validation=bool(result.get("whole_validation", True)),
            selected_by=str(result.get("selected_by", "")),
            store=str(result.get("read_digests", {}).get("store", "")),
            reads={str(k): str(v) for k, v in dict(result.get("reads", {})).items()},
            files={str(k): str(v) for k, v in dict(result.get("files", {})).items()},
            stamps={str(k): [int(number) for number in v] for k, v in dict(result.get("stamps", {})).items()},
            scale=result.get("scale"),
            test_lesions=dict(result.get("test_lesions") or {}),
            test_findings=dict(result.get("test_findings") or {}),
        )
        check_paths(folder, run.files, run.reads, lambda network: _is_named(run, network))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise MammoError(
            f"{path}: not the result of a run ({type(error).__name__}: {error}); train the run again"
        ) from error
    if run.model not in MODELS:
        raise MammoError(f"{path}: model {run.model!r} is not one of {', '.join(MODELS)}; train the run again")
    if run.model == "fagg" and not is_maps_name(run.maps):
        raise MammoError(f"{path}: maps {run.maps!r} are not some of {', '.join(CHANNELS)}, in order; train it again")
    return run


def _is_named(run: Run, network: str) -> bool:
    """Whether the command line of the training named this network, which can then be of another root."""
    part, key = NAMED.get(network, ("", ""))
    values = run.config.get(part)
    return isinstance(values, dict) and isinstance(values.get(key), str)


def finished_run(folder: Path, trusting: bool = True) -> Run | None:
    """As intact_run; None also if result.json is damaged, or one of the run's files is missing or was changed."""
    try:
        return intact_run(folder, trusting)
    except MammoError:  # a damaged result is as good as a missing one
        return None


def intact_run(folder: Path, trusting: bool = True) -> Run | None:
    """The finished run of a folder; None if it has no result.json. trusting is that of Run.changed_file.

    Raises:
        MammoError: as read_run, or a file of the run is missing or was changed: the file, and what to do.
    """
    if not (folder / RESULT).is_file():
        return None
    run = read_run(folder)
    if problem := run.changed_file(trusting):
        raise MammoError(f"{problem}: {RESTORE}")
    return run


def read_runs(root: Path) -> list[Run]:
    """Every finished run directly below root, by folder name. A folder without result.json is not finished.

    Raises:
        MammoError: root does not exist; or as read_run.
    """
    if not root.is_dir():
        raise MammoError(
            f"{root}: no such folder{did_you_mean_path(root)}; name the one that holds the runs, for example runs/demo"
        )
    return [read_run(path.parent) for path in sorted(root.glob("*/result.json"))]


def _auc(value: object) -> float:
    """An AUC from JSON: a number in [0, 1]; null or NaN if it is undefined."""
    auc = math.nan if value is None else float(str(value))
    if not (math.isnan(auc) or 0 <= auc <= 1):
        raise ValueError(f"an AUC of {auc} is outside [0, 1]")
    return auc
