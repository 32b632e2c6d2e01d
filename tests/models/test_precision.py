"""Precision: an explicit choice is kept, auto follows the machine; folded channels change nothing but rounding."""

import copy
import shutil

import pytest
import timm
import torch
from torch import nn

from mammo.models import precision
from mammo.models.precision import (
    GrayConvolution,
    check_gpu,
    compile_forward,
    fold_channels,
    foldable_convolution,
    resolve_precision,
    to_channels_last,
)
from mammo.records import MammoError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine with a GPU, as torch reports it."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    return monkeypatch


def pretend(gpu: pytest.MonkeyPatch, capability: tuple[int, int], built: list[str]) -> None:
    gpu.setattr(torch.cuda, "get_device_capability", lambda: capability)
    gpu.setattr(torch.cuda, "get_arch_list", lambda: built)


def test_an_explicit_precision_is_kept(gpu: pytest.MonkeyPatch) -> None:
    pretend(gpu, (7, 0), ["sm_70"])
    assert resolve_precision("16-mixed", "cpu") == "16-mixed"
    assert resolve_precision("32-true", "gpu") == "32-true"


def test_a_missing_gpu_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(MammoError, match=r"finds no GPU.*trainer=cpu"):
        resolve_precision("16-mixed", "gpu")


def test_bf16_on_a_v100_is_rejected(gpu: pytest.MonkeyPatch) -> None:
    pretend(gpu, (7, 0), ["sm_70", "sm_80"])
    with pytest.raises(MammoError, match=r"precision=bf16-mixed.*use 16-mixed or 32-true"):
        resolve_precision("bf16-mixed", "auto")


@pytest.mark.parametrize(("has", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
def test_auto_uses_bf16_on_a_cpu_that_has_it(monkeypatch: pytest.MonkeyPatch, has: bool, expected: str) -> None:
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: has)
    assert resolve_precision("auto", "cpu") == expected


@pytest.mark.parametrize(
    ("capability", "expected"),
    [((7, 0), "16-mixed"), ((7, 5), "16-mixed"), ((8, 0), "bf16-mixed"), ((9, 0), "bf16-mixed")],
)
@pytest.mark.parametrize("accelerator", ["gpu", "auto"])
def test_auto_uses_bf16_on_a_gpu_from_ampere_on(
    gpu: pytest.MonkeyPatch, capability: tuple[int, int], expected: str, accelerator: str
) -> None:
    pretend(gpu, capability, ["sm_70", "sm_75", "sm_80", "sm_90"])
    assert resolve_precision("auto", accelerator) == expected


def test_float32_on_a_gpu_is_not_rounded_to_tf32(gpu: pytest.MonkeyPatch) -> None:
    pretend(gpu, (8, 0), ["sm_80"])
    gpu.setattr(torch.backends.cudnn, "allow_tf32", True)
    resolve_precision("32-true", "gpu")
    assert not torch.backends.cudnn.allow_tf32


def test_accelerator_cpu_ignores_the_gpu(gpu: pytest.MonkeyPatch) -> None:
    pretend(gpu, (7, 0), ["sm_80"])
    assert resolve_precision("auto", "cpu") in ("bf16-mixed", "32-true")


def test_a_gpu_without_code_in_torch_is_rejected(gpu: pytest.MonkeyPatch) -> None:
    pretend(gpu, (7, 0), ["sm_75", "sm_80", "sm_90"])
    with pytest.raises(MammoError, match=r"no code for sm_70.*constraints-v100\.txt"):
        check_gpu()
    for chosen in ("auto", "16-mixed", "32-true"):
        with pytest.raises(MammoError, match="sm_70"):
            resolve_precision(chosen, "auto")


def test_code_for_the_same_generation_is_enough(gpu: pytest.MonkeyPatch) -> None:
    pretend(gpu, (8, 6), ["sm_80", "sm_90"])
    check_gpu()


def test_channels_last_layout_changes_no_value() -> None:
    torch.manual_seed(0)
    convolution = torch.nn.Conv2d(4, 8, 3)
    before = convolution.weight.detach().clone()
    assert to_channels_last(convolution).weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(convolution.weight, before)


def test_compiling_without_a_compiler_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(MammoError, match=r"compile=true needs a C\+\+ compiler.*no-such-compiler"):
        compile_forward(torch.nn.Linear(2, 2))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler, and g++ was not found")
def test_a_compiled_network_has_the_same_gradients() -> None:
    torch.manual_seed(0)
    plain = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Flatten())
    compiled = copy.deepcopy(plain)
    compile_forward(compiled)
    assert list(compiled.state_dict()) == list(plain.state_dict())
    batch = torch.randn(6, 1, 8, 8)
    outputs = [network(batch) for network in (plain, compiled)]
    variances = [network.state_dict()["1.running_var"] for network in (plain, compiled)]
    gradients = [
        torch.autograd.grad(out.square().sum(), list(network.parameters()))
        for out, network in zip(outputs, (plain, compiled), strict=True)
    ]
    assert torch.allclose(outputs[0], outputs[1], atol=1e-5)
    assert all(torch.allclose(one, other, rtol=1e-4, atol=1e-4) for one, other in zip(*gradients, strict=True))
    assert torch.allclose(variances[0], variances[1], atol=1e-5)


