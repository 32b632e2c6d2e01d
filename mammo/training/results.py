"""Finished runs: folders with a result.json, a config.yaml, and the score tables of the test split."""

import json
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from mammo.paper import MAPS
from mammo.records import MammoError
from mammo.scoring.score_tables import read_image_table, read_lesion_table, read_window_table

MODELS = ("floc", "context", "fagg")
CONTROLS = ("shuffled", "zeros")


@dataclass(frozen=True)
class Run:
    """What one finished run says of itself.

    Attributes:
        folder: where it lies.
        name: its name, unique below the root.
        model: floc, context or fagg.
        maps: the maps of an fagg run joined by + (Table 3), else empty.
        context: where the saliency maps of an fagg run come from if not from a context network: shuffled, zeros or
            external; else empty.
        backbone: of an floc run, else empty.
        init: what that backbone started from, imagenet or he; else empty.
        seed: training seed.
        trial: number of a random search's draw; None where nothing was drawn.
        lr: learning rate; NaN where it is not told.
        val_auc: AUC on the validation split, NaN if undefined (for the context network: of images, not lesions).
        test_auc: likewise on the test split.
        command: the command line that made it.
        commit: the commit of the code.
        versions: package to version.
        seconds: wall time.
        digest: digest of the resolved configuration.
        selected_by: the metric by which its checkpoint was selected; empty where it is not told.
        store: digest of the images, lesions and splits that it was trained on; empty where it is not told.
        reads: what it reads of other runs ("floc", "context") to where that lies, seen from its folder.
        config: the resolved configuration; empty where the run kept none.
    """

    folder: Path
    name: str
    model: str
    maps: str
    context: str
    backbone: str
    init: str
    seed: int
    trial: int | None
    lr: float
    val_auc: float
    test_auc: float
    command: str
    commit: str
    versions: dict[str, str]
    seconds: float
    digest: str
    selected_by: str
    store: str
    reads: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> str:
        """Name of the data set that it was trained on ("phantom", "cbis_ddsm", ...), empty if unknown."""
        return self._asked("data", "name")

    @property
    def cell(self) -> str:
        """What a table compares: the maps of f_agg, the backbone of f_loc and its start, or the context network."""
        words = {"fagg": (self.maps, self.context), "floc": (self.backbone, self.init), "context": ("context",)}
        return ", ".join(filter(None, words[self.model]))

    @property
    def is_control(self) -> bool:
        """Whether its saliency maps are wrong on purpose."""
        return self.context in CONTROLS

    def sources(self) -> "list[Run]":
        """The finished runs among what it reads; a checkpoint from elsewhere is none."""
        paths = [self.folder / path for path in self.reads.values()]
        folders = {path.parent if path.suffix == ".ckpt" else path for path in paths}
        return [read_run(folder) for folder in sorted(folders) if (folder / "result.json").is_file()]

    def images(self) -> pd.DataFrame:
        """The image score table of a context network's test split; MammoError as read_image_table."""
        return read_image_table(self.folder / "images.parquet")

    def lesions(self) -> pd.DataFrame:
        """The lesion score table of the test split; MammoError as read_lesion_table."""
        return read_lesion_table(self.folder / "lesions.parquet")

    def validation(self) -> pd.DataFrame | None:
        """The lesion score table of the validation split, where the run wrote one; MammoError as read_lesion_table."""
        path = self.folder / "lesions-val.parquet"
        return read_lesion_table(path) if path.is_file() else None

    def windows(self) -> pd.DataFrame:
        """The window score tables of test and validation lesions as one; MammoError as read_window_table."""
        validation = self.folder / "windows-val.parquet"
        paths = [self.folder / "windows.parquet", *([validation] if validation.is_file() else [])]
        return pd.concat([read_window_table(path) for path in paths], ignore_index=True)

    def _asked(self, group: str, key: str) -> str:
        asked = self.config.get(group)
        return str(asked.get(key, "")) if isinstance(asked, dict) else ""


