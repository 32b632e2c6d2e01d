"""Numbers printed in Wu et al. 2020 (arXiv 2009.09282), to compare with ours, and points where its text is unclear."""

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
"""Table 1 by split: images negative, benign, malignant; lesions benign, malignant. An image with benign and malignant
lesions counts in both columns: 432 + 116 test images minus the 14 with both are the 534 of the text (Model
performance)."""


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
"""Table 3, in its order: maps to test AUC and the number printed after ±."""

MAPS = tuple(TABLE_3)
"""The seven combinations, in the order of Table 3."""

BEST, LOCAL = "sal+emb", "emb"
"""The paper's best combination, and the best one without context, which it is compared with."""

FIGURE_6 = MappingProxyType(
    {
        ("resnetv2_50", "he"): (0.762, 0.015),
        ("densenet121", "he"): (0.748, 0.098),
        ("densenet169", "imagenet"): (0.782, 0.014),
    }
)
"""The numbers of Figure 6 that the text prints (Transfer learning): (backbone, initialization) to AUC and the number
after ±."""

AMBIGUITIES = (
    "The paper does not say what the number after ± in Table 3 and Figure 6 is: a standard deviation over seeds, a "
    "standard error, or half an interval. Our auc_sd is the standard deviation over training seeds (divisor n - 1) and "
    "our auc_low, auc_high are a patient-bootstrap interval of the seed-mean score; the paper's definition may differ.",
    "The first interval of Table 2 begins at -0.005, although a rate cannot be negative, which suggests a normal "
    "approximation. The last one, 0.435 in [0.407, 0.562], is not symmetric, so not all five are normal "
    "approximations. Ours are percentile bootstrap intervals and stay within [0, 1].",
    "The text says that saliency maps give a lower true negative rate at every false negative rate considered "
    "(Importance of global context). The introduction says the opposite: 15 % more biopsies avoided than with local "
    "information alone when 2 % of malignancies are missed. We assume that higher is meant.",
    "With 136 malignant lesions, a false negative rate of exactly 1 % is impossible (1.36 lesions). We allow "
    "floor(rate x malignant lesions) misses; the paper does not state its rule.",
    "The introduction says that about 2 % of biopsies are avoided without a missed malignancy; Table 2 says 1.7 %.",
    "The AUC of f_loc alone is drawn in Figure 6 but printed only for some backbones (DenseNet-169 with "
    "ImageNet weights 0.782 ± 0.014), so ours for DenseNet-161 has no printed number to compare with.",
)
"""Notes for the reader of the report."""
