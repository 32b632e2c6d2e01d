"""What Wu et al. 2020 print (arXiv 2009.09282), to stand beside our own numbers, and where their text is unclear."""

from dataclasses import dataclass
from types import MappingProxyType

CITATION = (
    "N. Wu et al., Reducing false-positive biopsies with deep neural networks that utilize local and global "
    "information in screening mammograms, 2020, arXiv:2009.09282"
)

TABLE_1 = MappingProxyType(
    {
        "train": (808_730, 5_188, 1_648, 5_602, 1_790),
        "val": (123_130, 687, 110, 722, 128),
        "test": (60_959, 432, 116, 464, 136),
        "overall": (992_819, 6_307, 1_874, 6_788, 2_054),
    }
)
"""Table 1 by split: images negative, benign, malignant; lesions benign, malignant. An image with both kinds of lesion
counts in both columns: 432 + 116 test images less the 14 with both are the 534 of the text (Model performance)."""


@dataclass(frozen=True)
class OperatingPoint:
    """A row of Table 2: the true negative rate at a false negative rate, with its 95 % confidence interval."""

    fnr: float
    tnr: float
    low: float
    high: float


TABLE_2 = (
    OperatingPoint(0.00, 0.017, -0.005, 0.040),
    OperatingPoint(0.01, 0.135, 0.039, 0.232),
    OperatingPoint(0.02, 0.231, 0.190, 0.273),
    OperatingPoint(0.03, 0.276, 0.240, 0.312),
    OperatingPoint(0.05, 0.435, 0.407, 0.562),
)
"""Table 2: saliency and embedding maps, 464 benign and 136 malignant test lesions."""

TABLE_3 = MappingProxyType(
    {
        "loc": (0.474, 0.031),
        "emb": (0.778, 0.002),
        "sal": (0.695, 0.003),
        "loc+emb": (0.777, 0.002),
        "loc+sal": (0.721, 0.011),
        "sal+emb": (0.799, 0.002),
        "loc+sal+emb": (0.797, 0.001),
    }
)
"""Table 3, in its order: maps to test AUC and the number printed after its +-."""

MAPS = tuple(TABLE_3)
"""The seven combinations, in the order of Table 3."""

BEST, LOCAL = "sal+emb", "emb"
"""The paper's best combination, and the local one that it is measured against."""

FIGURE_6 = MappingProxyType(
    {
        ("resnetv2_50", "he"): (0.762, 0.015),
        ("densenet121", "he"): (0.748, 0.098),
        ("densenet169", "imagenet"): (0.782, 0.014),
    }
)
"""Figure 6, as far as the text prints it (Transfer learning): (backbone, initialisation) to AUC and what follows ±."""

AMBIGUITIES = (
    "The paper does not say what the number after ± in Table 3 and Figure 6 is: a standard deviation over seeds, a "
    "standard error, or half an interval. Our auc_sd is the standard deviation over training seeds (divisor n - 1) and "
    "our auc_low, auc_high are a patient-bootstrap interval of the seed-mean score; neither need be the paper's own.",
    "The first interval of Table 2 begins at -0.005, though no rate is negative: a normal approximation, it seems. "
    "The last one, 0.435 in [0.407, 0.562], is not symmetric, so the five were not all made in that one way. Ours are "
    "percentile bootstrap intervals and stay within [0, 1].",
    "The text says that saliency maps give a lower true negative rate at every false negative rate considered "
    "(Importance of global context). The introduction says the opposite: 15 % more biopsies avoided than with local "
    "information alone when 2 % of malignancies are missed. Higher is meant, we take it.",
    "With 136 malignant lesions a false negative rate of exactly 1 % does not exist (1.36 lesions). We allow "
    "floor(rate x malignant lesions) misses; the paper does not state its rule.",
    "The introduction rounds to about 2 % of biopsies avoided without a missed malignancy; Table 2 says 1.7 %.",
    "The AUC of f_loc alone is drawn in Figure 6 and printed only for some backbones (DenseNet-169 with "
    "ImageNet weights 0.782 ± 0.014), so there is no printed number for DenseNet-161 to stand beside ours.",
)
"""Notes for the reader of the report."""
