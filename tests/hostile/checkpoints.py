"""Checkpoints that were made to harm: code in pickles, archives that grow, tensors and arguments without bounds."""

import io
import os
import pickle
import subprocess
import tarfile
import urllib.request
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mammo.models.gmic import GmicSizes

Maker = Callable[[Path, Path], None]
"""Writes a checkpoint to the first path; the second is the canary folder, in which its code would leave a file."""

HUGE = 10**9
FRAME = {"height": 368, "width": 240, "cell_px": 8}
SIZES = asdict(GmicSizes(stem=(3, 2), strides=(1, 2, 1, 1), widths=(16, 32, 64, 128), blocks=1))
SMALL = {"stem": [3, 2], "stem_width": 16, "pool": False, "widths": [16, 32], "strides": [1, 2], "blocks": 1}
BACKBONE = {"name": "preact_resnet", "init": "he", "channels": 3, "arguments": SMALL}


class Call:
    """Calls a function when it is unpickled."""

    def __init__(self, function: Callable[..., object], *words: object) -> None:
        self.function, self.words = function, words

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.function, self.words


def payloads(canary: Path) -> dict[str, Call]:
    """Calls that would leave a file in the canary folder, or open a connection."""
    file = canary / "sprung"
    return {
        "os.system": Call(os.system, f"touch {file}"),
        "Path.touch": Call(Path.touch, file),
        "os.mkdir": Call(os.mkdir, str(file)),
        "subprocess.run": Call(subprocess.run, ["touch", str(file)]),
        "eval": Call(eval, f"open({str(file)!r}, 'w')"),
        "numpy.save": Call(np.save, str(file), np.zeros(1)),
        "torch.save": Call(torch.save, {}, str(file)),
        "download": Call(torch.hub.download_url_to_file, "http://127.0.0.1:9/x", str(file)),
        "urlopen": Call(urllib.request.urlopen, "http://127.0.0.1:9/x"),
        "getattr": Call(getattr, "text", "upper"),
    }


def pickles() -> dict[str, Maker]:
    """Each payload in a zip archive, in torch's older format and as a bare pickle, at several places."""

    def saved(name: str, key: str, zipped: bool) -> Maker:
        def make(path: Path, canary: Path) -> None:
            content = {"state_dict": {}, "hyper_parameters": {}, key: {"a": payloads(canary)[name]}}
            torch.save(content, path, _use_new_zipfile_serialization=zipped)

        return make

    def bare(name: str, protocol: int) -> Maker:
        return lambda path, canary: _write(path, pickle.dumps({"a": payloads(canary)[name]}, protocol)) and None

    names, places = list(payloads(Path("."))), ("state_dict", "hyper_parameters", "callbacks", "optimizer_states")
    made = {f"{name} zip": saved(name, places[number % 4], True) for number, name in enumerate(names)}
    made |= {f"{name} older": saved(name, places[number % 3], False) for number, name in enumerate(names)}
    return made | {f"{name} bare {protocol}": bare(name, protocol) for name in names[:3] for protocol in (2, 4)}


