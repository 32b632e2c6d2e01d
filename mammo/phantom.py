"""`python -m mammo.phantom`: write a synthetic cohort of DICOM files, <root>/dicom, for the later commands."""

from pathlib import Path

from omegaconf import DictConfig

from mammo.cli.commands import run
from mammo.cli.hydra_app import command
from mammo.machine import usable_cores
from mammo.phantoms.spec import CohortSpec, Dials, Mix
from mammo.text import print_text


def spec_of(cfg: DictConfig) -> CohortSpec:
    """The cohort that a configuration describes; MammoError where a value is out of range."""
    return CohortSpec(
        seed=cfg.seed,
        scale=cfg.scale,
        n_patients=cfg.n_patients,
        dials=Dials(**cfg.dials),
        mix=Mix(**cfg.mix),
    )


def check(cfg: DictConfig) -> None:
    """Check the configuration; MammoError as spec_of."""
    spec_of(cfg)


def task(cfg: DictConfig) -> None:
    """Write the cohort that conf/phantom.yaml describes."""
    from mammo.phantoms.cohort import write_cohort  # heavy: only after the configuration is checked

    out = Path(cfg.root) / "dicom"
    summary = write_cohort(spec_of(cfg), out, usable_cores() if cfg.processes is None else cfg.processes)
    print_text(
        f"{out}: {summary.n_images} images, {summary.n_lesions} lesions, "
        f"{summary.n_malignant} of them malignant, in {summary.seconds:.0f} s"
    )


main = command("phantom", check=check)(task)

if __name__ == "__main__":
    run(main)
