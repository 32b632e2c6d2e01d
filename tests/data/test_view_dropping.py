"""The images that lack a map in training: a pure function of seed, epoch and image, in the wanted share."""

import numpy as np
import pytest

from mammo.data.view_dropping import STREAMS, ViewDropping
from mammo.records import MammoError


def test_the_share_of_images_that_lack_a_map_is_the_wanted_one() -> None:
    dropped = ViewDropping(0.2, seed=5).dropped("ipsi", 0, 20_000)
    assert dropped.mean() == pytest.approx(0.2, abs=0.01)
    assert not ViewDropping().dropped("ipsi", 0, 20_000).any()


def test_the_choice_is_a_function_of_seed_epoch_column_and_image() -> None:
    dropping = ViewDropping(0.5, seed=1)
    first = dropping.dropped("ipsi", 3, 100)
    assert np.array_equal(first, dropping.dropped("ipsi", 3, 100))
    assert np.array_equal(first[:40], dropping.dropped("ipsi", 3, 40)), "an image's fate does not depend on later ones"
    others = (dropping.dropped("contra", 3, 100), dropping.dropped("ipsi", 4, 100))
    for other in (*others, ViewDropping(0.5, seed=2).dropped("ipsi", 3, 100)):
        assert 25 < (first != other).sum() < 75, "independent"


def test_every_share_below_one_can_be_dropped() -> None:
    for share in (-0.1, 1.0):
        with pytest.raises(MammoError, match=rf"^drop_views must be at least 0 and below 1, got {share}$"):
            ViewDropping(share)
    assert set(STREAMS) == {"ipsi", "contra"}
