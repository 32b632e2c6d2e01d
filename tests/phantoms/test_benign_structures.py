import numpy as np

from mammo.phantoms.anatomy import draw_shape
from mammo.phantoms.benign_structures import draw_lookalikes
from mammo.phantoms.randomness import Key
from mammo.phantoms.tissue import draw_tissue
from mammo.records import Laterality, View


def test_lookalikes_are_mild_and_only_add() -> None:
    for patient in range(1, 7):
        key = Key(0, patient, Laterality.LEFT, View.MLO)
        shape = draw_shape(key)
        tissue = draw_tissue(key, shape, 1, 0.125)
        before = tissue.value.copy()
        draw_lookalikes(key, shape, tissue)
        added = tissue.value - before
        assert added.min() >= 0
        assert 0 < added.mean() < 0.03
        assert np.quantile(added, 0.999) < 0.4
