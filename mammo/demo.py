"""python -m mammo.demo: the paper's experiment in minutes on two cores, on synthetic phantoms (see conf/demo.yaml)."""

import shlex
import time
from pathlib import Path

from omegaconf import DictConfig

from mammo.cli.commands import run
from mammo.cli.hydra_app import command
from mammo.cli.pipeline import Stage, run_pipeline
from mammo.text import print_text


def task(cfg: DictConfig) -> None:
    """Run the demo's unfinished stages; print Table 3 and the path of the report."""
    if cfg.seed != 0:
        cfg.root = f"{Path(cfg.root)}-{cfg.seed}"
    cfg.seeds = [2 * cfg.seed, 2 * cfg.seed + 1]
    root, started = Path(cfg.root), time.monotonic()
    cfg.root = shlex.quote(cfg.root)  # the commands are words with blanks between them
    stages = [Stage(stage.name, stage.share, tuple(stage.commands)) for stage in cfg.stages]
    if run_pipeline(stages, root, preload=["mammo.training.fit"]):
        print_text(f"\nThe demo took {time.monotonic() - started:.0f} s.")
    else:
        print_text(f"The demo in {root} is already done; delete the folder to run it again.")
    print_text((root / "report" / "table3.csv").read_text(encoding="utf-8"))
    print_text("Synthetic phantoms: these figures test the software, not medicine.")
    print_text(f"Report: {root / 'report' / 'report.html'}")
    print_text(f"Bundle: {root / 'demo.bundle'} scores new cases: mammo predict --help")


main = command("demo")(task)

if __name__ == "__main__":
    run(main)
