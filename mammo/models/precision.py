"""Numeric precision, memory layout, compilation and optimizer of all networks."""

import os
import shutil
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from mammo.records import MammoError

ModuleT = TypeVar("ModuleT", bound=nn.Module)


SHORT_NAMES = {"16": "16-mixed", "bf16": "bf16-mixed", "32": "32-true", "64": "64-true"}
"""Short names of precisions, and the names that Lightning takes them for."""


def inference_device(accelerator: str) -> torch.device:
    """The device that a network runs on outside a trainer: this process's GPU unless the accelerator is "cpu"."""
    return torch.device("cuda" if accelerator != "cpu" and torch.cuda.is_available() else "cpu")


def resolve_precision(precision: str, accelerator: str) -> str:
    """Lightning's name of the precision that a training runs in, after checking that the machine supports it.

    Also turns off TF32 on a GPU: its convolutions would keep 11 bits of each float32, fewer than a gray value has.

    Args:
        precision: Lightning's name, or "auto" for the fastest precision that trains well on this machine. On a CPU
            16-mixed means bf16-mixed, as in Lightning.
        accelerator: "cpu", "gpu" or "auto".

    Raises:
        MammoError: torch finds no GPU, has no code for it, or the GPU has no bfloat16.
    """
    precision = SHORT_NAMES.get(precision, precision)
    on_gpu = inference_device(accelerator).type == "cuda"
    if accelerator == "gpu" and not on_gpu:
        raise MammoError("trainer.accelerator=gpu, but torch finds no GPU on this machine: use trainer=cpu")
    if on_gpu:
        check_gpu()
        torch.backends.cudnn.allow_tf32 = False
    has_bf16 = torch.cuda.get_device_capability()[0] >= 8 if on_gpu else _cpu_has_bf16()
    if on_gpu and precision.startswith("bf16") and not has_bf16:
        raise MammoError(f"trainer.precision={precision}, but this GPU has no bfloat16: use 16-mixed or 32-true")
    if precision == "16-mixed" and not on_gpu:
        return "bf16-mixed"
    if precision != "auto":
        return precision
    if has_bf16:
        return "bf16-mixed"
    return "16-mixed" if on_gpu else "32-true"


def may_become(precision: str, resolved: str) -> bool:
    """Whether resolve_precision makes this precision of the configured one on some machine."""
    named = SHORT_NAMES.get(precision, precision)
    return named in ("auto", resolved) or (named, resolved) == ("16-mixed", "bf16-mixed")


def check_gpu() -> None:
    """Reject a GPU that the installed torch has no code for (torch of 2026 has none for sm_70, the V100)."""
    major, minor = torch.cuda.get_device_capability()
    built = torch.cuda.get_arch_list()
    if not any(f"sm_{major}{older}" in built for older in range(minor + 1)):
        raise MammoError(
            f"this torch ({torch.__version__}) has no code for sm_{major}{minor}, the GPU here: it has "
            f"{' '.join(built)}; on a V100 install with constraints-v100.txt, or use trainer=cpu"
        )


def _cpu_has_bf16() -> bool:
    """Whether the CPU multiplies bfloat16 in hardware, by Linux's /proc/cpuinfo."""
    info = Path("/proc/cpuinfo")
    return info.is_file() and any(flag in info.read_text() for flag in ("avx512_bf16", "amx_bf16"))


def to_channels_last(module: ModuleT) -> ModuleT:
    """Put a network's weights into channels-last memory: 1.3 times as fast on CPUs, at least as fast on GPUs."""
    module.to(memory_format=torch.channels_last)
    return module


def weight_layout(weight: Tensor) -> torch.memory_format:
    """The memory layout of a convolution's weight [O, I, H, W]."""
    last = weight.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


def in_float32(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The layer's output [B, ...] for x [B, ...], computed in float32 inside autocast, too."""
    with torch.autocast(x.device.type, enabled=False):
        return layer(x if x.dtype.itemsize >= 4 else x.float())


def to_autocast_dtype(x: Tensor) -> Tensor:
    """The tensor x [B, ...], rounded to the precision of autocast if autocast is on."""
    device = x.device.type
    return x.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else x


def compile_forward(network: nn.Module) -> None:
    """Compile the forward pass with torch.compile at its first call; weights and their names stay the same.

    Raises:
        MammoError: there is no C++ compiler, which torch.compile needs on CPUs and GPUs, or on a machine with a GPU
            there are no headers of Python, against which Triton compiles what starts its kernels.
    """
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        raise MammoError(f"torch.compile=true needs a C++ compiler, but {compiler} was not found: install g++")
    header = Path(sysconfig.get_path("include", "posix_prefix")) / "Python.h"
    if torch.cuda.is_available() and not header.is_file():
        raise MammoError(
            f"torch.compile=true needs Python's headers on a GPU, but {header} does not exist: install python3-dev (or "
            "the package of this Python's version), or leave torch.compile out"
        )
    network.compile()


def adam(network: pl.LightningModule, lr: float) -> torch.optim.Optimizer:
    """Adam, fused on a GPU (one kernel instead of one per weight) unless gradients of 16-mixed precision are clipped.

    A fused step undoes the loss scaling itself, after the clipping.
    """
    trainer = network._trainer
    clips = trainer is not None and trainer.gradient_clip_val is not None and trainer.precision == "16-mixed"
    return torch.optim.Adam(network.parameters(), lr=lr, fused=network.device.type == "cuda" and not clips)