def archives() -> dict[str, Maker]:
    """Archives of torch.save whose members grow, overlap or are damaged."""
    ten_tb = b"\x8a\x06" + (10**13).to_bytes(6, "little")
    return {
        "deflated": _deflated,
        "overlapping members": _overlapping,
        "size in the directory": lambda path, _: _patched(path, b"PK\x01\x02", 24, (2**31 - 1).to_bytes(4, "little")),
        "torchscript": lambda path, _: _zip(path, {"a/constants.pkl": b"", "a/data.pkl": b"", "a/code/x.py": b"x"}),
        "no pickle": lambda path, _: _zip(path, {"a/version": b"3\n"}),
        "empty pickle": lambda path, _: _zip(path, {"a/data.pkl": b"", "a/version": b"3\n"}),
        "cut": lambda path, _: _write(path, _plain_bytes()[:-200]),
        "half": lambda path, _: _write(path, _plain_bytes()[: len(_plain_bytes()) // 2]),
        "empty": lambda path, _: _write(path, b""),
        "text": lambda path, _: _write(path, b"no weights at all\n" * 10),
        "deep": lambda path, _: _write(path, b"\x80\x02" + b"]" * 200_000 + b"."),
        "tar": _tar,
        "bytearray of 10 TB": lambda path, _: _pickled(path, b"\x80\x02cbuiltins\nbytearray\n" + ten_tb + b"\x85R."),
        "key of shared tuples": lambda path, _: _pickled(path, shared(40)),
        "older key of shared tuples": lambda path, _: _write(path, b"\x80\x02K\x01." * 3 + shared(40)),
        "key of wide shared tuples": lambda path, _: _pickled(path, shared(4, 200)),
        "values of shared tuples": lambda path, _: _pickled(path, b"\x80\x02}" + _tuples(60, 2) + b"X\x01\0\0\0ah<us."),
        "far memory": lambda path, _: _pickled(path, b"\x80\x02}r\xff\xff\xff\x7f."),
        "nothing on the stack": lambda path, _: _pickled(path, b"\x80\x02s."),
        "second pickle": lambda path, _: _zip(path, {"a/data.pkl": pickle.dumps({}, 2), "b/data.pkl": shared(40)}),
        "safetensors header": lambda path, _: _write(path, (2**60).to_bytes(8, "little") + b"{}"),
    }


def shared(levels: int, width: int = 2) -> bytes:
    """A pickle of a dictionary whose key is a tuple that holds one tuple several times, and so on."""
    return b"\x80\x02" + _tuples(levels, width) + b"}h" + bytes([levels]) + b"K\x01s."


def _tuples(levels: int, width: int) -> bytes:
    """Operations that make nested tuples, numbered in the memory, and leave none on the stack."""
    made = b"K\x01q\x000"
    for level in range(levels):
        made += b"(" + (b"h" + bytes([level])) * width + b"tq" + bytes([level + 1]) + b"0"
    return made


def contents() -> dict[str, Any]:
    """Contents that torch.save writes and that are no checkpoint of a network."""
    one = torch.ones(1)
    with warnings.catch_warnings(action="ignore"):  # deprecated, but files of today can hold it
        quantized = torch.quantize_per_tensor(one, 0.1, 0, torch.qint8)
    ring: list[Any] = []
    ring.append([ring])
    return {
        "hyper_parameters hold themselves": checkpoint(lr=ring),
        "expanded tensor": checkpoint({"a": one.expand(10**6, 10**6)}),
        "sparse tensor": checkpoint({"a": torch.sparse_coo_tensor([[0]], [1.0], (10**9,), check_invariants=False)}),
        "meta tensor": checkpoint({"a": torch.empty(10**6, 10**6, device="meta")}),
        "quantized tensor": checkpoint({"a": quantized}),
        "expanded optimizer": checkpoint() | {"optimizer_states": [{"state": {0: one.expand(10**7, 10**6)}}]},
        "state_dict is a list": checkpoint() | {"state_dict": [1, 2]},
        "state_dict is null": checkpoint() | {"state_dict": None},
        "weights are text": checkpoint({"a": "b"}),
        "weight names are numbers": checkpoint({1: one}),
        "no state_dict": {"hyper_parameters": {}},
        "no hyper_parameters": {"state_dict": {"a": one}},
        "hyper_parameters is a list": checkpoint() | {"hyper_parameters": ["lr"]},
        "hyper_parameters has a tensor": checkpoint(lr=one),
        "a tensor": one,
        "a list": [one],
        "text": "weights",
    }


def arguments() -> dict[str, dict[str, Any]]:
    """Arguments of the three networks' constructors that would allocate, download, read other files or hang."""
    return {**_of_context(), **_of_floc(), **_of_fagg()}


def _of_context() -> dict[str, dict[str, Any]]:
    plain: dict[str, Any] = {"sizes": SIZES, "frame": FRAME, "lr": 1e-5}
    sizes = {
        "n_regions": HUGE,
        "region_cells": 10**6,
        "attention": HUGE,
        "blocks": HUGE,
        "widths": [HUGE, HUGE, HUGE, HUGE],
        "local_widths": [10_000] * 400,
        "stem_width": HUGE,
        "stem": [HUGE, 1],
        "strides": [0, 0, 0, 0],
        "top_share": float("nan"),
        "base_logit": "x",
        "map_logit": "x",
        "breast_only": "rm -rf",
        "url": "http://127.0.0.1:9/x",
    }
    made = {f"context {key}": plain | {"sizes": SIZES | {key: value}} for key, value in sizes.items()}
    made |= {f"context wide {width}": plain | {"sizes": SIZES | {"widths": [width] * 4}} for width in (5000, 10_000)}
    made["context many widths"] = plain | {"sizes": SIZES | {"widths": [16] * 100_000, "strides": [1] * 100_000}}
    made["context frame"] = plain | {"frame": {"height": HUGE, "width": HUGE, "cell_px": 1}}
    made["context frame of 0"] = plain | {"frame": {"height": 0, "width": -8, "cell_px": 0}}
    made["context sizes are text"] = plain | {"sizes": "http://127.0.0.1:9/x"}
    made["context learning rate"] = plain | {"lr": float("inf")}
    made["context unknown argument"] = plain | {"command": "touch x"}
    made["context trunk"] = plain | {"global_trunk": "/etc/passwd", "sizes": {}}
    made["context instantiator"] = plain | {"_instantiator": "os.system", "_class_path": "os.system"}
    return made


def _of_floc() -> dict[str, dict[str, Any]]:
    plain: dict[str, Any] = {"lr": 1e-5, "n_features": 32}
    overlay = {"url": "http://127.0.0.1:9/x", "hf_hub_id": "evil/model", "file": "/etc/passwd"}
    small = {"widths": [HUGE, HUGE], "blocks": 10**8, "stem_width": 10_000, "stem": [9999, 1], "loader": "x"}
    of_timm: dict[str, dict[str, Any]] = {
        "pretrained_cfg_overlay": {"pretrained_cfg_overlay": overlay},
        "pretrained_cfg": {"pretrained_cfg": overlay},
        "pretrained": {"pretrained": True},
        "checkpoint_path": {"checkpoint_path": "/etc/passwd"},
        "cache_dir": {"cache_dir": "/tmp/x"},
        "kwargs_filter": {"kwargs_filter": ["img_size"]},
        "deep": {"a": {"b": {"c": {"d": {"url": 1}}}}},
        "text": {"act_layer": "http://127.0.0.1:9/x"},
        "growth": {"growth_rate": 100_000},
        "blocks": {"block_config": [1000, 1000]},
        "classes": {"num_classes": HUGE},
        "path": {"norm_layer": "../../etc/passwd"},
    }
    made = {f"floc small {key}": BACKBONE | {"arguments": SMALL | {key: value}} for key, value in small.items()}
    for name, given in of_timm.items():
        made[f"floc timm {name}"] = {"name": "densenet121", "init": "he", "arguments": given}
    for name in (
        "hf-hub:evil/model",
        "hf_hub:evil",
        "local-dir:x",
        "../../etc/passwd",
        "http://127.0.0.1:9/x",
        "a\x1b[2J",
    ):
        made[f"floc name {name!r}"] = {"name": name, "init": "he", "arguments": {}}
    made["floc patch"] = BACKBONE | {"patch_px": HUGE}
    made["floc image size"] = {"name": "vit_tiny_patch16_224", "init": "he", "patch_px": 2048, "arguments": {}}
    made["floc pretrained"] = {"name": "densenet121.tv_in1k", "init": "imagenet", "arguments": {}}
    made["floc file"] = BACKBONE | {"pretrained_file": "/etc/passwd", "channels": 2}
    cases = {name: plain | {"backbone": backbone} for name, backbone in made.items()}
    cases["floc features"] = plain | {"backbone": BACKBONE, "n_features": HUGE}
    cases["floc features 2"] = plain | {"backbone": BACKBONE, "n_features": 10**6}
    cases["floc backbone is text"] = plain | {"backbone": "densenet161"}
    return cases


def _of_fagg() -> dict[str, dict[str, Any]]:
    plain: dict[str, Any] = {"maps": ["emb"], "frame": FRAME, "lr": 1e-4}
    return {
        "fagg filters": plain | {"n_filters": HUGE},
        "fagg filters 2": plain | {"n_filters": 20_000},
        "fagg maps": plain | {"maps": ["../../x"]},
        "fagg many maps": plain | {"maps": ["emb"] * 100_000},
        "fagg frame": plain | {"frame": {"height": HUGE, "width": 8, "cell_px": 8}},
        "fagg frame has a key": plain | {"frame": FRAME | {"_target_": "os.system"}},
        "fagg loss": plain | {"loss": {"_target_": "os.system"}},
    }


def checkpoint(state: Mapping[Any, Any] | None = None, **arguments: object) -> dict[str, Any]:
    """A checkpoint's content."""
    return {"state_dict": dict(state or {}), "hyper_parameters": arguments, "epoch": 0, "global_step": 0}


def _plain_bytes() -> bytes:
    stream = io.BytesIO()
    torch.save(checkpoint({"a": torch.zeros(1000)}), stream)
    return stream.getvalue()


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _pickled(path: Path, pickled: bytes) -> None:
    _zip(path, {"a/data.pkl": pickled, "a/version": b"3\n", "a/byteorder": b"little"})


def _zip(path: Path, members: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def _deflated(path: Path, _: Path) -> None:
    """4 GB of zeros in 4 MB, written in parts."""
    with zipfile.ZipFile(io.BytesIO(_plain_bytes())) as plain:
        members = {name: plain.read(name) for name in plain.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            if not name.endswith("data/0"):
                archive.writestr(name, content)
        with archive.open(next(name for name in members if name.endswith("data/0")), "w", force_zip64=True) as stream:
            for _ in range(64):
                stream.write(bytes(1 << 23))


def _overlapping(path: Path, _: Path) -> None:
    """Many members that share the same bytes."""
    _zip(path, {"a/data.pkl": pickle.dumps({}, 2), "a/data/0": bytes(1 << 20)})
    with zipfile.ZipFile(path, "a") as archive:
        (first,) = (member for member in archive.infolist() if member.filename == "a/data/0")
        for number in range(1, 500):
            copy = zipfile.ZipInfo(f"a/data/{number}")
            copy.header_offset, copy.CRC = first.header_offset, first.CRC
            copy.file_size = copy.compress_size = first.file_size
            archive.filelist.append(copy)
        archive._didModify = True  # type: ignore[attr-defined]


def _patched(path: Path, marker: bytes, offset: int, value: bytes) -> None:
    """A plain checkpoint with other bytes behind the last occurrence of a marker."""
    content = bytearray(_plain_bytes())
    place = content.rindex(marker) + offset
    content[place : place + len(value)] = value
    path.write_bytes(content)


def _tar(path: Path, canary: Path) -> None:
    """torch's oldest format, with a member that would be unpacked elsewhere."""
    with tarfile.open(path, "w") as archive:
        for name in ("storages", "tensors", "pickle", str(canary / "sprung")):
            member = tarfile.TarInfo(name)
            content = pickle.dumps(payloads(canary)["Path.touch"], 2)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
