"""Families: patients that must stay in one split because an exam, a file or a picture of one is also the other's."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mammo.store.fingerprints import Pair

SHARED = ("exam_id", "sha256")
"""Columns of images.parquet whose values belong to one patient alone."""


def families(images: pd.DataFrame, pairs: Iterable[Pair] = ()) -> "pd.Series[int]":
    """The number of every patient's family.

    Args:
        images: the manifest's image rows, indexed by image_id.
        pairs: ids of images that show the same.

    Returns:
        Indexed by patient_id in the order of first appearance; families are numbered in that order too.
    """
    patients = pd.Index(images["patient_id"].unique())
    own = images["patient_id"].map(pd.Series(np.arange(len(patients)), index=patients))
    ends = [np.array([(own[one], own[other]) for one, other in pairs], dtype=np.int64).reshape(-1, 2)]
    for column in SHARED:
        firsts = own.groupby(images[column], sort=False).transform("first")
        linked = (own != firsts) & (images[column] != "")
        ends.append(np.stack([own[linked], firsts[linked]], axis=1).astype(np.int64))
    one, other = np.concatenate(ends).T
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(len(patients), len(patients)))
    labels = connected_components(graph, directed=False)[1]
    numbers = np.asarray(pd.factorize(labels)[0], dtype=np.int64)
    return pd.Series(numbers, index=patients)
