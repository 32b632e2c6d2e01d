"""Makes the content of a bundle from finished runs: members, thresholds, calibration, ranges, origin and model card."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from mammo import __version__
from mammo.inference.bundle_facts import Rate, ThresholdFacts, facts_json
from mammo.inference.bundle_members import facts_of_members, frame_and_windows, kept_member
from mammo.inference.ensemble import Ensemble
from mammo.inference.model_card import model_card
from mammo.inference.outline_sensitivity import N_WINDOWS, outline_sensitivity
from mammo.inference.scorer import Scorer
from mammo.inference.training_images import TrainingImages
from mammo.inference.training_ranges import TrainingRanges
from mammo.records import MammoError, Pathology, Split
from mammo.scoring.calibration import fit_calibration
from mammo.scoring.intervals import LEVEL, Interval
from mammo.scoring.number_text import json_number
from mammo.scoring.performance import Performance, performance
from mammo.scoring.thresholds import FNRS, threshold_at_fnr
from mammo.store.manifest import Manifest
from mammo.store.splits import of_fold
from mammo.training.export_scores import lesion_table
from mammo.training.run_dir import PACKAGES

UNSTATED = "not stated"
"""A license that its owner did not give: none may be assumed."""


@dataclass(frozen=True)
class BundleOptions:
    """What the user says about a bundle.

    Attributes:
        name: of the bundle.
        data_license: of the training data, or under which terms they were used.
        weights_license: of the weights.
        n_sensitivity: validation lesions whose outlines are changed, for the model card; 0 for none.
    """

    name: str
    data_license: str = UNSTATED
    weights_license: str = UNSTATED
    n_sensitivity: int = 20


@dataclass(frozen=True, eq=False)
class BundleContent:
    """What a bundle holds: JSON values, the model card (Markdown), and weights by network and name."""

    facts: dict[str, Any]
    card: str
    weights: Mapping[str, Mapping[str, Tensor]]


def make_bundle(runs: Sequence[Path], options: BundleOptions, allowed: Sequence[str] = ()) -> BundleContent:
    """The content of a bundle of one or several trainings of one model, which become an ensemble.

    Args:
        runs: folders of finished f_agg or f_loc runs of the same store and split.
        options: what the user says about it.
        allowed: packages that their configurations may name classes of (allow_targets).

    Raises:
        MammoError: the runs do not go together, the store that they were trained on is gone or was changed, or their
            validation lesions lack a class.
    """
    scorers = tuple(Scorer.load(folder, allowed) for folder in runs)
    _check_alike(scorers)
    ensemble, store = Ensemble(scorers), _training_store(scorers[0])
    manifest = of_fold(Manifest.current(store), scorers[0].run.fold)
    tables = {
        name: _mean_scores(ensemble, split, manifest, store)
        for name, split in (("validation", Split.VAL), ("test", Split.TEST))
    }
    malignant, scores, patients = _columns(tables["validation"])
    calibration = fit_calibration(malignant, scores, patients)
    chosen = {fnr: threshold_at_fnr(malignant, scores, fnr) for fnr in FNRS}
    found = {name: performance(*_columns(table), chosen) for name, table in tables.items()}
    thresholds = _thresholds(chosen, tables, found)
    ranges = TrainingRanges.of(manifest.of_split(Split.TRAIN))
    images = TrainingImages.of(manifest, salt=scorers[0].run.store)
    members = [kept_member(scorer) for scorer in scorers]
    run = scorers[0].run
    facts: dict[str, Any] = {
        "name": options.name,
        "version": __version__,
        **facts_of_members(scorers),
        **facts_json(thresholds, calibration, ranges, images),
        **{name: _performance_json(each) for name, each in found.items()},
        "outline_sensitivity": outline_sensitivity(ensemble, manifest, store, options.n_sensitivity),
        "training_data": _origin(manifest, run.store),
        "licenses": {"data": options.data_license, "weights": options.weights_license},
        "versions": {name: run.versions.get(name, "") for name in ("mammo", *PACKAGES)}
        | {"python": platform.python_version()},
        "members": [member.facts for member in members],
    }
    weights = {name: state for member in members for name, state in member.weights.items()}
    return BundleContent(facts, model_card(facts), weights)


def _check_alike(scorers: Sequence[Scorer]) -> None:
    """Check that the runs can be averaged, and that their validation lesions are the same.

    Raises:
        MammoError: two differ in what they must have in common, or one is given twice.
    """
    first = scorers[0]
    for scorer in scorers[1:]:
        for what, one, other in (
            ("model", first.run.title, scorer.run.title),
            ("store or split", (first.run.store, first.run.fold), (scorer.run.store, scorer.run.fold)),
            ("frame or windows", frame_and_windows(first.cfg), frame_and_windows(scorer.cfg)),
        ):
            if one != other:
                raise MammoError(
                    f"{first.run.folder} and {scorer.run.folder} differ in {what} ({one} and {other}): a bundle "
                    "averages trainings of one model on one split"
                )
    if len({scorer.run.digest for scorer in scorers}) < len(scorers):
        raise MammoError("a run is named twice: name each run of the ensemble once")


def _training_store(scorer: Scorer) -> Path:
    """The store that a run was trained on, unchanged; MammoError where it is gone or was changed."""
    store, run = scorer.training_store, scorer.run
    if store is None:
        raise MammoError(
            f"the store that {run.folder} was trained on is gone: a bundle needs it for the training ranges"
        )
    if run.store != Manifest.current(store).digest():
        raise MammoError(
            f"{store} is not as {run.folder} was trained on it (it was split or ingested anew): train the run again, "
            "or restore the store"
        )
    return store


def _mean_scores(ensemble: Ensemble, split: Split, manifest: Manifest, store: Path) -> pd.DataFrame:
    """The lesion score table of a split, with the score of the ensemble.

    Raises:
        MammoError: the members scored other lesions.
    """
    scorers = ensemble.members
    tables = [scorer.run.lesions() if split is Split.TEST else scorer.run.validation() for scorer in scorers]
    found = [table.set_index("lesion_id") for table in tables if table is not None]
    if len(found) < len(scorers):  # f_loc scores its validation lesions only in training
        return _scored(ensemble, manifest.of_split(split), store)
    if any(not table.index.equals(found[0].index) for table in found):
        raise MammoError("the runs scored different lesions: train them on one store and split")
    return found[0].assign(score=np.mean([table["score"].to_numpy(dtype=np.float64) for table in found], axis=0))


def _scored(ensemble: Ensemble, part: Manifest, store: Path) -> pd.DataFrame:
    """The lesion score table of the labeled lesions of a part of a store, scored here."""
    labeled = replace(part, lesions=part.lesions[part.lesions["label"] != Pathology.NONE])
    data = ensemble.datamodules(store, N_WINDOWS, manifest=labeled)
    scored = ensemble.score(data, ensemble.saliency(store, labeled, list(labeled.lesions["image_id"].unique())))
    return lesion_table(scored.mean, labeled, ensemble.run.fold).set_index("lesion_id")


def _columns(table: pd.DataFrame) -> tuple[Any, Any, Any]:
    """Malignant [N] in {0, 1}, score [N] and patient [N]."""
    return table["malignant"].to_numpy(), table["score"].to_numpy(dtype=np.float64), table["patient_id"].to_numpy()


def _thresholds(
    chosen: Mapping[float, float], tables: Mapping[str, pd.DataFrame], performances: Mapping[str, Performance]
) -> tuple[ThresholdFacts, ...]:
    """The thresholds, and the rates of each on the lesions of both splits.

    Args:
        chosen: thresholds by FNR.
        tables: lesion score tables of validation and test.
        performances: of these tables, at these thresholds.
    """
    found: dict[float, dict[str, Rate]] = {fnr: {} for fnr in chosen}
    for name, table in tables.items():
        by_class = table.groupby("malignant")["patient_id"].nunique()
        for fnr, point in performances[name].transferred.items():
            found[fnr][f"tnr_{name}"] = _rate(point.tnr, int(by_class.get(0, 0)))
            found[fnr][f"fnr_{name}"] = _rate(point.fnr, int(by_class.get(1, 0)))
    return tuple(ThresholdFacts(fnr, threshold, **found[fnr]) for fnr, threshold in chosen.items())


def _rate(interval: Interval, n_patients: int = 0) -> Rate:
    """A rate with its interval.

    Where all lesions lie on one side of a threshold, every resample says so, and the bootstrap would look certain; the
    exact binomial interval (Clopper and Pearson 1934) of as many patients takes its place.
    """
    low, high = interval.low, interval.high
    if n_patients and interval.value in (0.0, 1.0):
        margin = 1 - ((1 - LEVEL) / 2) ** (1 / n_patients)
        low, high = (0.0, margin) if interval.value == 0 else (1 - margin, 1.0)
    return Rate(*(json_number(value) for value in (interval.value, low, high)))


def _performance_json(found: Performance) -> dict[str, Any]:
    """What the model card says about the lesions of a split."""
    facts = {"n": found.n, "n_malignant": found.n_malignant, "n_patients": found.n_patients}
    metrics = {name: asdict(_rate(getattr(found, name))) for name in ("auc", "partial_auc", "average_precision")}
    return facts | metrics


def _origin(manifest: Manifest, digest: str) -> dict[str, Any]:
    """Where the training data come from: sources, and numbers of patients, images and lesions by split."""
    images, lesions = manifest.images, manifest.lesions
    split = images["split"].reindex(lesions["image_id"]).to_numpy()
    by_split = {
        part.value: {
            "patients": int(images.loc[images["split"] == part, "patient_id"].nunique()),
            "images": int((images["split"] == part).sum()),
            "malignant": int(((lesions["label"] == "malignant") & (split == part)).sum()),
            "benign": int(((lesions["label"] == "benign") & (split == part)).sum()),
        }
        for part in Split
    }
    sources = [
        {"name": each.name, "adapter": each.adapter, "scale": each.scale, "knows_patients": each.knows_patients}
        for each in manifest.sources
    ]
    label_sources = {str(name): int(count) for name, count in lesions["label_source"].value_counts().items()}
    return {"store": digest, "sources": sources, "splits": by_split, "label_sources": label_sources}
