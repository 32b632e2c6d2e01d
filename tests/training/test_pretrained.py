"""Missing ImageNet weights are one sentence, at once, before anything slow is imported."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from mammo.cli.hydra_app import CONF, composed
from mammo.geometry import Frame
from mammo.records import MammoError
from mammo.store.store_header import DataSet, StoreHeader, write_store_header
from mammo.training import pretrained
from mammo.training.pretrained import check_pretrained
from mammo.training.store_defaults import header_defaults

HERE = Path(__file__).resolve().parents[2]
BACKBONES = sorted(path.stem for path in (CONF / "backbone").glob("*.yaml") if path.stem not in ("small", "timm"))


PHANTOMS = StoreHeader(Frame(368, 240, 8), (DataSet("phantom", "table", "eighth"),))
FULL_SIZE = StoreHeader(Frame(2944, 1920, 64), (DataSet("table", "table", "full"),))


def checked(*overrides: str, store: StoreHeader = PHANTOMS) -> None:
    check_pretrained(composed("train", overrides, partial(header_defaults, header=store)))


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub-home"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_backbone_names_file_place_and_remedy(backbone: str) -> None:
    with pytest.raises(MammoError) as error:
        checked("model=floc", f"backbone={backbone}", "backbone.init=imagenet")
    assert "backbone.init=he" in str(error.value)
    assert "backbone.pretrained_file=" in str(error.value)
    if backbone != "resnetv2_152":
        assert f"timm/{backbone}." in str(error.value)
        assert "model.safetensors" in str(error.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("backbone.name=convnext_tiny.fb_in1k", "fetch timm/convnext_tiny.fb_in1k/model.safetensors from there"),
        ("backbone.name=rdnet_tiny.nv_in1k", "fetch naver-ai/rdnet_tiny.nv_in1k/model.safetensors from there"),
        ("backbone.name=convnxt_tiny.fb_in1k", "is not a network of timm (did you mean convnext_tiny?)"),
        ("backbone.name=convnext_tiny.fb_in1kk", "has a tag unknown to timm (did you mean convnext_tiny.fb_in1k?)"),
        ("backbone.name=convnext_tiny", "name its weights, too, as in convnext_tiny.in12k_ft_in1k; choose from"),
    ],
)
def test_weights_of_any_network_of_timm_are_checked(override: str, message: str) -> None:
    with pytest.raises(MammoError) as error:
        checked("model=floc", "backbone=timm", override, "backbone.init=imagenet")
    assert message in str(error.value)
    assert str(error.value).startswith(("backbone.name=", "the ImageNet weights of"))


def test_weights_outside_the_hub_are_left_to_timm() -> None:
    checked("model=floc", "backbone=timm", "backbone.name=gcvit_tiny.in1k", "backbone.init=imagenet")


def test_the_local_trunk_of_the_context_network_is_checked_too() -> None:
    with pytest.raises(MammoError, match=r"timm/resnet18\.tv_in1k/model\.safetensors.*gmic\.local_init=he"):
        checked("model=context", store=FULL_SIZE)
    checked("model=context", "gmic.local_init=he", store=FULL_SIZE)
    checked("model=context", store=replace(FULL_SIZE, sources=(DataSet("table", "table", "eighth"),)))


def test_what_needs_no_weights_is_not_asked() -> None:
    checked("model=floc", "backbone=densenet161")
    checked("model=fagg")


def test_a_file_is_enough_and_must_exist(tmp_path: Path) -> None:
    words = ("model=floc", "backbone.init=imagenet")
    with pytest.raises(MammoError, match=r"pretrained_file=.*nowhere\.bin does not exist"):
        checked(*words, f"backbone.pretrained_file={tmp_path}/nowhere.bin")
    (tmp_path / "there.bin").touch()
    checked(*words, f"backbone.pretrained_file={tmp_path}/there.bin")


def test_the_hubs_cache_is_enough(tmp_path: Path) -> None:
    cached = tmp_path / "hub-home" / "hub" / "models--timm--densenet161.tv_in1k" / "snapshots" / "abc"
    cached.mkdir(parents=True)
    (cached / "model.safetensors").touch()
    checked("model=floc", "backbone.init=imagenet")


def test_a_hub_in_reach_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "_in_reach", lambda: True)
    checked("model=floc", "backbone.init=imagenet")
    with pytest.raises(MammoError, match="no ImageNet weights exist for resnetv2_152"):
        checked("model=floc", "backbone=resnetv2_152", "backbone.init=imagenet")


def test_the_command_says_so_before_it_imports_torch(tmp_path: Path) -> None:
    program = (
        "import sys; import mammo.train as t; sys.argv = ['train', *sys.argv[1:]]\n"
        "try:\n    t.main()\nfinally:\n    print('heavy' if {'torch', 'timm'} & set(sys.modules) else 'light')"
    )
    (tmp_path / "store").mkdir()
    write_store_header(tmp_path / "store", FULL_SIZE, {})
    words = ("model=floc", "backbone=densenet161", f"root={tmp_path}")
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=HERE,
        capture_output=True,
        text=True,
        env=dict(os.environ),
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: the ImageNet weights of densenet161.tv_in1k")
    assert done.stderr.strip().count("\n") == 0
    assert done.stdout.strip() == "light"
    assert time.monotonic() - started < 20
