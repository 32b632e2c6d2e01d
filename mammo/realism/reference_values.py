"""Figures of real mammograms that are at hand where no real exam is: four images of one exam, as figures() saw them.

A range of four images of one patient is narrow: other real exams would lie outside of some of it, too.
"""

from mammo.realism.measures import Ranges

RECORDED: dict[float, Ranges] = {
    0.25: {
        "slope": (2.692, 3.013),
        "contrast": (0.406, 0.475),
        "grey 5 %": (0.070, 0.090),
        "grey 25 %": (0.150, 0.225),
        "grey 50 %": (0.283, 0.356),
        "grey 75 %": (0.405, 0.478),
        "grey 95 %": (0.591, 0.679),
        "grey skewness": (0.323, 0.602),
        "breast area": (0.182, 0.377),
        "rim 0-2 mm": (0.830, 0.875),
        "rim 2-4 mm": (1.182, 1.365),
        "rim 4-8 mm": (0.557, 0.932),
        "rim 8-12 mm": (0.610, 0.884),
    },
    0.125: {
        "slope": (2.600, 3.247),
        "contrast": (0.397, 0.472),
        "grey 5 %": (0.069, 0.093),
        "grey 25 %": (0.150, 0.227),
        "grey 50 %": (0.281, 0.355),
        "grey 75 %": (0.402, 0.474),
        "grey 95 %": (0.583, 0.672),
        "grey skewness": (0.315, 0.569),
        "breast area": (0.183, 0.380),
        "rim 0-2 mm": (0.553, 0.679),
        "rim 2-4 mm": (1.228, 1.449),
        "rim 4-8 mm": (0.590, 0.950),
        "rim 8-12 mm": (0.588, 0.877),
    },
}
"""Least and largest figure over the images, by the scale at which they were measured."""
