"""Oracle of a cohort: AUCs of logistic regressions on what its images show, read from its tables without any pixel.

It reads context cues without error, and a lesion's latent v about as well as a network that sees the lesion.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from mammo.records import Floats, Laterality, View

READ_SD = 1.8
"""SD of the error of m = logit(v) / 1.7, so that v alone has the AUC of the demo's embedding maps, about 0.82."""

KEY = ["patient", "laterality", "view"]

OTHER = {View.CC: View.MLO, View.MLO: View.CC, Laterality.LEFT: Laterality.RIGHT, Laterality.RIGHT: Laterality.LEFT}


def oracle_aucs(tables: Mapping[str, pd.DataFrame], with_lesions: bool = False) -> dict[str, float]:
    """AUC of lesions by what their own image shows (own), with the breast's other view (ipsi), the other breast
    (contra), and both (all).

    Args:
        tables: lesions, truth, images and images_truth of a cohort, as its files of these names.
        with_lesions: whether lesions of the other images are read as well as those images' cues, and it is known which
            are the same finding. Maps of other images, made of saliency, hold their context.
    """
    images = tables["images"].merge(tables["images_truth"], on="image")
    lesions = tables["lesions"].merge(tables["truth"], on="lesion_id").merge(images, on="image")
    error = READ_SD * np.random.default_rng(0).standard_normal(len(lesions))
    lesions["m"] = np.log(lesions["v"] / (1 - lesions["v"])) / 1.7 + error
    own = [lesions["m"], lesions["shown"]]
    other_view, other_breast = (_shown(lesions, images, field) for field in ("view", "laterality"))
    ipsi, contra = [other_view[0]], [other_breast[0]]
    if with_lesions:
        joined = (lesions["finding_id"] != "").to_numpy()
        ipsi = [_in_other_view(lesions, joined), *other_view * joined, *other_view * ~joined]
        contra = list(other_breast)
    sources = {"own": own, "ipsi": own + ipsi, "contra": own + contra, "all": own + ipsi + contra}
    labels = (lesions["label"] == "malignant").to_numpy()
    return {name: _auc(np.column_stack(columns), labels) for name, columns in sources.items()}


def _shown(lesions: pd.DataFrame, images: pd.DataFrame, field: str) -> Floats:
    """What the image shows that differs in one field, [2, lesions]: its cues, and the mean m of its lesions or 0."""
    at = pd.MultiIndex.from_frame(lesions[KEY].assign(**{field: lesions[field].map(OTHER)}))
    cues = images.set_index(KEY)["shown"].reindex(at)
    return np.stack([cues, lesions.groupby(KEY)["m"].mean().reindex(at).fillna(0)])


def _in_other_view(lesions: pd.DataFrame, joined: np.ndarray) -> Floats:
    """Second reading of m [lesions] from the same finding in the other view, 0 where there is none."""
    both = lesions.groupby("finding_id")["m"].transform("sum") - lesions["m"]
    return np.where(joined, both, 0)


def _auc(features: Floats, labels: np.ndarray) -> float:
    model = LogisticRegression(C=1e3, max_iter=1000).fit(features / features.std(axis=0).clip(1e-9), labels)
    return float(roc_auc_score(labels, model.decision_function(features / features.std(axis=0).clip(1e-9))))