def read_run(folder: Path) -> Run:
    """Read folder/result.json.

    Raises:
        MammoError: it is not JSON, a key is missing or of the wrong kind, or the model or maps are unknown.
    """
    path = folder / "result.json"
    try:
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        run = Run(
            folder=folder,
            name=str(result["name"]),
            model=str(result["model"]),
            maps=str(result["maps"]),
            context=str(result["context"]),
            backbone=str(result.get("backbone", "")),
            init=str(result.get("init", "")),
            seed=int(result["seed"]),
            trial=None if result.get("trial") is None else int(result["trial"]),
            lr=float(result.get("lr", math.nan)),
            val_auc=_auc(result["val_auc"]),
            test_auc=_auc(result["test_auc"]),
            command=str(result["command"]),
            commit=str(result["commit"]),
            versions={str(k): str(v) for k, v in dict(result["versions"]).items()},
            seconds=float(result["seconds"]),
            digest=str(result["digest"]),
            selected_by=str(result.get("selected_by", "")),
            store=str(result.get("read_digests", {}).get("store", "")),
            reads={str(k): str(v) for k, v in dict(result.get("reads", {})).items()},
            config=_config(folder / "config.yaml"),
        )
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        raise MammoError(f"{path}: not the result of a run ({type(error).__name__}: {error}); run it anew") from error
    if run.model not in MODELS:
        raise MammoError(f"{path}: model {run.model!r} is not one of {', '.join(MODELS)}; run it anew")
    if run.model == "fagg" and run.maps not in MAPS:
        raise MammoError(f"{path}: maps {run.maps!r} is not one of {', '.join(MAPS)}; run it anew")
    return run


def all_runs(root: Path) -> list[Run]:
    """Every finished run directly below root, by folder name. A folder without result.json is not finished.

    Raises:
        MammoError: root does not exist; or as read_run.
    """
    if not root.is_dir():
        raise MammoError(f"{root}: no such folder; name the folder that holds the runs, for example runs/demo")
    return [read_run(path.parent) for path in sorted(root.glob("*/result.json"))]


def find_runs(root: Path) -> list[Run]:
    """The runs that are reported: as all_runs, but of a random search only the selected trial of every cell and seed.

    Raises:
        MammoError: as all_runs, or two runs that are no trials have the same model, maps and seed.
    """
    return selected(all_runs(root), _reported_cell)


def selected(runs: Sequence[Run], cell: Callable[[Run], Hashable]) -> list[Run]:
    """For each cell and seed the trial with the highest validation AUC, the first of equals (paper, Results).

    Raises:
        MammoError: two runs of one cell and seed are not trials of a random search.
    """
    best: dict[Hashable, Run] = {}
    for run in sorted(runs, key=lambda run: -1 if run.trial is None else run.trial):
        twin = best.setdefault((cell(run), run.seed), run)
        if twin is run:
            continue
        if twin.trial is None or twin.trial == run.trial:
            raise MammoError(
                f"{run.folder}: same model, maps and seed as {twin.folder}; move one of the two out of "
                f"{run.folder.parent}"
            )
        if not run.val_auc <= twin.val_auc and not math.isnan(run.val_auc):
            best[cell(run), run.seed] = run
    return sorted(best.values(), key=lambda run: run.folder.name)


def _reported_cell(run: Run) -> Hashable:
    """What of a run makes it another row or bar; other sources of true saliency maps do not."""
    return run.model, run.maps, run.context if run.is_control else "", run.backbone, run.init


def _config(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if not isinstance(content, dict):
        raise ValueError("config.yaml holds no configuration")
    return content


def _auc(value: object) -> float:
    """An AUC as JSON keeps it: a number in [0, 1], or null or NaN where it is undefined."""
    auc = math.nan if value is None else float(str(value))
    if not (math.isnan(auc) or 0 <= auc <= 1):
        raise ValueError(f"an AUC of {auc} is outside [0, 1]")
    return auc
