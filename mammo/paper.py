"""Numbers printed in Wu et al. 2020 (arXiv 2009.09282), its settings by key of conf/, and where its text is unclear."""

import math
from collections.abc import Mapping
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

FIGURE_6_BACKBONES = ("resnetv2_50", "resnetv2_101", "resnetv2_152", "densenet121", "densenet161", "densenet169")
"""The backbones of Figure 6, by their names in timm."""

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


@dataclass(frozen=True)
class Range:
    """Numbers that agree with the paper.

    Attributes:
        low: the smallest one.
        high: the largest one.
        words: how the paper puts it, where a pair of numbers does not say it.
    """

    low: float
    high: float = math.inf
    words: str = ""

    def __str__(self) -> str:
        return self.words or f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Setting:
    """A setting of training or evaluation that the paper states.

    Attributes:
        network: floc, fagg or context.
        name: the setting in words.
        values: keys of conf/ to the paper's values; None for something that the paper does not have; classes of mammo
            by their name.
    """

    network: str
    name: str
    values: Mapping[str, object]


def _of_patches(network: str, target: str, batch_size: int, lr: Range) -> tuple[Setting, ...]:
    """The settings of a network that is trained on patches (paper, Model training and Model evaluation)."""
    values: dict[str, Mapping[str, object]] = {
        "network": {"model._target_": target},
        "network window, px": {"frame.height": 2944, "frame.width": 1920},
        "window side, smallest and largest, px": {"frame.crops.side_px": [128, 384]},
        "rotation of windows, degrees either way": {"max_angle_deg": 30},
        "patches per epoch: malignant, benign, outside, negative": {
            "quota.malignant": 20,
            "quota.benign": 35,
            "quota.outside": 5000,
            "quota.negative": 4945,
        },
        "changes of gray values": {"intensity": None},
        "loss": {"model.loss._target_": "WeightedCrossEntropy"},
        "batch size": {"batch_size": batch_size},
        "learning rate": {"model.lr": lr},
        "trial of the search": {"trial": Range(0, words="the best of a random search")},
        "epochs without a better validation AUC before training stops": {"callbacks.early_stopping.patience": 10},
        "epochs at most": {"trainer.max_epochs": Range(11, words="more than 10, no limit stated")},
        "average of weights": {"callbacks.weight_averaging.decay": None},
        "windows per lesion: training, validation, test": {
            "windows_per_lesion.train": 1,
            "windows_per_lesion.val": 100,
            "windows_per_lesion.test": 100,
        },
        "fold of cross-validation": {"fold": None},
    }
    return tuple(Setting(network, name, keys) for name, keys in values.items())


SETTINGS = (
    *_of_patches("floc", "FLoc", 25, Range(1e-6, 1e-4)),
    Setting("floc", "patch side, px", {"frame.crops.patch_px": 256}),
    Setting("floc", "backbone", {"backbone.name": "densenet161"}),
    Setting("floc", "initial weights", {"backbone.init": "imagenet"}),
    *_of_patches("fagg", "FAgg", 100, Range(1e-5, 1e-3)),
    Setting("fagg", "f_loc and context network", {"pairing": "fagg", "model.floc": None, "context.run": None}),
)
"""The paper's settings of f_loc and f_agg by key of conf/. Figure 6 compares further backbones and initial weights."""

GMIC_SETTINGS = tuple(
    Setting("context", name, values)
    for name, values in (
        ("network", {"model._target_": "ContextNetwork"}),
        ("network window, px", {"frame.height": 2944, "frame.width": 1920}),
        ("first convolution: kernel, stride, channels", {"gmic.stem": [7, 2], "gmic.stem_width": 16}),
        ("global trunk: channels of its stages", {"gmic.widths": [16, 32, 64, 128, 256]}),
        ("global trunk: strides of its stages", {"gmic.strides": [1, 2, 2, 2, 2]}),
        ("global trunk: blocks per stage", {"gmic.blocks": 2}),
        ("local trunk: channels of its stages", {"gmic.local_widths": [64, 128, 256, 512]}),
        ("hidden units of the attention", {"gmic.attention": 128}),
        ("share of cells that is averaged", {"gmic.top_share": Range(0.02, 0.1)}),
        ("regions: number, side in cells", {"gmic.n_regions": 6, "gmic.region_cells": 4}),
        ("maps are 0 in air", {"gmic.breast_only": False}),
        ("added to the logit of the top cells' mean; of every cell", {"gmic.base_logit": 0, "gmic.map_logit": 0}),
        ("learning rate", {"model.lr": Range(3.525e-6, 3.2242e-5)}),
        ("weight of the saliency's norm", {"model.loss.beta": Range(3.259e-6, 2.2798e-4)}),
        (
            "largest shift and change of size of windows, px",
            {"frame.noise.location_px": 100, "frame.noise.size_px": 100},
        ),
        ("average of weights", {"callbacks.weight_averaging.decay": None}),
        ("labels of an image: of its breast or of the image", {"labels": "breast"}),
    )
)
"""GMIC as released (github.com/nyukat/GMIC), for the context network, about whose training the paper says nothing: the
code and the constants of its five models, whose learning rate, beta and share of cells are given from the smallest to
the largest."""
