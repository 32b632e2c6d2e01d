"""The evaluation of finished runs: their scores of the same lesions, tables, comparisons and warnings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from mammo.paper import BEST, LOCAL, MAPS
from mammo.records import Floats, Ints, MammoError
from mammo.reporting.chosen_thresholds import Validation, chosen_thresholds
from mammo.reporting.evaluation_warnings import (
    evaluation_warnings,
    origin_warnings,
    reject_selection_on_test,
    reject_shared_patients,
    seed_warnings,
)
from mammo.reporting.finding_results import FindingResults, finding_results
from mammo.reporting.paper_settings import seeds_of, settings_table
from mammo.reporting.paper_tables import auc_row, context_table, figure6, table2, table3
from mammo.reporting.report_columns import OTHER_COLUMNS
from mammo.reporting.reported_runs import PooledRun, common_folds, fold_table, fold_warnings, pooled_runs
from mammo.reporting.shared_lesions import SharedLesions, share_lesions
from mammo.reporting.summary import birads_table
from mammo.reporting.views_table import maps_order, views_of
from mammo.scoring.model_comparison import Comparison, compare
from mammo.scoring.performance import Performance, Subgroup, class_subgroups, performance, subgroups
from mammo.scoring.score_tables import size_group
from mammo.scoring.trivial_predictors import trivial_table, trivial_warnings
from mammo.training.results import Run

SUBGROUP_COLUMNS = ("finding", "view", "laterality", "vendor", "density", "size", "birads", "label_source", "source")
"""Columns whose values make the report's subgroups of lesions."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The results of finished runs on their test lesions.

    Attributes:
        runs: all runs, context networks included; with folds, those of the folds that every model and seed has.
        main: the model whose results the report opens with: the combination sal+emb if it was run; without any f_agg
            run, the f_loc with the highest validation AUC.
        main_runs: its runs, of every seed and fold.
        lesions: N rows, as SharedLesions.lesions, and each lesion's size group.
        malignant: [N] in {0, 1}.
        mean_scores: maps joined by + to the seed-mean lesion score [N]; without any f_agg run, those of f_loc by name.
        validation: of the runs of `main` (chosen_thresholds.Validation).
        performance: of the seed-mean score of `main`.
        table2: as paper_tables.table2, for `main`.
        findings: the results per finding; None where no finding has two views.
        table3: as paper_tables.table3.
        missing: combinations of Table 3 without a run; empty if none has one.
        views: as views_table.views_table; empty without a run that has maps of other images.
        floc: paper_tables.auc_row of f_loc alone; None unless all f_loc runs have one backbone and initialization.
        figure6: as paper_tables.figure6.
        folds: as reported_runs.fold_table; empty without folds.
        trivial: as trivial_predictors.trivial_table, for `main`.
        difference: sal+emb compared with emb, seed-mean scores; None if either has no run.
        shuffled_gain: sal+emb with another image's saliency maps compared with emb, a control that shows whether
            context is used; None without such a run.
        gain_over_shuffled: sal+emb compared with that control: true gain minus shuffled gain.
        images: as paper_tables.context_table; empty without a context network.
        subgroups: of the seed-mean score of `main`.
        birads: as summary.birads_table, for `main`; empty without BI-RADS categories.
        settings: as paper_settings.settings_table.
        warnings: weaknesses of the evaluation, in sentences (evaluation_warnings).
        others: name to the scores [N] of other models of the same lesions (other_models.read_other_scores).
        other_models: as other_models.other_models_table, for `main`.
    """

    runs: Sequence[Run]
    main: str
    main_runs: Sequence[Run]
    lesions: pd.DataFrame
    malignant: Ints
    mean_scores: Mapping[str, Floats]
    validation: Validation
    performance: Performance
    table2: pd.DataFrame
    findings: FindingResults | None
    table3: pd.DataFrame
    missing: Sequence[str]
    views: pd.DataFrame
    floc: Mapping[str, float | int] | None
    figure6: pd.DataFrame
    folds: pd.DataFrame
    trivial: pd.DataFrame
    difference: Comparison | None
    shuffled_gain: Comparison | None
    gain_over_shuffled: Comparison | None
    images: pd.DataFrame
    subgroups: Sequence[Subgroup]
    birads: pd.DataFrame
    settings: pd.DataFrame
    warnings: Sequence[str]
    others: Mapping[str, Floats] = field(default_factory=dict)
    other_models: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(OTHER_COLUMNS)))

    @property
    def undefined(self) -> str:
        """Why no metric is defined for these labels; empty if metrics are defined."""
        return self.performance.undefined

    @property
    def data(self) -> str:
        """Name of the data set, empty if unknown; "phantom" if any run was trained on phantoms."""
        names = sorted({run.data for run in self.runs} - {""})
        return "phantom" if "phantom" in names else (names or [""])[0]


def evaluate(runs: Sequence[Run]) -> Evaluation:
    """Read the score tables of the runs and compute everything that the report shows.

    Raises:
        MammoError: no run scored lesions, a score table is invalid, the runs scored different lesions, or their lesions
            are not all of the test split or were used for selection; or as pooled_runs.
    """
    _reject_none_scored(runs)
    reject_selection_on_test(runs)
    every = pooled_runs(runs)
    folds = common_folds(every)
    pools = [pool.of_folds(folds) for pool in every]
    scored = [pool for pool in pools if pool.first.model in ("floc", "fagg")]
    fagg = [pool for pool in scored if pool.first.model == "fagg" and not pool.first.is_control]
    shared = share_lesions({pool.name: pool.lesions() for pool in scored})
    malignant, patients, stacks = shared.malignant, shared.patients, _stacks(fagg, shared)
    by_network = _floc_by_network(scored)
    floc = {key: np.stack([shared.scores[pool.name] for pool in own]) for key, own in by_network.items()}
    named = _named(floc)
    combined = {maps: stack.mean(axis=0) for maps, stack in stacks.items()}
    means = combined or named
    main, main_pools = _main(fagg) if combined else _best(dict(zip(named, by_network.values(), strict=True)))
    validation = _validation(main_pools)
    _reject_selected_on(shared.lesions, validation)
    thresholds = chosen_thresholds(validation, shared.lesions["fold"])
    main_performance = performance(malignant, means[main], patients, thresholds)
    lesions = shared.lesions.assign(size=size_group(shared.lesions["size_px"]))
    models = means | named
    gains = _gains(means, _stacks([pool for pool in scored if pool.first.context == "shuffled"], shared), shared)
    evaluation = Evaluation(
        runs=[run for pool in pools for run in pool.runs],
        main=main,
        main_runs=[run for pool in main_pools for run in pool.runs],
        lesions=lesions,
        malignant=malignant,
        mean_scores=means,
        validation=validation,
        performance=main_performance,
        table2=table2(main_performance),
        findings=finding_results(models, main, lesions, validation),
        table3=table3(stacks, malignant, patients, _seeds_of(fagg)),
        missing=[maps for maps in MAPS if stacks and maps not in stacks],
        views=views_of([pool for pool in scored if pool.first.model == "fagg"], shared),
        floc=auc_row(next(iter(floc.values())), malignant, patients) if len(floc) == 1 else None,
        figure6=figure6(floc, malignant, patients),
        folds=fold_table(models, lesions),
        trivial=trivial_table(means[main], lesions),
        difference=gains[BEST, LOCAL],
        shuffled_gain=gains["shuffled", LOCAL],
        gain_over_shuffled=gains[BEST, "shuffled"],
        images=context_table(_image_tables(pools)),
        subgroups=_subgroups(lesions.assign(score=means[main])),
        birads=birads_table(lesions["birads"], malignant, means[main], thresholds),
        settings=settings_table(run for pool in pools for run in pool.runs),
        warnings=[],
    )
    return replace(
        evaluation,
        warnings=[*_warnings(evaluation), *fold_warnings(every, lesions), *trivial_warnings(models, lesions)],
    )


def _image_tables(pools: Sequence[PooledRun]) -> dict[str, list[pd.DataFrame]]:
    """The image score tables of context networks, by the labels of images that they were trained by."""
    found: dict[str, list[pd.DataFrame]] = {}
    for pool in pools:
        if pool.first.model == "context":
            found.setdefault(pool.first.labels, []).append(pool.images())
    return dict(sorted(found.items()))


def _subgroups(table: pd.DataFrame) -> list[Subgroup]:
    return [*subgroups(table, SUBGROUP_COLUMNS), *class_subgroups(table, "pathology_type")]


def _reject_none_scored(runs: Sequence[Run]) -> None:
    if not any(run.model in ("floc", "fagg") and not run.is_control for run in runs):
        raise MammoError(
            "no finished f_loc or f_agg run to report: train one with python -m mammo.train model=floc, or maps=emb"
        )


def _main(fagg: Sequence[PooledRun]) -> tuple[str, list[PooledRun]]:
    """The combination of maps that the report opens with, and its runs: sal+emb, else the last in the paper's order."""
    run = {pool.first.maps for pool in fagg}
    main = BEST if BEST in run else max(run & set(MAPS) or run, key=maps_order)
    return main, [pool for pool in fagg if pool.first.maps == main]


