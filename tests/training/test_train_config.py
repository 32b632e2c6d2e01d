"""Before training: a store's defaults, wrong values with their key, missing ImageNet weights, no import of torch."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from mammo.cli.hydra_app import CONF, completed, composed
from mammo.geometry import Frame
from mammo.records import MammoError
from mammo.store.store_header import DataSet, StoreHeader, write_store_header
from mammo.training import train_config
from mammo.training.train_config import check_pretrained, check_values, header_defaults, store_defaults

AVERAGED = "callbacks=[early_stopping,weight_averaging]"

HERE = Path(__file__).resolve().parents[2]
BACKBONES = sorted(path.stem for path in (CONF / "backbone").glob("*.yaml") if path.stem not in ("small", "timm"))

QUARTER = Frame(736, 480, 16)

PHANTOMS = StoreHeader(Frame(368, 240, 8), (DataSet("phantom", "table", "eighth"),))
FULL_SIZE = StoreHeader(Frame(2944, 1920, 64), (DataSet("table", "table", "full"),))


def checked(*words: str) -> None:
    check_values(composed("train", words))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The head of a store in a frame of its own, of a data set with a blank in its name."""
    write_store_header(tmp_path, StoreHeader(QUARTER, (DataSet("own 'set'", "table", "eighth"),)), {})
    return tmp_path


def weights_checked(*overrides: str, store: StoreHeader = PHANTOMS) -> None:
    check_pretrained(composed("train", overrides, partial(header_defaults, header=store)))


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub-home"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)


@pytest.mark.parametrize("command", ["train", "precompute"])
def test_a_command_is_completed_by_its_store(command: str, store: Path) -> None:
    needed = ["what=saliency"] if command == "precompute" else ["model=context"]
    cfg = composed(command, [f"store={store}", *needed], store_defaults)
    assert (cfg.frame.height, cfg.frame.width, cfg.frame.cell_px) == (736, 480, 16)
    assert (cfg.frame.crops.patch_px, cfg.gmic.widths) == (64, [16, 32, 32])
    assert cfg.data == {"name": "own 'set'", "init": "imagenet"}
    assert OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)


def test_what_the_user_gives_is_kept(store: Path) -> None:
    overrides = ["data.init=he", "frame.crops.patch_px=32", "gmic=full", f"store={store}"]
    cfg = composed("train", overrides, store_defaults)
    assert (cfg.data.init, cfg.frame.crops.patch_px, cfg.gmic.blocks, cfg.frame.height) == ("he", 32, 2, 736)
    assert composed("train", ["frame=full", f"store={store}"], store_defaults).frame.height == 2944


@pytest.mark.parametrize("place", ["root=null", "store=null", "store=7"])
def test_a_place_that_is_no_path_is_an_error(place: str) -> None:
    with pytest.raises(MammoError, match=rf"^{place}: give a word or a path, or leave {place.split('=')[0]}= out$"):
        completed("train", [place], store_defaults)


def test_phantoms_start_from_he(tmp_path: Path) -> None:
    write_store_header(tmp_path, StoreHeader(QUARTER, (DataSet("phantom", "table", "eighth"),)), {})
    assert composed("train", ["model=floc", f"store={tmp_path}"], store_defaults).backbone.init == "he"


@pytest.mark.parametrize(
    "word",
    [
        *("seed=abc", "seed=-1", "seed=1.5", "seed=null", "seed=4294967296", "seed=true"),
        *(
            "model.lr=abc",
            "model.lr=-1",
            "model.lr=0",
            "model.lr=.nan",
            "model.lr=inf",
            f"model.lr=1{400 * '0'}",
            "batch_size=0",
            "workers=-1",
        ),
        *("trainer.max_epochs=abc", "trainer.max_epochs=-1", "windows_per_lesion.test=0"),
        *("memory_gb=-1", "memory_gb=null"),
        *("trainer.gradient_clip_val=abc", "trainer.gradient_clip_val=0", "torch.threads=abc", "torch.threads=-1"),
        *("trial=abc", "trial=-1", "trial=1.5", "model.floc=7"),
        *("group=null", "group=7", "group=", "store=null", "model.floc=", "context.run="),
    ],
)
def test_a_wrong_number_or_word_is_named(word: str) -> None:
    with pytest.raises(MammoError, match=f"^{word.split('=')[0]}=.*: give "):
        checked(word)


