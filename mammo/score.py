"""python -m mammo.score: score lesions with trained networks, evaluate the labeled ones and draw (see conf/score.yaml).

Every lesion of the store is scored, with or without a label, into predictions.csv and predictions.json; lesions.parquet
has the malignant and benign ones, which external.html evaluates where there are both.
"""

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from mammo.cli.commands import run
from mammo.cli.hydra_app import command
from mammo.io import atomic_write, make_folder
from mammo.records import MammoError, Split
from mammo.store.pseudonyms import read_own_ids
from mammo.store.store_header import patient_warning, read_store_header
from mammo.text import counted, print_text

if TYPE_CHECKING:  # heavy: each function imports what it needs, after the command line is checked
    import pandas as pd

    from mammo.inference.bundle_facts import ThresholdFacts
    from mammo.inference.store_scores import StoreScores

PHANTOM_CAUTION = "Networks trained on synthetic phantoms test the software: these scores have no medical meaning."
KNOWN = "{} of {} images are among those that the networks were trained or selected on: this is no external test set."


def check(cfg: DictConfig) -> None:
    """Check that there are a store, its own ids if asked for, and a run; MammoError where one is missing."""
    read_store_header(Path(cfg.store))
    if cfg.own_ids:
        read_own_ids(Path(cfg.store))
    scoring_runs(cfg)


def scoring_runs(cfg: DictConfig) -> dict[int | None, Path]:
    """The run that scores the lesions of each fold, which it was not trained on; by None, of the whole store.

    It is the bundle or the f_agg or f_loc run that the configuration names, else the best f_agg.

    Raises:
        MammoError: a run is missing, or the store has images without a fold beside others.
    """
    from mammo.inference.ensemble import scoring_model
    from mammo.store.manifest import Manifest
    from mammo.store.splits import n_folds
    from mammo.training.run_dir import Division, chosen_run

    root, manifest = Path(cfg.root), Manifest.current(Path(cfg.store))
    if cfg.run is not None:
        try:
            return {None: scoring_model(Path(cfg.run))}
        except MammoError as error:
            raise MammoError(f"run={error}") from None
    if n_folds(manifest.images) == 0:
        return {None: chosen_run("run", None, root, "fagg")}
    folds = sorted(manifest.images.loc[manifest.lesions["image_id"].unique(), "fold"].unique().tolist())
    try:
        return {fold: chosen_run("run", None, root, "fagg", division=Division.of(fold, manifest)) for fold in folds}
    except MammoError as error:
        raise MammoError(
            f"{error}; or score all lesions by one network, whatever it was trained on, with run=FOLDER"
        ) from None


def task(cfg: DictConfig) -> None:
    """Score every lesion of the store; write tables, figures and the evaluation, and print the scores."""
    import pandas as pd

    from mammo.inference.ensemble import Ensemble
    from mammo.inference.missing_images import missing_of_store
    from mammo.inference.store_scores import (
        is_labeled,
        known_images,
        predictions,
        scale_warning,
        score_store,
        write_predictions,
    )
    from mammo.scoring.score_tables import write_lesion_table
    from mammo.store.manifest import Manifest

    warnings.filterwarnings("ignore", message=".*LeafSpec.*")
    store, out = Path(cfg.store), Path(cfg.out)
    own = read_own_ids(store) if cfg.own_ids else None
    parts = [
        score_store(Ensemble.load(folder, cfg.allow_targets), store, cfg.n_windows, fold)
        for fold, folder in scoring_runs(cfg).items()
    ]
    manifest = Manifest.current(store)
    scored = pd.concat([part.table for part in parts]).set_index("lesion_id").loc[manifest.lesions.index].reset_index()
    make_folder(out)
    labeled = scored[is_labeled(scored)]
    write_lesion_table(labeled, out / "lesions.parquet")
    table = predictions(scored, own)
    write_predictions([member.run for part in parts for member in part.ensemble.members], table, out)
    _draw(parts, scored.head(cfg.n_pictures), out)
    print_text(table.drop(columns=["image_id", "finding_id", "patient_id", "label_source"]).to_string(index=False))
    names = ", ".join(part.ensemble.name for part in parts)
    print_text(f"{counted(len(scored), 'lesion')} scored by {names}; tables and figures are in {out}")
    if n_seen := int(labeled["split"].isin((Split.TRAIN, Split.VAL)).sum()):
        print_text(f"{n_seen} of them are of patients that a network was trained or selected on: see the column split")
    warned = [warning] if (warning := patient_warning(manifest.sources)) else []
    if not parts[0].is_own and (known := known_images(parts[0].ensemble, manifest)):
        warned.append(KNOWN.format(len(known), len(manifest.images)))
    if not parts[0].is_own and (other := scale_warning(parts[0].ensemble.run, manifest)):
        warned.append(other)
    warned += missing_of_store((part.without for part in parts), len(scored))
    for caution in warned:
        print_text(f"caution: {caution}")
    _evaluate(parts, out, warned)
    if any(part.ensemble.trained_on_phantoms for part in parts):
        print_text(PHANTOM_CAUTION)