def _best(models: Mapping[str, list[PooledRun]]) -> tuple[str, list[PooledRun]]:
    """The model with the highest validation AUC, mean over its runs, and those runs; the first among equals."""
    aucs = [np.mean([run.val_auc for pool in pools for run in pool.runs]) for pools in models.values()]
    return list(models.items())[int(np.argmax(np.nan_to_num(aucs, nan=-1.0)))]


def _stacks(pools: Sequence[PooledRun], shared: SharedLesions) -> dict[str, Floats]:
    """The maps of runs to their scores [S, N], one row for each seed; in the paper's order of maps."""
    rows: dict[str, list[Floats]] = {}
    for pool in sorted(pools, key=lambda pool: maps_order(pool.first.maps)):
        rows.setdefault(pool.first.maps, []).append(shared.scores[pool.name])
    return {maps: np.stack(scores) for maps, scores in rows.items()}


def _seeds_of(pools: Sequence[PooledRun]) -> dict[str, str]:
    """Maps joined by + to the networks that the seeds of its runs vary."""
    runs = [run for pool in pools for run in pool.runs]
    return {maps: seeds_of(run for run in runs if run.maps == maps) for maps in {run.maps for run in runs}}


def _gains(
    means: Mapping[str, Floats], shuffled: Mapping[str, Floats], shared: SharedLesions
) -> dict[tuple[str, str], Comparison | None]:
    """The comparisons of the report by (better, baseline), on seed-mean scores; None without runs of either."""
    compared = {**means, **({"shuffled": shuffled[BEST].mean(axis=0)} if BEST in shuffled else {})}
    return {
        (better, baseline): compare(shared.malignant, compared[better], compared[baseline], shared.patients)
        if better in compared and baseline in compared
        else None
        for better, baseline in ((BEST, LOCAL), ("shuffled", LOCAL), (BEST, "shuffled"))
    }