@pytest.mark.parametrize("value", ["2", "1", "-0.1", "a", "null"])
def test_a_wrong_decay_of_averaged_weights_is_named(value: str) -> None:
    key = "callbacks.weight_averaging.decay"
    with pytest.raises(MammoError, match=f"^{key}=.*: give a number from 0 to less than 1"):
        checked(AVERAGED, f"{key}={value}")


@pytest.mark.parametrize("word", ["test=maybe", "test=1", "test=null", "torch.compile=maybe"])
def test_a_switch_that_is_neither_true_nor_false_is_named(word: str) -> None:
    with pytest.raises(MammoError, match=f"^{word.split('=')[0]}=.*: give true or false"):
        checked(word)


@pytest.mark.parametrize("value", ["false", "null", "0", "maybe"])
def test_a_map_that_is_chosen_and_switched_off_is_rejected(value: str) -> None:
    with pytest.raises(MammoError, match=r"^maps\.loc=.*: name the maps that are wanted"):
        checked("maps=[loc,emb]", f"maps.loc={value}")


def test_defaults_and_limits_of_ranges_are_accepted() -> None:
    for words in (
        (),
        ("model=floc",),
        ("model=context",),
        ("maps=[]",),  # rejected by maps.stack.canonical_order
        ("trial=0", "torch.threads=1", "test=false", "torch.compile=true", "maps=[loc]"),
        ("memory_gb=0", AVERAGED, "callbacks.weight_averaging.decay=0.99"),
        ("callbacks=[]",),
        ("seed=0", "workers=0", "batch_size=1", "model.lr=1"),
    ):
        checked(*words)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_backbone_names_file_place_and_remedy(backbone: str) -> None:
    with pytest.raises(MammoError) as error:
        weights_checked("model=floc", f"backbone={backbone}", "backbone.init=imagenet")
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
        weights_checked("model=floc", "backbone=timm", override, "backbone.init=imagenet")
    assert message in str(error.value)
    assert str(error.value).startswith(("backbone.name=", "the ImageNet weights of"))


def test_weights_outside_the_hub_are_left_to_timm() -> None:
    weights_checked("model=floc", "backbone=timm", "backbone.name=gcvit_tiny.in1k", "backbone.init=imagenet")


def test_the_local_trunk_of_the_context_network_is_checked_too() -> None:
    with pytest.raises(MammoError, match=r"timm/resnet18\.tv_in1k/model\.safetensors.*gmic\.local_init=he"):
        weights_checked("model=context", store=FULL_SIZE)
    weights_checked("model=context", "gmic.local_init=he", store=FULL_SIZE)
    weights_checked("model=context", store=replace(FULL_SIZE, sources=(DataSet("table", "table", "eighth"),)))


def test_what_needs_no_weights_is_not_asked() -> None:
    weights_checked("model=floc", "backbone=densenet161")
    weights_checked("model=fagg")


def test_a_file_is_enough_and_must_exist(tmp_path: Path) -> None:
    words = ("model=floc", "backbone.init=imagenet")
    with pytest.raises(MammoError, match=r"pretrained_file=.*nowhere\.bin does not exist"):
        weights_checked(*words, f"backbone.pretrained_file={tmp_path}/nowhere.bin")
    (tmp_path / "there.bin").touch()
    weights_checked(*words, f"backbone.pretrained_file={tmp_path}/there.bin")


def test_the_hubs_cache_is_enough(tmp_path: Path) -> None:
    cached = tmp_path / "hub-home" / "hub" / "models--timm--densenet161.tv_in1k" / "snapshots" / "abc"
    cached.mkdir(parents=True)
    (cached / "model.safetensors").touch()
    weights_checked("model=floc", "backbone.init=imagenet")


def test_a_hub_in_reach_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_config, "_in_reach", lambda: True)
    weights_checked("model=floc", "backbone.init=imagenet")
    with pytest.raises(MammoError, match="no ImageNet weights exist for resnetv2_152"):
        weights_checked("model=floc", "backbone=resnetv2_152", "backbone.init=imagenet")


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
