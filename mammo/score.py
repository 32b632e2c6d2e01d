"""python -m mammo.score: score lesions with trained networks and draw their windows and maps (see conf/score.yaml)."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from mammo.cli.hydra_app import command
from mammo.scoring.score_tables import write_lesion_table
from mammo.store.manifest import Manifest
from mammo.store.pseudonyms import OwnId, read_own_ids
from mammo.store.store_header import read_store_header
from mammo.training.run_dir import chosen_run

if TYPE_CHECKING:
    from mammo.training.export_scores import StoreScores

DISCLAIMER = "Networks trained on synthetic phantoms test the software: these scores have no medical meaning."


def check(cfg: DictConfig) -> None:
    """Check that there are a store, its own ids if asked for, and a run; MammoError where one is missing."""
    read_store_header(Path(cfg.store))
    if cfg.own_ids:
        read_own_ids(Path(cfg.store))
    chosen_run(cfg.run, Path(cfg.root), "fagg")


def task(cfg: DictConfig) -> None:
    """Score every labeled lesion of the store; write the table and the figures, and print the table."""
    from mammo.training.export_scores import score_store  # heavy: only after the configuration is checked

    warnings.filterwarnings("ignore", message=".*LeafSpec.*")
    run = chosen_run(cfg.run, Path(cfg.root), "fagg")
    scores = score_store(run, Path(cfg.store), cfg.n_windows, cfg.allow_targets)
    out = Path(cfg.out)
    out.mkdir(parents=True, exist_ok=True)
    write_lesion_table(scores.table, out / "lesions.parquet")
    _draw(scores, Manifest.load(Path(cfg.store)), out, cfg.n_pictures)
    shown = scores.table[["lesion_id", "view", "label", "score", "score_sd", "n_windows"]]
    print((with_own_ids(shown, Path(cfg.store)) if cfg.own_ids else shown).to_string(index=False))
    print(f"{len(scores.table)} lesions scored by {run.name}; table and figures are in {out}\n{DISCLAIMER}")


def with_own_ids(table: pd.DataFrame, store: Path) -> pd.DataFrame:
    """A table of lesions with the columns source, source_path and source_id: the user's own names.

    Raises:
        MammoError: the store has no table of own ids.
    """
    own = read_own_ids(store)
    known = [own.get(key, OwnId("", "", "")) for key in table["lesion_id"]]
    return table.assign(
        source=[one.source for one in known],
        source_path=[one.path for one in known],
        source_id=[one.id for one in known],
    )


def _draw(scores: "StoreScores", manifest: Manifest, out: Path, n_pictures: int) -> None:
    """Draw the windows of each lesion, and the saliency maps of its image if the maps have them."""
    from mammo.reporting.cohort_figures import image_saliency, lesion_windows  # heavy, likewise
    from mammo.reporting.result_figures import save

    for number, lesion in enumerate(np.unique(scores.plan.lesion)[:n_pictures]):
        windows = scores.plan.take(np.flatnonzero(scores.plan.lesion == lesion))
        row = scores.table.iloc[number]
        title = f"{row['view']}, {row['label']}, score {row['score']:.3f}: not a medical finding"
        figures = {"windows": lesion_windows(manifest, scores.reader, windows, title)}
        if scores.context is not None:
            image = int(windows.image[0])
            figures["saliency"] = image_saliency(manifest, scores.reader, image, scores.context, title)
        for name, figure in figures.items():
            save(figure, out, f"lesion-{number + 1}-{name}")
            figure.clear()  # a cleared figure frees its images at once


main = command("score", check=check)(task)

if __name__ == "__main__":
    main()
