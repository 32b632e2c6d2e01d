"""Small bright ellipses: calcifications and nodules, as smooth bumps that look the same at every scale."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.phantoms.canvas import Canvas, Plane

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Specks:
    """Any number of ellipses; every array is [n].

    Attributes:
        rows: centres, full-size px.
        cols: centres, full-size px.
        radius: half-width across, full-size px.
        stretch: length over width, 1 or more.
        angle: direction of the long axis, radians from the column axis towards the row axis.
        bright: brightness added at the centre.
    """

    rows: Values
    cols: Values
    radius: Values
    stretch: Values
    angle: Values
    bright: Values

    def draw(self, canvas: Canvas, plane: Plane) -> None:
        """Add the ellipses to plane [height, width], in place; one thinner than a pixel is drawn wider and fainter."""
        least = 0.62 / canvas.scale
        across = np.maximum(self.radius, least)
        along = np.maximum(self.radius * self.stretch, least)
        bright = self.bright * np.sqrt(self.radius * self.radius * self.stretch / (across * along))
        all_rows, all_cols = canvas.rows, canvas.cols
        for i in np.flatnonzero(bright > 1e-4):
            at = canvas.around(self.rows[i], self.cols[i], 2.2 * along[i])
            down, right = all_rows[at[0]] - self.rows[i], all_cols[:, at[1]] - self.cols[i]
            c, s = np.cos(self.angle[i]), np.sin(self.angle[i])
            squared = ((right * c + down * s) / along[i]) ** 2 + ((down * c - right * s) / across[i]) ** 2
            plane[at] += (bright[i] * np.exp(-squared * np.sqrt(squared))).astype(np.float32)
