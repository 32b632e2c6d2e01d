"""Independent implementation of the published GMIC, as functions of the 258 official weights, for comparison.

It is written from the published facts and uses no code of mammo's network. Classes: 0 benign, 1 malignant.
"""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as f

State = dict[str, Tensor]


def reference(state: State, image: Tensor, percent_t: float) -> dict[str, Tensor]:
    """All outputs for images [B, 1, 2944, 1920], in eval mode."""
    h_g = global_features(state, image)
    saliency = torch.sigmoid(f.conv2d(h_g, state["left_postprocess_net.gn_conv_last.weight"]))
    top = round(46 * 30 * percent_t)
    y_global = saliency.flatten(2).sort(dim=2, descending=True).values[:, :, :top].mean(dim=2)
    positions = torch.stack([rois(one.detach().double().numpy()) for one in saliency])
    h_c = torch.stack(
        [
            torch.stack([local_vector(state, image[i, :, r : r + 256, c : c + 256]) for r, c in positions[i].tolist()])
            for i in range(len(image))
        ]
    )
    gate = torch.sigmoid(h_c @ state["mil_attn_U.weight"].T) * torch.tanh(h_c @ state["mil_attn_V.weight"].T)
    attention = torch.softmax((gate @ state["mil_attn_w.weight"].T)[..., 0], dim=1)
    z = (attention[..., None] * h_c).sum(dim=1)
    fused = torch.cat([h_g.flatten(2).max(dim=2).values, z], dim=1)
    return {
        "saliency": saliency,
        "y_global": y_global,
        "y_local": torch.sigmoid(z @ state["classifier_linear.weight"].T),
        "y_fusion": torch.sigmoid(fused @ state["fusion_dnn.weight"].T + state["fusion_dnn.bias"]),
        "roi_positions": positions,
        "attention": attention,
    }


def norm(state: State, name: str, x: Tensor) -> Tensor:
    """Batch normalization with the running statistics."""
    mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    scale = state[f"{name}.weight"] / torch.sqrt(var + 1e-5)
    return x * scale[:, None, None] + (state[f"{name}.bias"] - mean * scale)[:, None, None]


def global_features(state: State, x: Tensor) -> Tensor:
    x = f.conv2d(x, state["ds_net.first_conv.weight"], stride=2, padding=3)
    x = f.max_pool2d(x, 3, 2)
    for stage in range(5):
        for block in range(2):
            name = f"ds_net.layer_list.{stage}.{block}"
            stride = 2 if stage > 0 and block == 0 else 1
            active = torch.relu(norm(state, f"{name}.bn1", x))
            shortcut = x if block else f.conv2d(active, state[f"{name}.downsample.0.weight"], stride=stride)
            inner = f.conv2d(active, state[f"{name}.conv1.weight"], stride=stride, padding=1)
            inner = torch.relu(norm(state, f"{name}.bn2", inner))
            x = f.conv2d(inner, state[f"{name}.conv2.weight"], padding=1) + shortcut
    return torch.relu(norm(state, "ds_net.final_bn", x))


def local_vector(state: State, crop: Tensor) -> Tensor:
    """Features [512] of one gray crop [1, 256, 256]."""
    x = torch.cat([crop] * 3)[None]
    x = f.conv2d(x, state["dn_resnet.conv1.weight"], stride=2, padding=3)
    x = f.max_pool2d(torch.relu(norm(state, "dn_resnet.bn1", x)), 3, 2, 1)
    for layer in range(1, 5):
        for block in range(2):
            name = f"dn_resnet.layer{layer}.{block}"
            stride = 2 if layer > 1 and block == 0 else 1
            shortcut = x
            if f"{name}.downsample.0.weight" in state:
                shortcut = f.conv2d(x, state[f"{name}.downsample.0.weight"], stride=stride)
                shortcut = norm(state, f"{name}.downsample.1", shortcut)
            x = torch.relu(norm(state, f"{name}.bn1", f.conv2d(x, state[f"{name}.conv1.weight"], None, stride, 1)))
            x = torch.relu(norm(state, f"{name}.bn2", f.conv2d(x, state[f"{name}.conv2.weight"], padding=1)) + shortcut)
    return x[0].mean(dim=(1, 2))


def rois(saliency: np.ndarray) -> Tensor:
    """Upper left corners [6, 2], (row, col) px, of windows of 4 x 4 cells by brute force, the best first."""
    low, high = saliency.min(axis=(1, 2), keepdims=True), saliency.max(axis=(1, 2), keepdims=True)
    left = ((saliency - low) / (high - low)).sum(axis=0)
    found = []
    for _ in range(6):
        sums = {(r, c): left[r : r + 4, c : c + 4].mean() for r in range(43) for c in range(27)}
        best = max(sums, key=lambda cell: (sums[cell], -cell[0] * 27 - cell[1]))
        found.append([math.floor(best[0] / 46 * 2944 + 0.5), math.floor(best[1] / 30 * 1920 + 0.5)])
        left[best[0] : best[0] + 4, best[1] : best[1] + 4] = 0
    return torch.tensor(found)
