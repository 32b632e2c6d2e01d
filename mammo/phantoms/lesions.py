"""How a lesion comes into the tissue: what it absorbs, over the brightness of where it lies.

Every random number is drawn before the latent v is looked at, so two lesions with equal draws and equal v are equal,
whatever their labels.
"""

from collections.abc import Callable

import numpy as np

from mammo.phantoms.canvas import Canvas, Plane
from mammo.phantoms.clusters import draw_cluster
from mammo.phantoms.distortion import draw_distortion
from mammo.phantoms.findings import Finding, Lesion
from mammo.phantoms.lesion_shape import Form, draw_form
from mammo.phantoms.masses import draw_mass
from mammo.phantoms.randomness import Key, Purpose

MOST = 0.75
"""Share of what passes the tissue that a lesion can absorb at most: nothing turns white."""

Draw = Callable[[np.random.Generator, Lesion, Form, Canvas, Plane, float], Plane]

DRAW: dict[Finding, Draw] = {
    Finding.MASS: draw_mass,
    Finding.DISTORTION: draw_distortion,
    Finding.CALCIFICATION: draw_cluster,
}


def draw_lesion(key: Key, lesion: Lesion, canvas: Canvas, tissue: Plane) -> None:
    """Draw a lesion into the tissue [height, width], in place.

    Brightness is 1 less what passes; the lesion absorbs a share of that, more in bright surroundings, whose contrast
    it would else lose.
    """
    at = canvas.around(lesion.site.row, lesion.site.col, 1.2 * lesion.site.radius)
    local = min(float(tissue[at].mean()), 0.8)
    bright = lesion.contrast * (0.50 + 0.40 * local)
    rng = key.rng(Purpose.APPEARANCE, lesion.number)
    added = DRAW[lesion.finding](rng, lesion, draw_form(key, lesion), canvas, tissue, bright)
    part = canvas.around(lesion.site.row, lesion.site.col, 3.2 * lesion.site.radius)
    absorbed = np.float32(MOST) * np.tanh(added[part] * np.float32(1 / (MOST * (1 - local))))
    tissue[part] += absorbed * (1 - np.minimum(tissue[part], 1))
