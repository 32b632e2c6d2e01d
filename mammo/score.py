"""python -m mammo.score: score lesions with trained networks and draw their windows and maps (see conf/score.yaml)."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from mammo.cli.hydra_app import command
from mammo.records import MammoError, Pathology, Split
from mammo.scoring.score_tables import write_lesion_table
from mammo.store.manifest import Manifest
from mammo.store.pseudonyms import OwnId, read_own_ids
from mammo.store.splits import n_folds
from mammo.store.store_header import read_store_header
from mammo.training.run_dir import Fold, chosen_run

if TYPE_CHECKING:
    from mammo.training.export_scores import StoreScores

DISCLAIMER = "Networks trained on synthetic phantoms test the software: these scores have no medical meaning."


def check(cfg: DictConfig) -> None:
    """Check that there are a store, its own ids if asked for, and a run; MammoError where one is missing."""
    read_store_header(Path(cfg.store))
    if cfg.own_ids:
        read_own_ids(Path(cfg.store))
    scoring_runs(cfg)


def scoring_runs(cfg: DictConfig) -> dict[int | None, Path]:
    """The f_agg run that scores the lesions of each fold, which it was not trained on; by None, of the whole store.

    Raises:
        MammoError: a run is missing, or the store has images without a fold beside others.
    """
    root, manifest = Path(cfg.root), Manifest.load(Path(cfg.store))
    if cfg.run is not None or n_folds(manifest.images) == 0:
        return {None: chosen_run(cfg.run, root, "fagg")}
    labeled = manifest.lesions[manifest.lesions["label"] != Pathology.NONE]
    folds = sorted(manifest.images.loc[labeled["image_id"].unique(), "fold"].unique().tolist())
    try:
        return {fold: chosen_run(None, root, "fagg", fold=Fold.of(fold, manifest)) for fold in folds}
    except MammoError as error:
        raise MammoError(
            f"{error}; or score all lesions by one network, whatever it was trained on, with run=FOLDER"
        ) from None


def task(cfg: DictConfig) -> None:
    """Score every labeled lesion of the store; write the table and the figures, and print the table."""
    from mammo.training.export_scores import score_store  # heavy: only after the configuration is checked

    warnings.filterwarnings("ignore", message=".*LeafSpec.*")
    runs, store, out = scoring_runs(cfg), Path(cfg.store), Path(cfg.out)
    scores = [score_store(run, store, cfg.n_windows, cfg.allow_targets, fold) for fold, run in runs.items()]
    manifest = Manifest.load(store)
    table = pd.concat([part.table for part in scores]).set_index("lesion_id")
    table = table.loc[manifest.lesions.index.intersection(table.index, sort=False)].reset_index()
    out.mkdir(parents=True, exist_ok=True)
    write_lesion_table(table, out / "lesions.parquet")
    _draw(scores, manifest, table.iloc[: cfg.n_pictures], out)
    shown = table[["lesion_id", "view", "label", "score", "score_sd", "n_windows"]]
    print((with_own_ids(shown, store) if cfg.own_ids else shown).to_string(index=False))
    names = ", ".join(run.name for run in runs.values())
    print(f"{len(table)} lesions scored by {names}; table and figures are in {out}")
    if n_seen := int(table["split"].isin((Split.TRAIN, Split.VAL)).sum()):
        print(f"{n_seen} of them are of patients that a network was trained or selected on: see the column split")
    print(DISCLAIMER)


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


def _draw(scores: Sequence["StoreScores"], manifest: Manifest, lesions: pd.DataFrame, out: Path) -> None:
    """Draw the windows of each of these lesions, and the saliency maps of its image if the maps have them."""
    from mammo.reporting.cohort_figures import image_saliency, lesion_windows  # heavy, likewise
    from mammo.reporting.result_figures import save

    for number, row in lesions.iterrows():
        lesion = manifest.lesions.index.get_loc(row["lesion_id"])
        part = next(one for one in scores if lesion in one.plan.lesion)
        windows = part.plan.take(np.flatnonzero(part.plan.lesion == lesion))
        title = f"{row['view']}, {row['label']}, score {row['score']:.3f}: not a medical finding"
        figures = {"windows": lesion_windows(manifest, part.reader, windows, title)}
        if part.context is not None:
            image = int(windows.image[0])
            figures["saliency"] = image_saliency(manifest, part.reader, image, part.context, title)
        for name, figure in figures.items():
            save(figure, out, f"lesion-{int(str(number)) + 1}-{name}")
            figure.clear()  # a cleared figure frees its images at once


main = command("score", check=check)(task)

if __name__ == "__main__":
    main()
