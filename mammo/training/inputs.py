"""What a run reads: the store, and the other runs whose embeddings and saliency maps its network needs."""

import os
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from mammo.data.dataset import IMAGE_COLUMNS
from mammo.store.manifest import Manifest
from mammo.training.build import traits_of
from mammo.training.results import read_run
from mammo.training.run_dir import Division, chosen_run, paired_seed
from mammo.training.saliency_source import SaliencyInput, saliency_input


@dataclass(frozen=True)
class Inputs:
    """What a run reads: the store's tables, and of other runs what its network's batch columns need.

    Attributes:
        manifest: the store's tables, held from here to the end of the run.
        floc: the f_loc run whose embeddings it reads; None if it reads none.
        context: the source of S, of which its maps of images are made; None if it reads none.
    """

    manifest: Manifest
    floc: Path | None = None
    context: SaliencyInput | None = None

    @classmethod
    def of(cls, cfg: DictConfig, manifest: Manifest) -> "Inputs":
        """The inputs of the configured network, of the same fold; MammoError if one is missing."""
        needed, division = traits_of(cfg).columns, Division.of(cfg.fold, manifest)
        floc = None
        if "embedding" in needed:
            floc = chosen_run("model.floc", cfg.model.floc, Path(cfg.root), "floc", paired_seed(cfg), division)
        return cls(manifest, floc, saliency_input(cfg, manifest) if set(IMAGE_COLUMNS) & set(needed) else None)

    @property
    def warnings(self) -> list[str]:
        """A sentence for each of the other runs that was trained on other images or another split."""
        own = self.manifest.digest()
        folders = [path.parent if path.suffix == ".ckpt" else path for path in self._paths().values()]
        runs = [read_run(folder) for folder in folders if (folder / "result.json").is_file()]
        return [
            f"caution: {run.name} was trained on other images or another split: its training and validation patients "
            "must not be tested here"
            for run in runs
            if run.store != own
        ]

    @property
    def digests(self) -> dict[str, str]:
        """Digests of what it reads; an f_loc run's digest covers its configuration and all that it read."""
        digests = {"store": self.manifest.digest()}
        digests |= {"floc": self.floc.name.rsplit("-", 1)[-1]} if self.floc else {}
        return digests | ({"context": self.context.digest} if self.context else {})

    def paths(self, start: Path) -> dict[str, str]:
        """Paths of the other runs, relative to a run folder."""
        return {name: os.path.relpath(path, start) for name, path in self._paths().items()}

    def _paths(self) -> dict[str, Path]:
        paths = {"floc": self.floc, "context": self.context.checkpoint if self.context else None}
        return {name: path for name, path in paths.items() if path is not None}
