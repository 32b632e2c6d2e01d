"""How much the scores of a model change when outlines do, measured on validation lesions for its model card."""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mammo.inference.ensemble import Ensemble
from mammo.inference.outline_changes import changed_outlines
from mammo.inference.outlines import Drawn
from mammo.records import Pathology, Split
from mammo.store.manifest import Manifest
from mammo.store.other_images import with_others
from mammo.store.schema import outline_values

N_WINDOWS = 100
"""Windows of each outline, as in a prediction."""


def outline_sensitivity(ensemble: Ensemble, manifest: Manifest, store: Path, n_lesions: int) -> dict[str, Any]:
    """The median of the absolute change of the score, by kind of change.

    Args:
        ensemble: the networks.
        manifest: of the store, with the split that they were trained on.
        store: the store.
        n_lesions: validation lesions whose outlines are changed, evenly spread over the table.

    Returns:
        n_lesions; and under "median_change" a number by kind of change (a shift by 2 or 5 mm in any direction, grown,
        shrunk), None where no lesion could be changed so.
    """
    lesions = manifest.of_split(Split.VAL).lesions
    lesions = lesions[lesions["label"] != Pathology.NONE]
    chosen = lesions.iloc[np.unique(np.linspace(0, len(lesions) - 1, min(n_lesions, len(lesions))).astype(int))]
    rows = {lesion_id: _changed(manifest, lesion_id) for lesion_id in chosen.index} if n_lesions else {}
    if not rows:
        return {"n_lesions": 0, "median_change": {}}
    scores = _scores(ensemble, manifest, store, rows)
    changes: dict[str, list[float]] = defaultdict(list)
    for lesion_id, outlines in rows.items():
        for name in outlines:
            if name:
                changes[_kind(name)].append(abs(scores[lesion_id, name] - scores[lesion_id, ""]))
    return {"n_lesions": len(rows), "median_change": {name: float(np.median(each)) for name, each in changes.items()}}


def _kind(change: str) -> str:
    """The kind of a change: that of a shift is its length, whatever its direction."""
    way, _, length = change.partition("_")
    return f"shifted_{length}" if length.endswith("mm") else change if way in ("grown", "shrunk") else way


def _changed(manifest: Manifest, lesion_id: str) -> dict[str, Drawn]:
    """The lesion's outline, by an empty name, and the changed ones."""
    mask, box = manifest.outline(lesion_id)
    own = Drawn(mask, box, clipped=False)
    image_id = str(manifest.lesions.at[lesion_id, "image_id"])
    spacing = float(manifest.images.loc[[image_id], "spacing_mm"].iloc[0])
    changed = changed_outlines(own, manifest.chain(image_id).stored_shape, spacing)
    return {"": own} | {name: outline for name, outline in changed.items() if outline is not None}


def _scores(
    ensemble: Ensemble, manifest: Manifest, store: Path, outlines: dict[str, dict[str, Drawn]]
) -> dict[tuple[str, str], float]:
    """The score of each outline, by lesion and name of the change."""
    keys = [(lesion_id, name) for lesion_id, own in outlines.items() for name in own]
    known = {row["lesion_id"]: row for row in manifest.lesions.reset_index().to_dict("records")}
    rows = [
        {**known[lesion_id], "lesion_id": f"{lesion_id} {name}", **outline_values(drawn.mask, drawn.box)}
        for lesion_id, name in keys
        for drawn in [outlines[lesion_id][name]]
    ]
    image_ids = list(dict.fromkeys(row["image_id"] for row in rows))
    kept = with_others(manifest.images, image_ids, ensemble.members[0].other_images)
    unchanged = Manifest.of(manifest.frame, [], rows, manifest.sources)
    changed = replace(unchanged, images=manifest.images[manifest.images.index.isin(kept)])
    data = ensemble.datamodules(store, N_WINDOWS, manifest=changed)
    saliency = ensemble.saliency(store, changed, image_ids)
    scores = ensemble.score(data, saliency).mean.scores.score
    return dict(zip(keys, scores.tolist(), strict=True))
