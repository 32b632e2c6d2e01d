"""What a training is asked for, by its configuration and what it reads: the folder of its run, finished or not."""

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from mammo.models.precision import may_become
from mammo.records import MammoError
from mammo.training.build import checked_manifest, run_name
from mammo.training.inputs import Inputs
from mammo.training.results import Run
from mammo.training.resume import start_digest
from mammo.training.run_dir import RunDir


def run_dir_of(cfg: DictConfig, reads: dict[str, str]) -> RunDir:
    """The run folder; the content of checkpoints to start from is part of its digest.

    Raises:
        MammoError: ckpt_path is a checkpoint of the run that this request resumes anyway; or as start_digest.
    """
    if (trunk := cfg.model.get("global_trunk")) is not None:
        reads = {**reads, "global_trunk": start_digest("model.global_trunk", Path(trunk), cfg.fold, reads["store"])}
    run = RunDir.of(cfg, run_name(cfg), reads)
    if cfg.get("ckpt_path") is None:
        return run
    path = Path(cfg.ckpt_path)
    digest = start_digest("ckpt_path", path, cfg.fold, reads["store"])
    if path.resolve().parent == run.path.resolve():
        raise MammoError(
            f"ckpt_path={path} is a checkpoint of the run that the same request without ckpt_path resumes by itself: "
            "leave ckpt_path out"
        )
    return RunDir.of(cfg, run.name, {**reads, "ckpt_path": digest})


def is_finished(cfg: DictConfig, run: Run) -> bool:
    """Whether a finished run is the one that a configuration asks for, and every file of it is as it was written.

    A precision that depends on the machine (auto) is taken to be the run's. Values are not checked: the training has
    checked those that it depends on.

    Raises:
        MammoError: the store or an input from another run is wrong or missing.
    """
    OmegaConf.resolve(cfg)
    if not may_become(str(cfg.trainer.precision), run.precision):
        return False
    cfg.trainer.precision = run.precision
    wanted = run_dir_of(cfg, Inputs.of(cfg, checked_manifest(cfg)).digests)
    return wanted.digest == run.digest and run.changed_file(trusting=False) is None