def three_channels(gray: torch.Tensor) -> torch.Tensor:
    mean, std = (torch.tensor(values)[None, :, None, None].to(gray.dtype) for values in (MEAN, STD))
    return (gray.expand(-1, 3, -1, -1) - mean) / std


@pytest.mark.parametrize(("kernel", "stride", "padding", "bias"), [(7, 2, 3, False), (3, 1, 1, True), (3, 2, 0, True)])
def test_outputs_and_gradients_are_those_of_three_channels(kernel: int, stride: int, padding: int, bias: bool) -> None:
    torch.manual_seed(0)
    plain = nn.Conv2d(3, 8, kernel, stride, padding, bias=bias)
    folded = GrayConvolution(copy.deepcopy(plain), MEAN, STD).double()
    plain = plain.double()
    gray = torch.rand(2, 1, 20, 17, dtype=torch.float64, requires_grad=True)
    ours, theirs = folded(gray), plain(three_channels(gray))
    assert torch.allclose(ours, theirs, atol=1e-6)  # the constants are float32
    weights = torch.randn_like(ours)
    for one, other in zip(
        torch.autograd.grad((ours * weights).sum(), [gray, *folded.parameters()]),
        torch.autograd.grad((theirs * weights).sum(), [gray, *plain.parameters()]),
        strict=True,
    ):
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["densenet121", "resnetv2_50"])
def test_a_timm_network_changes_by_less_than_1e_5(name: str) -> None:
    torch.manual_seed(0)
    plain = timm.create_model(name, num_classes=0).eval()
    folded = copy.deepcopy(plain)
    convolution = foldable_convolution(folded)
    assert convolution is not None
    fold_channels(folded, convolution, MEAN, STD)
    gray = torch.rand(2, 1, 96, 96)
    with torch.inference_mode():
        ours, theirs = folded(gray), plain(three_channels(gray))
    assert (ours - theirs).abs().max() < 1e-5 * max(1.0, float(theirs.abs().max()))
    assert folded.state_dict().keys() == plain.state_dict().keys()
    folded.load_state_dict(plain.state_dict())


def test_mixed_precision_keeps_all_bits_of_the_gray_values() -> None:
    torch.manual_seed(0)
    folded = GrayConvolution(nn.Conv2d(3, 8, 7, 2, 3), MEAN, STD)
    gray = torch.rand(2, 1, 64, 64)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = folded(gray)
    assert torch.equal(mixed, folded(gray).to(torch.bfloat16))


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_the_memory_layout_is_that_of_the_weights(layout: torch.memory_format) -> None:
    folded = GrayConvolution(nn.Conv2d(3, 8, 7, 2, 3), MEAN, STD).to(memory_format=layout)  # type: ignore[call-overload]
    assert folded(torch.rand(2, 1, 64, 64)).is_contiguous(memory_format=layout)


def test_other_convolutions_are_not_folded() -> None:
    class Other(nn.Conv2d):
        """A convolution class of another library."""

    assert foldable_convolution(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3))) == "0"
    assert foldable_convolution(nn.Sequential(Other(3, 4, 3))) is None
    assert foldable_convolution(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"))) is None
    assert foldable_convolution(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3))) is None
    assert foldable_convolution(nn.Sequential(nn.Conv2d(1, 4, 3))) is None
