"""Precision: an explicit choice is kept, and auto follows the machine; layout and compilation change no result."""

import copy
import shutil

import pytest
import pytorch_lightning as pl
import torch

from mammo.models import precision
from mammo.models.precision import (
    check_gpu,
    compile_forward,
    inference_device,
    resolve_precision,
    to_channels_last,
)
from mammo.records import MammoError


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
    assert resolve_precision("16-mixed", "gpu") == "16-mixed"
    assert resolve_precision("32-true", "gpu") == "32-true"


@pytest.mark.parametrize("name", ["16", "16-mixed", "bf16", "bf16-mixed", "32", "32-true", "64"])
def test_names_on_a_cpu_mean_what_lightnings_trainer_takes_them_for(name: str) -> None:
    trainer = pl.Trainer(accelerator="cpu", precision=name, logger=False, enable_checkpointing=False)
    assert resolve_precision(name, "cpu") == trainer.precision


def test_a_network_outside_a_trainer_runs_where_training_does(gpu: pytest.MonkeyPatch) -> None:
    assert [inference_device(name).type for name in ("auto", "gpu", "cpu")] == ["cuda", "cuda", "cpu"]
    gpu.setattr(torch.cuda, "is_available", lambda: False)
    assert inference_device("auto").type == "cpu"


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
