import numpy as np

from mammo.phantoms.skin import SKIN_LIGHT, SKIN_PX, falloff, skin_line


def test_skin_is_a_line_that_begins_softly_and_has_its_thickness() -> None:
    depth = np.arange(0, 200, dtype=np.float32)
    line = skin_line(depth, SKIN_PX)
    assert line[0] == 0
    assert 5 < line.argmax() < SKIN_PX
    assert (line[depth > SKIN_PX + 40] == 0).all()
    thicker = skin_line(depth, SKIN_PX + 20)
    assert (thicker >= line).all()
    wide = [(x > SKIN_LIGHT / 2).sum() for x in (line, thicker)]
    assert abs(wide[1] - wide[0] - 20) < 4


def test_the_breast_thins_towards_the_skin_alone() -> None:
    factor = falloff(np.arange(0, 400, dtype=np.float32))
    assert factor[0] == 0
    assert (np.diff(factor) >= 0).all()
    assert (factor[200:] == 1).all()