def _reject_selected_on(lesions: pd.DataFrame, validation: Validation) -> None:
    """Reject test lesions that were used in training or selection, with folds by the networks of their own fold."""
    reject_shared_patients(lesions, None)
    for fold, (selected_on, _) in validation.items():
        reject_shared_patients(lesions if fold is None else lesions[lesions["fold"] == fold], selected_on)


def _warnings(evaluation: Evaluation) -> list[str]:
    of_maps = [*evaluation.table3["auc_mean"], *evaluation.views["auc_mean"]]
    best_auc = max(of_maps or evaluation.figure6["auc_mean"])
    n_malignant, sources = evaluation.performance.n_malignant, evaluation.lesions["label_source"]
    return [
        *evaluation_warnings(n_malignant, evaluation.undefined, sources, best_auc, evaluation.data),
        *seed_warnings(evaluation.runs),
        *origin_warnings(evaluation.runs),
    ]


def _validation(pools: Sequence[PooledRun]) -> Validation:
    """By fold, the validation lesions and their seed-mean score; empty if a run has no validation scores."""
    tables = {pool.name: by_fold for pool in pools if (by_fold := pool.validation()) is not None}
    if len(tables) < len(pools):
        return {}
    found = {}
    for fold in pools[0].folds:
        shared = share_lesions({name: by_fold[fold] for name, by_fold in tables.items()})
        found[fold] = shared.lesions, np.mean(list(shared.scores.values()), axis=0)
    return found


def _floc_by_network(pools: Sequence[PooledRun]) -> dict[tuple[str, str], list[PooledRun]]:
    """(backbone, initialization) to the f_loc runs of it, in order."""
    found: dict[tuple[str, str], list[PooledRun]] = {}
    for pool in pools:
        if pool.first.model == "floc":
            found.setdefault((pool.first.backbone, pool.first.init), []).append(pool)
    return dict(sorted(found.items()))


def _named(floc: Mapping[tuple[str, str], Floats]) -> dict[str, Floats]:
    """The seed-mean scores of f_loc alone, by a name for tables."""
    single = len(floc) == 1
    return {
        "f_loc alone" if single else f"f_loc alone, {', '.join(key)}": scores.mean(axis=0)
        for key, scores in floc.items()
    }
