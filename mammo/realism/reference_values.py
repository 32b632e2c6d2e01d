"""Reference ranges for use without a real exam: measures of four images of one real exam.

Four images of one patient give narrow ranges: other real exams would lie outside some of them as well.
"""

from mammo.realism.measures import Ranges

REFERENCE_RANGES: dict[float, Ranges] = {
    0.25: {
        "slope": (2.692, 3.013),
        "contrast": (0.406, 0.475),
        "gray 5 %": (0.070, 0.090),
        "gray 25 %": (0.150, 0.225),
        "gray 50 %": (0.283, 0.356),
        "gray 75 %": (0.405, 0.478),
        "gray 95 %": (0.591, 0.679),
        "gray skewness": (0.323, 0.602),
        "breast area": (0.182, 0.377),
        "rim 0-2 mm": (0.830, 0.875),
        "rim 2-4 mm": (1.182, 1.365),
        "rim 4-8 mm": (0.557, 0.932),
        "rim 8-12 mm": (0.610, 0.884),
    },
    0.125: {
        "slope": (2.600, 3.247),
        "contrast": (0.397, 0.472),
        "gray 5 %": (0.069, 0.093),
        "gray 25 %": (0.150, 0.227),
        "gray 50 %": (0.281, 0.355),
        "gray 75 %": (0.402, 0.474),
        "gray 95 %": (0.583, 0.672),
        "gray skewness": (0.315, 0.569),
        "breast area": (0.183, 0.380),
        "rim 0-2 mm": (0.553, 0.679),
        "rim 2-4 mm": (1.228, 1.449),
        "rim 4-8 mm": (0.590, 0.950),
        "rim 8-12 mm": (0.588, 0.877),
    },
}
"""Range of each measure over the images, by the scale of measurement."""
