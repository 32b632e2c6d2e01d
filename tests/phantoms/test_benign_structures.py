import numpy as np

from mammo.phantoms.anatomy import draw_shape
from mammo.phantoms.benign_structures import draw_benign_structures
from mammo.phantoms.spec import Key
from mammo.phantoms.tissue import draw_tissue
from mammo.records import Laterality, View


def test_benign_structures_only_add_moderate_brightness() -> None:
    for patient in range(1, 7):
        key = Key(0, patient, Laterality.LEFT, View.MLO)
        shape = draw_shape(key)
        tissue = draw_tissue(key, shape, 1, 0.125)
        before = tissue.brightness.copy()
        draw_benign_structures(key, shape, tissue)
        added = tissue.brightness - before
        assert added.min() >= 0
        assert 0 < added.mean() < 0.03
        assert np.quantile(added, 0.999) < 0.4
