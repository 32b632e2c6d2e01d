"""Doubts about images that are there twice, and about patients whom they connect across splits."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

import pandas as pd

from mammo.quality.checks import Doubt
from mammo.quality.image_stats import Portrait
from mammo.store.families import families
from mammo.store.fingerprints import Pair, alike_pairs


def leakage_doubts(images: pd.DataFrame, portraits: Mapping[str, Portrait]) -> Iterator[Doubt]:
    """Images that are there twice, and families of patients that reach over splits."""
    pairs = list(_repeated(images, portraits))
    for check, (one, other) in pairs:
        yield Doubt(check, other, f"as {one}", (one, other))
    of_image = images["patient_id"].map(families(images, [pair for _, pair in pairs]))
    for _, rows in images.groupby(of_image, sort=True):
        splits = set(rows["split"]) - {""}
        if len(splits) > 1 and rows["patient_id"].nunique() > 1:
            firsts = rows.groupby("patient_id", sort=False).head(1)
            told = f"{len(firsts)} patients in {', '.join(sorted(splits))}"
            yield Doubt("leak", str(firsts["patient_id"].iloc[0]), told, tuple(map(str, firsts.index[:4])))


def _repeated(images: pd.DataFrame, portraits: Mapping[str, Portrait]) -> Iterator[tuple[str, Pair]]:
    """(check, two image ids) of images that are there twice, the surest check only."""
    said: set[Pair] = set()
    sources = {str(key): str(value) for key, value in images["sha256"].items()}
    digests = {key: portraits[key].key for key in sources}
    for check, values in (("same_source", sources), ("same_pixels", digests)):
        for pair in _equal(values):
            if pair not in said:
                said.add(pair)
                yield check, pair
    for pair in alike_pairs({key: seen.print for key in sources if (seen := portraits[key]).print}):
        if pair not in said and digests[pair[0]] != digests[pair[1]]:
            yield "near_duplicate", pair


def _equal(values: Mapping[str, str]) -> Iterator[Pair]:
    groups: dict[str, list[str]] = defaultdict(list)
    for key, value in values.items():
        if value:
            groups[value].append(key)
    return ((group[0], other) for group in groups.values() for other in group[1:])
