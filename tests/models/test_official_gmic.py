"""Conversion of released checkpoints: outputs of an independent implementation, strict keys, class order."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

from mammo.geometry import Frame
from mammo.models.gmic import Gmic, GmicSizes
from mammo.models.official_gmic import FULL_FRAME, gmic_from_official, load_gmic, official_state_dict
from mammo.records import MammoError

State = dict[str, Tensor]


def reference_module() -> ModuleType:
    path = Path(__file__).with_name("official_gmic_reference.py")
    spec = importlib.util.spec_from_file_location("official_gmic_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def state() -> State:
    """A state dict of official names and shapes with random weights and running statistics."""
    torch.manual_seed(0)
    state = official_state_dict(Gmic(GmicSizes(), FULL_FRAME))
    for name, value in state.items():
        if name.endswith("running_mean"):
            value.normal_(0, 0.1)
        elif name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
    return state


@pytest.fixture(scope="module")
def image() -> Tensor:
    torch.manual_seed(1)
    blobs = torch.nn.functional.interpolate(torch.randn(1, 1, 23, 15), (2944, 1920), mode="bicubic")
    return blobs + 0.3 * torch.randn(1, 1, 2944, 1920)


def test_outputs_equal_those_of_an_independent_implementation(state: State, image: Tensor) -> None:
    with torch.inference_mode():
        expected = reference_module().reference(state, image, percent_t=0.05)
        output = load_gmic(state, percent_t=0.05)(image)
    assert output.saliency.shape == (1, 2, 46, 30)
    assert output.roi_positions.tolist() == expected["roi_positions"].tolist()
    for name in ("saliency", "y_global", "y_local", "y_fusion", "attention"):
        assert torch.allclose(getattr(output, name), expected[name], atol=1e-5, rtol=0), name
    assert (output.roi_positions[..., 1] > 0).any(), "some regions must lie off the left border"
    assert len({tuple(place) for place in output.roi_positions[0].tolist()}) == 6


def test_the_official_order_is_benign_first_and_ours_is_by_name(state: State, image: Tensor) -> None:
    changed = {name: value.clone() for name, value in state.items()}
    changed["fusion_dnn.bias"][:] = torch.tensor([9.0, -9.0])  # benign almost certain, malignant almost excluded
    with torch.inference_mode():
        official = load_gmic(changed)(image)
        ours = gmic_from_official(changed, 0.02).eval()(image)
    assert official.y_fusion[0, 0] > 0.99
    assert official.y_fusion[0, 1] < 0.01
    assert torch.equal(ours.y_fusion.benign, official.y_fusion[:, 0])
    assert torch.equal(ours.y_fusion.malignant, official.y_fusion[:, 1])
    assert torch.equal(ours.saliency.malignant, official.saliency[:, 1])


def test_import_and_export_keep_every_bit(state: State) -> None:
    again = official_state_dict(gmic_from_official(state, 0.02))
    assert list(again) == list(official_state_dict(Gmic(GmicSizes(), FULL_FRAME)))
    assert again.keys() == state.keys()
    assert len(again) == 258
    for name, value in state.items():
        assert again[name].dtype == value.dtype
        assert torch.equal(again[name], value)


def test_loading_gives_eval_mode_and_does_not_change_the_state(state: State) -> None:
    network = load_gmic(state)
    assert not any(module.training for module in network.modules())
    with torch.no_grad():
        for weight in network.parameters():
            weight.zero_()
    assert state["fusion_dnn.weight"].any()


def test_all_wrong_keys_are_listed(state: State) -> None:
    wrong = dict(state)
    del wrong["mil_attn_w.weight"], wrong["ds_net.final_bn.bias"]
    wrong["dn_resnet.fc.weight"] = torch.zeros(2)
    wrong["fusion_dnn.bias"] = torch.zeros(3)
    wrong["classifier_linear.weight"] = state["classifier_linear.weight"].half()
    wrong["ds_net.first_conv.weight"] = None  # type: ignore[assignment]
    with pytest.raises(MammoError, match="6 keys are wrong") as rejected:
        load_gmic(wrong)
    for message in (
        "mil_attn_w.weight is missing",
        "ds_net.final_bn.bias is missing",
        "dn_resnet.fc.weight is unknown",
        "fusion_dnn.bias is float32 [3], not float32 [2]",
        "classifier_linear.weight is float16 [2, 512], not float32 [2, 512]",
        "ds_net.first_conv.weight is NoneType, not a tensor",
    ):
        assert message in str(rejected.value)


def test_a_network_of_other_sizes_is_not_exported() -> None:
    small = GmicSizes(widths=(16, 32, 32), strides=(1, 2, 1), blocks=1, local_widths=(16, 32), attention=8)
    with pytest.raises(MammoError, match="not the weights of the published GMIC"):
        official_state_dict(Gmic(small, Frame(368, 240, 8)))
