"""python -m mammo.ingest: images of any source into a store.

python -m mammo.ingest                                     the phantom cohort of runs/demo
python -m mammo.ingest data=table data.source=FOLDER root=runs/mine
"""

import os
import time
from pathlib import Path

from omegaconf import DictConfig

from mammo.door import command
from mammo.geometry import Frame
from mammo.intake.adapters import read_cohort
from mammo.intake.published import published_lines
from mammo.store.filling import Recipe, fill


def task(cfg: DictConfig) -> None:
    """Read the source, fill the store, say what became of every file."""
    started = time.monotonic()
    source, store = Path(cfg.data.source), Path(cfg.store)
    frame = Frame(cfg.frame.height, cfg.frame.width, cfg.frame.cell_px)
    cohort = read_cohort(cfg.data.adapter, source, **cfg.data.get("options", {}))
    processes = (os.cpu_count() or 1) if cfg.processes is None else cfg.processes
    filling = fill(Recipe(source, store, frame, float(cfg.data.scale)), cohort, processes)
    seconds, n_images = time.monotonic() - started, len(filling.manifest.images)
    labels = filling.manifest.lesions["label"]
    print(
        f"{store}: {n_images} images accepted, {len(filling.refused)} refused, "
        f"{(labels == 'malignant').sum()} malignant and {(labels == 'benign').sum()} benign lesions, "
        f"{seconds:.1f} s, {len(cohort.images) / seconds:.1f} images/s"
    )
    for line in published_lines(cohort):
        print(line)
    if filling.refused:
        print(f"refused: see {store / 'refused.csv'} ({filling.lost_lesions} lesions lie on refused images)")


main = command("ingest")(task)

if __name__ == "__main__":
    main()