def _evaluate(parts: Sequence["StoreScores"], out: Path, warned: Sequence[str]) -> None:
    """Evaluate the scores of lesions that no network was trained or selected on, where both classes are among them."""
    import pandas as pd

    from mammo.inference.bundle_facts import BundleFacts
    from mammo.reporting.external_page import evaluated, write_external_page
    from mammo.scoring.number_text import number_text, range_text

    table = pd.concat([part.evaluated for part in parts], ignore_index=True)
    pages = [out / "external.json", out / "external.html"]
    if table["malignant"].nunique() < 2:
        for page in pages:  # of earlier scores, which these have replaced
            page.unlink(missing_ok=True)
        print_text("No AUC: it needs labeled lesions of both classes that no network was trained or selected on")
        return
    runs, bundle = [part.ensemble.run for part in parts], parts[0].ensemble.bundle
    validations = [validation for each in runs if (validation := each.validation()) is not None]
    validation = pd.concat(validations, ignore_index=True) if len(validations) == len(runs) else None
    name = parts[0].ensemble.name if len(parts) == 1 else f"{len(runs)} networks, one for each fold"
    if bundle is None:
        found = evaluated(name, table, validation)
    else:
        facts_of_bundle = BundleFacts.of(bundle)
        found = evaluated(name, table, {each.fnr: each.threshold for each in facts_of_bundle.thresholds})
        _add_rates(found["tnr_at_fnr_transferred"], facts_of_bundle.thresholds)
    low, high = found["auc_ci"] or (None, None)
    interval = "undefined: too few patients" if low is None else range_text((low, high))
    where = "the test split that belongs to the run" if parts[0].is_own else "an external test set"
    n = f"{found['n']} labeled lesions of {where}, {found['n_malignant']} malignant, {found['n_patients']} patients"
    print_text(f"AUC {number_text(found['auc'])} (95 % interval {interval}; patient bootstrap): {n}; see {pages[1]}")
    if findings := found["findings"]:
        bounds = range_text(findings["auc_ci"])
        counts = f"{findings['n']} findings, {findings['n_malignant']} malignant"
        print_text(f"AUC per finding, by the mean over its views, {number_text(findings['auc'])} ({bounds}): {counts}")
    with atomic_write(pages[0]) as written:
        written.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    cautions = [PHANTOM_CAUTION] if any(part.ensemble.trained_on_phantoms for part in parts) else []
    facts = {
        "networks": ", ".join(part.ensemble.name for part in parts),
        "trained on": ", ".join(sorted({r.data for r in runs})),
    }
    facts |= {"lesions": n, "windows per lesion": str(int(table["n_windows"].iloc[0]))}
    write_external_page(pages[1], where, found, table, facts, [*cautions, *warned])


def _add_rates(points: dict[str, dict[str, object]], thresholds: "Sequence[ThresholdFacts]") -> None:
    """Add what thresholds of a bundle did on its validation and test lesions to what they do here, by FNR as text."""
    from mammo.inference.bundle_facts import RATES

    for each in thresholds:
        for name in RATES:
            rate = getattr(each, name)
            bounds = None if rate.low is None or rate.high is None else [rate.low, rate.high]
            points[f"{each.fnr:g}"] |= {name: rate.value, f"{name}_ci": bounds}


def _draw(parts: Sequence["StoreScores"], lesions: "pd.DataFrame", out: Path) -> None:
    """Draw the windows of each of these lesions, and the saliency maps of its image if the maps have them."""
    from mammo.reporting.cohort_figures import image_saliency, lesion_windows
    from mammo.reporting.result_figures import save

    for number, row in enumerate(lesions.to_dict("records"), start=1):
        found = ((part, part.windows(str(row["lesion_id"]))) for part in parts)
        part, windows = next((part, windows) for part, windows in found if windows is not None)
        title = f"{row['view']}, label {row['label']}, score {row['score']:.3f}: not a medical finding"
        figures = {"windows": lesion_windows(part.manifest, part.reader, windows, title)}
        if (context := part.ensemble.members[0].context) is not None:
            image = int(windows.image[0])
            figures["saliency"] = image_saliency(part.manifest, part.reader, image, context, title)
        for name, figure in figures.items():
            save(figure, out, f"lesion-{number}-{name}")
            figure.clear()  # a cleared figure frees its images at once


main = command("score", check=check)(task)

if __name__ == "__main__":
    run(main)
