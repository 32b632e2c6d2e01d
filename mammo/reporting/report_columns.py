"""Columns of the tables that a report and a sweep comparison write as CSV: what each value is."""

from collections.abc import Mapping

Columns = Mapping[str, str]
"""Columns in order: by name, what a value is, with its unit and range."""

TABLE1_COLUMNS: Columns = {
    "images_negative": "images without a finding",
    "images_benign": "images with a benign finding",
    "images_malignant": "images with a malignant finding; one with both counts in both columns",
    "lesions_benign": "outlined benign lesions",
    "lesions_malignant": "outlined malignant lesions",
}
"""Columns of Table 1, behind split; paper_<column> has the paper's number."""

TABLE2_COLUMNS: Columns = {
    "fnr": "allowed share of missed malignant lesions, in [0, 1]",
    "misses_allowed": "that share as a number of lesions, rounded down",
    "tnr": "share of benign lesions below the threshold, in [0, 1]; threshold chosen on the test lesions",
    "tnr_low": "lower bound of its 95 % patient-bootstrap interval",
    "tnr_high": "upper bound",
    "transferred_tnr": "the same with the threshold chosen on validation lesions; undefined without any",
    "transferred_tnr_low": "lower bound of its 95 % interval",
    "transferred_tnr_high": "upper bound",
    "transferred_fnr": "share of malignant test lesions below that threshold, in [0, 1]",
    "paper_tnr": "the paper's TNR",
    "paper_low": "lower bound that the paper gives",
    "paper_high": "upper bound that the paper gives",
}

FINDING_TNR_COLUMNS: Columns = {
    name: meaning.replace("lesions", "findings")
    for name, meaning in TABLE2_COLUMNS.items()
    if not name.startswith("paper")
}
"""Columns of findings_tnr.csv."""

FINDING_COLUMNS: Columns = {
    "model": "the model",
    "view_auc": "AUC of the seed-mean score of the lesion views, in [0, 1]",
    "view_low": "lower bound of its 95 % patient-bootstrap interval",
    "view_high": "upper bound",
    "finding_auc": "AUC of the findings, each scored by the mean over its views",
    "finding_low": "lower bound of its 95 % interval",
    "finding_high": "upper bound",
    "gain": "finding_auc minus view_auc",
    "gain_low": "lower bound of its paired 95 % interval",
    "gain_high": "upper bound",
}
"""Columns of findings.csv, one row for each model."""

AUC_COLUMNS: Columns = {
    "auc_mean": "mean of the seeds' test AUCs, in [0, 1]",
    "auc_sd": "their standard deviation (divisor S - 1); undefined for one seed",
    "n_seeds": "number of seeds S",
    "auc_low": "lower bound of the 95 % patient-bootstrap interval of the AUC of the seed-mean score",
    "auc_high": "upper bound",
}

_LESIONS: Columns = {"n_lesions": "test lesions", "n_malignant": "malignant ones among them"}

TABLE3_COLUMNS: Columns = {
    "maps": "maps that f_agg reads, joined by +: loc, sal, emb",
    **AUC_COLUMNS,
    **_LESIONS,
    "paper_auc": "the paper's AUC",
    "seeds_of": "networks that the seeds vary (not in table3.csv)",
}

VIEWS_COLUMNS: Columns = {
    "maps": "maps that f_agg reads, joined by +: sal, ipsi, contra, emb",
    "context": "of a control the maps that are of wrong images, as shuffled-ipsi; otherwise empty",
    **AUC_COLUMNS,
    **_LESIONS,
    "gain": "AUC of the seed-mean score minus that of sal+emb, each the mean over the seeds that both have",
    "gain_low": "lower bound of its 95 % paired patient-bootstrap interval",
    "gain_high": "upper bound",
    "p_bootstrap": "two-sided p-value by the same resamples",
    "n_paired": "number of these seeds; with 0 the differences are empty",
    "finding_gain": "the same difference per finding, by the mean over its views; empty where none has two",
    "finding_gain_low": "lower bound of its 95 % paired patient-bootstrap interval",
    "finding_gain_high": "upper bound",
}
"""Columns of views.csv."""

FIGURE6_COLUMNS: Columns = {
    "backbone": "architecture of f_loc",
    "init": "imagenet or he",
    "weights": "timm's tag of the ImageNet weights, or own file; empty for He initialization",
    **AUC_COLUMNS,
    **_LESIONS,
    "paper_auc": "the paper's AUC; undefined where it prints none",
    "paper_spread": "the paper's spread; likewise",
}

CONTEXT_COLUMNS: Columns = {
    "labels": "labels of images that the network was trained by: breast or image",
    "label": "malignant or benign",
    **AUC_COLUMNS,
    "n_images": "test images",
    "n_showing": "images with a lesion of that class",
}

OTHER_COLUMNS: Columns = {
    "model": "name of the file of scores",
    "auc": "AUC of its scores of the test lesions, in [0, 1]",
    "auc_low": "lower bound of its 95 % patient-bootstrap interval",
    "auc_high": "upper bound",
    "gain": "AUC of the seed-mean score of the report's main model minus that AUC",
    "gain_low": "lower bound of its 95 % paired patient-bootstrap interval",
    "gain_high": "upper bound",
    "p_bootstrap": "two-sided p-value by the same resamples",
    "p_delong": "two-sided p-value by DeLong's test, which assumes independent lesions",
}
"""Columns of other_models.csv, one row for each file of report --scores."""

FOLD_COLUMNS: Columns = {
    "model": "the model",
    "auc_pooled": "AUC of the test scores of all folds together",
    "auc_low": "lower bound of its 95 % patient-bootstrap interval",
    "auc_high": "upper bound",
    "auc_fold_mean": "mean of the folds' own AUCs",
    "auc_fold_sd": "their standard deviation (divisor n - 1)",
}
"""Columns of folds.csv; fold_<number> with each fold's AUC follow."""

BIRADS_COLUMNS: Columns = {
    "birads": "BI-RADS category, or not stated",
    "n_benign": "benign lesions of the category",
    "avoided": "those below the threshold that misses at most 2 % of the malignant lesions",
    "tnr": "avoided / n_benign; undefined without benign lesions",
    "n_malignant": "malignant lesions of the category",
    "missed": "those below the threshold",
}

SETTINGS_COLUMNS: Columns = {
    "network": "f_loc, f_agg or context network",
    "setting": "the setting in words",
    "keys": "its keys of the configuration",
    "paper": "the paper's values, in the order of the keys",
    "runs": "every value that one of the runs has",
    "differs": "True where one of the runs has another value than the paper",
}

COMPARISON_COLUMNS: Columns = {
    "model": "floc, context or fagg",
    "cell": "maps, or backbone and initialization",
    "auc_of": "lesions, or images for the context network",
    "n_seeds": "number of seeds",
    "n_trials": "finished runs, selected or not",
    "val_auc": "validation AUC of the selected runs, mean over seeds",
    "test_auc_mean": "their test AUC, mean over seeds; with folds of the mean over folds",
    "test_auc_sd": "its standard deviation over seeds (divisor n - 1)",
    "lr": "learning rate of the selected run with the highest validation AUC",
    "seeds_of": "networks that the seeds vary",
}
"""Columns of a sweep comparison, one row for each cell."""

COMPARISON_FOLD_COLUMNS: Columns = {
    "n_folds": "folds that every seed has",
    "auc_pooled": "AUC of the seed-mean scores of the test lesions or images of all these folds",
    "auc_low": "lower bound of its 95 % patient-bootstrap interval",
    "auc_high": "upper bound",
}
"""Further columns of a sweep comparison of runs with folds; undefined without score tables."""
