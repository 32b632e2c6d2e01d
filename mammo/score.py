"""python -m mammo.score: scores lesions with trained networks and draws what they saw (see conf/score.yaml)."""

import warnings
from pathlib import Path

import numpy as np
from omegaconf import DictConfig

from mammo.cli.hydra_app import command
from mammo.reporting.cohort_figures import saliency_picture, windows_picture
from mammo.reporting.picture_file import read_picture
from mammo.reporting.result_figures import save
from mammo.scoring.score_tables import write_lesion_table
from mammo.store.manifest import Manifest
from mammo.training.run_dir import chosen_run
from mammo.training.score_store import StoreScores, score_store

CAUTION = "Networks trained on synthetic phantoms prove the software: these scores mean nothing medically."


def task(cfg: DictConfig) -> None:
    """Score every labelled lesion of the store, write the table and the pictures, and print both."""
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")
    run = chosen_run(cfg.run, Path(cfg.root), "fagg")
    reading = score_store(run, Path(cfg.store), cfg.n_windows)
    out = Path(cfg.out)
    out.mkdir(parents=True, exist_ok=True)
    write_lesion_table(reading.table, out / "lesions.parquet")
    _draw(reading, Manifest.load(Path(cfg.store)), out, cfg.n_pictures)
    print(reading.table[["lesion_id", "view", "label", "score", "score_sd", "n_windows"]].to_string(index=False))
    print(f"{len(reading.table)} lesions scored by {run.name}; table and pictures are in {out}\n{CAUTION}")


def _draw(reading: StoreScores, manifest: Manifest, out: Path, n_pictures: int) -> None:
    """For each lesion its windows, and the saliency of its image."""
    for number, lesion in enumerate(np.unique(reading.plan.lesion)[:n_pictures]):
        rows = reading.plan.take(np.flatnonzero(reading.plan.lesion == lesion))
        told = reading.table.iloc[number]
        title = f"{told['view']}, {told['label']}, score {told['score']:.3f}: not a medical finding"
        path = out / f"lesion-{number + 1}-windows.npz"
        windows_picture(path, manifest, reading.reader, rows, title)
        pictures = [path]
        image = int(rows.image[0])
        if reading.context is not None:
            pictures.append(out / f"lesion-{number + 1}-saliency.npz")
            saliency_picture(pictures[-1], manifest, reading.reader, image, reading.context, title)
        for picture in pictures:
            save(read_picture(picture)[1], out, picture.stem)
            picture.unlink()


main = command("score")(task)

if __name__ == "__main__":
    main()
